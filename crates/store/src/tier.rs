//! The seam to storage behind the local directory: bytes under names.
//!
//! Unaware of what the bytes mean. Whether a record is genuine and a blob whole is for who reads them to find out: a
//! [`Tier`] may give anything, give it slowly, or give nothing.

use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use crate::digest::{Digest, Signature};

/// What something is called in a tier. Displayed as a path of two parts, in lowercase hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// A record, under its signature and once more under its resolved signature: `records/<signature>`.
    Record(Signature),
    /// The bytes of this digest: `blobs/<digest>`.
    Blob(Digest),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Record(signature) => write!(f, "records/{signature}"),
            Name::Blob(digest) => write!(f, "blobs/{digest}"),
        }
    }
}

/// A level of storage behind the local directory, shared between machines.
///
/// Calls block, are made from several threads at once, and end within the time limits that the tier was made with.
/// A tier never tries again by itself: who calls it knows how long it may still wait.
pub trait Tier: fmt::Debug + Send + Sync {
    /// What it is called in reports and messages, such as `redis://cache.example:6379/0`. Without credentials.
    fn label(&self) -> &str;

    /// Reads small things, many at once. Hands out what each name turned out to be, by its place in `names` and in any
    /// order: its bytes, `None` where there is nothing, or why it is not known. Each place once.
    ///
    /// More than `limit` bytes under a name are an error and are not read.
    fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        each: &mut dyn FnMut(usize, Result<Option<Vec<u8>>, TierError>),
    );

    /// Copies what is under `name`, and gives its size; `None` where there is nothing.
    ///
    /// More than `limit` bytes are an error, after `limit` bytes at the latest. What was copied before an error is
    /// worth nothing.
    fn read(&self, name: &Name, limit: u64, into: &mut dyn Write)
    -> Result<Option<u64>, TierError>;

    /// Says of each name whether there is something under it.
    fn has_many(&self, names: &[Name]) -> Result<Vec<bool>, TierError>;

    /// Puts `size` bytes under `name`. Who reads meanwhile finds what was there before, or all of it.
    ///
    /// Two who write one name at once leave what one of them wrote.
    fn write(&self, name: &Name, size: u64, from: &mut dyn Read) -> Result<(), TierError>;

    /// Writes small things, many at once. Stops at the first that fails.
    fn write_many(&self, things: &[(Name, Vec<u8>)]) -> Result<(), TierError> {
        things
            .iter()
            .try_for_each(|(name, bytes)| self.write(name, bytes.len() as u64, &mut &bytes[..]))
    }
}

/// Why a tier did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{label}: {message}")]
pub struct TierError {
    /// The tier's label.
    pub label: String,
    /// What that means for what is asked next.
    pub trouble: Trouble,
    /// What happened, without credentials.
    pub message: String,
}

/// What a failure means for what is asked of the same tier next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody answered, or not in time.
    Unreachable,
    /// It asks to be left alone, for this long where it said so.
    Busy(Option<Duration>),
    /// It does not allow this: credentials, rights, no more space.
    Refused,
    /// It answered something that makes no sense, for this name at least.
    Garbled,
}
