//! The thread that writes: everything queued meanwhile goes into one transaction.
//!
//! A record that comes alone is written at once, so that a process that is killed loses only what was
//! running. Where records come in a stream the thread rests after a transaction for [`SHARE`] times as long as that
//! took (at most [`REST`]): a transaction of many records costs little more than one of few, and what a kill
//! may lose is bounded all the same. Unaware of what the records mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustc_hash::FxHashSet;
use tracing::warn;

use crate::claim::Claim;
use crate::database::Database;
use crate::digest::{Digest, Signature};
use crate::fields::millis;
use crate::index::Index;
use crate::pickles::{Addition, Pickles};
use crate::record::{NodeChange, Record, RunEntry};

/// Messages in one transaction, at most. Keys are random, so a small transaction writes a page of each
/// index for every record; this many share their pages (measured: 11 microseconds a record with 512, 5
/// with this, at 100,000 records).
const BATCH: usize = 4096;

/// Messages in the queue, at most; who queues more waits for the writer, so that memory is bounded.
const QUEUE: usize = 1 << 14;

/// How much longer than a transaction the rest after it is. A small transaction takes a third of a millisecond, as long
/// as it takes to start a command.
const SHARE: u32 = 16;

/// The longest rest between two transactions.
const REST: Duration = Duration::from_millis(50);

/// How often who waits for the writer looks whether there still is one.
const ALIVE: Duration = Duration::from_millis(100);

/// Something to be written.
pub(crate) enum Message {
    /// A record, with its notes and what is released when it is written.
    Record {
        record: Arc<Record>,
        notes: Vec<(Digest, Arc<str>)>,
        claim: Option<Claim>,
        /// No row has its signature yet.
        new: bool,
        /// Where it came from, if it was not made here.
        origin: Option<Arc<str>>,
        /// What goes into the pickle of a node before.
        addition: Option<Addition>,
    },
    /// A record that is to go.
    Discard(Signature),
    /// A run that ended, with what it changed and the state it left.
    Run(RunEntry, Vec<NodeChange>, Digest),
    /// Rows of records that were used.
    Used(FxHashSet<i64>),
    /// What is known of a source file.
    SourceFile(PathBuf, Vec<u8>),
    /// A fact about the directory.
    Fact(&'static str, String),
    /// Answered when everything before it is written, or has failed to be.
    Flush(Sender<()>),
}

/// The queue and the thread behind it. Dropping it writes what is queued.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<Sender<Box<Message>>>,
    thread: Option<JoinHandle<()>>,
    /// How much was queued and written so far: equal when nothing is on its way.
    queued: AtomicU64,
    written: Arc<AtomicU64>,
    /// Somebody waits: no rest.
    urgent: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread; fails where the system has no more threads.
    pub(crate) fn start(index: Arc<Index>, pickles: Arc<Pickles>) -> std::io::Result<Self> {
        let (queue, messages) = bounded(QUEUE);
        let written = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&written);
        let urgent = Arc::new(AtomicBool::new(false));
        let hurry = Arc::clone(&urgent);
        let thread = std::thread::Builder::new()
            .name("refrain-writer".into())
            .spawn(move || write_all(&index, &pickles, &messages, &counter, &hurry))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            queued: AtomicU64::new(0),
            written,
            urgent,
        })
    }

    /// Queues a message. Lost, with its claim released, only when the thread has died of a panic.
    pub(crate) fn queue(&self, message: Message) {
        if let Some(queue) = &self.queue {
            self.queued.fetch_add(1, Ordering::AcqRel);
            let _ = queue.send(Box::new(message));
        }
    }

    /// Returns when everything queued before was written or has failed to be.
    pub(crate) fn flush(&self) {
        if self.queued.load(Ordering::Acquire) == self.written.load(Ordering::Acquire) {
            return;
        }
        let (done, wait) = bounded(1);
        // Before it is queued: the writer takes this back when it answers.
        self.urgent.store(true, Ordering::Release);
        self.queue(Message::Flush(done));
        self.wake();
        // A queue keeps what is in it when the thread dies that was to take it.
        while wait.recv_timeout(ALIVE) == Err(RecvTimeoutError::Timeout) && self.is_alive() {}
    }

    fn is_alive(&self) -> bool {
        let thread = self.thread.as_ref();
        thread.is_some_and(|thread| !thread.is_finished())
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.urgent.store(true, Ordering::Release);
        self.wake();
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the writer thread panicked; what it had not written is lost");
        }
    }
}

fn write_all(
    index: &Index,
    pickles: &Pickles,
    messages: &Receiver<Box<Message>>,
    written: &AtomicU64,
    urgent: &AtomicBool,
) {
    let mut batch: Vec<Message> = Vec::new();
    let mut rested = Instant::now();
    while let Ok(first) = messages.recv() {
        batch.push(*first);
        // Woken early by who is in a hurry; woken for nothing at times, which does no harm.
        let rest = rested.saturating_duration_since(Instant::now());
        if !rest.is_zero() && !urgent.load(Ordering::Acquire) {
            std::thread::park_timeout(rest);
        }
        batch.extend(messages.try_iter().take(BATCH - 1).map(|message| *message));
        let count = batch.len() as u64;
        let begun = Instant::now();
        write_batch(index, pickles, &mut batch);
        rested = Instant::now() + (begun.elapsed() * SHARE).min(REST);
        written.fetch_add(count, Ordering::AcqRel);
        for message in batch.drain(..) {
            match message {
                // After the commit: who gets the claim next finds the record.
                Message::Record { claim, .. } => drop(claim),
                Message::Flush(done) => {
                    urgent.store(false, Ordering::Release);
                    let _ = done.send(());
                }
                _ => {}
            }
        }
    }
}

fn write_batch(index: &Index, pickles: &Pickles, batch: &mut [Message]) {
    let lost = add_to_pickles(index, pickles, batch);
    if batch
        .iter()
        .any(|message| !matches!(message, Message::Flush(_)))
    {
        // A failure is kept by the index, for one warning. It costs the caching of this batch; the next
        // one is tried again.
        let now_ms = millis(SystemTime::now());
        let _ = index.transaction(batch.len(), |database, number| match &batch[number] {
            // Its output is nowhere.
            Message::Record { record, .. } if lost.contains(&record.signature) => Ok(()),
            message => write(database, message, now_ms),
        });
    }
    index.let_go(batch.iter().filter_map(|message| match message {
        Message::Record { record, .. } => Some(record),
        _ => None,
    }));
    for message in batch {
        if let Message::Discard(signature) = message {
            index.discarded(signature);
        }
    }
}

/// Puts outputs where their records will say that they are; gives the signatures of those that could not be.
fn add_to_pickles(index: &Index, pickles: &Pickles, batch: &[Message]) -> FxHashSet<Signature> {
    let additions = batch.iter().filter_map(|message| match message {
        Message::Record {
            record,
            addition: Some(addition),
            ..
        } => Some((&**record, addition)),
        _ => None,
    });
    let additions: Vec<(&Record, &Addition)> = additions.collect();
    let Some(locks) = index.locks().filter(|_| !additions.is_empty()) else {
        return FxHashSet::default();
    };
    let (lost, error) = pickles.add(locks, &additions);
    if let Some(error) = error {
        index.set_problem(error);
    }
    lost
}

fn write(database: &mut Database, message: &Message, now_ms: i64) -> rusqlite::Result<()> {
    match message {
        Message::Record {
            record,
            notes,
            new,
            origin,
            ..
        } => database.insert(record, notes, *new, origin.as_ref(), now_ms),
        Message::Discard(signature) => database.discard(signature),
        Message::Run(run, changes, state) => {
            database.insert_run(run, changes)?;
            database.set_state(&run.pipeline, state)?;
            let latest = changes.iter().filter(|change| change.is_latest());
            let latest = latest.map(|change| (&change.node, &change.signature));
            database.set_latest(&run.pipeline, latest)
        }
        Message::Used(rows) => rows
            .iter()
            .try_for_each(|id| database.set_used(*id, now_ms)),
        Message::SourceFile(path, body) => {
            database.set_file(path.as_os_str().as_encoded_bytes(), body)
        }
        Message::Fact(name, value) => database.set_fact(name, value),
        Message::Flush(_) => Ok(()),
    }
}
