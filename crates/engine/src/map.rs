//! Mapped nodes: a node that is applied to each item of a list, and what its
//! items' outputs are together. How lists fall into items is said here; when
//! which item runs is not known here.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use refrain_store::{Damage, Digest, ListEntry, Output, Store};
use smallvec::SmallVec;

use crate::paths::{OutputList, OutputPath};
use crate::value::{Describe, Value, ValueCodec, ValueType};

/// How a node is applied to items. Its action is given one item in place of
/// each list, and gives one item's output.
#[derive(Clone)]
pub(crate) struct Map {
    /// The parameters that are lists, of which it is given one item each.
    pub axes: SmallVec<[Axis; 1]>,
    /// The type of one item's output.
    pub item: ValueType,
    /// Makes the node's output of its items', which are in order.
    pub gather: fn(Vec<(Arc<str>, Value)>) -> Value,
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
    /// How a list that is neither files nor the output of a mapped node falls
    /// into items.
    pub split: Option<Split>,
}

impl fmt::Debug for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Axis({})", self.param)
    }
}

/// Takes a value apart.
pub(crate) type Split = Arc<dyn Fn(&Value) -> Result<Vec<Part>, String> + Send + Sync>;

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

/// Lists of files or directories that the store keeps.
pub(crate) struct KeptPaths;

impl Describe for KeptPaths {
    fn id(&self) -> std::any::TypeId {
        std::any::TypeId::of::<OutputList>()
    }
    fn name(&self) -> &'static str {
        std::any::type_name::<OutputList>()
    }
    fn codec(&self) -> Option<&'static dyn ValueCodec> {
        Some(&KeptPaths)
    }
}

impl ValueCodec for KeptPaths {
    fn put(&self, _store: &Store, _value: &Value) -> Result<Output, String> {
        // Its items are kept one by one, and the list of them by the scheduler.
        Err("a list is kept item by item".to_owned())
    }

    fn get(&self, store: &Store, output: &Output) -> Result<Value, Damage> {
        let entries = store.load_list(output)?.into_iter();
        let item = |entry: ListEntry| {
            let path = store.place(&entry.output)?;
            Ok((entry.key, OutputPath::placed(path)))
        };
        let items = entries.map(item).collect::<Result<_, Damage>>()?;
        Ok(Value::new(OutputList(items)))
    }

    fn differs(
        &self,
        _store: &Store,
        _value: &Value,
        _output: &Output,
    ) -> Result<Option<String>, String> {
        Err("a list is compared item by item".to_owned())
    }

    fn in_memory(&self) -> bool {
        false
    }
}

/// A list of files or directories made of its items.
pub(crate) fn gather_paths(items: Vec<(Arc<str>, Value)>) -> Value {
    let item = |(key, value): (Arc<str>, Value)| {
        let path = value.get::<OutputPath>();
        (key, path.expect("an item of the declared type").clone())
    };
    Value::new(OutputList(items.into_iter().map(item).collect()))
}
