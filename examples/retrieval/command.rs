//! The pipeline of the search as a command of its own: `run`, `why`, `graph`
//! and the rest. It shares the search's cache, and so knows what that did.

#![allow(dead_code)] // what only a search uses

mod corpus;
mod embeddings;
mod index;
mod model;
mod pipeline;
mod postings;
mod random;
mod tokens;

use std::process::ExitCode;

use refrain::{CacheConfig, dir, inputs};
use refrain_cli::Program;

/// The speeches that come with the example.
const SPEECHES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/retrieval/speeches"
);

fn main() -> ExitCode {
    Program::new(pipeline::pipeline())
        .inputs(inputs! {
            speeches: dir(SPEECHES),
            from_year: 0,
            to_year: u16::MAX,
            index_type: "flat",
        })
        .cache(CacheConfig::new(".cache/retrieval"))
        .main()
}
