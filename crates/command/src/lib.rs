//! Nodes whose action is a child process.
//!
//! A command [`Run`]s a shell text or a program, with placeholders for what the node is given and for
//! where it writes.
//!
//! The crate knows no manifest and no cache: where a command is written, and what becomes of its
//! output, is for others.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;

mod capture;
pub mod depfile;
mod ending;
mod group;
pub mod json;
mod run;
mod wait;
mod words;

mod process;
mod program;

pub use capture::{Captured, OnLine};
pub use ending::Ending;
pub use error::{Error, Result};
pub use process::{Finished, Process, Waker};
pub use program::Programs;
pub use run::{Run, shell_line, variable};
