//! Which files of a project a Python program is made of.
//!
//! Given a script or a module, [`Project::find`] follows its imports through the project: level 0 is the
//! script, level 1 what it imports, level 2 what those import. Each file comes with a hash of its syntax
//! tree, which comments, docstrings and formatting do not change and everything else does.
//!
//! The promise is one-sided: **over-approximate, never miss**. Nothing is executed, so where Python would
//! decide at run time (which of two files of one name, which branch, which name) all that it may choose
//! counts. A file that cannot be parsed counts by its bytes. Modules that are not in the project are
//! installed ones and no concern of this crate.
//!
//! The crate knows nothing of nodes, signatures or caches, and starts no Python. What it finds out about one
//! file, a [`Module`], depends on the file's bytes alone ([`read`]), so that a caller can keep it under their
//! digest and hand it back ([`Project::with_reader`]).
//!
//! ```no_run
//! use refrain_python::{Project, Start};
//!
//! let program = Project::new("/project").find(&Start::script("tools/build.py"), 2)?;
//! for file in &program.files {
//!     println!("{} {}", file.level, file.path.display());
//! }
//! # Ok::<(), refrain_python::Error>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod hash;
mod names;
mod source;

mod depth;
mod module;
mod tree;

mod gather;
mod layout;

mod imports;
mod scan;

mod folders;
mod program;
mod read;

mod roots;

mod resolve;

mod project;

pub use error::Error;
pub use hash::Hash;
pub use module::{Hashes, Import, Line, Module, Reads};
pub use program::{File, Program};
pub use project::{Project, Start};
pub use read::{VERSION, read};
pub use roots::CONFIGURATIONS;
