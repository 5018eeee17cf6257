//! The refrain command line: `run`, `plan`, `status`, `why` and the rest, for
//! the pipeline of a manifest and for one that is written in Rust.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use refrain::{Pipeline, func, functions};
//!
//! #[func(output = "shout", cache)]
//! fn shout(text: &str) -> String {
//!     text.to_uppercase()
//! }
//!
//! fn main() -> ExitCode {
//!     refrain_cli::main(Pipeline::new(functions![shout]))
//! }
//! ```
//!
//! With that as a program, `program run --set text=hello` executes, `program
//! get shout --set text=hello` prints `"HELLO"`, and `program --help` lists the
//! inputs.
//!
//! One command reads as a sentence: [`Program::main`] reads the `args`, makes
//! the `project`, and hands both to one of the `commands`, which lets the
//! engine work and prints what came of it through the `printer`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// From the ground up: a module imports only from groups above its own.
mod escape;
mod exit;
mod figures;
mod tally;

mod style;

mod args;
mod basis;
mod error;
mod table;

mod problems;

mod printer;

mod discovery;
mod project;
mod settings;

mod assembly;
mod maker;
mod values;

mod outputs;

mod explanation;
mod exports;
mod failures;
mod help;
mod past;
mod progress;
mod signals;
mod states;
mod transfers;

mod watch;

mod commands;
mod completion;

mod program;

use std::process::ExitCode;

pub use program::{IntoPipeline, Program};

/// Makes a pipeline that is written in Rust a whole command: the arguments are
/// the process's own. For a pipeline with inputs or a cache configuration of
/// its own there is [`Program`].
pub fn main(pipeline: impl IntoPipeline) -> ExitCode {
    Program::new(pipeline).main()
}

/// The command `refrain`: it finds its pipeline in a manifest.
pub fn manifest_main() -> ExitCode {
    program::manifest_main()
}
