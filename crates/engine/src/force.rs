//! Executing nodes whatever is remembered. It knows the graph only.

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

    /// The nodes to execute.
    pub fn nodes(&self) -> impl Iterator<Item = u32> {
        self.nodes.iter().copied()
    }

    /// Whether the node is to execute.
    pub fn executes(&self, node: u32) -> bool {
        self.nodes.contains(&node)
    }

    /// Whether the node stands below one that is to execute.
    pub fn doubts(&self, node: u32) -> bool {
        self.below.contains(&node)
    }

    /// Whether the node's signature says what its output is.
    pub fn trusts(&self, node: u32) -> bool {
        !self.executes(node) && !self.doubts(node)
    }
}
