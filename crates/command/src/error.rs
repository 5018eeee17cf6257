//! What is refused before a command runs. How a command ended is no error of this crate but a value.

use std::io;
use std::path::{Path, PathBuf};

/// Everything the crate refuses, with what to do next in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value cannot be put into a command.
    #[error("{{{name}}}: {problem}")]
    Value {
        /// The placeholder's name.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A file that a command needs cannot be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A depfile is not in the syntax of Makefiles.
    #[error("line {line} has no colon: write `target: file file`, as compilers do with -MD")]
    Depfile {
        /// The line, from 1.
        line: usize,
    },
    /// A text is not JSON, or not JSON that has one meaning.
    #[error("line {line}, column {column}: {problem}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The byte in that line, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
}

impl Error {
    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Error::Write { path, source }
    }
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
