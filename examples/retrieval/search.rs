//! Answering a question from what the pipeline built. Not a node: a question
//! is asked once, and its answer takes less time than keeping it would.

use std::collections::BTreeMap;
use std::sync::Arc;

use refrain::Run;
use serde::Serialize;

use crate::corpus::{Passage, sentences};
use crate::index::Index;
use crate::model::Model;
use crate::nearest::nearest;
use crate::postings::Postings;
use crate::tokens::{number, terms};

/// How many passages the index is asked for.
const CANDIDATES: usize = 200;
/// The longest text shown of a passage, in characters.
const SNIPPET: usize = 320;

/// What a search needs, each an output of the pipeline.
pub struct Searcher {
    passages: Arc<Vec<Passage>>,
    model: Arc<Model>,
    index: Arc<Index>,
    postings: Arc<Postings>,
}

/// One passage that answers a question.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    /// From 0 to 1, half of it for meaning and half for the words themselves.
    pub score: f32,
    pub president: &'a str,
    pub year: u16,
    pub snippet: String,
}

impl Searcher {
    /// Loads what a run left.
    pub fn new(run: &Run) -> refrain::Result<Self> {
        Ok(Searcher {
            passages: run.get("passages")?,
            model: run.get("model")?,
            index: run.get("index")?,
            postings: run.get("postings")?,
        })
    }

    /// The best passages for a question, the best first.
    pub fn search(&self, question: &str, count: usize) -> Vec<Answer<'_>> {
        let counts = counted(question, &self.model.vocabulary);
        let meaning = nearest(&self.index, &self.model.embed(&counts), CANDIDATES);
        let words = holding(&self.postings, &counts);
        let best = words.values().copied().fold(0.0, f32::max);
        let mut scores: BTreeMap<u32, f32> = BTreeMap::new();
        for (passage, cosine) in meaning {
            *scores.entry(passage).or_default() += cosine.max(0.0) / 2.0;
        }
        for (passage, score) in words {
            *scores.entry(passage).or_default() += score / best / 2.0;
        }
        let mut ranked: Vec<(u32, f32)> = scores.into_iter().collect();
        ranked.retain(|(_, score)| *score > 0.0);
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(count);
        let answer = |(passage, score): (u32, f32)| {
            let passage = &self.passages[passage as usize];
            Answer {
                score,
                president: &passage.president,
                year: passage.year,
                snippet: snippet(&passage.text, question),
            }
        };
        ranked.into_iter().map(answer).collect()
    }
}

/// The known terms of a question and how often each stands there.
fn counted(question: &str, vocabulary: &[String]) -> Vec<(u32, u32)> {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for term in terms(question).filter_map(|term| number(vocabulary, &term)) {
        *counts.entry(term).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// The passages that hold any of these terms, with the sums of their scores.
fn holding(postings: &Postings, counts: &[(u32, u32)]) -> BTreeMap<u32, f32> {
    let mut found = BTreeMap::new();
    for (term, _) in counts {
        for (passage, score) in &postings.lists[*term as usize] {
            *found.entry(*passage).or_default() += score;
        }
    }
    found
}

/// The part of a text that begins with the sentence nearest to the question.
fn snippet(text: &str, question: &str) -> String {
    let wanted: Vec<String> = terms(question).collect();
    let shared = |sentence: &str| {
        let mut held: Vec<String> = terms(sentence).filter(|t| wanted.contains(t)).collect();
        held.sort_unstable();
        held.dedup();
        held.len()
    };
    // Of equals `max_by_key` gives the last one, so look from the end.
    let all: Vec<&str> = sentences(text).collect();
    let best = (0..all.len()).rev().max_by_key(|&at| shared(all[at]));
    let mut shown = all[best.unwrap_or_default()..].join(" ");
    if let Some((end, _)) = shown.char_indices().nth(SNIPPET) {
        let cut = shown[..end].rfind(' ').unwrap_or(end);
        shown.truncate(cut);
        shown.push_str(" ...");
    }
    shown
}
