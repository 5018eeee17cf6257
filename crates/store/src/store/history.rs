//! What earlier runs were and left: last signatures, states, rows of the history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Store;
use crate::digest::{Digest, Signature};
use crate::record::{Lookup, NodeChange, Record, RunEntry};
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

    /// Queues a row of the run history, with what the run did with each node that executed, failed, was cut off
    /// or has a new signature, and a digest that stands for the state it left: a later run that finds the same
    /// state has nothing to tell. A node that failed keeps its last signature.
    pub fn finish_run(&self, run: RunEntry, changes: Vec<NodeChange>, state: Digest) {
        if let Some(writer) = &self.writer {
            writer.queue(Message::Run(run, changes, state));
            self.queue_used();
            self.runs_queued.store(true, Ordering::Release);
        }
    }

    /// Queues the last uses of records that were found, where those noted are older than a day.
    pub(super) fn queue_used(&self) {
        let used = self.index.take_used();
        if let Some(writer) = &self.writer
            && !used.is_empty()
        {
            writer.queue(Message::Used(used));
        }
    }

    /// The newest rows of the run history, newest first.
    pub fn runs(&self, limit: usize) -> Vec<RunEntry> {
        self.flush();
        self.index
            .ask(|database| database.runs(limit))
            .unwrap_or_default()
    }

    /// The number of the last run in the history, of whatever pipeline, and the ids of those of this pipeline that came
    /// after the one of number `since`. Runs that are queued are in neither; `None` where the history cannot be read.
    pub fn runs_since(&self, pipeline: &str, since: Option<i64>) -> Option<(i64, Vec<String>)> {
        self.index
            .ask(|database| database.runs_since(pipeline, since))
            .ok()
    }

    /// The run of this id, or the only one whose id begins so, in upper or lower case.
    pub fn run(&self, id: &str) -> Option<RunEntry> {
        self.await_runs();
        self.index.ask(|database| database.run(id)).ok()?
    }

    /// What the run of this id did with the nodes of its pipeline, as [`Store::finish_run`] was told it.
    pub fn changes(&self, run: &str) -> Vec<NodeChange> {
        self.await_runs();
        self.index
            .ask(|database| database.changes(run))
            .unwrap_or_default()
    }

    /// The last signature of every node of the run's pipeline as of then: what [`Store::latest_signatures`]
    /// would have said, as far back as there is a history.
    pub fn signatures_at(&self, run: &str) -> BTreeMap<Arc<str>, Signature> {
        self.await_runs();
        self.index
            .ask(|database| database.signatures_at(run))
            .unwrap_or_default()
    }

    /// The last run of this pipeline in which the node failed, by its id, and how. It may have had an output since.
    pub fn failed(&self, pipeline: &str, node: &str) -> Option<(String, NodeChange)> {
        self.await_runs();
        self.index
            .ask(|database| database.failed(pipeline, node))
            .ok()?
    }
}
