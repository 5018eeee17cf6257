//! Declaring a mapped node: which of its parameters are lists.

use std::any::Any;
use std::num::NonZero;
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use smallvec::SmallVec;

use crate::listed::{self, Gather, Paths, Values};
use crate::lists::{Entry, KeyOf, List, ListItem};
use crate::map::{self, Apart, Axis, Batch, Collect, Map, Part};
use crate::node::{Action, Args, Failure, Node, NodeBuilder, Param, valued};
use crate::paths::{OutputPath, PathKind};
use crate::value::{Value, ValueType};

/// A mapped node being declared. Its action is given one item in place of each
/// list, at the place where the list was added among the parameters.
///
/// ```
/// use refrain::{Node, Param};
///
/// let shouts = Node::named("shouts")
///     .version("1")
///     .mapped()
///     .over_items::<String>("words")
///     .param(Param::of::<String>("mark"))
///     .cached(|args| Ok(args.get::<String>(0).to_uppercase() + args.get::<String>(1)));
/// assert_eq!(shouts.name(), "shouts");
/// ```
#[derive(Debug)]
#[must_use = "finish it with `cached` or `uncached`"]
pub struct MapBuilder {
    node: NodeBuilder,
    axes: SmallVec<[Axis; 1]>,
}

impl MapBuilder {
    pub(crate) fn new(node: NodeBuilder) -> Self {
        MapBuilder {
            node,
            axes: SmallVec::new(),
        }
    }

    /// Adds a parameter that is the same for all items.
    pub fn param(mut self, param: Param) -> Self {
        self.node = self.node.param(param);
        self
    }

    /// Adds a list of values: an input or an output that is a `Vec<T>`, the output
    /// of another mapped node, or, where `T` is a `PathBuf`, `files(..)`. An item
    /// is a `T`. A value is known by the digest of its canonical encoding, a file
    /// by its path, an item of a mapped node by the key that it has there. Several
    /// lists are aligned by their keys.
    pub fn over_items<T>(self, list: impl Into<Arc<str>>) -> Self
    where
        T: Any + Send + Sync + Clone + Serialize + DeserializeOwned,
    {
        self.over_values::<T>(Param::of::<Vec<T>>(list), None)
    }

    /// The same with a key of their own for values. Two values that differ and
    /// have one key are refused.
    pub fn over_keyed<T>(
        self,
        list: impl Into<Arc<str>>,
        key: impl Fn(&T) -> String + Send + Sync + 'static,
    ) -> Self
    where
        T: Any + Send + Sync + Clone + Serialize + DeserializeOwned,
    {
        self.over_values::<T>(Param::of::<Vec<T>>(list), Some(Box::new(key)))
    }

    /// What `#[func]` adds: a list whose parameter it declares itself.
    #[doc(hidden)]
    pub fn over_values<T: ListItem>(self, list: Param, key: Option<Box<KeyOf<T>>>) -> Self {
        let apart =
            move |list: &Value, before: &[Entry]| List::of_values(list, before, key.as_deref());
        self.add(list, Some(Arc::new(apart)), false, Some(map::collect::<T>))
    }

    /// Adds a list that is in items already: `files(..)`, of which an item is a
    /// `PathBuf` and its key the path, or the output of another mapped node, of
    /// which an item is one of its outputs with its key.
    pub fn over(self, param: Param) -> Self {
        self.add(param, None, false, None)
    }

    /// Adds a list of another type, which `split` takes apart. An item that has
    /// no key is known by its digest; two items of one key and different
    /// digests are refused.
    pub fn over_parts<T: Any + Send + Sync>(
        self,
        param: Param,
        split: impl Fn(&T) -> Result<Vec<Part>, String> + Send + Sync + 'static,
    ) -> Self {
        let apart = move |value: &Value, _before: &[Entry]| {
            let list = value.get().expect("a pipeline joins equal types only");
            split(list).map(List::of_parts)
        };
        self.add(param, Some(Arc::new(apart)), true, None)
    }

    fn add(
        mut self,
        param: Param,
        apart: Option<Apart>,
        whole: bool,
        collect: Option<Collect>,
    ) -> Self {
        self.axes.push(Axis {
            param: self.node.params(),
            apart,
            whole,
            collect,
        });
        self.param(param)
    }

    /// A node whose items' outputs are remembered, each by itself. Its output is
    /// a `Vec<O>`, in the order of the items.
    pub fn cached<O>(
        self,
        action: impl Fn(&Args) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Node
    where
        O: Any + Send + Sync + Clone + Serialize + DeserializeOwned,
    {
        let outputs = Outputs::kept::<Values<O>>(ValueType::kept::<O>());
        self.finish(outputs, valued(action), None)
    }

    /// The same, executing for every item whenever that is needed.
    pub fn uncached<O: Any + Send + Sync + Clone>(
        self,
        action: impl Fn(&Args) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(Outputs::in_memory::<Values<O>>(), valued(action), None)
    }

    /// Goes on with an action that takes up to `size` items at once. In place of
    /// each list it is given a `Vec` of those items whose outputs are not there,
    /// and it gives a `Vec` of their outputs, one for each and in their order.
    ///
    /// # Panics
    /// If `size` is nothing, or some list is not one of values.
    pub fn in_batches(self, size: usize) -> BatchBuilder {
        let list = |axis: &Axis| {
            let collect = axis.collect.expect("batches are made of lists of values");
            (axis.param, collect)
        };
        BatchBuilder {
            size: NonZero::new(size).expect("a batch has at least one item"),
            lists: self.axes.iter().map(list).collect(),
            node: self,
        }
    }

    /// A node that gives a file or a directory for each item, each of them
    /// remembered. Its output is an [`OutputList`](crate::OutputList).
    pub fn cached_path(
        self,
        kind: PathKind,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(Outputs::kept::<Paths>(kind.kept()), valued(action), None)
    }

    /// The same, executing for every item whenever that is needed.
    pub fn uncached_path(
        self,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(Outputs::in_memory::<Paths>(), valued(action), None)
    }

    fn finish(self, outputs: Outputs, action: Arc<Action>, batch: Option<Arc<Batch>>) -> Node {
        let mut node = self.node.finish(outputs.list, outputs.cache, action);
        node.map = Some(Arc::new(Map {
            axes: self.axes,
            item: outputs.item,
            gather: outputs.gather,
            batch,
        }));
        node
    }
}

/// The types of a mapped node's outputs, and whether they are remembered.
struct Outputs {
    item: ValueType,
    list: ValueType,
    gather: Gather,
    cache: bool,
}

impl Outputs {
    fn kept<L: listed::KeptListed>(item: ValueType) -> Self {
        Outputs {
            item,
            list: listed::kept::<L>(),
            gather: listed::gather::<L>,
            cache: true,
        }
    }

    fn in_memory<L: listed::Listed>() -> Self {
        Outputs {
            item: ValueType::memory::<L::Item>(),
            list: listed::in_memory::<L>(),
            gather: listed::gather::<L>,
            cache: false,
        }
    }
}

/// A mapped node being declared whose action takes several items at once.
#[derive(Debug)]
#[must_use = "finish it with `cached` or `uncached`"]
pub struct BatchBuilder {
    node: MapBuilder,
    size: NonZero<usize>,
    lists: SmallVec<[(usize, Collect); 1]>,
}

impl BatchBuilder {
    /// A node whose items' outputs are remembered, each by itself. Its output is
    /// a `Vec<O>`, in the order of the items.
    pub fn cached<O>(
        self,
        action: impl Fn(&Args) -> Result<Vec<O>, Failure> + Send + Sync + 'static,
    ) -> Node
    where
        O: Any + Send + Sync + Clone + Serialize + DeserializeOwned,
    {
        self.finish(Outputs::kept::<Values<O>>(ValueType::kept::<O>()), action)
    }

    /// The same, executing for every item whenever that is needed.
    pub fn uncached<O: Any + Send + Sync + Clone>(
        self,
        action: impl Fn(&Args) -> Result<Vec<O>, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(Outputs::in_memory::<Values<O>>(), action)
    }

    fn finish<O: Any + Send + Sync + Clone>(
        self,
        outputs: Outputs,
        action: impl Fn(&Args) -> Result<Vec<O>, Failure> + Send + Sync + 'static,
    ) -> Node {
        let batch = Arc::new(Batch {
            size: self.size,
            action: valued(action),
            lists: self.lists,
            outputs: map::outputs::<O>,
        });
        // One item is a batch of one.
        let single = batch.clone();
        let action = move |args: &Args| {
            let mut outputs = single.apply(vec![args.values.clone()], &args.execution)?;
            Ok(outputs.remove(0))
        };
        self.node.finish(outputs, Arc::new(action), Some(batch))
    }
}
