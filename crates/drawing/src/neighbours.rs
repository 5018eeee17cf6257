//! Who reads whom in a drawing, checked once: every edge joins two nodes that are there, and stands once.
//!
//! It is unaware of where anything is drawn.

use std::collections::HashSet;

use crate::drawing::Drawing;

/// The edges of a drawing and, for each node, the ends of those that touch it.
pub(crate) struct Neighbours {
    pub edges: Vec<(usize, usize)>,
    pub parents: Vec<Vec<usize>>,
    pub children: Vec<Vec<usize>>,
}

impl Neighbours {
    pub fn of(drawing: &Drawing) -> Self {
        let count = drawing.nodes.len();
        let mut seen = HashSet::with_capacity(drawing.edges.len());
        let edges = drawing
            .edges
            .iter()
            .copied()
            .filter(|&(parent, child)| parent < count && child < count && parent != child)
            .filter(|&edge| seen.insert(edge));
        Self::new(count, edges)
    }

    pub fn new(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut parents = vec![Vec::new(); count];
        let mut children = vec![Vec::new(); count];
        let edges: Vec<_> = edges.collect();
        for &(parent, child) in &edges {
            parents[child].push(parent);
            children[parent].push(child);
        }
        Self {
            edges,
            parents,
            children,
        }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// The parts that no edge joins, in the drawing's order.
    pub fn components(&self) -> Vec<Component> {
        let mut of = vec![usize::MAX; self.len()];
        let mut members: Vec<Vec<usize>> = Vec::new();
        for first in 0..self.len() {
            if of[first] != usize::MAX {
                continue;
            }
            let number = members.len();
            of[first] = number;
            let mut nodes = vec![first];
            let mut next = 0;
            while let Some(&node) = nodes.get(next) {
                next += 1;
                for &near in self.parents[node].iter().chain(&self.children[node]) {
                    if of[near] == usize::MAX {
                        of[near] = number;
                        nodes.push(near);
                    }
                }
            }
            nodes.sort_unstable();
            members.push(nodes);
        }
        let mut edges = vec![Vec::new(); members.len()];
        for (number, &(parent, _)) in self.edges.iter().enumerate() {
            edges[of[parent]].push(number);
        }
        members
            .into_iter()
            .zip(edges)
            .map(|(nodes, edges)| self.component(nodes, edges))
            .collect()
    }

    fn component(&self, nodes: Vec<usize>, edges: Vec<usize>) -> Component {
        let place = |node: usize| {
            nodes
                .binary_search(&node)
                .expect("an edge stays in its part")
        };
        let ends = edges.iter().map(|&edge| self.edges[edge]);
        let inside = Self::new(
            nodes.len(),
            ends.map(|(parent, child)| (place(parent), place(child))),
        );
        Component {
            nodes,
            edges,
            inside,
        }
    }
}

/// A part of a drawing that no edge joins to the rest.
pub(crate) struct Component {
    /// Its nodes, by their places in the drawing.
    pub nodes: Vec<usize>,
    /// Its edges, by their places in the drawing's [`Neighbours::edges`].
    pub edges: Vec<usize>,
    /// The same nodes and edges in the same order, by their places in this part.
    pub inside: Neighbours,
}
