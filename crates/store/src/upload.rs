//! Putting what was made into tiers, in the background.
//!
//! A blob goes before the records that stand on it, so that whoever stops in the middle leaves nothing wrong behind, only
//! blobs that nobody asks for. A tier that does not take something costs nobody anything but that. Unaware of who made
//! the records, and of runs.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashSet;
use tracing::warn;

use crate::blob::Blob;
use crate::blobs::Blobs;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::envelope::{self, Envelope, Notes};
use crate::index::Index;
use crate::packed;
use crate::parcel::{self, Piece};
use crate::record::{Lookup, Record};
use crate::tier::Name;
use crate::tiered::{Level, Tiered, Way};

/// So many records are put somewhere at once by one thread.
const BATCH: usize = 64;

/// So many threads do it.
const THREADS: usize = 4;

/// So many records wait in memory; further ones are read again when it is their turn.
const WAITING: u64 = 4096;

/// Blobs up to this size are packed in memory and travel together.
const SMALL: u64 = 128 << 10;

/// Blobs up to this size are packed once, in memory; larger ones twice, for their packed size is told first.
const IN_MEMORY: u64 = 32 << 20;

/// How much is still to be put into tiers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// Records whose turn is yet to come, or under way.
    pub left: u64,
    /// Records that were taken up so far, these included.
    pub total: u64,
}

/// A record that is to go.
pub(crate) enum Parcel {
    /// One at hand, with its texts.
    Made(Arc<Record>, Notes),
    /// One that the directory has. Tiers that have it already are not sent it.
    Kept(Signature),
}

/// The queue and the threads behind it, which start with the first record.
#[derive(Debug)]
pub(crate) struct Uploads {
    shared: Arc<Shared>,
    limit: Duration,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    queue: Sender<Parcel>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads work with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tiered: Arc<Tiered>,
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: Arc<Blobs>,
    there: Mutex<FxHashSet<(usize, Digest)>>,
    pending: Mutex<Pending>,
    less: Condvar,
    stop: AtomicBool,
}

impl Uploads {
    pub(crate) fn new(
        tiered: Arc<Tiered>,
        index: Arc<Index>,
        blobs: Arc<Blobs>,
        limit: Duration,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                tiered,
                index,
                blobs,
                there: Mutex::default(),
                pending: Mutex::default(),
                less: Condvar::new(),
                stop: AtomicBool::new(false),
            }),
            limit,
            running: Mutex::default(),
        }
    }

    /// Queues a record. Never waits.
    pub(crate) fn queue(&self, parcel: Parcel) {
        if self.shared.tiered.writable().next().is_none() {
            return;
        }
        let mut running = self.running.lock();
        if running.is_none() {
            *running = Some(start(&self.shared));
        }
        let waiting = {
            let mut pending = self.shared.pending.lock();
            pending.left += 1;
            pending.total += 1;
            pending.left
        };
        let parcel = match parcel {
            Parcel::Made(record, _) if waiting > WAITING => Parcel::Kept(record.signature),
            parcel => parcel,
        };
        if let Some(running) = &*running {
            let _ = running.queue.send(parcel);
        }
    }

    /// Gives up what is still to go.
    pub(crate) fn abandon(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// How much is still to go.
    pub(crate) fn pending(&self) -> Pending {
        *self.shared.pending.lock()
    }

    /// Waits until everything queued has gone or could not go, for `limit` at most; says whether that was so.
    pub(crate) fn finish(&self, limit: Duration, tell: &mut dyn FnMut(Pending)) -> bool {
        const TELL: Duration = Duration::from_millis(100);
        let until = Instant::now() + limit;
        let mut pending = self.shared.pending.lock();
        while pending.left > 0 {
            let now = Instant::now();
            if now >= until {
                return false;
            }
            self.shared
                .less
                .wait_for(&mut pending, TELL.min(until - now));
            let state = *pending;
            // Who listens may take its time.
            parking_lot::MutexGuard::unlocked(&mut pending, || tell(state));
        }
        true
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        let Some(Running { queue, threads }) = self.running.get_mut().take() else {
            return;
        };
        drop(queue);
        let limit = match self.shared.stop.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => self.limit,
        };
        let finished = self.finish(limit, &mut |_| ());
        self.shared.stop.store(true, Ordering::Relaxed);
        if !finished {
            let left = self.pending().left;
            warn!(
                left,
                "records were not put into tiers in time; push does it"
            );
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                warn!("a thread that puts records into tiers panicked");
            }
        }
    }
}

fn start(shared: &Arc<Shared>) -> Running {
    let (queue, parcels) = unbounded::<Parcel>();
    let thread = |_| {
        let (shared, parcels) = (Arc::clone(shared), parcels.clone());
        let name = std::thread::Builder::new().name("refrain-upload".into());
        name.spawn(move || shared.work_off(&parcels)).ok()
    };
    let threads: Vec<_> = (0..THREADS).filter_map(thread).collect();
    if threads.is_empty() {
        warn!("there are no more threads to put records into tiers");
    }
    Running { queue, threads }
}

/// A record that the directory has, with its texts as far as they are there.
pub(crate) fn kept(index: &Index, key: &Signature) -> Option<(Arc<Record>, Notes)> {
    let Lookup::Hit(record) = index.find(Key::Signature, key) else {
        return None;
    };
    let parts = &record.parts;
    let parts = [&parts.code, &parts.env, &parts.inputs, &parts.deps];
    let leaves = parts.into_iter().flatten().flat_map(|part| &part.leaves);
    let named = leaves.filter_map(|leaf| leaf.note).chain(record.log);
    let note = |digest: Digest| {
        let text = index.ask(|database| database.note(&digest));
        Some((digest, text.ok()??))
    };
    let notes = named.filter_map(note).collect();
    Some((record, notes))
}

/// A record ready to go.
struct Packed {
    record: Arc<Record>,
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// It goes only where it is not.
    kept: bool,
}

impl Shared {
    fn work_off(&self, parcels: &Receiver<Parcel>) {
        while let Ok(first) = parcels.recv() {
            let mut batch = vec![first];
            batch.extend(parcels.try_iter().take(BATCH - 1));
            let done = Done {
                shared: self,
                count: batch.len() as u64,
            };
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let packed: Vec<Packed> = batch.into_iter().filter_map(|p| self.pack(p)).collect();
            for level in self.tiered.writable() {
                self.send(level, &packed);
            }
            drop(done);
        }
    }

    fn pack(&self, parcel: Parcel) -> Option<Packed> {
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

    fn send(&self, level: &Level, batch: &[Packed]) {
        let all: FxHashSet<Piece> = batch
            .iter()
            .flat_map(|p| p.pieces.iter().copied())
            .collect();
        self.send_blobs(level, all.into_iter().collect());
        let there = |piece: &Piece| self.is_there(level, &piece.0.digest);
        let ready = batch
            .iter()
            .filter(|packed| packed.pieces.iter().all(there));
        let (mut things, mut records) = (Vec::new(), 0);
        for packed in ready.filter(|packed| packed.bytes.len() as u64 <= envelope::MOST) {
            let (signature, resolved) = (packed.record.signature, packed.record.resolved);
            let mut names = vec![Name::Record(signature)];
            if resolved != signature {
                names.push(Name::Record(resolved));
            }
            if packed.kept && level.has_many(Way::Up, &names).iter().all(|there| *there) {
                continue;
            }
            records += 1;
            things.extend(names.into_iter().map(|name| (name, packed.bytes.clone())));
        }
        if things.is_empty() {
            return;
        }
        let sent = level.ask(Way::Up, || level.tier.write_many(&things));
        if sent.is_some() {
            let bytes = things.iter().map(|(_, bytes)| bytes.len() as u64).sum();
            level.count_records(Way::Up, records, bytes);
        }
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

/// Counts records as done, also where their thread panics.
struct Done<'a> {
    shared: &'a Shared,
    count: u64,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.shared.pending.lock().left -= self.count;
        self.shared.less.notify_all();
    }
}
