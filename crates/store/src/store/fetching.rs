//! Blobs that come from tiers: small ones together, large ones side by side, each checked against its name on arrival.

use std::io::{self, Write};
use std::sync::Arc;

use super::Store;
use crate::blob::Blob;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::packed::{self, Unpacker};
use crate::parcel::Piece;
use crate::tier::{Name, TierError, Trouble};
use crate::tiered::{Level, Way};

/// Blobs up to this size are asked for together.
const SMALL: u64 = 256 << 10;

/// The bytes that are asked for together, at most.
const TOGETHER: u64 = 16 << 20;

/// So many larger blobs are fetched at once.
const AT_ONCE: usize = 4;

impl Store {
    /// Does `read` with a blob, once more where it was not right and a tier had it.
    pub(super) fn with_blob<T>(
        &self,
        blob: &Blob,
        size: u64,
        read: impl Fn() -> Result<T, Damage>,
    ) -> Result<T, Damage> {
        let damage = match read() {
            Err(damage) if self.has_tiers() && !matches!(damage, Damage::Unplaced(_)) => damage,
            done => return done,
        };
        // Several who want one blob wait for the first of them.
        let turn = Arc::clone(self.fetching.lock().entry(blob.digest).or_default());
        let _turn = turn.lock();
        if let Ok(done) = read() {
            return Ok(done);
        }
        let came = self.tiered.readable().any(|level| {
            let came = self.fetch_one(level, blob, size);
            came.unwrap_or(false)
        });
        self.fetching.lock().remove(&blob.digest);
        match came {
            true => read(),
            false => {
                self.asked.lock().blobs.insert(blob.digest, false);
                Err(damage)
            }
        }
    }

    /// Brings blobs that are not here, as far as they can be had.
    pub(super) fn fetch_pieces(&self, pieces: &[Piece]) {
        let mut missing: Vec<Piece> = pieces
            .iter()
            .copied()
            .filter(|(blob, size)| self.blobs.present(blob, *size).is_err())
            .collect();
        missing.sort_unstable();
        missing.dedup();
        for level in self.tiered.readable() {
            if missing.is_empty() {
                return;
            }
            let (small, large): (Vec<Piece>, Vec<Piece>) =
                missing.iter().partition(|(_, size)| *size <= SMALL);
            let per_request = usize::try_from(TOGETHER / SMALL).unwrap_or(1);
            for some in small.chunks(per_request) {
                self.fetch_small(level, some);
            }
            self.fetch_large(level, &large);
            missing.retain(|(blob, size)| self.blobs.present(blob, *size).is_err());
        }
        let mut asked = self.asked.lock();
        let gone = missing.iter().map(|(blob, _)| (blob.digest, false));
        asked.blobs.extend(gone);
    }

    fn fetch_small(&self, level: &Level, pieces: &[Piece]) {
        let names: Vec<Name> = pieces
            .iter()
            .map(|(blob, _)| Name::Blob(blob.digest))
            .collect();
        level.read_many(&names, packed::most(SMALL), |at, bytes| {
            let (blob, size) = pieces[at];
            let opened = packed::unpack(&bytes, size).map_err(|error| error.to_string());
            let right = opened.and_then(|opened| match Digest::of(&opened) == blob.digest {
                true => Ok(opened),
                false => Err("it holds other bytes than its name says".into()),
            });
            match right {
                Ok(opened) => {
                    level.count_blob(Way::Down, bytes.len() as u64);
                    let written = self
                        .writable()
                        .and_then(|()| self.blobs.write(&blob, &opened));
                    if let Err(error) = written {
                        self.impaired(error);
                    }
                }
                Err(why) => level.lied(names[at], &why),
            }
        });
    }

    fn fetch_large(&self, level: &Level, pieces: &[Piece]) {
        for some in pieces.chunks(AT_ONCE) {
            std::thread::scope(|scope| {
                for (blob, size) in some {
                    let fetch = || self.fetch_one(level, blob, *size);
                    let thread = std::thread::Builder::new().spawn_scoped(scope, fetch);
                    if thread.is_err() {
                        // The system has no more threads. What does not come is found missing.
                        let _ = fetch();
                    }
                }
            });
        }
    }

    /// Brings one blob; says whether it came.
    fn fetch_one(&self, level: &Level, blob: &Blob, size: u64) -> Result<bool, StoreError> {
        self.writable()?;
        let name = Name::Blob(blob.digest);
        let came = level.ask(Way::Down, || {
            let mut incoming = match self.blobs.incoming(blob) {
                Ok(incoming) => incoming,
                Err(error) => return Ok(Err(error)),
            };
            let opened = Unpacker::new(&mut incoming, size);
            let read = opened
                .map_err(|error| garbled(level, &error))
                .and_then(|opener| {
                    let mut into = Noting {
                        opener,
                        failure: None,
                    };
                    let read = level.tier.read(&name, packed::most(size), &mut into);
                    match into.failure.take() {
                        Some(error) => Err(garbled(level, &error)),
                        None => {
                            into.opener
                                .finish()
                                .map_err(|error| garbled(level, &error))?;
                            read
                        }
                    }
                });
            match (incoming.keep(size), read) {
                (Err(error), _) => Ok(Err(error)),
                (Ok(true), Ok(Some(travelled))) => {
                    level.count_blob(Way::Down, travelled);
                    Ok(Ok(true))
                }
                (_, Ok(None)) => Ok(Ok(false)),
                (Ok(_), Ok(Some(_))) => {
                    Err(garbled(level, &"it holds other bytes than its name says"))
                }
                (Ok(_), Err(error)) => Err(error),
            }
        });
        match came {
            Some(Ok(came)) => Ok(came),
            Some(Err(error)) => Err(self.impaired(error)),
            None => Ok(false),
        }
    }
}

/// Hands on what is written, and keeps what went wrong there: a tier may tell it as its own failure.
struct Noting<'a, W: Write> {
    opener: Unpacker<'a, W>,
    failure: Option<io::Error>,
}

impl<W: Write> Write for Noting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.opener.write(bytes).inspect_err(|error| {
            self.failure = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.opener.flush()
    }
}

fn garbled(level: &Level, why: &dyn std::fmt::Display) -> TierError {
    TierError {
        label: level.label.to_string(),
        trouble: Trouble::Garbled,
        message: why.to_string(),
    }
}
