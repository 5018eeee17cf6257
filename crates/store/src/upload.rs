//! What is to be put into tiers, in the background: the queue and the threads behind it.
//!
//! Unaware of who made the records, and of runs.

mod sending;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, unbounded};
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashSet;
use tracing::warn;

use sending::Packed;

use crate::blobs::Blobs;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::envelope::Notes;
use crate::index::Index;
use crate::record::{Lookup, Record};
use crate::tiered::Tiered;

/// So many records are put somewhere at once by one thread.
const BATCH: usize = 64;

/// So many threads do it.
const THREADS: usize = 4;

/// So many records wait in memory; further ones are read again when it is their turn.
const WAITING: u64 = 4096;

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
