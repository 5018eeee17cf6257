//! Every tier keeps the same promises, each against the real server, and what goes wrong there is told for what it is.
//!
//! The servers are started by the tests, on this machine. `servers.sh` beside this directory installs them.

#![allow(missing_docs)]

mod conformance;
mod directory;
mod http;
mod proxy;
mod redis;
mod s3;
mod servers;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use refrain_remote::{Options, open};
use refrain_store::{Digest, Name, Signature, Tier, TierError};

/// Time enough for a machine that is busy with other things.
fn options() -> Options {
    Options::default()
        .connect(Duration::from_secs(60))
        .call(Duration::from_secs(60))
}

/// Limits that a call meets which nobody answers, however much went over before.
fn impatient() -> Options {
    Options::default()
        .rate(u64::MAX)
        .connect(Duration::from_millis(200))
        .call(Duration::from_millis(200))
}

fn tier(url: &str, options: Options) -> Arc<dyn Tier> {
    open(url, options).unwrap()
}

fn blob(text: &str) -> Name {
    Name::Blob(Digest::of(text.as_bytes()))
}

fn record(text: &str) -> Name {
    Name::Record(Signature::from_bytes(
        *Digest::of(text.as_bytes()).as_bytes(),
    ))
}

fn write(tier: &dyn Tier, name: &Name, bytes: &[u8]) -> Result<(), TierError> {
    tier.write(name, bytes.len() as u64, &mut &bytes[..])
}

fn read(tier: &dyn Tier, name: &Name) -> Result<Option<Vec<u8>>, TierError> {
    let mut bytes = Vec::new();
    let size = tier.read(name, u64::MAX / 4, &mut bytes)?;
    assert_eq!(size.unwrap_or(0), bytes.len() as u64);
    Ok(size.map(|_| bytes))
}

fn read_many(
    tier: &dyn Tier,
    names: &[Name],
    limit: u64,
) -> Vec<Result<Option<Vec<u8>>, TierError>> {
    let mut found: Vec<_> = names.iter().map(|_| None).collect();
    tier.read_many(names, limit, &mut |place, answer| {
        assert!(found[place].replace(answer).is_none(), "each place once");
    });
    found.into_iter().map(Option::unwrap).collect()
}

/// Bytes that do not repeat soon, so that parts in a wrong order show.
fn bytes(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Gives some bytes and then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}
