//! What the tiers behind the directory have: records that are asked for, blobs that are not here yet, and what is put
//! there.
//!
//! A record that came from a tier is a record of this directory from then on; its blobs come when they are first read.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Store;
use crate::blob::Blob;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::envelope::{self, Envelope};
use crate::error::{Damage, StoreError};
use crate::packed::{self, Unpacker};
use crate::parcel::{self, Piece};
use crate::record::{Lookup, Output, Record};
use crate::tier::{Name, TierError, Trouble};
use crate::tiered::{Level, Traffic, Way};
use crate::upload::{Parcel, Pending};

/// Blobs up to this size are asked for together.
const SMALL: u64 = 256 << 10;

/// The bytes that are asked for together, at most.
const TOGETHER: u64 = 16 << 20;

/// So many larger blobs are fetched at once.
const AT_ONCE: usize = 4;

/// What is known of the tiers' contents since the run began.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The keys that were asked for, whatever came of it.
    keys: FxHashSet<Signature>,
    /// Whether some tier says that it has a blob.
    blobs: FxHashMap<Digest, bool>,
    /// From which tier records came that nobody has used yet.
    origins: FxHashMap<Signature, Arc<str>>,
}

/// What tiers have and the directory has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    /// The number of blobs.
    pub blobs: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
}

impl Store {
    /// Says whether there are tiers that outputs are looked for in, and that answer.
    pub fn has_tiers(&self) -> bool {
        self.tiered.readable().next().is_some()
    }

    /// Learns what other processes committed, and forgets what tiers were asked, so that they are asked again; those
    /// that were left alone get another try.
    pub fn ask_anew(&self) {
        self.index.refresh();
        self.tiered.try_again();
        self.owed.store(false, Ordering::Relaxed);
        let mut asked = self.asked.lock();
        asked.keys.clear();
        asked.blobs.clear();
    }

    /// Asks the tiers for the records under these keys, signatures or resolved signatures, as far as the directory has
    /// none and nobody asked before. [`Store::find`] and [`Store::find_resolved`] find what came.
    pub fn ask_tiers(&self, keys: &[Signature]) {
        if keys.is_empty() || !self.has_tiers() {
            return;
        }
        let mut wanted: Vec<Signature> = {
            let mut asked = self.asked.lock();
            let keys = keys.iter().copied();
            keys.filter(|key| asked.keys.insert(*key)).collect()
        };
        wanted.retain(|key| !self.is_known(key));
        self.ask_for(wanted);
    }

    /// Does what [`Store::ask_tiers`] does also where the directory has records of these keys. What comes takes their
    /// place.
    pub fn ask_tiers_anyway(&self, keys: &[Signature]) {
        if self.has_tiers() {
            self.asked.lock().keys.extend(keys.iter().copied());
            self.ask_for(keys.to_vec());
        }
    }

    fn ask_for(&self, mut wanted: Vec<Signature>) {
        for level in self.tiered.readable() {
            if wanted.is_empty() {
                return;
            }
            let came = self.ask_level(level, &wanted);
            wanted.retain(|key| !came.contains(key));
        }
    }

    fn is_known(&self, key: &Signature) -> bool {
        let found = |by| matches!(self.index.find(by, key), Lookup::Hit(_));
        found(Key::Signature) || found(Key::Resolved)
    }

    /// Takes in what one tier has of these records, and asks whether it has their blobs; the keys that were there.
    fn ask_level(&self, level: &Level, wanted: &[Signature]) -> FxHashSet<Signature> {
        let names: Vec<Name> = wanted.iter().map(|key| Name::Record(*key)).collect();
        let mut came = FxHashSet::default();
        let mut pieces = Vec::new();
        level.read_many(&names, envelope::MOST, |at, bytes| {
            let opened = Envelope::decode(&bytes).and_then(|envelope| {
                self.check(&envelope.record, &wanted[at])?;
                Ok(envelope)
            });
            match opened {
                Ok(envelope) => {
                    level.count_records(Way::Down, 1, bytes.len() as u64);
                    came.insert(wanted[at]);
                    pieces.extend(parcel::own(&envelope.record.output));
                    self.take_in(level, envelope);
                }
                Err(why) => level.lied(names[at], &why),
            }
        });
        pieces.retain(|(blob, size)| self.blobs.present(blob, *size).is_err());
        self.ask_for_blobs(level, &pieces);
        came
    }

    /// Says whether a record is one for this key, and may be used; the error is a sentence.
    pub(super) fn check(&self, record: &Record, key: &Signature) -> Result<(), String> {
        match record.signature == *key || record.resolved == *key {
            true => self.accepts(record),
            false => Err("it is the record of other work".into()),
        }
    }

    fn take_in(&self, level: &Level, envelope: Envelope) {
        let Envelope { record, notes } = envelope;
        let mut asked = self.asked.lock();
        for key in [record.signature, record.resolved] {
            asked.origins.insert(key, Arc::clone(&level.label));
        }
        drop(asked);
        let record = Arc::new(record);
        if self.writer.is_none() {
            self.index.remember(&record);
        }
        let origin = Some(Arc::clone(&level.label));
        self.keep(record, notes, None, None, origin);
    }

    /// The tier that the record of this key came from, the first time that somebody asks after it came.
    pub fn take_origin(&self, key: &Signature) -> Option<Arc<str>> {
        let mut asked = self.asked.lock();
        match asked.origins.is_empty() {
            true => None,
            false => asked.origins.remove(key),
        }
    }

    // ---- blobs ----

    fn ask_for_blobs(&self, level: &Level, pieces: &[Piece]) {
        if pieces.is_empty() {
            return;
        }
        let names: Vec<Name> = pieces
            .iter()
            .map(|(blob, _)| Name::Blob(blob.digest))
            .collect();
        let found = level.has_many(Way::Down, &names);
        let mut asked = self.asked.lock();
        for ((blob, _), found) in pieces.iter().zip(found) {
            *asked.blobs.entry(blob.digest).or_default() |= found;
        }
    }

    /// Says of blobs that are not here whether all of them can be had; the error names one that cannot.
    pub(super) fn elsewhere(&self, pieces: &[Piece], damage: Damage) -> Result<(), Damage> {
        if pieces.is_empty() || !self.has_tiers() {
            return Err(damage);
        }
        let is_unknown = |piece: &Piece| !self.asked.lock().blobs.contains_key(&piece.0.digest);
        let is_missing =
            |piece: &Piece| self.asked.lock().blobs.get(&piece.0.digest) != Some(&true);
        let mut unknown: Vec<Piece> = pieces.iter().copied().filter(is_unknown).collect();
        for level in self.tiered.readable() {
            self.ask_for_blobs(level, &unknown);
            unknown.retain(is_missing);
        }
        if pieces.iter().any(is_missing) {
            return Err(damage);
        }
        self.owed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Says whether some output counts as present since the last [`Store::ask_anew`] of which only a tier has a blob.
    pub fn owes(&self) -> bool {
        self.owed.load(Ordering::Relaxed)
    }

    /// Brings all that these outputs stand on into the directory, as far as it is not there; many at once. What cannot
    /// be had is [`Damage`].
    pub fn fetch(&self, outputs: &[&Output]) -> Vec<Result<(), Damage>> {
        if !self.owes() {
            return outputs.iter().map(|_| Ok(())).collect();
        }
        let own: Vec<Piece> = outputs
            .iter()
            .filter_map(|output| parcel::own(output))
            .collect();
        self.fetch_pieces(&own);
        let mut ahead: Vec<Output> = outputs.iter().map(|output| (*output).clone()).collect();
        // Listings, and the listings in them.
        for _ in 0..2 {
            let listed: Vec<Piece> = ahead
                .iter()
                .flat_map(|output| self.listed(output))
                .collect();
            self.fetch_pieces(&listed);
            ahead = ahead
                .iter()
                .flat_map(|output| self.entries(output))
                .collect();
        }
        outputs.iter().map(|output| self.is_here(output)).collect()
    }

    /// How much of what an output stands on is not here and can be had. Listings are brought to find out.
    pub fn missing(&self, output: &Output) -> Missing {
        let mut missing = Missing::default();
        if !self.has_tiers() {
            return missing;
        }
        let mut pieces: Vec<Piece> = parcel::own(output).into_iter().collect();
        self.count_missing(&pieces, &mut missing);
        pieces = self.listed(output);
        for entry in self.entries(output) {
            pieces.extend(self.listed(&entry));
        }
        self.count_missing(&pieces, &mut missing);
        missing
    }

    fn count_missing(&self, pieces: &[Piece], missing: &mut Missing) {
        for piece in pieces {
            let here = self.blobs.present(&piece.0, piece.1);
            if let Err(damage) = here
                && self.elsewhere(&[*piece], damage).is_ok()
            {
                missing.blobs += 1;
                missing.bytes += piece.1;
            }
        }
    }

    fn listed(&self, output: &Output) -> Vec<Piece> {
        if !parcel::is_listing(output) {
            return Vec::new();
        }
        let bytes = self.bytes_of(output).ok();
        let listed = bytes.and_then(|bytes| parcel::listed(output, &bytes).ok());
        listed.unwrap_or_default()
    }

    /// The trees that a list refers to.
    fn entries(&self, output: &Output) -> Vec<Output> {
        let entries = match output.codec {
            crate::codec::Codec::LIST => self.load_list(output).unwrap_or_default(),
            _ => Vec::new(),
        };
        let outputs = entries.into_iter().map(|entry| entry.output);
        outputs.filter(parcel::is_listing).collect()
    }

    fn is_here(&self, output: &Output) -> Result<(), Damage> {
        let pieces = parcel::pieces(&self.blobs, output)?;
        pieces
            .iter()
            .try_for_each(|(blob, size)| self.blobs.present(blob, *size))
    }

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
                    scope.spawn(|| self.fetch_one(level, blob, *size));
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

    // ---- what is put there ----

    /// Puts the records of these signatures, and all that they stand on, into the tiers that take something, as far as
    /// it is not there.
    pub fn push(&self, signatures: &[Signature]) {
        self.flush();
        if let Some(uploads) = &self.uploads {
            for signature in signatures {
                uploads.queue(Parcel::Kept(*signature));
            }
        }
    }

    /// How much is still to be put into tiers.
    pub fn pending(&self) -> Pending {
        self.uploads
            .as_ref()
            .map_or_else(Pending::default, |uploads| uploads.pending())
    }

    /// Waits until everything has been put into tiers that is to be, or could not be, for `limit` at most; says whether
    /// that was so.
    pub fn finish_uploads(&self, limit: Duration, tell: &mut dyn FnMut(Pending)) -> bool {
        let uploads = self.uploads.as_ref();
        uploads.is_none_or(|uploads| uploads.finish(limit, tell))
    }

    /// Gives up what is still to be put into tiers: dropping the store does not wait for it any more.
    pub fn abandon_uploads(&self) {
        if let Some(uploads) = &self.uploads {
            uploads.abandon();
        }
    }

    /// What went to and came from each tier since the directory was opened.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.tiered.traffic()
    }

    /// What the user should know of the tiers, and that stopped nothing.
    pub fn tier_problems(&self) -> Vec<Arc<str>> {
        self.tiered.problems()
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
