//! The content-addressed store under refrain: blobs, records and their portable snapshot.
//!
//! A [`Store`] is one cache directory. It keeps *outputs* (bytes, named by their [`Digest`]) and
//! *records* (which [`Signature`] of work gave which output, and why that signature is what it is).
//! Several threads and several processes use one directory at once.
//!
//! The store knows bytes and records. It is unaware of nodes' code, of how a signature is made, of
//! pipelines as graphs, and of who asks. What it reads it does not trust: a record or blob that is
//! missing, torn or foreign is a miss with a reason, and never wrong bytes.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

// From the ground up: a module imports only from groups above its own.
mod digest;
mod error;
mod sync;

pub mod codec;

mod record;

mod blob;
mod fields;
mod packed;

mod body;
mod seal;

mod changes;
mod envelope;
mod list;
mod root;
mod schema;
mod tree;

mod tier;

mod breaker;

mod tiered;

mod statistics;

mod ahead;
mod claim;
mod database;
#[allow(
    clippy::disallowed_methods,
    reason = "this room writes outside of the cache directory"
)]
pub mod export;
#[allow(clippy::disallowed_methods, reason = "this room reads source files")]
mod sources;

mod pickles;
mod slot;

mod blobs;

mod placed;
mod scratch;
mod snapshot;
mod survey;

mod collect;
mod inventory;
mod opening;
mod options;
mod recent;
mod trees;

mod spare;

mod access;

mod index;

mod queue;
mod writer;

mod parcel;

mod upload;

mod store;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod stopped;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
#[allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "no part of what the store promises"
)]
pub mod fuzzing;

pub use claim::{Claim, Claimed};
pub use codec::Codec;
pub use collect::{Collected, Eviction, Limits, NodeUsage};
pub use digest::{Digest, ParseDigestError, Seal, Signature};
pub use error::{Damage, DecodeError, EncodeError, StoreError};
pub use list::ListEntry;
pub use options::Options;
pub use record::{Home, Leaf, Lookup, NodeChange, Output, Part, Parts, Record, RunEntry};
pub use scratch::Scratch;
pub use seal::{KeyError, SealKey};
pub use statistics::{CodecUsage, Growth, NodeStatistics, Statistics};
pub use store::{Carried, Finding, Missing, Progress, Store, Verified, Wanted};
pub use tier::{Name, Tier, TierError, Trouble};
pub use tiered::{TierUse, Traffic};
pub use upload::Pending;
