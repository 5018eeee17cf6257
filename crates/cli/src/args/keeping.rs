//! The arguments of commands for what is kept: collecting, checking, and carrying to other places.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Bindings, JsonArgs};
use crate::figures::{read_size, read_time};

#[derive(Debug, Args)]
pub struct GcArgs {
    /// Evict the outputs used least recently until this much is left
    #[arg(long, value_name = "SIZE", value_parser = read_size)]
    pub max_size: Option<u64>,
    /// Evict outputs that were not used for this long
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub max_age: Option<Duration>,
    /// Evict nothing, only say what would be evicted
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub bindings: Bindings,
    /// Also execute this share of what the targets stand on again, and compare
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub rerun: Option<u8>,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct WarmArgs {
    /// The nodes that a run would make current [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    /// Fetch everything that the targets stand on, for whatever is edited next
    #[arg(long)]
    pub all: bool,
    /// Fetch nothing, only say how much it is
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct PushArgs {
    /// The nodes to put there with all that they need [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The archive to write
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// The nodes to export with all that they need [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The archive to take in
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// Take in at most so much [default: 64 GiB]
    #[arg(long, value_name = "SIZE", value_parser = read_size)]
    pub max_size: Option<u64>,
    #[command(flatten)]
    pub print: JsonArgs,
}
