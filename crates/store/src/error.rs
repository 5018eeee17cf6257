//! The one error of the store, and the two reasons why stored bytes cannot be used.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Says what the store could not do. Messages are lowercase fragments with the operation and the path.
///
/// Damage of what is stored is never a `StoreError`: it is a miss ([`Damage`], [`crate::Lookup`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "write", "rename".
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory cannot be used at all, not even for reading.
    #[error("{operation} cache directory {}: {source}; {advice}", path.display())]
    Unusable {
        /// What was tried.
        operation: &'static str,
        /// The cache directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do next.
        advice: &'static str,
    },
    /// The directory can be read and not written: hits are served, nothing new is stored.
    #[error("write to cache directory {}: {source}; existing records are used, nothing new is stored", path.display())]
    ReadOnly {
        /// The cache directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was written by a newer refrain: what of it can be read is used, and it is not changed.
    #[error(
        "open {}: format {found} is newer than {known}, which this version writes; it is left as it is, and \
         nothing new is stored; update refrain or choose another cache directory", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format this version knows.
        known: i64,
    },
    /// The file has an older format and could not be brought to the present one; it is as it was.
    #[error(
        "bring {} from format {found} to {known}: {source}; existing records are used, nothing new is stored",
        path.display()
    )]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The format that this version writes.
        known: i64,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Something that cannot be part of an output.
    #[error("take over {}: {reason}", path.display())]
    Unfit {
        /// Where it is.
        path: PathBuf,
        /// What it is, and what an output can have.
        reason: String,
    },
    /// Another process has this locked, and shows no sign of life.
    #[error("{operation} {}: {source}", path.display())]
    Frozen {
        /// What was tried.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What is known of that process.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An output that is not to be kept, for it is too large.
    #[error("its {size} bytes are larger than max_entry_size ({limit} bytes)")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// How many it may have.
        limit: u64,
    },
    /// Another live process has the directory open.
    #[error("clear {}: another process has it open; wait until that is done", path.display())]
    InUse {
        /// The cache directory.
        path: PathBuf,
    },
    /// The record database refused an operation.
    #[error("{operation} {}: {source}", path.display())]
    Database {
        /// What was tried.
        operation: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A problem that [`crate::Store::problem`] tells as well.
    #[error("{0}")]
    Known(Arc<StoreError>),
}

impl StoreError {
    /// Somebody who shows no sign of life has `path` locked.
    pub(crate) fn frozen(
        operation: &'static str,
        path: PathBuf,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Frozen {
            operation,
            path,
            source: source.into(),
        }
    }
}

/// Why the bytes of an output cannot be used. A miss with a reason; the re-run heals it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The blob is not there.
    #[error("{0}")]
    Missing(String),
    /// Something is there, and it is not what the record promises.
    #[error("{0}")]
    Corrupt(String),
    /// The bytes are fine, and could not be put where a path leads to them: making them again does not help.
    #[error("{0}")]
    Unplaced(String),
}

/// A value that cannot be written with its codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("encode {type_name}: {reason}")]
pub struct EncodeError {
    /// The Rust type of the value.
    pub type_name: &'static str,
    /// What the encoder said.
    pub reason: String,
}

/// Bytes that are not a value of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("decode {type_name}: {reason}")]
pub struct DecodeError {
    /// The Rust type asked for.
    pub type_name: &'static str,
    /// What the decoder said.
    pub reason: String,
}
