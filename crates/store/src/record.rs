//! What is remembered about one execution: [`Record`] and the pieces it is made of.
//!
//! Plain data. Unaware of files, of the database and of how the hashes in it were made.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::digest::{Digest, Seal, Signature};

/// The output of a node: the name, size and codec of its bytes, and the bytes themselves where they are few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// BLAKE3 of the bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// How they are to be decoded.
    pub codec: Codec,
    /// The bytes, where they are at hand: in a record at most [`crate::Store::INLINE`] of them. Otherwise the store
    /// has them as a blob, or in a pickle.
    pub inline: Option<Arc<[u8]>>,
}

/// Where the bytes of an output are to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Home {
    /// With the record where they are few, else as a blob.
    #[default]
    Blobs,
    /// As a value in the pickle of this node, as far as it can be one.
    Pickle(Arc<str>),
}

/// One named thing that went into a part of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// A parameter, an item path, a variable.
    pub name: Arc<str>,
    /// What it was.
    pub digest: Digest,
    /// The digest of a note: a small text kept beside the records, such as the source text of an item.
    pub note: Option<Digest>,
}

/// One of the four parts of a signature. Parts with equal hashes have equal leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The hash over the leaves.
    pub hash: Digest,
    /// What was hashed, in order.
    pub leaves: Vec<Leaf>,
}

/// The four parts of a signature; `None` is a part without leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The node's own code. Kept once for all records that share it.
    pub code: Option<Arc<Part>>,
    /// `cache_key` or `env_hash`, and declared environment variables. Kept once as well.
    pub env: Option<Arc<Part>>,
    /// The node's direct sources.
    pub inputs: Option<Arc<Part>>,
    /// The parents' signatures and imported code.
    pub deps: Option<Arc<Part>>,
}

/// One execution: which work gave which output, and what the work's signature was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The node's name.
    pub node: Arc<str>,
    /// The key.
    pub signature: Signature,
    /// The same with the parents' output digests in place of their signatures.
    pub resolved: Signature,
    /// What the signature was made of.
    pub parts: Parts,
    /// What the work gave.
    pub output: Output,
    /// When it finished, in milliseconds since 1970 (UTC).
    pub created_ms: i64,
    /// How long it took; kept in whole microseconds.
    pub elapsed: Duration,
    /// The digest of a note with what it printed meanwhile.
    pub log: Option<Digest>,
    /// Says that a holder of a key made it. [`crate::Store::commit`] sets it.
    pub seal: Option<Seal>,
}

/// What [`crate::Store::find`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// There is a record with all 256 bits of the key.
    Hit(Arc<Record>),
    /// There is none.
    Absent,
    /// There is something that cannot be used; a short sentence says why.
    Damaged(String),
}

/// What a run did with one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChange {
    /// The node's name.
    pub node: Arc<str>,
    /// Its signature in the run.
    pub signature: Signature,
    /// Its last signature before, where it had one.
    pub before: Option<Signature>,
    /// What became of it: `executed`, `failed`, `cutoff`, `hit`, `unneeded`.
    pub outcome: Arc<str>,
    /// Why it executed, as a text.
    pub reason: Arc<str>,
    /// How long it ran; kept in whole microseconds.
    pub elapsed: Duration,
    /// What it printed, if it failed.
    pub log: Option<Arc<str>>,
}

impl NodeChange {
    /// Says whether the signature is the node's last one from then on: it is not without an output.
    pub fn is_latest(&self) -> bool {
        !matches!(&*self.outcome, "failed" | "blocked" | "cancelled")
    }
}

/// One row of the run history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEntry {
    /// The run's own name, unique in time.
    pub id: String,
    /// The pipeline that ran.
    pub pipeline: Arc<str>,
    /// When it started, in milliseconds since 1970 (UTC).
    pub started_ms: i64,
    /// How long it took; kept in whole microseconds.
    pub elapsed: Duration,
    /// How it ended.
    pub status: Arc<str>,
    /// Counts by outcome, as the text of a JSON object.
    pub counts: String,
}
