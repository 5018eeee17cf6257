//! What is left when a run has been driven to its end: the outputs for the
//! caller, and what the store should know for the runs to come. It is unaware
//! of how any of it was found or made.

use std::sync::Arc;

use refrain_store::{Digest, RunEntry, Signature, Store};
use rustc_hash::FxHashMap;

use crate::report::{Entry, Outcome};
use crate::run::Target;
use crate::session::Session;

/// The targets' outputs. A value made in this run is kept with the run; the
/// session lets go of it where the store can give it again.
pub(super) fn outputs(
    session: &Session,
    targets: &[u32],
    entries: &[(u32, Entry)],
) -> FxHashMap<u32, Target> {
    let settled = |node: &&u32| {
        let at = entries.binary_search_by_key(*node, |(node, _)| *node);
        at.is_ok_and(|at| has_output(&entries[at].1))
    };
    let target = |node: &u32| {
        let handle = session.output(*node);
        let value = handle.in_hand();
        handle.release();
        (*node, Target { handle, value })
    };
    targets.iter().filter(settled).map(target).collect()
}

/// Tells the store of a run, and what its nodes are now if any of that is new.
pub(super) fn remember(
    store: &Store,
    session: &mut Session,
    targets: &[u32],
    entries: &[(u32, Entry)],
    changed: bool,
    run: RunEntry,
) {
    let state = state(session, targets);
    let as_it_was = !changed && store.state(&session.graph.name) == Some(state);
    let latest = if as_it_was {
        Vec::new()
    } else {
        latest(session, entries)
    };
    store.finish_run(run, latest, state);
}

/// What stands for the state that a run found or left: the targets' signatures.
fn state(session: &Session, targets: &[u32]) -> Digest {
    let mut bytes = Vec::with_capacity(targets.len() * 32);
    for target in targets {
        bytes.extend_from_slice(session.key(*target).signature.as_bytes());
    }
    Digest::of(&bytes)
}

/// The signatures that the store should know as the nodes' latest and does not
/// yet: of the nodes looked at, and of what changed above those that were found.
/// Above a node that is what it was, everything is.
fn latest(session: &mut Session, entries: &[(u32, Entry)]) -> Vec<(Arc<str>, Signature)> {
    let looked_at = entries.iter().filter(|(_, entry)| has_output(entry));
    let mut stack: Vec<u32> = looked_at.map(|(node, _)| *node).collect();
    let mut told = Vec::new();
    while let Some(node) = stack.pop() {
        let signature = session.key(node).signature;
        if session.before(node) == Some(signature) {
            continue;
        }
        session.is_now(node, signature);
        told.push((session.graph.name_of(node).clone(), signature));
        stack.extend(session.graph.parents(node));
    }
    told
}

fn has_output(entry: &Entry) -> bool {
    matches!(
        entry.outcome,
        Outcome::Executed | Outcome::Hit | Outcome::Cutoff
    )
}
