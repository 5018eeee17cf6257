//! The pipeline: from speeches to all that a search needs.

use refrain::{Pipeline, functions};

use crate::{corpus, embeddings, index, model, postings, tokens};

/// The names of the outputs that a search needs.
const TARGETS: [&str; 4] = ["passages", "model", "index", "postings"];

/// Joins the functions; the targets are what a search needs.
pub fn pipeline() -> refrain::Result<Pipeline> {
    let pipeline = Pipeline::new(functions![
        corpus::load_corpus,
        corpus::split_corpus,
        corpus::select_passages,
        tokens::tokenise,
        model::fit_model,
        embeddings::embed_passages,
        index::build_index,
        postings::build_postings,
    ])?;
    pipeline.named("retrieval").targets(TARGETS)
}
