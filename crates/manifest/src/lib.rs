//! The manifest, `refrain.toml`: read, checked and described.
//!
//! The crate turns a text into plain typed data and says everything that is wrong with it, each with its
//! place in the text and what to do next. It knows no engine and no cache, and runs nothing.
//!
//! ```
//! use std::path::Path;
//!
//! use refrain_manifest::Manifest;
//!
//! let text = r#"
//! [inputs]
//! corpus = { file = "corpus.txt" }
//!
//! [nodes.words]
//! run = "tr ' ' '\\n' < {corpsu}"
//! "#;
//! let problems = Manifest::parse(text, Path::new("refrain.toml")).unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "refrain.toml:6:23: no input and no node is called \"corpsu\"; did you mean \"corpus\"?"
//! );
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// From the ground up: a module imports only from groups above its own.
mod names;
mod problem;
mod shapes;
mod shell;

mod document;
mod strings;
mod template;

mod builder;
mod findings;

mod syntax;

mod fields;
mod pattern;

mod input;
mod node;
mod remote;

mod tables;

mod links;

mod circles;
mod exports;
mod uses;
mod walk;

mod manifest;
mod starter;

mod files;
mod schema;

pub use files::Files;
pub use input::{Input, InputKind};
pub use links::variable;
pub use manifest::Manifest;
pub use names::{is_name, nearest};
pub use node::{Format, Mapping, Node, Origin, Parameter, Run};
pub use pattern::Pattern;
pub use problem::{Problem, Problems, Report, Severity, Source, Span, Spanned};
pub use remote::RemoteTable;
pub use schema::schema;
pub use shell::Refused;
pub use starter::starter;
pub use tables::{CacheTable, EnvTable, Eviction, PipelineTable};
pub use template::{Fault, Form, Piece, Template, TemplateError};
