//! Tiers for refrain: a shared directory, Redis, S3 and what else can keep bytes under names.
//!
//! [`open`] makes a [`Tier`](refrain_store::Tier) of a URL. Nothing is asked of the other side before the first
//! call, so that a tier that is down costs nothing until somebody wants something of it.
//!
//! Unaware of what the bytes mean, of compression and of signatures. Nothing is tried again here, and nothing is
//! remembered of failures: who calls knows how long it may still wait. Each call ends within the limits of its
//! [`Options`], whatever the other side does.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
// What several kinds share, some do not need.
#![cfg_attr(not(all(feature = "http", feature = "redis")), allow(dead_code))]

// From the ground up: a module imports only from those above its own.
mod error;
mod options;

mod patience;
#[cfg(any(feature = "redis", feature = "services"))]
mod tls;

mod answers;
mod apart;

mod address;
mod trouble;

mod directory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "services")]
mod service;

mod open;

#[cfg(all(feature = "redis", any(test, feature = "fuzzing")))]
#[doc(hidden)]
pub mod fuzzing;

pub use error::OpenError;
pub use open::open;
pub use options::Options;
