//! How high everything stands in its column.
//!
//! The order within the columns, with few crossings, is found by a library. The heights follow from it:
//! everything is pulled towards what it is joined to and a little towards the middle, which keeps a large
//! picture compact; then lines that are nearly straight are made straight. It is unaware of widths.

use dugong::graphlib::{Graph, GraphOptions};
use dugong::order::{OrderOptions, order};
use dugong::{EdgeLabel, GraphLabel, NodeLabel};

use crate::neighbours::Neighbours;
use crate::routes::Routes;
use crate::settle::settled;

/// The height of a node.
pub(crate) const NODE: i64 = 32;
/// What a node and a line take up in their column, with the room around them.
const NODE_ROOM: i64 = NODE + 12;
const LINE_ROOM: i64 = 10;

/// Sweeps in which the picture finds its shape, and those in which its lines are straightened.
const SHAPING: usize = 20;
const STRAIGHTENING: usize = 8;
/// How strongly the middle pulls, where a neighbour pulls by 1.
const GRAVITY: f64 = 0.5;
/// How far something moves at most for the sake of a straight line.
const NEARLY: i64 = NODE_ROOM;
/// How much more a line's next piece pulls at it than a node does.
const STIFFNESS: i64 = 4;

/// The middle of everything in the columns, the highest at 0.
pub(crate) fn heights(graph: &Neighbours, routes: &Routes) -> Vec<i64> {
    let mut heights = Heights::stacked(graph, routes);
    for sweep in 0..SHAPING + STRAIGHTENING {
        let forth = sweep % 2 == 0;
        for step in 0..heights.columns.len() {
            let column = if forth {
                step
            } else {
                heights.columns.len() - 1 - step
            };
            heights.settle(column, forth, sweep < SHAPING);
        }
    }
    let top = heights.at.iter().min().copied().unwrap_or(0);
    heights.at.into_iter().map(|height| height - top).collect()
}

struct Heights {
    /// The middle of each place.
    at: Vec<i64>,
    /// The places of each column from top to bottom.
    columns: Vec<Vec<usize>>,
    /// Between the middles of neighbours in a column.
    apart: Vec<Vec<i64>>,
    /// What each place is joined to on its left and on its right.
    joined: Vec<[Vec<usize>; 2]>,
    nodes: usize,
}

impl Heights {
    /// Each column in its order, without gaps, its middle at 0.
    fn stacked(graph: &Neighbours, routes: &Routes) -> Self {
        let joined = joined(routes);
        let columns = ordered(routes, &joined, graph.len());
        let room = |place: usize| {
            if place < graph.len() {
                NODE_ROOM
            } else {
                LINE_ROOM
            }
        };
        let mut at = vec![0; joined.len()];
        let mut apart = Vec::with_capacity(columns.len());
        for column in &columns {
            let distances: Vec<i64> = column
                .windows(2)
                .map(|pair| (room(pair[0]) + room(pair[1])) / 2)
                .collect();
            let mut height = -distances.iter().sum::<i64>() / 2;
            for (&place, distance) in column.iter().zip(distances.iter().chain(&[0])) {
                at[place] = height;
                height += distance;
            }
            apart.push(distances);
        }
        Self {
            at,
            columns,
            apart,
            joined,
            nodes: graph.len(),
        }
    }

    /// Moves one column to where its neighbours pull it, in a sweep from the left (`forth`) or the right.
    fn settle(&mut self, column: usize, forth: bool, shaping: bool) {
        let wish = |&place: &usize| {
            let weight = if place < self.nodes { 1 } else { STIFFNESS };
            let pulls = self.pulls(place, forth);
            if shaping {
                return (balance(&pulls), weight);
            }
            let straight = median(pulls);
            let near = (straight - self.at[place]).abs() < NEARLY;
            (if near { straight } else { self.at[place] }, weight)
        };
        let wishes: Vec<(i64, i64)> = self.columns[column].iter().map(wish).collect();
        let heights = settled(&wishes, &self.apart[column]);
        for (&place, height) in self.columns[column].iter().zip(heights) {
            self.at[place] = height;
        }
    }

    /// The heights that pull at a place, with their weights. At a line, all the nodes of one side that it
    /// serves pull as one. The side a sweep comes from, which stands already, pulls a little more.
    fn pulls(&self, place: usize, forth: bool) -> Vec<(i64, f64)> {
        let is_line = |place: usize| place >= self.nodes;
        let mut pulls = Vec::new();
        for (side, from) in self.joined[place].iter().zip([forth, !forth]) {
            let served = side.iter().filter(|&&other| !is_line(other)).count();
            for &other in side {
                let weight = match (is_line(place), is_line(other)) {
                    (true, true) => STIFFNESS as f64,
                    (true, false) => 1.0 / served as f64,
                    (false, _) => 1.0,
                };
                pulls.push((self.at[other], if from { 1.01 * weight } else { weight }));
            }
        }
        pulls
    }
}

/// Where pulls and gravity hold each other.
fn balance(pulls: &[(i64, f64)]) -> i64 {
    let weight: f64 = pulls.iter().map(|(_, weight)| weight).sum();
    let moment: f64 = pulls
        .iter()
        .map(|&(height, weight)| height as f64 * weight)
        .sum();
    (moment / (weight + GRAVITY)).round() as i64
}

/// The height with half of the pull on either side; halfway between two where both are. Of nothing, 0.
fn median(mut pulls: Vec<(i64, f64)>) -> i64 {
    pulls.sort_unstable_by_key(|&(height, _)| height);
    let half = pulls.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    for (place, &(height, weight)) in pulls.iter().enumerate() {
        sum += weight;
        if (sum - half).abs() < 1e-9 && place + 1 < pulls.len() {
            return i64::midpoint(height, pulls[place + 1].0);
        }
        if sum >= half {
            return height;
        }
    }
    0
}

/// What each place is joined to on its left and on its right, each once.
fn joined(routes: &Routes) -> Vec<[Vec<usize>; 2]> {
    let mut joined = vec![[Vec::new(), Vec::new()]; routes.columns.len()];
    for pair in routes.ways.iter().flat_map(|way| way.windows(2)) {
        if routes.columns[pair[0]] < routes.columns[pair[1]] {
            joined[pair[1]][0].push(pair[0]);
            joined[pair[0]][1].push(pair[1]);
        }
    }
    for side in joined.iter_mut().flatten() {
        side.sort_unstable();
        side.dedup();
    }
    joined
}

/// The places of each column, in the order with few crossings.
fn ordered(routes: &Routes, joined: &[[Vec<usize>; 2]], nodes: usize) -> Vec<Vec<usize>> {
    let mut places: Graph<NodeLabel, EdgeLabel, GraphLabel> = Graph::new(GraphOptions::default());
    for (place, &column) in routes.columns.iter().enumerate() {
        let label = NodeLabel {
            rank: i32::try_from(column).ok(),
            dummy: (place >= nodes).then(|| "edge".to_owned()),
            ..NodeLabel::default()
        };
        places.set_node(place.to_string(), label);
    }
    for (place, [_, right]) in joined.iter().enumerate() {
        for other in right {
            let line = EdgeLabel {
                weight: 1.0,
                ..EdgeLabel::default()
            };
            places.set_edge_with_label(place.to_string(), other.to_string(), line);
        }
    }
    order(&mut places, OrderOptions::default());
    let rank = |place: &usize| places.node(&place.to_string()).and_then(|node| node.order);
    let last = routes.columns.iter().max().map_or(0, |last| last + 1);
    let mut columns = vec![Vec::new(); last];
    for (place, &column) in routes.columns.iter().enumerate() {
        columns[column].push(place);
    }
    for column in &mut columns {
        column.sort_by_cached_key(rank);
    }
    columns
}
