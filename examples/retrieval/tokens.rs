//! Words: passages become terms, numbered by a vocabulary. It knows nothing
//! of weights or vectors.

use std::collections::{BTreeMap, BTreeSet};

use refrain::func;
use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

use crate::corpus::Passage;

/// Words that stand everywhere and so tell nothing.
const STOP_WORDS: &[&str] = &[
    "about", "above", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "could", "did",
    "do", "does", "each", "for", "from", "further", "had", "has", "have", "having", "he", "her",
    "here", "him", "his", "how", "if", "in", "into", "is", "it", "its", "may", "me", "might",
    "more", "most", "much", "must", "my", "no", "nor", "not", "of", "on", "only", "or", "other",
    "our", "ours", "out", "over", "own", "shall", "she", "should", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through",
    "to", "under", "until", "up", "upon", "us", "very", "was", "we", "were", "what", "when",
    "where", "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you",
    "your",
];

/// Passages as terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Every term, sorted; a term's number is its position here.
    pub vocabulary: Vec<String>,
    pub rows: Vec<Row>,
}

/// One passage as terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The passage's id.
    pub passage: u32,
    /// Each term's number and how often it stands there, sorted.
    pub terms: Vec<(u32, u32)>,
}

/// Turns passages into terms.
#[func(output = "tokens", cache)]
pub fn tokenise(selected: &[Passage]) -> Tokens {
    let count = |passage: &Passage| {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for term in terms(&passage.text) {
            *counts.entry(term).or_default() += 1;
        }
        counts
    };
    let counted: Vec<BTreeMap<String, u32>> = selected.iter().map(count).collect();
    let distinct: BTreeSet<&String> = counted.iter().flat_map(BTreeMap::keys).collect();
    let vocabulary: Vec<String> = distinct.into_iter().cloned().collect();
    let mut rows = Vec::with_capacity(selected.len());
    for (passage, counts) in selected.iter().zip(&counted) {
        let known = |(term, count): (&String, &u32)| Some((number(&vocabulary, term)?, *count));
        rows.push(Row {
            passage: passage.id,
            terms: counts.iter().filter_map(known).collect(),
        });
    }
    Tokens { vocabulary, rows }
}

/// The terms of a text in its order: words in lower case, without stop words,
/// reduced to their stems.
pub fn terms(text: &str) -> impl Iterator<Item = String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’');
    words.filter_map(move |word| {
        let word = word.to_lowercase().replace('’', "'");
        let word = word.trim_matches('\'').trim_end_matches("'s");
        let tells = word.len() > 1 && STOP_WORDS.binary_search(&word).is_err();
        tells.then(|| stemmer.stem(word).into_owned())
    })
}

/// A term's number in a sorted vocabulary.
pub fn number(vocabulary: &[String], term: &str) -> Option<u32> {
    let at = vocabulary.binary_search_by(|known| known.as_str().cmp(term));
    at.ok().map(|at| at as u32)
}
