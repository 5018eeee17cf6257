//! What can go wrong with a whole program; a file that cannot be parsed is no error.

use std::io;
use std::path::PathBuf;

/// Why the files of a program could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The script to start with is not there, or is no file.
    #[error("find the script `{path}`: no such file there; give its path from the project's root", path = path.display())]
    NoScript {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The script to start with is outside of the project.
    #[error("find the script `{path}`: it is outside of the project; move it there or name it in another way than by its source", path = path.display())]
    Outside {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The module to start with is not in the project.
    #[error("find the module `{name}`: no such module in the project; is it an installed one?")]
    NoModule {
        /// The name as it was given.
        name: String,
    },
    /// A file that counts cannot be read.
    #[error("read `{path}`: {source}", path = path.display())]
    Read {
        /// The path, relative to the project.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
