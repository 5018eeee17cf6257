//! The commands, one room each.

mod clean;
mod diff;
mod export;
mod gc;
mod get;
mod graph;
mod init;
mod log;
mod plan;
mod push;
mod run;
mod schema;
mod stats;
mod status;
mod verify;
mod warm;
mod watch;
mod why;

pub use init::init;
pub use schema::schema;

use crate::args::{CacheCommand, PipelineCommand};
use crate::error::Result;
use crate::exit::Exit;
use crate::maker::Maker;
use crate::printer::Printer;
use crate::project::Cache;

/// The version of every JSON object that a command prints.
pub const FORMAT: u32 = 1;

/// Carries out a command on a project.
pub fn on_project(command: PipelineCommand, maker: &Maker, printer: &Printer) -> Result<Exit> {
    let project = || maker.project(printer);
    match command {
        PipelineCommand::Run(args) => run::run(args, project()?, printer),
        PipelineCommand::Watch(args) => watch::watch(&args, maker, printer),
        PipelineCommand::Plan(args) => plan::plan(args, project()?, printer),
        PipelineCommand::Status(args) => status::status(args, project()?, printer),
        PipelineCommand::Why(args) => why::why(args, project()?, printer),
        PipelineCommand::Get(args) => get::get(args, project()?, printer),
        PipelineCommand::Graph(args) => graph::graph(args, project()?, printer),
        PipelineCommand::Diff(args) => diff::diff(&args, &project()?, printer),
        PipelineCommand::Warm(args) => warm::warm(args, project()?, printer),
        PipelineCommand::Push(args) => push::push(args, project()?, printer),
        PipelineCommand::Export(args) => export::export(args, project()?, printer),
        PipelineCommand::Verify(args) => verify::verify(args, project()?, printer),
    }
}

/// Carries out a command on what is remembered of a pipeline.
pub fn on_cache(command: CacheCommand, cache: &Cache, printer: &Printer) -> Result<Exit> {
    match command {
        CacheCommand::Log(args) => log::log(args, cache, printer),
        CacheCommand::Stats(args) => stats::stats(&args, cache, printer),
        CacheCommand::Gc(args) => gc::gc(&args, cache, printer),
        CacheCommand::Import(args) => export::import(&args, cache, printer),
        CacheCommand::Clean => clean::clean(cache, printer),
    }
}
