//! Embeddings: every passage as a vector, so that passages about one thing
//! are near each other whatever their words.

use refrain::func;
use serde::{Deserialize, Serialize};

use crate::model::{Matrix, Model};
use crate::tokens::Tokens;

/// Passages as vectors of length 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// For each vector, the passage's id.
    pub passages: Vec<u32>,
    pub vectors: Matrix,
}

/// Turns every passage into a vector.
#[func(output = "embeddings", cache)]
pub fn embed_passages(tokens: &Tokens, model: &Model) -> Embeddings {
    let mut vectors = Matrix::zero(0, model.basis.width);
    for row in &tokens.rows {
        vectors.values.extend(model.embed(&row.terms));
    }
    Embeddings {
        passages: tokens.rows.iter().map(|row| row.passage).collect(),
        vectors,
    }
}
