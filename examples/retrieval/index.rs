//! Two indexes over vectors: `flat` compares with every vector and misses
//! nothing; `tree` is a forest of random splits and compares with few.

use refrain::func;
use serde::{Deserialize, Serialize};

use crate::embeddings::Embeddings;
use crate::model::{dot, normalise};
use crate::random::Random;

const TREES: usize = 12;
/// A leaf holds at most this many vectors.
const LEAF: usize = 24;

/// Finds the vectors nearest to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub embeddings: Embeddings,
    /// The roots of the trees; none in a flat index.
    pub trees: Vec<Tree>,
}

/// A tree of splits over the vectors' rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tree {
    Leaf(Vec<u32>),
    /// A vector that stands on one side of the plane, and both sides.
    Split(Vec<f32>, Box<[Tree; 2]>),
}

/// Builds an index of the type asked for.
#[func(output = "index", cache)]
pub fn build_index(
    embeddings: &Embeddings,
    index_type: &str,
    #[default(1)] seed: u64,
) -> Result<Index, String> {
    let count = embeddings.passages.len() as u32;
    let trees = match index_type {
        "flat" => Vec::new(),
        "tree" => {
            let mut random = Random::new(seed);
            let tree = |_| grow(embeddings, (0..count).collect(), &mut random);
            (0..TREES).map(tree).collect()
        }
        other => return Err(format!("unknown index type \"{other}\"; known: flat, tree")),
    };
    Ok(Index {
        embeddings: embeddings.clone(),
        trees,
    })
}

/// Splits vectors by the plane in the middle of two of them, until few are
/// left on a side.
fn grow(embeddings: &Embeddings, rows: Vec<u32>, random: &mut Random) -> Tree {
    if rows.len() <= LEAF {
        return Tree::Leaf(rows);
    }
    let mut pick = || {
        embeddings
            .vectors
            .row(rows[random.below(rows.len())] as usize)
    };
    let (a, b) = (pick(), pick());
    let mut normal: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    normalise(&mut normal);
    let right = |row: &u32| dot(&normal, embeddings.vectors.row(*row as usize)) > 0.0;
    let (right, left): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| right(row));
    if left.is_empty() || right.is_empty() {
        // Equal vectors: no plane parts them.
        return Tree::Leaf(rows);
    }
    let sides = [left, right].map(|side| grow(embeddings, side, random));
    Tree::Split(normal, Box::new(sides))
}
