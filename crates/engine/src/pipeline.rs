//! A pipeline: nodes joined by the names of their parameters. Everything that
//! can be wrong with it is found here, before anything runs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result, suggest};
use crate::node::{Location, Node};

/// A graph of nodes, checked, and the targets that a run of it asks for.
/// Cheap to clone; clones share the graph.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) graph: Arc<Graph>,
    pub(crate) targets: Arc<[u32]>,
}

/// The nodes in topological order and their edges. Node and source numbers
/// are positions in these lists.
pub(crate) struct Graph {
    pub name: Arc<str>,
    pub nodes: Vec<Node>,
    /// For each node, where each of its parameters comes from.
    pub wires: Vec<Box<[Wire]>>,
    /// For each node, the nodes that read it.
    pub children: Vec<Vec<u32>>,
    pub sources: Vec<SourceName>,
    pub by_name: FxHashMap<Arc<str>, u32>,
}

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Source(u32),
    Node(u32),
}

/// An input as the pipeline needs it.
pub(crate) struct SourceName {
    pub name: Arc<str>,
    /// The node and parameter numbers that take it.
    pub takers: Vec<(u32, u32)>,
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
            .filter(|&node| graph.children[node as usize].is_empty())
            .collect();
        Ok(Pipeline {
            graph,
            targets: sinks,
        })
    }

    /// Names the pipeline. Several pipelines in one cache directory are told
    /// apart by name; unnamed ones by the names of their nodes.
    pub fn named(self, name: &str) -> Self {
        let mut graph = Arc::try_unwrap(self.graph).unwrap_or_else(|shared| shared.copy());
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
        let kept = part.graph.ancestors(&part.targets);
        let nodes = kept
            .iter()
            .map(|&node| part.graph.nodes[node as usize].clone());
        let subset = Pipeline::new(nodes.collect())?;
        subset.targets(
            part.targets
                .iter()
                .map(|&node| part.graph.nodes[node as usize].name()),
        )
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// The names of all nodes, in topological order.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.graph.nodes.iter().map(Node::name)
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

impl Graph {
    fn new(declared: Vec<Node>) -> Result<Self> {
        let mut by_name = FxHashMap::default();
        by_name.reserve(declared.len());
        for (index, node) in declared.iter().enumerate() {
            if let Some(first) = by_name.insert(node.location.node.clone(), index as u32) {
                let first: &Node = &declared[first as usize];
                return Err(Error::DuplicateOutput {
                    output: node.name().to_owned(),
                    first: first.location.clone(),
                    second: node.location.clone(),
                });
            }
        }
        let order = topological(&declared, &by_name)?;
        let mut slots: Vec<Option<Node>> = declared.into_iter().map(Some).collect();
        let nodes: Vec<Node> = order
            .iter()
            .map(|&index| slots[index as usize].take().expect("each node once"))
            .collect();
        for (index, node) in nodes.iter().enumerate() {
            *by_name
                .get_mut(&node.location.node)
                .expect("inserted above") = index as u32;
        }
        Self::wire(nodes, by_name)
    }

    fn wire(nodes: Vec<Node>, by_name: FxHashMap<Arc<str>, u32>) -> Result<Self> {
        let mut sources: Vec<SourceName> = Vec::new();
        let mut source_numbers: FxHashMap<Arc<str>, u32> = FxHashMap::default();
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
        let mut wires = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let mut joined = Vec::with_capacity(node.params.len());
            for (number, param) in node.params.iter().enumerate() {
                let Some(&parent) = by_name.get(&param.name) else {
                    let source = *source_numbers.entry(param.name.clone()).or_insert_with(|| {
                        sources.push(SourceName {
                            name: param.name.clone(),
                            takers: Vec::new(),
                        });
                        sources.len() as u32 - 1
                    });
                    sources[source as usize]
                        .takers
                        .push((index as u32, number as u32));
                    joined.push(Wire::Source(source));
                    continue;
                };
                let producer = &nodes[parent as usize];
                if producer.output.id != param.value_type.id {
                    return Err(Error::EdgeType {
                        consumer: node.location.clone(),
                        parameter: param.name.to_string(),
                        wanted: param.value_type.name,
                        producer: producer.location.clone(),
                        given: producer.output.name,
                    });
                }
                let readers = &mut children[parent as usize];
                if readers.last() != Some(&(index as u32)) {
                    readers.push(index as u32);
                }
                joined.push(Wire::Node(parent));
            }
            wires.push(joined.into_boxed_slice());
        }
        let name = default_name(&nodes);
        Ok(Graph {
            name,
            nodes,
            wires,
            children,
            sources,
            by_name,
        })
    }

    fn copy(&self) -> Self {
        Graph {
            name: self.name.clone(),
            nodes: self.nodes.clone(),
            wires: self.wires.clone(),
            children: self.children.clone(),
            sources: self
                .sources
                .iter()
                .map(|source| SourceName {
                    name: source.name.clone(),
                    takers: source.takers.clone(),
                })
                .collect(),
            by_name: self.by_name.clone(),
        }
    }

    /// The number of the node of that name.
    pub fn find(&self, name: &str) -> Result<u32> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| Error::UnknownTarget {
                target: name.to_owned(),
                suggestion: suggest(name, self.nodes.iter().map(Node::name)),
            })
    }

    /// The nodes that a node reads.
    pub fn parents(&self, node: u32) -> impl Iterator<Item = u32> {
        self.wires[node as usize]
            .iter()
            .filter_map(|wire| match wire {
                Wire::Node(parent) => Some(*parent),
                Wire::Source(_) => None,
            })
    }

    /// The nodes that a node reads, each once.
    pub fn distinct_parents(&self, node: u32) -> Vec<u32> {
        let mut parents: Vec<u32> = self.parents(node).collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// The sources that a node reads.
    pub fn sources_of(&self, node: u32) -> impl Iterator<Item = u32> {
        self.wires[node as usize]
            .iter()
            .filter_map(|wire| match wire {
                Wire::Source(source) => Some(*source),
                Wire::Node(_) => None,
            })
    }

    /// The given nodes and all that they read, directly or not, in order.
    pub fn ancestors(&self, of: &[u32]) -> Vec<u32> {
        self.closure(of, |node, push| self.parents(node).for_each(push))
    }

    /// The given nodes and all that read them, directly or not, in order.
    pub fn descendants(&self, of: &[u32]) -> Vec<u32> {
        self.closure(of, |node, push| {
            self.children[node as usize].iter().copied().for_each(push)
        })
    }

    fn closure(&self, of: &[u32], next: impl Fn(u32, &mut dyn FnMut(u32))) -> Vec<u32> {
        let mut seen: rustc_hash::FxHashSet<u32> = of.iter().copied().collect();
        let mut stack: Vec<u32> = seen.iter().copied().collect();
        while let Some(node) = stack.pop() {
            next(node, &mut |other| {
                if seen.insert(other) {
                    stack.push(other);
                }
            });
        }
        let mut found: Vec<u32> = seen.into_iter().collect();
        found.sort_unstable();
        found
    }
}

/// Unnamed pipelines are told apart by what they give.
fn default_name(nodes: &[Node]) -> Arc<str> {
    let mut names: Vec<&str> = nodes.iter().map(Node::name).collect();
    names.sort_unstable();
    let digest = refrain_store::Digest::of(names.join("\n").as_bytes()).to_string();
    format!("pipeline-{}", &digest[..12]).into()
}

/// The nodes' positions in an order where parents come first; among equals,
/// as declared.
fn topological(nodes: &[Node], by_name: &FxHashMap<Arc<str>, u32>) -> Result<Vec<u32>> {
    let parents_of = |node: u32| {
        nodes[node as usize]
            .params
            .iter()
            .filter_map(|param| by_name.get(&param.name).copied())
    };
    let mut waiting = vec![0u32; nodes.len()];
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
    for node in 0..nodes.len() as u32 {
        for parent in parents_of(node) {
            waiting[node as usize] += 1;
            children[parent as usize].push(node);
        }
    }
    let mut order: Vec<u32> = (0..nodes.len() as u32)
        .filter(|&node| waiting[node as usize] == 0)
        .collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &child in &children[node as usize] {
            waiting[child as usize] -= 1;
            if waiting[child as usize] == 0 {
                order.push(child);
            }
        }
    }
    if order.len() == nodes.len() {
        return Ok(order);
    }
    // Every node left has a parent that is left: walking up must come around.
    let mut node = (0..nodes.len() as u32)
        .find(|&node| waiting[node as usize] > 0)
        .expect("some node is left");
    let mut path: Vec<u32> = Vec::new();
    let mut position: FxHashMap<u32, usize> = FxHashMap::default();
    while !position.contains_key(&node) {
        position.insert(node, path.len());
        path.push(node);
        node = parents_of(node)
            .find(|&parent| waiting[parent as usize] > 0)
            .expect("a node that waits has a parent that waits");
    }
    let circle = &path[position[&node]..];
    let name = |node: &u32| {
        let location: &Location = &nodes[*node as usize].location;
        location.to_string()
    };
    let mut names: Vec<String> = circle.iter().rev().map(name).collect();
    names.push(names[0].clone());
    Err(Error::Cycle(names))
}
