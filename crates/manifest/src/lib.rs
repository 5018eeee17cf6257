//! The manifest, `refrain.toml`: read, checked and described.
//!
//! The crate turns a text into plain typed data and says everything that is wrong with it, each with its
//! place in the text and what to do next. It knows no engine and no cache, and runs nothing.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod shell;
mod template;

pub use shell::Refused;
pub use template::{Fault, Form, Piece, Template, TemplateError};
