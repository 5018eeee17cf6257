//! One import level away from the nodes.

use crate::deep::factor;

/// Stands under `weighed`.
pub fn weigh(word: &str) -> u64 {
    word.len() as u64 * factor()
}

/// Stands under nothing, until an import names it.
#[allow(dead_code)]
pub fn heavy(word: &str) -> u64 {
    word.len() as u64 * 1000
}
