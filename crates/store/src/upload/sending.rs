//! Putting records into one tier, with what they stand on.
//!
//! A blob goes before the records that stand on it, so that whoever stops in the middle leaves nothing wrong behind, only
//! blobs that nobody asks for. A tier that does not take something costs nobody anything but that. Unaware of the queue.

use std::io::{self, Read};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use tracing::warn;

use super::{BATCH, Parcel, Shared, kept};
use crate::blob::Blob;
use crate::digest::Digest;
use crate::envelope::{self, Envelope};
use crate::packed;
use crate::parcel::{self, Piece};
use crate::record::Record;
use crate::tier::Name;
use crate::tiered::{Level, Way};

/// Blobs up to this size are packed in memory and travel together.
const SMALL: u64 = 128 << 10;

/// Blobs up to this size are packed once, in memory; larger ones twice, for their packed size is told first.
const IN_MEMORY: u64 = 32 << 20;

/// A record ready to go.
pub(super) struct Packed {
    record: Arc<Record>,
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// It goes only where it is not.
    kept: bool,
}

impl Packed {
    /// What it is called in tiers.
    fn names(&self) -> impl Iterator<Item = Name> + use<> {
        let Record {
            signature,
            resolved,
            ..
        } = *self.record;
        let resolved = (resolved != signature).then_some(resolved);
        [Some(signature), resolved]
            .into_iter()
            .flatten()
            .map(Name::Record)
    }
}

impl Shared {
    /// A record with what it stands on, as far as it can be had.
    pub(super) fn pack(&self, parcel: Parcel) -> Option<Packed> {
        let is_kept = matches!(parcel, Parcel::Kept(_));
        let (record, notes) = match parcel {
            Parcel::Made(record, notes) => (record, notes),
            Parcel::Kept(signature) => kept(&self.index, &signature)?,
        };
        let told = |why: &dyn std::fmt::Display| {
            warn!(node = &*record.node, %why, "a record is not put into tiers");
        };
        let pieces = parcel::pieces(&self.blobs, &record.output)
            .map_err(|damage| told(&damage))
            .ok()?;
        let envelope = Envelope {
            record: (*record).clone(),
            notes,
        };
        let bytes = envelope.encode().map_err(|error| told(&error)).ok()?;
        Some(Packed {
            record,
            bytes,
            pieces,
            kept: is_kept,
        })
    }

    /// Puts records into a tier, and first what they stand on.
    pub(super) fn send(&self, level: &Level, batch: &[Packed]) {
        let all: FxHashSet<Piece> = batch
            .iter()
            .flat_map(|p| p.pieces.iter().copied())
            .collect();
        self.send_blobs(level, all.into_iter().collect());
        let there = |piece: &Piece| self.is_there(level, &piece.0.digest);
        let is_ready = |packed: &&Packed| {
            packed.pieces.iter().all(there) && packed.bytes.len() as u64 <= envelope::MOST
        };
        let mut ready: Vec<&Packed> = batch.iter().filter(is_ready).collect();
        self.leave_out_known(level, &mut ready);
        let mut things: Vec<(Name, Vec<u8>)> = Vec::new();
        for packed in &ready {
            things.extend(packed.names().map(|name| (name, packed.bytes.clone())));
        }
        if things.is_empty() {
            return;
        }
        let sent = level.ask(Way::Up, || level.tier.write_many(&things));
        if sent.is_some() {
            let bytes = things.iter().map(|(_, bytes)| bytes.len() as u64).sum();
            level.count_records(Way::Up, ready.len() as u64, bytes);
        }
    }

    /// Leaves out what goes only where it is not, and is there.
    fn leave_out_known(&self, level: &Level, records: &mut Vec<&Packed>) {
        let kept = records.iter().filter(|packed| packed.kept);
        let names: Vec<Name> = kept.flat_map(|packed| packed.names()).collect();
        if names.is_empty() {
            return;
        }
        let found = level.has_many(Way::Up, &names);
        let found = names.iter().zip(found).filter(|(_, found)| *found);
        let found: FxHashSet<&Name> = found.map(|(name, _)| name).collect();
        records.retain(|packed| !packed.kept || !packed.names().all(|name| found.contains(&name)));
    }

    /// Puts those blobs into a tier that are not there.
    fn send_blobs(&self, level: &Level, mut pieces: Vec<Piece>) {
        pieces.retain(|(blob, _)| !self.is_there(level, &blob.digest));
        if pieces.is_empty() {
            return;
        }
        let name = |(blob, _): &Piece| Name::Blob(blob.digest);
        let found = level.has_many(Way::Up, &pieces.iter().map(name).collect::<Vec<_>>());
        let mut small = Vec::new();
        for ((blob, size), found) in pieces.into_iter().zip(found) {
            if found {
                self.note_there(level, blob.digest);
            } else if size <= SMALL {
                small.push((blob, size));
            } else if self.send_large(level, &blob, size) {
                self.note_there(level, blob.digest);
            }
        }
        for part in small.chunks(BATCH) {
            self.send_small(level, part);
        }
    }

    fn send_small(&self, level: &Level, pieces: &[Piece]) {
        let thing = |(blob, size): &Piece| {
            let bytes = self.blobs.load(blob, *size).ok()?;
            Some((Name::Blob(blob.digest), packed::pack(&bytes).ok()?))
        };
        let things: Vec<(Name, Vec<u8>)> = pieces.iter().filter_map(thing).collect();
        if level
            .ask(Way::Up, || level.tier.write_many(&things))
            .is_none()
        {
            return;
        }
        for (name, bytes) in things {
            level.count_blob(Way::Up, bytes.len() as u64);
            if let Name::Blob(digest) = name {
                self.note_there(level, digest);
            }
        }
    }

    fn send_large(&self, level: &Level, blob: &Blob, size: u64) -> bool {
        let name = Name::Blob(blob.digest);
        let packing = || packed::packing(self.blobs.open(blob, size).ok()?).ok();
        let Some(mut bytes) = packing() else {
            return false;
        };
        if size <= IN_MEMORY {
            let mut packed = Vec::new();
            return bytes.read_to_end(&mut packed).is_ok()
                && self.put(level, name, packed.len() as u64, || Some(&packed[..]));
        }
        let size = io::copy(&mut bytes, &mut io::sink());
        size.is_ok_and(|size| self.put(level, name, size, packing))
    }

    fn put<R: Read>(
        &self,
        level: &Level,
        name: Name,
        size: u64,
        bytes: impl Fn() -> Option<R>,
    ) -> bool {
        let sent = level.ask(Way::Up, || match bytes() {
            Some(mut bytes) => level.tier.write(&name, size, &mut bytes).map(|()| true),
            None => Ok(false),
        });
        if sent == Some(true) {
            level.count_blob(Way::Up, size);
        }
        sent == Some(true)
    }

    fn is_there(&self, level: &Level, digest: &Digest) -> bool {
        self.there.lock().contains(&(level.number, *digest))
    }

    fn note_there(&self, level: &Level, digest: Digest) {
        self.there.lock().insert((level.number, digest));
    }
}
