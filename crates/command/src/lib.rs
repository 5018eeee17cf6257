//! Nodes whose action is a child process.
//!
//! [`Programs`] finds the code of a manifest's commands, and [`node`] makes a node of each. Executed, a node
//! fills in its command ([`shell_line`] shows the words), runs it as a [`Process`], and checks what it leaves.
//!
//! The crate knows commands and the files of a project. It is unaware of pipelines as a whole, of when a node
//! runs, and of how its output is kept; and it prints nothing.

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
mod secret;
mod wait;

mod arguments;
mod output;
mod process;
mod python;
mod tools;

mod program;

mod action;

mod node;

pub use action::{Live, Surroundings};
pub use argv::shell_line;
pub use capture::{Captured, OnLine};
pub use ending::Ending;
pub use error::{Error, Result};
pub use group::kill_all;
#[doc(hidden)]
pub use items::split;
pub use node::node;
pub use process::{Finished, Process, Waker};
pub use program::{Program, Programs};
pub use secret::CACHE_KEY;
pub use tools::versions;
