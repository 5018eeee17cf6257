//! Pictures of a pipeline's graph.
//!
//! A [`Drawing`] is plain data: nodes with their states, edges, and rows to show about each node. It
//! becomes Graphviz' language ([`Drawing::dot`]), Mermaid's ([`Drawing::mermaid`]), JSON
//! ([`Drawing::json`]) or one self-contained page ([`Drawing::html`]).
//!
//! The crate knows no engine and no pipeline; it reads no file and prints nothing. Equal drawings give
//! equal pictures.
//!
//! ```
//! use refrain_drawing::{Drawing, DrawnNode, NodeKind, NodeState};
//!
//! let node = |name: &str, kind| DrawnNode {
//!     name: name.to_owned(),
//!     kind,
//!     state: NodeState::Current,
//!     target: false,
//!     detail: Vec::new(),
//!     items: None,
//! };
//! let drawing = Drawing {
//!     title: "retrieval".to_owned(),
//!     nodes: vec![node("corpus_path", NodeKind::Source), node("corpus", NodeKind::Node)],
//!     edges: vec![(0, 1)],
//! };
//! assert!(drawing.html().contains("corpus_path"));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod drawing;
mod label;
mod neighbours;

mod dot;
mod mermaid;

mod columns;
mod routes;
mod settle;

mod heights;
mod layout;
mod svg;

mod page;

pub use drawing::{Drawing, DrawnNode, NodeKind, NodeState};
