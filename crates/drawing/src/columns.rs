//! Which column each node of a component stands in.
//!
//! Columns are counted from the left; what is read stands left of what reads it. A graph that fits the
//! height gets the columns that make its edges shortest. A wider one is filled from the right, each node
//! as near to what reads it as there is room, so that a thousand nodes become a page and not a line.
//!
//! The room is unaware of sizes in pixels: a column holds so many nodes.

use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, NodeLabel, rank};

use crate::neighbours::Neighbours;

/// The column of each node. In a graph with a cycle some edges lead back to the left.
pub(crate) fn columns(graph: &Neighbours) -> Vec<usize> {
    let rows = rows(graph.len());
    let filled = filled(graph, rows);
    if tallest(&filled) < rows && graph.len() <= TIDY {
        let tidy = tidy(graph);
        if tallest(&tidy) <= rows {
            return tidy;
        }
    }
    filled
}

/// Up to so many nodes the shortest edges are looked for; beyond, it takes too long.
const TIDY: usize = 2_000;

/// In a graph of more nodes than this, lines go straight to their ends, behind what stands between: ways
/// around would take long to find, and nobody could follow one by eye.
pub(crate) const ROUTED: usize = 2_500;

/// How many nodes a column may hold, so that the picture is somewhat wider than tall. Lines that go around
/// nodes need room as well.
fn rows(nodes: usize) -> usize {
    let share = if nodes <= ROUTED { 1.4 } else { 2.4 };
    (share * (nodes as f64).sqrt()).max(16.0) as usize
}

fn tallest(columns: &[usize]) -> usize {
    let mut heights = vec![0; columns.iter().max().map_or(0, |last| last + 1)];
    for &column in columns {
        heights[column] += 1;
    }
    heights.into_iter().max().unwrap_or(0)
}

/// Columns in which the edges are as short as they can be together.
fn tidy(graph: &Neighbours) -> Vec<usize> {
    let mut ranked: Graph<NodeLabel, EdgeLabel, GraphLabel> = Graph::new(GraphOptions::default());
    for node in 0..graph.len() {
        ranked.set_node(node.to_string(), NodeLabel::default());
    }
    for (parent, child) in &graph.edges {
        let edge = EdgeLabel {
            weight: 1.0,
            ..EdgeLabel::default()
        };
        ranked.set_edge_with_label(parent.to_string(), child.to_string(), edge);
    }
    let mut columns = vec![0; graph.len()];
    let Ok(plan) = rank::plan(&ranked) else {
        return columns;
    };
    for node in plan.nodes {
        if let (Ok(place), Some(rank)) = (node.id.parse::<usize>(), node.rank) {
            columns[place] = usize::try_from(rank).unwrap_or(0);
        }
    }
    columns
}

/// Columns of at most `rows` nodes, filled from the right. A node is placed when all that read it are,
/// and what only it reads right after it, so that the two stay side by side.
fn filled(graph: &Neighbours, rows: usize) -> Vec<usize> {
    let mut unplaced: Vec<usize> = graph.children.iter().map(Vec::len).collect();
    let mut from_right = vec![None; graph.len()];
    let mut heights = vec![0; graph.len()];
    let mut ready: Vec<usize> = (0..graph.len())
        .rev()
        .filter(|&n| unplaced[n] == 0)
        .collect();
    let mut cyclic = 0..graph.len();
    while let Some(node) = ready
        .pop()
        .or_else(|| cyclic.find(|&n| from_right[n].is_none()))
    {
        if from_right[node].is_some() {
            continue;
        }
        let nearest = graph.children[node]
            .iter()
            .filter_map(|&child| from_right[child])
            .max();
        let mut column = nearest.map_or(0, |nearest: usize| nearest + 1);
        while heights[column] == rows {
            column += 1;
        }
        heights[column] += 1;
        from_right[node] = Some(column);
        for &parent in graph.parents[node].iter().rev() {
            unplaced[parent] = unplaced[parent].saturating_sub(1);
            if unplaced[parent] == 0 {
                ready.push(parent);
            }
        }
    }
    let last = from_right.iter().flatten().max().copied().unwrap_or(0);
    from_right
        .into_iter()
        .map(|column| last - column.unwrap_or(0))
        .collect()
}
