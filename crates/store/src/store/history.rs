//! What earlier runs were and left: last signatures, states, rows of the history.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Store;
use crate::digest::{Digest, Signature};
use crate::record::{Lookup, Record, RunEntry};
use crate::writer::Message;

impl Store {
    /// The record of the node's last signature in this pipeline, as [`Store::finish_run`] was told it.
    pub fn latest(&self, pipeline: &str, node: &str) -> Option<Arc<Record>> {
        match self.find(&self.latest_signature(pipeline, node)?) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent | Lookup::Damaged(_) => None,
        }
    }

    /// The node's last signature in this pipeline.
    pub fn latest_signature(&self, pipeline: &str, node: &str) -> Option<Signature> {
        self.await_runs();
        self.index
            .ask(|database| database.latest(pipeline, node))
            .ok()?
    }

    /// The last signature of every node of this pipeline.
    pub fn latest_signatures(&self, pipeline: &str) -> Vec<(Arc<str>, Signature)> {
        self.await_runs();
        self.index
            .ask(|database| database.all_latest(pipeline))
            .unwrap_or_default()
    }

    /// The state that the pipeline's last run was said to have left.
    pub fn state(&self, pipeline: &str) -> Option<Digest> {
        self.await_runs();
        self.index.ask(|database| database.state(pipeline)).ok()?
    }

    /// Waits for runs that are queued; records that are queued are found anyhow.
    fn await_runs(&self) {
        if self.runs_queued.swap(false, Ordering::AcqRel) {
            self.flush();
        }
    }

    /// Says whether this pipeline was ever run here.
    pub fn has_latest(&self, pipeline: &str) -> bool {
        self.await_runs();
        self.index
            .ask(|database| database.has_latest(pipeline))
            .unwrap_or(false)
    }

    /// Queues a row of the run history, the last signatures of those nodes of its pipeline that have
    /// new ones, and a digest that stands for the state it left: a later run that finds the same state
    /// has no new signatures to tell.
    pub fn finish_run(&self, run: RunEntry, latest: Vec<(Arc<str>, Signature)>, state: Digest) {
        if let Some(writer) = &self.writer {
            writer.queue(Message::Run(run, latest, state));
            self.runs_queued.store(true, Ordering::Release);
        }
    }

    /// The newest rows of the run history, newest first.
    pub fn runs(&self, limit: usize) -> Vec<RunEntry> {
        self.flush();
        self.index
            .ask(|database| database.runs(limit))
            .unwrap_or_default()
    }
}
