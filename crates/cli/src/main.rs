//! The command line of refrain. It knows its version, and that it runs nothing
//! yet: no manifest is read, so every command is refused rather than ignored.

use std::process::ExitCode;

use clap::Parser;

/// An incremental engine for pipelines of functions.
///
/// The commands that work on a manifest are not built yet. A pipeline written in Rust runs today, with
/// the library `refrain`.
#[derive(Debug, Parser)]
#[command(name = "refrain", version, arg_required_else_help = true)]
struct Args {
    /// A command and its arguments; none is built yet
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// The exit code for a wrong use.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let command = args.command.first().map_or("", String::as_str);
    eprintln!(
        "error: `refrain {command}` is not built yet, nor is any other command; \
         a pipeline written in Rust runs with the library `refrain`"
    );
    ExitCode::from(USAGE)
}
