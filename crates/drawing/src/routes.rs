//! The ways of edges through the columns between their ends.
//!
//! An edge that passes a column does so at a waypoint there. Edges of one end share their waypoints: from
//! a node that many read one line goes out and forks where it is needed, into a node that reads many one
//! line gathers. So a line is drawn where otherwise hundreds would run side by side.
//!
//! The room is unaware of heights: it says what passes which column, not where.

use std::collections::HashMap;

use crate::columns::ROUTED;
use crate::neighbours::Neighbours;

/// All that stands in the columns: the nodes first, then the waypoints.
pub(crate) struct Routes {
    /// The column of each.
    pub columns: Vec<usize>,
    /// For each edge what it passes, both ends included.
    pub ways: Vec<Vec<usize>>,
}

impl Routes {
    /// Finds the way of every edge. One that leads back, as in a cycle, has no waypoints.
    pub fn through(mut columns: Vec<usize>, graph: &Neighbours) -> Self {
        let mut waypoints = HashMap::new();
        let routed = graph.len() <= ROUTED;
        let ways =
            graph
                .edges
                .iter()
                .map(|&(parent, child)| {
                    let gathers = graph.parents[child].len() > graph.children[parent].len();
                    let shared = if gathers { child } else { parent };
                    let mut way = vec![parent];
                    for column in (columns[parent] + 1..columns[child]).filter(|_| routed) {
                        way.push(*waypoints.entry((shared, gathers, column)).or_insert_with(
                            || {
                                columns.push(column);
                                columns.len() - 1
                            },
                        ));
                    }
                    way.push(child);
                    way
                })
                .collect();
        Self { columns, ways }
    }
}
