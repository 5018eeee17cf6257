//! Declaring a mapped node: which of its parameters are lists.

use std::any::Any;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::map::{Axis, KeptPaths, Map, Part, Split, gather_paths};
use crate::node::{Args, Failure, Node, NodeBuilder, Param};
use crate::paths::{OutputList, OutputPath, PathKind};
use crate::value::{Value, ValueType};

/// A mapped node being declared. Its action is given one item of each list, in
/// the order of the parameters, after the node's other parameters.
#[derive(Debug)]
#[must_use = "finish it with `cached_path` or `uncached_path`"]
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

    /// Adds a list: `files(..)`, of which an item is a `PathBuf` and its key the
    /// path, or the output of another mapped node, of which an item is one of
    /// its outputs with its key. Several lists are aligned by their keys.
    pub fn over(self, param: Param) -> Self {
        self.add(param, None)
    }

    /// Adds a list of another type, which `split` takes apart. An item that has
    /// no key is known by its digest; two items of one key and different
    /// digests are refused.
    pub fn over_parts<T: Any + Send + Sync>(
        self,
        param: Param,
        split: impl Fn(&T) -> Result<Vec<Part>, String> + Send + Sync + 'static,
    ) -> Self {
        let split: Split = Arc::new(move |value: &Value| {
            split(value.get().expect("a pipeline joins equal types only"))
        });
        self.add(param, Some(split))
    }

    fn add(mut self, param: Param, split: Option<Split>) -> Self {
        let axis = Axis {
            param: self.node.params(),
            split,
        };
        self.axes.push(axis);
        self.node = self.node.param(param);
        self
    }

    /// A node that gives a file or a directory for each item, each of them
    /// remembered. Its output is an [`OutputList`].
    pub fn cached_path(
        self,
        kind: PathKind,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        let output = ValueType::described(&KeptPaths);
        self.finish(kind.kept(), output, true, action)
    }

    /// The same, executing for every item whenever that is needed.
    pub fn uncached_path(
        self,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        let output = ValueType::memory::<OutputList>();
        self.finish(ValueType::memory::<OutputPath>(), output, false, action)
    }

    fn finish(
        self,
        item: ValueType,
        output: ValueType,
        cache: bool,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        let mut node = self.node.finish(output, cache, action);
        node.map = Some(Arc::new(Map {
            axes: self.axes,
            item,
            gather: gather_paths,
        }));
        node
    }
}
