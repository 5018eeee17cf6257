//! What is refused before a command runs. How a command ended is no error of this crate but a value.

/// Everything the crate refuses, with what to do next in the message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
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
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
