//! Nodes whose action is a child process.
//!
//! The crate knows no manifest and no cache: where a command is written, and what becomes of its
//! output, is for others.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// From the ground up: a module imports only from groups above its own.
mod error;

mod argv;
mod capture;
pub mod depfile;
mod ending;
mod files;
mod group;
mod items;
pub mod json;
mod mention;
mod wait;

mod arguments;
mod output;
mod process;
mod python;

mod program;

mod action;

mod node;

pub use action::{Live, Surroundings};
pub use argv::shell_line;
pub use capture::{Captured, OnLine};
pub use ending::Ending;
pub use error::{Error, Result};
pub use group::kill_all;
pub use node::node;
pub use process::{Finished, Process, Waker};
pub use program::{Program, Programs};
