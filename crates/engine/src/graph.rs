//! The graph of a pipeline: nodes numbered in topological order, and the edges
//! between them. Everything that can be wrong with it is found when it is made,
//! before anything runs. It is unaware of what nodes do and of any run.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::error::{Error, Result, suggest};
use crate::node::Node;
use crate::rows::Rows;

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
    pub source_by_name: FxHashMap<Arc<str>, u32>,
    pub by_name: FxHashMap<Arc<str>, u32>,
    /// Whether outputs of some node count for some time only.
    pub timed: bool,
    /// The nodes whose actions find files, in order.
    pub finders: Arc<[u32]>,
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

impl Graph {
    /// Joins nodes, and refuses what does not join.
    pub fn new(declared: Vec<Node>) -> Result<Self> {
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
        let order = match in_order(&children) {
            true => None,
            false => Some(
                topological(&wires, &children)
                    .map_err(|circle| Error::Cycle(name_circle(&circle, &declared)))?,
            ),
        };
        let mut graph = Graph {
            name: Arc::from(""),
            timed: declared.iter().any(|node| node.ttl.is_some()),
            nodes: declared.into_iter().map(Arc::new).collect(),
            wires,
            children,
            sources: sources.list,
            source_by_name: sources.numbers,
            by_name,
            finders: Arc::default(),
        };
        if let Some(order) = order {
            graph.reorder(&order);
        }
        graph.name = default_name(&graph.nodes);
        graph.note_takers();
        let numbers = 0..graph.nodes.len() as u32;
        graph.finders = numbers
            .filter(|number| graph.node(*number).discovers)
            .collect();
        graph.check_types()?;
        Ok(graph)
    }

    /// The node of that number.
    pub fn node(&self, number: u32) -> &Arc<Node> {
        &self.nodes[number as usize]
    }

    /// The name of the node of that number.
    pub fn name_of(&self, number: u32) -> &Arc<str> {
        &self.node(number).location.node
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

    /// The node that a node takes as this parameter, if it is one.
    pub fn parent_at(&self, node: u32, param: usize) -> Option<u32> {
        match self.wires.row(node)[param] {
            Wire::Node(parent) => Some(parent),
            Wire::Source(_) => None,
        }
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
        let mut last_reader = vec![None; wires.len()];
        for (node, row) in wires.rows().enumerate() {
            for wire in row {
                if let Wire::Node(parent) = *wire
                    && last_reader[parent as usize].replace(node) != Some(node)
                {
                    visit(parent, node as u32);
                }
            }
        }
    };
    Rows::collect(wires.len(), edges)
}

/// Whether every node stands before its children.
fn in_order(children: &Rows<u32>) -> bool {
    let mut rows = children.rows().enumerate();
    rows.all(|(node, row)| row.iter().all(|&child| child as usize > node))
}

/// The nodes in an order where parents come first; among equals, as declared.
/// Without such an order: the nodes of one circle.
fn topological(wires: &Rows<Wire>, children: &Rows<u32>) -> Result<Vec<u32>, Vec<u32>> {
    let mut waiting = vec![0u32; wires.len()];
    for row in children.rows() {
        row.iter().for_each(|&child| waiting[child as usize] += 1);
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
        Ok(order)
    } else {
        Err(circle(wires, &waiting))
    }
}

/// The nodes of one circle, child first. Every node that still waits has a
/// parent that does, so walking up must come around.
fn circle(wires: &Rows<Wire>, waiting: &[u32]) -> Vec<u32> {
    let waits = |node: &u32| waiting[*node as usize] > 0;
    let mut node = (0..wires.len() as u32)
        .find(waits)
        .expect("some node waits");
    let mut path: Vec<u32> = Vec::new();
    let mut walked = vec![false; wires.len()];
    while !std::mem::replace(&mut walked[node as usize], true) {
        path.push(node);
        let mut parents = wires.row(node).iter().filter_map(|wire| match wire {
            Wire::Node(parent) => Some(*parent),
            Wire::Source(_) => None,
        });
        node = parents
            .find(waits)
            .expect("a node that waits has a parent that waits");
    }
    let start = path.iter().position(|&on| on == node).expect("come around");
    path.split_off(start)
}

/// The functions on a circle in the order in which data would flow, the first
/// one again at the end.
fn name_circle(circle: &[u32], nodes: &[Node]) -> Vec<String> {
    let name = |node: &u32| nodes[*node as usize].location.to_string();
    let mut names: Vec<String> = circle.iter().rev().map(name).collect();
    names.push(names[0].clone());
    names
}
