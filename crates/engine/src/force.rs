//! Which nodes' signatures say what their outputs are, and which nodes execute
//! whatever is remembered. It knows the graph only.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::graph::Graph;

/// The nodes to execute by force, as far as some targets need them, and the
/// nodes between them and the targets. What stands below a forced node cannot
/// be trusted by its signature, which is what it was although the forced node
/// may give something else: it is looked up by its resolved signature only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forced {
    nodes: FxHashSet<u32>,
    below: FxHashSet<u32>,
}

impl Forced {
    pub fn new(graph: &Graph, targets: &[u32], nodes: &[u32]) -> Self {
        if nodes.is_empty() {
            return Self::default();
        }
        let needed: FxHashSet<u32> = graph.ancestors(targets).into_iter().collect();
        let mut nodes: Vec<u32> = nodes.to_vec();
        nodes.retain(|node| needed.contains(node));
        // What an uncached node gave has no digest to compare: its children execute as well.
        let mut at = 0;
        while let Some(&node) = nodes.get(at) {
            at += 1;
            if !graph.node(node).cache {
                let children = graph.children.row(node).iter();
                let children = children.filter(|child| needed.contains(child));
                let new: Vec<u32> = children
                    .copied()
                    .filter(|child| !nodes.contains(child))
                    .collect();
                nodes.extend(new);
            }
        }
        let mut below: FxHashSet<u32> = graph.descendants(&nodes).into_iter().collect();
        below.retain(|node| needed.contains(node) && !nodes.contains(node));
        Forced {
            nodes: nodes.into_iter().collect(),
            below,
        }
    }

    /// The same, where outputs of some nodes count for some time only; `ttl` is that
    /// of nodes that do not say. One that is made again may be another under the
    /// same signature, at any time and by any process: so all that is below is
    /// looked up by what these nodes gave.
    pub fn with_timed(mut self, graph: &Graph, targets: &[u32], ttl: Option<Duration>) -> Self {
        if !graph.timed && ttl.is_none() {
            return self;
        }
        let is_timed = |node: &u32| {
            let node = graph.node(*node);
            node.cache && node.ttl.or(ttl).is_some()
        };
        let needed = graph.ancestors(targets);
        let timed: Vec<u32> = needed.iter().copied().filter(is_timed).collect();
        let mut below: FxHashSet<u32> = graph.descendants(&timed).into_iter().collect();
        for node in timed {
            let mut parents = graph.parents(node);
            if !parents.any(|parent| below.contains(&parent) || is_timed(&parent)) {
                below.remove(&node);
            }
        }
        let needed = needed.into_iter();
        let new = needed.filter(|node| below.contains(node) && !self.nodes.contains(node));
        self.below.extend(new);
        self
    }

    /// The nodes to execute.
    pub fn nodes(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().copied()
    }

    /// Whether the node is to execute.
    pub fn executes(&self, node: u32) -> bool {
        self.nodes.contains(&node)
    }

    /// Whether the node stands below one that is to execute, or that may have been made again.
    pub fn doubts(&self, node: u32) -> bool {
        self.below.contains(&node)
    }

    /// Whether the node's signature says what its output is.
    pub fn trusts(&self, node: u32) -> bool {
        !self.executes(node) && !self.doubts(node)
    }
}
