//! What a run tells and keeps of each node: its entry in the report, why it
//! runs, and the events for whoever listens. It decides nothing, and is
//! unaware of what has to run next.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Sender;
use refrain_store::Signature;
use rustc_hash::FxHashMap;

use crate::event::{RunEvent, emit};
use crate::force::Forced;
use crate::handle::{Handle, Lost};
use crate::live::Live;
use crate::reasons::{Cause, Causes};
use crate::report::{Entry, ItemCounts, Outcome};

/// What became of a node, with all there is to say about it.
pub(super) struct Ending<'a> {
    pub outcome: Outcome,
    pub output: Option<&'a Handle>,
    /// How long it ran in this run.
    pub elapsed: Duration,
    pub note: Option<Arc<str>>,
    /// What it printed, if it failed.
    pub log: Option<Arc<str>>,
    /// What became of its items, if it is mapped and they were looked at.
    pub items: Option<ItemCounts>,
    /// The time that was not spent again, where it is not the output's.
    pub saved: Option<Duration>,
    /// The tier that the output's record came from in this run.
    pub tier: Option<Arc<str>>,
}

impl<'a> Ending<'a> {
    /// The end of a node whose output was found.
    pub fn found(outcome: Outcome, output: &'a Handle) -> Self {
        Ending {
            output: Some(output),
            ..Self::unstarted(outcome, None)
        }
    }

    /// The end of a node that did not run and has no output.
    pub fn unstarted(outcome: Outcome, note: Option<Arc<str>>) -> Self {
        Ending {
            outcome,
            output: None,
            elapsed: Duration::ZERO,
            note,
            log: None,
            items: None,
            saved: None,
            tier: None,
        }
    }
}

/// The entries of one run.
pub(super) struct Ledger<'a> {
    events: &'a [Sender<RunEvent>],
    causes: Causes,
    entries: FxHashMap<u32, Entry>,
}

impl<'a> Ledger<'a> {
    pub fn new(live: &Live, events: &'a [Sender<RunEvent>]) -> Self {
        Ledger {
            events,
            causes: Causes::new(live),
            entries: FxHashMap::default(),
        }
    }

    /// Whether an end of the node was told.
    pub fn contains(&self, node: u32) -> bool {
        self.entries.contains_key(&node)
    }

    /// Whether the node ran in this run and gave an output.
    pub fn has_run(&self, node: u32) -> bool {
        let entry = self.entries.get(&node);
        entry.is_some_and(|entry| entry.outcome == Outcome::Executed)
    }

    /// Whether the node was worked out anew in this run: it ran, or something above it did.
    pub fn is_anew(&self, node: u32) -> bool {
        let entry = self.entries.get(&node);
        entry.is_some_and(|entry| matches!(entry.outcome, Outcome::Executed | Outcome::Cutoff))
    }

    /// Notes why a node is about to run, unless that is known already.
    pub fn decide(&mut self, live: &mut Live, node: u32, forced: &Forced) {
        self.causes.decide(live, node, forced);
    }

    /// Notes that a node's output was there and is not usable, so that the
    /// node will run again.
    pub fn lose(&mut self, node: u32, lost: &Lost) {
        self.causes.lose(node, lost);
        self.entries.remove(&node);
    }

    /// Notes that a node's output was there and is too old.
    pub fn expire(&mut self, node: u32, why: String) {
        self.causes.expire(node, why);
        self.entries.remove(&node);
    }

    /// Tells that a node began to run.
    pub fn tell_start(&self, node: &Arc<str>) {
        emit(self.events, || RunEvent::NodeStarted { node: node.clone() });
    }

    /// Tells how one item of a mapped node ended.
    pub fn tell_item(
        &self,
        node: &Arc<str>,
        key: &Arc<str>,
        outcome: Outcome,
        elapsed: Duration,
        items: ItemCounts,
    ) {
        emit(self.events, || RunEvent::ItemFinished {
            node: node.clone(),
            key: key.clone(),
            outcome,
            elapsed,
            items,
        });
    }

    /// Tells and keeps how a node ended.
    pub fn tell(&mut self, live: &Live, node: u32, signature: Signature, ending: Ending<'_>) {
        let Ending {
            outcome,
            output,
            elapsed,
            note,
            log,
            items,
            saved,
            tier,
        } = ending;
        let ran = matches!(outcome, Outcome::Executed | Outcome::Failed);
        let mut cause = if ran { self.causes.take(node) } else { None };
        // Whoever listens is told now, and so is what there will be no record of.
        if outcome == Outcome::Failed || note.is_some() || !self.events.is_empty() {
            let tell = |cause: Cause| Cause::Known(cause.tell_ended(live, node, &signature));
            cause = cause.map(tell);
        }
        let incomplete = || {
            let code = &live.graph.node(node).code;
            let why = code.incomplete.as_ref();
            let why = why.filter(|_| outcome == Outcome::Executed)?;
            Some(format!("only the function itself is followed: {why}").into())
        };
        let kept = output.filter(|output| output.bytes().is_some());
        let entry = Entry {
            outcome,
            cause,
            signature,
            digest: kept.map(|output| output.digest),
            bytes: kept.and_then(Handle::bytes),
            elapsed,
            saved: match (saved, output, outcome) {
                (Some(saved), ..) => saved,
                (None, Some(output), Outcome::Hit | Outcome::Cutoff) => output.elapsed,
                _ => Duration::ZERO,
            },
            note: note.or_else(incomplete),
            log,
            items,
            tier,
        };
        emit(self.events, || {
            let name = live.graph.name_of(node).clone();
            let store = live.context().store.as_deref();
            RunEvent::NodeFinished(Box::new(entry.report(name, store)))
        });
        self.entries.insert(node, entry);
    }

    /// Goes over to another revision: takes back what was told of nodes that are
    /// not chosen, and calls the others by the numbers that they are given.
    pub fn keep(&mut self, keep: impl Fn(u32, &Entry) -> Option<u32>) {
        let entries = std::mem::take(&mut self.entries).into_iter();
        let kept = entries.filter_map(|(node, entry)| Some((keep(node, &entry)?, entry)));
        self.entries = kept.collect();
        self.causes.forget();
    }

    /// All entries, sorted by node.
    pub fn close(self) -> Vec<(u32, Entry)> {
        let mut entries: Vec<(u32, Entry)> = self.entries.into_iter().collect();
        entries.sort_unstable_by_key(|(node, _)| *node);
        entries
    }
}
