//! What is written, and how: everything queued meanwhile goes into one transaction.
//!
//! A record that comes alone is written at once, so that a process that is killed loses only what was
//! running; what a kill may lose of a stream is bounded by the `queue`. Unaware of what the records mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustc_hash::FxHashSet;

use crate::claim::Claim;
use crate::database::Database;
use crate::digest::{Digest, Signature};
use crate::fields::millis;
use crate::index::Index;
use crate::pickles::{Addition, Pickles};
use crate::queue::Queue;
use crate::record::{NodeChange, Record, RunEntry};

/// Something to be written.
pub(crate) enum Message {
    /// A record, with its notes and what is released when it is written.
    Record {
        record: Arc<Record>,
        notes: Vec<(Digest, Arc<str>)>,
        #[allow(dead_code, reason = "released with the message, after the commit")]
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
}

/// The queue of what is to be written. Dropping it writes what is queued.
#[derive(Debug)]
pub(crate) struct Writer(Queue<Message>);

impl Writer {
    /// Starts the thread; fails where the system has no more threads.
    pub(crate) fn start(index: Arc<Index>, pickles: Arc<Pickles>) -> std::io::Result<Self> {
        // A claim is dropped after the commit: who gets it next finds the record.
        let write = move |batch: &mut Vec<Message>| write_batch(&index, &pickles, batch);
        Queue::start("refrain-writer", write).map(Self)
    }

    /// Queues a message.
    pub(crate) fn queue(&self, message: Message) {
        self.0.queue(message);
    }

    /// Returns when everything queued before was written or has failed to be.
    pub(crate) fn flush(&self) {
        self.0.flush();
    }
}

fn write_batch(index: &Index, pickles: &Pickles, batch: &mut [Message]) {
    let lost = add_to_pickles(index, pickles, batch);
    // A failure is kept by the index, for one warning. It costs the caching of this batch; the next
    // one is tried again.
    let now_ms = millis(SystemTime::now());
    let _ = index.transaction(batch.len(), |database, number| match &batch[number] {
        // Its output is nowhere.
        Message::Record { record, .. } if lost.contains(&record.signature) => Ok(()),
        message => write(database, message, now_ms),
    });
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_thread_that_has_died() {
        let queue =
            Queue::start("dies", |_: &mut Vec<u8>| panic!("the thread dies")).expect("start");
        for one in 0..10 {
            queue.queue(one);
            queue.flush();
        }
    }
}
