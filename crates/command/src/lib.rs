//! Nodes whose action is a child process.
//!
//! A command is written as a [`Template`] with placeholders for what the node is given and for where
//! it writes.
//!
//! The crate knows no manifest and no cache: where a command is written, and what becomes of its
//! output, is for others.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;

mod placeholder;
mod shell;

mod template;

pub use error::{Error, Result};
pub use placeholder::{Form, Slot, is_name};
pub use template::{Template, shell_line};
