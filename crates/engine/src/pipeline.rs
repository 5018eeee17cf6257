//! A pipeline: nodes joined by the names of their parameters. Everything that
//! can be wrong with it is found here, before anything runs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::error::{Error, Result, suggest};
use crate::node::Node;
use crate::rows::Rows;

/// A graph of nodes, checked, and the targets that a run of it asks for.
/// Cheap to clone; clones share the graph.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) graph: Arc<Graph>,
    pub(crate) targets: Arc<[u32]>,
}

/// The nodes in topological order and their edges. Node and source numbers
/// are positions in these lists.
#[derive(Clone)]
pub(crate) struct Graph {
    pub name: Arc<str>,
    pub nodes: Vec<Arc<Node>>,
    /// For each node, where each of its parameters comes from.
    pub wires: Rows<Wire>,
    /// For each node, the nodes that read it, each once.
    pub children: Rows<u32>,
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
#[derive(Clone)]
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
        let kept = part.graph.ancestors(&part.targets);
        let nodes = kept
            .iter()
            .map(|&node| Node::clone(&part.graph.nodes[node as usize]));
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

impl Graph {
    fn new(declared: Vec<Node>) -> Result<Self> {
        let mut by_name = FxHashMap::default();
        by_name.reserve(declared.len());
        for (index, node) in declared.iter().enumerate() {
            if let Some(first) = by_name.insert(node.location.node.clone(), index as u32) {
                let first: &Node = &declared[first as usize];
                return Err(Error::DuplicateOutput {
                    output: node.name().to_owned(),
                    first: Box::new(first.location.clone()),
                    second: Box::new(node.location.clone()),
                });
            }
        }
        let mut sources = Sources::default();
        let mut wires = Rows::default();
        for node in &declared {
            let joined = node
                .params
                .iter()
                .map(|param| match by_name.get(&param.name) {
                    Some(&parent) => Wire::Node(parent),
                    None => Wire::Source(sources.number(&param.name)),
                });
            wires.push(joined);
        }
        let children = children(&wires);
        let order = topological(&wires, &children)
            .map_err(|circle| Error::Cycle(name_circle(&circle, &declared)))?;
        let mut graph = Graph {
            name: Arc::from(""),
            nodes: declared.into_iter().map(Arc::new).collect(),
            wires,
            children,
            sources: sources.list,
            by_name,
        };
        if order
            .iter()
            .enumerate()
            .any(|(at, &node)| at as u32 != node)
        {
            graph.reorder(&order);
        }
        graph.name = default_name(&graph.nodes);
        graph.note_takers();
        graph.check_types()?;
        Ok(graph)
    }

    /// Renumbers the nodes by their place in `order`.
    fn reorder(&mut self, order: &[u32]) {
        let mut place = vec![0u32; order.len()];
        for (at, &node) in order.iter().enumerate() {
            place[node as usize] = at as u32;
        }
        let old = std::mem::take(&mut self.wires);
        for &node in order {
            let moved = old.row(node).iter().map(|wire| match *wire {
                Wire::Node(parent) => Wire::Node(place[parent as usize]),
                source => source,
            });
            self.wires.push(moved);
        }
        self.nodes = order
            .iter()
            .map(|&node| self.nodes[node as usize].clone())
            .collect();
        for number in self.by_name.values_mut() {
            *number = place[*number as usize];
        }
        self.children = children(&self.wires);
    }

    fn note_takers(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            for (param, wire) in self.wires.row(node).iter().enumerate() {
                if let Wire::Source(source) = wire {
                    let takers = &mut self.sources[*source as usize].takers;
                    takers.push((node, param as u32));
                }
            }
        }
    }

    fn check_types(&self) -> Result<()> {
        for (node, wires) in self.nodes.iter().zip(self.wires.rows()) {
            for (param, wire) in node.params.iter().zip(wires) {
                let Wire::Node(parent) = *wire else {
                    continue;
                };
                let producer = &self.nodes[parent as usize];
                if producer.output.id() != param.value_type.id() {
                    return Err(Error::EdgeType {
                        consumer: Box::new(node.location.clone()),
                        parameter: param.name.to_string(),
                        wanted: param.value_type.name(),
                        producer: Box::new(producer.location.clone()),
                        given: producer.output.name(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The number of the node of that name.
    pub fn find(&self, name: &str) -> Result<u32> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| Error::UnknownTarget {
                target: name.to_owned(),
                suggestion: suggest(name, self.nodes.iter().map(|node| node.name())),
            })
    }

    /// The nodes that a node reads.
    pub fn parents(&self, node: u32) -> impl Iterator<Item = u32> {
        self.wires.row(node).iter().filter_map(|wire| match wire {
            Wire::Node(parent) => Some(*parent),
            Wire::Source(_) => None,
        })
    }

    /// The nodes that a node reads, each once.
    pub fn distinct_parents(&self, node: u32) -> SmallVec<[u32; 8]> {
        let mut parents: SmallVec<[u32; 8]> = self.parents(node).collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// The sources that a node reads.
    pub fn sources_of(&self, node: u32) -> impl Iterator<Item = u32> {
        self.wires.row(node).iter().filter_map(|wire| match wire {
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
            self.children.row(node).iter().copied().for_each(push)
        })
    }

    fn closure(&self, of: &[u32], next: impl Fn(u32, &mut dyn FnMut(u32))) -> Vec<u32> {
        let mut seen = vec![false; self.nodes.len()];
        let mut found: Vec<u32> = Vec::with_capacity(of.len());
        let mut add = |node: u32, found: &mut Vec<u32>| {
            if !std::mem::replace(&mut seen[node as usize], true) {
                found.push(node);
            }
        };
        of.iter().for_each(|&node| add(node, &mut found));
        let mut at = 0;
        while let Some(&node) = found.get(at) {
            at += 1;
            next(node, &mut |other| add(other, &mut found));
        }
        found.sort_unstable();
        found
    }
}

/// Inputs, numbered as parameters first name them.
#[derive(Default)]
struct Sources {
    list: Vec<SourceName>,
    numbers: FxHashMap<Arc<str>, u32>,
}

impl Sources {
    fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.numbers.insert(name.clone(), number);
        self.list.push(SourceName {
            name: name.clone(),
            takers: Vec::new(),
        });
        number
    }
}

/// Unnamed pipelines are told apart by what they give.
fn default_name(nodes: &[Arc<Node>]) -> Arc<str> {
    let mut names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    names.sort_unstable();
    let digest = refrain_store::Digest::of(names.join("\n").as_bytes()).to_string();
    format!("pipeline-{}", &digest[..12]).into()
}

/// For each node, the nodes that read it, each once.
fn children(wires: &Rows<Wire>) -> Rows<u32> {
    let edges = |visit: &mut dyn FnMut(u32, u32)| {
        for (node, row) in wires.rows().enumerate() {
            for (at, wire) in row.iter().enumerate() {
                if let Wire::Node(parent) = wire
                    && !row[..at].contains(wire)
                {
                    visit(*parent, node as u32);
                }
            }
        }
    };
    Rows::collect(wires.len(), edges)
}

/// The nodes in an order where parents come first; among equals, as declared.
/// Without such an order: the nodes of one circle.
fn topological(wires: &Rows<Wire>, children: &Rows<u32>) -> Result<Vec<u32>, Vec<u32>> {
    let mut waiting = vec![0u32; wires.len()];
    for row in children.rows() {
        row.iter().for_each(|&child| waiting[child as usize] += 1);
    }
    // Declared in order already: nothing to work out.
    let in_order = |(node, row): (usize, &[u32])| row.iter().all(|&child| child as usize > node);
    if children.rows().enumerate().all(in_order) {
        return Ok((0..wires.len() as u32).collect());
    }
    let mut order: Vec<u32> = (0..wires.len() as u32)
        .filter(|&node| waiting[node as usize] == 0)
        .collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &child in children.row(node) {
            waiting[child as usize] -= 1;
            if waiting[child as usize] == 0 {
                order.push(child);
            }
        }
    }
    if order.len() == wires.len() {
        return Ok(order);
    }
    // Every node left has a parent that is left: walking up must come around.
    let left = |node: &u32| waiting[*node as usize] > 0;
    let mut node = (0..wires.len() as u32)
        .find(left)
        .expect("some node is left");
    let mut path: Vec<u32> = Vec::new();
    let mut walked = vec![false; wires.len()];
    while !std::mem::replace(&mut walked[node as usize], true) {
        path.push(node);
        let mut parents = wires.row(node).iter().filter_map(|wire| match wire {
            Wire::Node(parent) => Some(*parent),
            Wire::Source(_) => None,
        });
        node = parents
            .find(left)
            .expect("a node that waits has a parent that waits");
    }
    let start = path.iter().position(|&on| on == node).expect("come around");
    Err(path.split_off(start))
}

/// The functions on a circle in the order in which data would flow, the first
/// one again at the end.
fn name_circle(circle: &[u32], nodes: &[Node]) -> Vec<String> {
    let name = |node: &u32| nodes[*node as usize].location.to_string();
    let mut names: Vec<String> = circle.iter().rev().map(name).collect();
    names.push(names[0].clone());
    names
}
