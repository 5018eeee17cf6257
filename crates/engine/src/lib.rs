//! An incremental engine for pipelines of functions: never a stale result,
//! never an unneeded execution.
//!
//! A function becomes a node by `#[func]`. Its parameters name what it needs:
//! the output of another node, or an input of the run. A [`Runner`] remembers
//! every output on disk under a signature of the work that made it, and the
//! next run, in this process or another, executes only what changed.
//!
//! ```
//! use refrain::{CacheConfig, Pipeline, Runner, func, functions, inputs};
//!
//! #[func(output = "processed", cache)]
//! fn process_data(data: &str) -> String {
//!     data.to_uppercase()
//! }
//!
//! # let dir = tempfile::tempdir()?;
//! # let cache_dir = dir.path();
//! let pipeline = Pipeline::new(functions![process_data])?;
//! let runner = Runner::new(CacheConfig::new(cache_dir))?;
//!
//! let first = runner.run(&pipeline, inputs! { data: "hello" })?;
//! assert_eq!(*first.get::<String>("processed")?, "HELLO");
//! assert_eq!(first.report().counts().executed, 1);
//!
//! let second = runner.run(&pipeline, inputs! { data: "hello" })?;
//! assert_eq!(*second.get::<String>("processed")?, "HELLO");
//! assert_eq!(second.report().counts().executed, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One run reads from the bottom of this list of rooms to its top: `runner`
//! binds the inputs of a `live` pipeline, the `scheduler` decides what is needed by
//! the `queries`, the `pool` executes it through the `executor`, and a `run`
//! hands out the `report` and the outputs.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod amounts;
mod cancel;
mod canonical;
mod changed_line;
mod clock;
mod code;
mod remote;

mod config;
mod db;
mod detail;
#[cfg(doctest)]
mod docs;
mod edits;
mod error;
mod event;
mod execution;
mod executor;
mod explain;
#[allow(clippy::disallowed_methods, reason = "this room reads source files")]
mod files;
mod force;
pub mod function;
mod graph;
mod handle;
mod inputs;
mod itemised;
mod items;
mod lifetime;
mod listed;
mod lists;
mod live;
mod map;
mod mapping;
mod mode;
mod node;
mod note;
mod outline;
mod paths;
mod pipeline;
mod plan;
mod pool;
mod printed;
mod queries;
mod reasons;
mod recall;
mod recorder;
mod report;
mod rerun;
mod rows;
mod run;
mod runner;
mod scheduler;
mod session;
mod sharing;
mod signature;
mod spread;
mod stock;
mod sync;
mod tiers;
mod trail;
mod turn;
mod value;
mod why;
mod work;

pub use cancel::{Cancel, Hook};
pub use code::{Code, Item};
pub use config::CacheConfig;
pub use error::{Error, Result};
pub use event::RunEvent;
pub use execution::{Execution, Scratch};
pub use explain::{Explanation, Reason, ReasonKind, Step};
pub use inputs::{Input, Inputs, IntoInput, dir, file, files, opaque};
pub use map::Part;
pub use mapping::{BatchBuilder, MapBuilder};
pub use mode::Mode;
pub use node::{Action, Args, Failure, Location, Node, NodeBuilder, Param, PlainDecoder};
pub use note::shown as shown_path;
pub use outline::{InputKind, InputOutline, NodeOutline};
pub use paths::{OutputList, OutputPath, PathKind};
pub use pipeline::Pipeline;
pub use plan::{Plan, Planned, PlannedItems, Prospect};
pub use printed::{Printed, printed};
pub use refrain_macros::func;
pub use refrain_store::{Digest, Eviction, Limits, Output, SealKey, Signature, Statistics, Store};
pub use remote::Remote;
pub use report::{Counts, ItemCounts, NodeReport, Outcome, Report, Status};
pub use rerun::{Rerun, Verdict};
pub use run::Run;
pub use runner::{Runner, Warmed};
pub use session::{Session, SessionFiles};
