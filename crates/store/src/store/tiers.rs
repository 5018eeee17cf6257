//! What the tiers behind the directory have: records that are asked for, blobs that are not here yet, and what is put
//! there.
//!
//! A record that came from a tier is a record of this directory from then on; its blobs come when they are first read.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Store;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::envelope::{self, Envelope};
use crate::error::Damage;
use crate::parcel::{self, Piece};
use crate::record::{Lookup, Output, Record};
use crate::tier::Name;
use crate::tiered::{Level, Traffic, Way};
use crate::upload::{Parcel, Pending};

/// What is known of the tiers' contents since the run began.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The keys that were asked for, whatever came of it.
    keys: FxHashSet<Signature>,
    /// Those of them that somebody is asking for just now.
    under_way: FxHashSet<Signature>,
    /// Whether some tier says that it has a blob.
    pub(super) blobs: FxHashMap<Digest, bool>,
    /// From which tier records came that nobody has used yet.
    origins: FxHashMap<Signature, Arc<str>>,
}

/// A record that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its signature or resolved signature.
    pub key: Signature,
    /// When it may have been made, in milliseconds since 1970: any other does not count.
    pub made: RangeInclusive<i64>,
}

impl From<Signature> for Wanted {
    /// One that may have been made at any time.
    fn from(key: Signature) -> Self {
        let made = i64::MIN..=i64::MAX;
        Wanted { key, made }
    }
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
        if !keys.is_empty() && self.has_tiers() {
            let wanted: Vec<Wanted> = keys.iter().copied().map(Wanted::from).collect();
            self.ask_tiers_for(&wanted);
        }
    }

    /// Does what [`Store::ask_tiers`] does, and so also where the directory has a record that does not count: what
    /// comes and counts takes its place. Returns when also those answers have come that others are waiting for.
    pub fn ask_tiers_for(&self, wanted: &[Wanted]) {
        if wanted.is_empty() || !self.has_tiers() {
            return;
        }
        let mut asked = self.asked.lock();
        let mut mine: Vec<Wanted> = Vec::new();
        for wanted in wanted {
            if asked.keys.insert(wanted.key) {
                mine.push(wanted.clone());
            }
        }
        asked.under_way.extend(mine.iter().map(|wanted| wanted.key));
        drop(asked);
        let asking = Asking {
            store: self,
            keys: mine.iter().map(|wanted| wanted.key).collect(),
        };
        mine.retain(|wanted| !self.is_known(&wanted.key, &wanted.made));
        self.ask_for(mine);
        drop(asking);
        let mut asked = self.asked.lock();
        let is_asked = |asked: &Asked| {
            let mut keys = wanted.iter().map(|wanted| &wanted.key);
            keys.any(|key| asked.under_way.contains(key))
        };
        while !asked.under_way.is_empty() && is_asked(&asked) {
            self.answered.wait(&mut asked);
        }
    }

    /// Says whether the tiers were asked for this key since [`Store::ask_anew`], or are being asked.
    pub fn was_asked(&self, key: &Signature) -> bool {
        self.asked.lock().keys.contains(key)
    }

    /// Does what [`Store::ask_tiers`] does also where the directory has records of these keys. What comes takes their
    /// place.
    pub fn ask_tiers_anyway(&self, keys: &[Signature]) {
        if self.has_tiers() {
            self.asked.lock().keys.extend(keys.iter().copied());
            self.ask_for(keys.iter().copied().map(Wanted::from).collect());
        }
    }

    fn ask_for(&self, mut wanted: Vec<Wanted>) {
        for level in self.tiered.readable() {
            if wanted.is_empty() {
                return;
            }
            let came = self.ask_level(level, &wanted);
            wanted.retain(|wanted| !came.contains(&wanted.key));
        }
    }

    fn is_known(&self, key: &Signature, made: &RangeInclusive<i64>) -> bool {
        let found = |by| match self.index.find(by, key) {
            Lookup::Hit(record) => made.contains(&record.created_ms),
            Lookup::Absent | Lookup::Damaged(_) => false,
        };
        found(Key::Signature) || found(Key::Resolved)
    }

    /// Takes in what one tier has of these records, and asks whether it has their blobs; the keys under which there was
    /// one that counts. One that does not is taken in where there is none: it says why it does not.
    fn ask_level(&self, level: &Level, wanted: &[Wanted]) -> FxHashSet<Signature> {
        let names: Vec<Name> = wanted.iter().map(|w| Name::Record(w.key)).collect();
        let mut came = FxHashSet::default();
        let mut pieces = Vec::new();
        level.read_many(&names, envelope::MOST, |at, bytes| {
            let Wanted { key, made } = &wanted[at];
            let opened = Envelope::decode(&bytes).and_then(|envelope| {
                self.check(&envelope.record, key)?;
                Ok(envelope)
            });
            match opened {
                Ok(envelope) => {
                    level.count_records(Way::Down, 1, bytes.len() as u64);
                    if made.contains(&envelope.record.created_ms) {
                        came.insert(*key);
                    } else if self.is_known(key, &(i64::MIN..=i64::MAX)) {
                        return;
                    }
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

/// Keys that are being asked for. Whoever else wants one of them waits until this is gone.
struct Asking<'a> {
    store: &'a Store,
    keys: Vec<Signature>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut asked = self.store.asked.lock();
        for key in &self.keys {
            asked.under_way.remove(key);
        }
        self.store.answered.notify_all();
    }
}
