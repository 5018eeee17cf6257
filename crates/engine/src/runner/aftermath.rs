//! What is left when a run has been driven to its end: the outputs for the
//! caller, and what the store should know for the runs to come. It is unaware
//! of how any of it was found or made.

use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Digest, NodeChange, RunEntry, Store};
use rustc_hash::FxHashMap;

use crate::live::Live;
use crate::reasons::Cause;
use crate::report::{Entry, Outcome};
use crate::run::Target;

/// The targets' outputs. A value made in this run is kept with the run; the
/// session lets go of it where the store can give it again.
pub(super) fn outputs(
    live: &mut Live,
    targets: &[u32],
    entries: &[(u32, Entry)],
) -> FxHashMap<u32, Target> {
    let settled = |node: &&u32| {
        let at = entries.binary_search_by_key(*node, |(node, _)| *node);
        at.is_ok_and(|at| entries[at].1.outcome.has_output())
    };
    let target = |node: &u32| {
        let handle = live.output(*node);
        let value = handle.in_hand();
        live.release(&handle);
        (*node, Target { handle, value })
    };
    targets.iter().filter(settled).map(target).collect()
}

/// Tells the store of a run, and what its nodes are now if any of that is new;
/// says whether it is.
pub(super) fn remember(
    store: &Store,
    live: &mut Live,
    targets: &[u32],
    entries: &[(u32, Entry)],
    changed: bool,
    run: RunEntry,
) -> bool {
    let state = state(live, targets, entries);
    let as_it_was = !changed && store.state(&live.graph.name) == Some(state);
    let mut changes = failures(live, entries);
    if !as_it_was {
        changes.extend(latest(live, entries));
    }
    live.note_run(&run.id);
    store.finish_run(run, changes, state);
    !as_it_was
}

/// What stands for the state that a run found or left: the targets' signatures,
/// and who has no output.
fn state(live: &Live, targets: &[u32], entries: &[(u32, Entry)]) -> Digest {
    let mut bytes = Vec::with_capacity(targets.len() * 32);
    for target in targets {
        bytes.extend_from_slice(live.key(*target).signature.as_bytes());
    }
    for (node, entry) in entries {
        if let Outcome::Failed | Outcome::Blocked | Outcome::Cancelled = entry.outcome {
            bytes.extend_from_slice(live.graph.name_of(*node).as_bytes());
        }
    }
    Digest::of(&bytes)
}

/// What the store should know of the nodes that failed.
fn failures(live: &mut Live, entries: &[(u32, Entry)]) -> Vec<NodeChange> {
    let failed = entries
        .iter()
        .filter(|(_, entry)| entry.outcome == Outcome::Failed);
    failed
        .map(|(node, entry)| NodeChange {
            log: entry.log.clone(),
            ..ran(live, *node, entry)
        })
        .collect()
}

/// What the store should know of the nodes looked at that ran or have another
/// signature, and of what changed above those that were found. Above a node
/// that is what it was, everything is.
fn latest(live: &mut Live, entries: &[(u32, Entry)]) -> Vec<NodeChange> {
    let mut told = Vec::new();
    let mut above = Vec::new();
    let looked_at = entries
        .iter()
        .filter(|(_, entry)| entry.outcome.has_output());
    for (node, entry) in looked_at {
        let has_run = entry.outcome != Outcome::Hit;
        let change = ran(live, *node, entry);
        let is_new = note(live, *node, &change);
        if is_new {
            above.extend(live.graph.parents(*node));
        }
        if is_new || has_run {
            told.push(change);
        }
    }
    while let Some(node) = above.pop() {
        let change = change(live, node, Outcome::Unneeded);
        if note(live, node, &change) {
            above.extend(live.graph.parents(node));
            told.push(change);
        }
    }
    told
}

/// Notes what a node is now; says whether it was something else.
fn note(live: &mut Live, node: u32, change: &NodeChange) -> bool {
    let is_new = change.before != Some(change.signature);
    if is_new {
        live.is_now(node, change.signature);
    }
    is_new
}

/// A node that was looked at. A reason that lies in what changed is not kept:
/// the records of both signatures tell it, down to what changed.
fn ran(live: &mut Live, node: u32, entry: &Entry) -> NodeChange {
    let reason = match &entry.cause {
        Some(Cause::Known(reason)) => reason.to_string().into(),
        Some(Cause::Changed { .. }) | None => Arc::from(""),
    };
    NodeChange {
        reason,
        elapsed: entry.elapsed,
        ..change(live, node, entry.outcome)
    }
}

fn change(live: &mut Live, node: u32, outcome: Outcome) -> NodeChange {
    NodeChange {
        node: live.graph.name_of(node).clone(),
        signature: live.key(node).signature,
        before: live.before(node),
        outcome: outcome.name().into(),
        reason: Arc::from(""),
        elapsed: Duration::ZERO,
        log: None,
    }
}
