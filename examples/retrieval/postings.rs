//! Postings: which passages hold a term, and how much each tells about it
//! (BM25). Finds names and rare words that an embedding blurs.

use refrain::func;
use serde::{Deserialize, Serialize};

use crate::tokens::Tokens;

/// How fast repeating a term stops counting.
const SATURATION: f32 = 0.6;
/// How much a long passage is held against it, from 0 to 1.
const LENGTH: f32 = 0.75;

/// For each term of the vocabulary, the passages that hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Postings {
    /// For each term, passage ids and scores.
    pub lists: Vec<Vec<(u32, f32)>>,
}

/// Turns passages into the lists of their terms.
#[func(output = "postings", cache)]
pub fn build_postings(tokens: &Tokens) -> Postings {
    let lengths = tokens.rows.iter().map(|row| {
        let length: u32 = row.terms.iter().map(|(_, count)| count).sum();
        length as f32
    });
    let lengths: Vec<f32> = lengths.collect();
    let mean = lengths.iter().sum::<f32>() / lengths.len().max(1) as f32;
    let mut lists = vec![Vec::new(); tokens.vocabulary.len()];
    for (row, length) in tokens.rows.iter().zip(lengths) {
        let longer = 1.0 - LENGTH + LENGTH * length / mean;
        for &(term, count) in &row.terms {
            let count = count as f32;
            let score = count * (SATURATION + 1.0) / (count + SATURATION * longer);
            lists[term as usize].push((row.passage, score));
        }
    }
    let all = tokens.rows.len() as f32;
    for list in &mut lists {
        let spread = list.len() as f32;
        let rarity = (1.0 + (all - spread + 0.5) / (spread + 0.5)).ln();
        list.iter_mut().for_each(|(_, score)| *score *= rarity);
    }
    Postings { lists }
}
