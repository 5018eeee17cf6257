//! The language model: which terms weigh how much, and which directions of
//! meaning they span. Latent semantic analysis: the passages by terms matrix
//! of TF-IDF weights is projected at random, and a few rounds of power
//! iteration turn the projection towards the directions that matter. Terms
//! used in like company come to point the same way.

use refrain::func;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::tokens::Tokens;

/// What turns terms into vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub vocabulary: Vec<String>,
    /// For each term, how rare it is (IDF).
    pub rarity: Vec<f32>,
    /// For each term, its part in each dimension.
    pub basis: Matrix,
}

/// Rows of equal width, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    pub width: usize,
    pub values: Vec<f32>,
}

/// Fits a model to passages: the expensive node of this pipeline.
#[func(output = "model", cache)]
pub fn fit_model(
    tokens: &Tokens,
    #[default(96)] dimensions: usize,
    #[default(6)] rounds: usize,
    #[default(1)] seed: u64,
) -> Model {
    let rarity = rarity(tokens);
    let rows: Vec<_> = tokens
        .rows
        .iter()
        .map(|r| weigh(&r.terms, &rarity))
        .collect();
    let mut random = Random::new(seed);
    let mut basis = Matrix::zero(rarity.len(), dimensions);
    for value in &mut basis.values {
        // A sparse random projection: two of three entries are zero.
        *value = [-1.0, 1.0, 0.0, 0.0, 0.0, 0.0][random.below(6)];
    }
    for _ in 0..rounds {
        let mut projected = Matrix::zero(rows.len(), dimensions);
        for (row, terms) in rows.iter().enumerate() {
            basis.gather(terms, projected.row_mut(row));
        }
        projected.make_columns_orthonormal();
        basis.values.fill(0.0);
        for (row, terms) in rows.iter().enumerate() {
            basis.scatter(terms, projected.row(row));
        }
    }
    basis.make_columns_orthonormal();
    Model {
        vocabulary: tokens.vocabulary.clone(),
        rarity,
        basis,
    }
}

impl Model {
    /// The vector of counted terms, of length 1; zero if there are none.
    pub fn embed(&self, counts: &[(u32, u32)]) -> Vec<f32> {
        let mut vector = vec![0.0; self.basis.width];
        self.basis.gather(&weigh(counts, &self.rarity), &mut vector);
        normalise(&mut vector);
        vector
    }
}

impl Matrix {
    pub fn zero(rows: usize, width: usize) -> Self {
        Matrix {
            width,
            values: vec![0.0; rows * width],
        }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..][..self.width]
    }

    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.width..][..self.width]
    }

    /// Adds the rows of these terms, by their weights, to `sum`.
    fn gather(&self, terms: &[(u32, f32)], sum: &mut [f32]) {
        for &(term, weight) in terms {
            add(self.row(term as usize), weight, sum);
        }
    }

    /// Adds `row`, by the terms' weights, to the rows of these terms.
    fn scatter(&mut self, terms: &[(u32, f32)], row: &[f32]) {
        for &(term, weight) in terms {
            add(row, weight, self.row_mut(term as usize));
        }
    }

    /// Makes every column of length 1 and at right angles to all others
    /// (Gram-Schmidt, modified); a column that the others span becomes zero.
    fn make_columns_orthonormal(&mut self) {
        for pivot in 0..self.width {
            let column = self.values.chunks_exact(self.width).map(|row| row[pivot]);
            let length = column.map(|value| value * value).sum::<f32>().sqrt();
            let scale = if length > 1e-6 { 1.0 / length } else { 0.0 };
            let mut shares = vec![0.0; self.width - pivot - 1];
            for row in self.values.chunks_exact_mut(self.width) {
                row[pivot] *= scale;
                add(&row[pivot + 1..], row[pivot], &mut shares);
            }
            for row in self.values.chunks_exact_mut(self.width) {
                let (left, right) = row.split_at_mut(pivot + 1);
                add(&shares, -left[pivot], right);
            }
        }
    }
}

fn rarity(tokens: &Tokens) -> Vec<f32> {
    let mut spread = vec![0u32; tokens.vocabulary.len()];
    for (term, _) in tokens.rows.iter().flat_map(|row| &row.terms) {
        spread[*term as usize] += 1;
    }
    let all = tokens.rows.len() as f32;
    let rarity = spread
        .iter()
        .map(|&s| ((all + 1.0) / (s as f32 + 0.5)).ln());
    rarity.collect()
}

/// The TF-IDF weights of counted terms, as a vector of length 1.
fn weigh(counts: &[(u32, u32)], rarity: &[f32]) -> Vec<(u32, f32)> {
    let weight = |&(term, count): &(u32, u32)| {
        let weight = (1.0 + (count as f32).ln()) * rarity[term as usize];
        (term, weight)
    };
    let mut weights: Vec<_> = counts.iter().map(weight).collect();
    let square: f32 = weights.iter().map(|(_, weight)| weight * weight).sum();
    let length = square.sqrt().max(f32::MIN_POSITIVE);
    weights.iter_mut().for_each(|(_, weight)| *weight /= length);
    weights
}

/// Makes a vector of length 1, unless it is zero.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// The scalar product; of vectors of length 1 the cosine of their angle.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(row: &[f32], weight: f32, sum: &mut [f32]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += weight * value;
    }
}
