//! The commands, one room each.

mod clean;
mod diff;
mod gc;
mod get;
mod graph;
mod init;
mod log;
mod plan;
mod run;
mod schema;
mod stats;
mod status;
mod verify;
mod why;

pub use init::init;
pub use schema::schema;

use crate::args::Command;
use crate::error::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;

/// The version of every JSON object that a command prints.
pub const FORMAT: u32 = 1;

/// Carries out a command on a project.
pub fn carry_out(command: Command, project: Project, printer: &Printer) -> Result<Exit> {
    match command {
        Command::Run(args) => run::run(args, project, printer),
        Command::Plan(args) => plan::plan(args, project, printer),
        Command::Status(args) => status::status(args, project, printer),
        Command::Why(args) => why::why(args, project, printer),
        Command::Get(args) => get::get(args, project, printer),
        Command::Log(args) => log::log(args, &project, printer),
        Command::Diff(args) => diff::diff(&args, &project, printer),
        Command::Stats(args) => stats::stats(&args, &project, printer),
        Command::Gc(args) => gc::gc(&args, &project, printer),
        Command::Verify(args) => verify::verify(args, project, printer),
        Command::Clean => clean::clean(&project, printer),
        Command::Graph(args) => graph::graph(args, project, printer),
        Command::Completions(_) => unreachable!("needs no project"),
    }
}
