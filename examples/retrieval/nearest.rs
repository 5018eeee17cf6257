//! Looking up an index. Functions beside the index, not methods of it: a
//! method is part of its type and so of every node that gives that type, and
//! an edit here must not build the index again.

use std::collections::BTreeSet;

use crate::index::{Index, Tree};
use crate::model::dot;

/// How many vectors a tree leads to, for each one asked for.
const WIDTH: usize = 4;

/// The passages nearest to a vector of length 1, the nearest first, each with
/// the cosine of the angle between them.
pub fn nearest(index: &Index, vector: &[f32], count: usize) -> Vec<(u32, f32)> {
    let embeddings = &index.embeddings;
    let near = |row: u32| {
        let cosine = dot(vector, embeddings.vectors.row(row as usize));
        (embeddings.passages[row as usize], cosine)
    };
    let mut found: Vec<(u32, f32)> = if index.trees.is_empty() {
        (0..embeddings.passages.len() as u32).map(near).collect()
    } else {
        let rows = likely(&index.trees, vector, count * WIDTH);
        rows.into_iter().map(near).collect()
    };
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    found.truncate(count);
    found
}

/// At least `count` rows, if there are as many: from the leaves that the
/// vector falls into, then from those nearest behind the planes passed.
fn likely(trees: &[Tree], vector: &[f32], count: usize) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut open: Vec<(f32, &Tree)> = trees.iter().map(|tree| (f32::MAX, tree)).collect();
    while found.len() < count {
        let best = (0..open.len()).max_by(|&a, &b| open[a].0.total_cmp(&open[b].0));
        let Some(best) = best else { break };
        let (margin, mut tree) = open.swap_remove(best);
        while let Tree::Split(normal, sides) = tree {
            let side = dot(normal, vector);
            let (near, far) = if side > 0.0 { (1, 0) } else { (0, 1) };
            open.push((margin.min(-side.abs()), &sides[far]));
            tree = &sides[near];
        }
        if let Tree::Leaf(rows) = tree {
            found.extend(rows);
        }
    }
    found
}
