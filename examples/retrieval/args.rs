//! The command line of the example.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Searches State of the Union speeches, remembering everything it built.
#[derive(Debug, Parser)]
#[command(name = "retrieval")]
pub struct Args {
    /// What to look for, such as "annexation of Texas"
    #[arg(required = true)]
    pub question: Vec<String>,
    /// How passages are compared: with all others, or with those a tree leads to
    #[arg(long, value_enum, default_value_t = IndexType::Flat)]
    pub index_type: IndexType,
    /// Search speeches from this year on
    #[arg(long, value_name = "YEAR", default_value_t = 0)]
    pub from: u16,
    /// Search speeches up to this year
    #[arg(long, value_name = "YEAR", default_value_t = u16::MAX, hide_default_value = true)]
    pub to: u16,
    /// How many passages to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,
    /// Where to read speeches, named year_president_party.txt
    #[arg(long, value_name = "DIR", default_value = SPEECHES, hide_default_value = true)]
    pub speeches: PathBuf,
    /// Where to remember what was built
    #[arg(long, value_name = "DIR", default_value = ".cache/retrieval")]
    pub cache_dir: PathBuf,
    /// Print the answers and the run's report as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// The speeches that come with the example, wherever it is started.
const SPEECHES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/retrieval/speeches"
);

/// How passages are compared.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum IndexType {
    Flat,
    Tree,
}

impl IndexType {
    /// The name that the pipeline knows.
    pub fn name(self) -> &'static str {
        match self {
            IndexType::Flat => "flat",
            IndexType::Tree => "tree",
        }
    }
}
