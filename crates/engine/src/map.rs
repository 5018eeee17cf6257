//! Mapped nodes as they are declared: a node that is applied to each item of a
//! list, and what its items' outputs are together. When which item runs is not
//! known here.

use std::any::{Any, TypeId};
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use refrain_store::Digest;
use smallvec::SmallVec;

use crate::execution::Execution;
use crate::listed::Gather;
use crate::lists::{Entry, List};
use crate::node::{Action, Args, Failure};
use crate::value::{Value, ValueType};

/// How a node is applied to items. Its action is given one item in place of
/// each list, and gives one item's output.
#[derive(Clone)]
pub(crate) struct Map {
    /// The parameters that are lists, of which it is given one item each.
    pub axes: SmallVec<[Axis; 1]>,
    /// The type of one item's output.
    pub item: ValueType,
    /// Makes the node's output of its items'.
    pub gather: Gather,
    /// How several items are done at once, where they can be.
    pub batch: Option<Arc<Batch>>,
}

impl Map {
    /// What tells it apart from other ways to map a node with the same
    /// parameters.
    pub fn id(&self) -> (TypeId, SmallVec<[usize; 1]>) {
        (
            self.item.id(),
            self.axes.iter().map(|axis| axis.param).collect(),
        )
    }
}

/// One parameter that is a list.
#[derive(Clone)]
pub(crate) struct Axis {
    /// The parameter's place.
    pub param: usize,
    /// How a value falls into items. Files and the outputs of a mapped node are
    /// in items already.
    pub apart: Option<Apart>,
    /// Whether the list is taken apart even where it is in items already.
    pub whole: bool,
    /// Makes a vector of several items, for an action that takes several.
    pub collect: Option<Collect>,
}

/// Takes a value apart. What was in the list when it was last taken apart need
/// not be named anew.
pub(crate) type Apart = Arc<dyn Fn(&Value, &[Entry]) -> Result<List, String> + Send + Sync>;

/// Makes a vector of values.
pub(crate) type Collect = fn(Vec<Value>) -> Value;

/// How several items are done at once: their outputs are the same as one by one.
pub(crate) struct Batch {
    /// At most so many.
    pub size: NonZero<usize>,
    /// Is given a vector of items in place of each list, and gives a vector of
    /// their outputs.
    pub action: Arc<Action>,
    /// The parameters that are lists, and what makes vectors of their items.
    pub lists: SmallVec<[(usize, Collect); 1]>,
    /// Takes the vector of outputs apart.
    pub outputs: fn(Value) -> Vec<Value>,
}

/// Why several items have no outputs.
pub(crate) enum Unmade {
    /// The action failed; perhaps one of them is to blame.
    Failed(Failure),
    /// It gave another number of outputs than it got items.
    Miscounted(Failure),
}

impl Batch {
    /// Applies the action to items, each of which has its arguments; but for its
    /// items they have the same.
    pub fn apply(
        &self,
        mut items: Vec<Vec<Value>>,
        execution: &Arc<Execution>,
    ) -> Result<Vec<Value>, Unmade> {
        let count = items.len();
        let lists = self.lists.iter().map(|(param, collect)| {
            let item = |args: &mut Vec<Value>| std::mem::replace(&mut args[*param], Value::new(()));
            (*param, collect(items.iter_mut().map(item).collect()))
        });
        let lists: SmallVec<[(usize, Value); 1]> = lists.collect();
        let mut values = items.swap_remove(0);
        for (param, list) in lists {
            values[param] = list;
        }
        let args = Args {
            values,
            execution: execution.clone(),
        };
        let outputs = (self.outputs)((self.action)(&args).map_err(Unmade::Failed)?);
        if outputs.len() == count {
            return Ok(outputs);
        }
        let message = format!(
            "it was given {count} items and gave {} outputs; it must give one for each",
            outputs.len()
        );
        Err(Unmade::Miscounted(Failure::new(message)))
    }
}

impl From<Failure> for Unmade {
    fn from(failure: Failure) -> Self {
        Unmade::Failed(failure)
    }
}

impl From<Unmade> for Failure {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Failed(failure) | Unmade::Miscounted(failure) => failure,
        }
    }
}

/// Makes a vector of items of this type.
pub(crate) fn collect<T: Any + Send + Sync + Clone>(items: Vec<Value>) -> Value {
    let item = |item: Value| item.take::<T>().expect("an item of the declared type");
    Value::new(items.into_iter().map(item).collect::<Vec<T>>())
}

/// Takes a vector of outputs of this type apart.
pub(crate) fn outputs<O: Any + Send + Sync + Clone>(outputs: Value) -> Vec<Value> {
    let outputs = outputs.take::<Vec<O>>();
    let outputs = outputs.expect("an action gives the type it declared");
    outputs.into_iter().map(Value::new).collect()
}

impl fmt::Debug for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Axis({})", self.param)
    }
}

/// One item of a list.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is known by among the others; `None`: by its digest.
    pub key: Option<Arc<str>>,
    /// Digest of what the item is.
    pub digest: Digest,
    /// The item as the action takes it.
    pub value: Value,
    /// The item as text, where it is short.
    pub shown: Option<Arc<str>>,
}

impl Part {
    /// An item known by the digest of its bytes.
    pub fn new<T: Any + Send + Sync>(value: T, bytes: &[u8]) -> Self {
        Part {
            key: None,
            digest: Digest::of(bytes),
            value: Value::new(value),
            shown: None,
        }
    }

    /// The same item under a key.
    pub fn keyed(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same item with a text that shows it.
    pub fn shown(mut self, text: impl Into<Arc<str>>) -> Self {
        self.shown = Some(text.into());
        self
    }
}
