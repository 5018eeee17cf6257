//! A pipeline: nodes joined by the names of their parameters, and what a run
//! is asked for. It knows no inputs and no cache.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::graph::Graph;
use crate::node::Node;

/// A graph of nodes, checked, and the targets that a run of it asks for.
/// Cheap to clone; clones share the graph.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) graph: Arc<Graph>,
    pub(crate) targets: Arc<[u32]>,
}

impl Pipeline {
    /// Joins nodes into a pipeline: a parameter takes the output of the node
    /// of its name, or else the input of its name. The targets are the nodes
    /// that nothing else reads.
    ///
    /// # Errors
    /// Two nodes with one output, a cycle, or a parameter whose type differs
    /// from what its node gives; each names the functions and their places.
    pub fn new(nodes: Vec<Node>) -> Result<Self> {
        let graph = Arc::new(Graph::new(nodes)?);
        let sinks = (0..graph.nodes.len() as u32)
            .filter(|&node| graph.children.row(node).is_empty())
            .collect();
        Ok(Pipeline {
            graph,
            targets: sinks,
        })
    }

    /// Names the pipeline. Several pipelines in one cache directory are told
    /// apart by name; unnamed ones by the names of their nodes.
    pub fn named(self, name: &str) -> Self {
        let mut graph = Arc::unwrap_or_clone(self.graph);
        graph.name = name.into();
        Pipeline {
            graph: Arc::new(graph),
            targets: self.targets,
        }
    }

    /// The same pipeline with other targets: a run executes only what they need.
    ///
    /// # Errors
    /// A name that no node gives.
    pub fn targets<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let targets: BTreeSet<u32> = names
            .into_iter()
            .map(|name| self.graph.find(name))
            .collect::<Result<_>>()?;
        Ok(Pipeline {
            graph: self.graph.clone(),
            targets: targets.into_iter().collect(),
        })
    }

    /// A pipeline of only the nodes that these targets need.
    ///
    /// # Errors
    /// A name that no node gives.
    pub fn subset<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let part = self.targets(names)?;
        let graph = &part.graph;
        let kept = graph.ancestors(&part.targets);
        let nodes = kept.iter().map(|&node| Node::clone(graph.node(node)));
        let names = part.targets.iter().map(|&node| &**graph.name_of(node));
        Pipeline::new(nodes.collect())?.targets(names)
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// The names of all nodes, in topological order.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.graph.nodes.iter().map(|node| node.name())
    }

    /// The names of all inputs, in the order in which nodes first take them.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.graph.sources.iter().map(|source| &*source.name)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.graph.nodes).finish()
    }
}
