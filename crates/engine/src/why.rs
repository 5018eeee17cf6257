//! Why a node is not what it was: a walk from the node down through its parents
//! to the first thing that changed, be it an item of a list. It goes from record
//! to record; as long as nothing has run, the present side is asked of the live
//! pipeline.

use std::sync::Arc;

use refrain_store::{Signature, Store};
use smallvec::{SmallVec, smallvec};

use crate::detail::Texts;
use crate::explain::{Explanation, Step, difference, recorded};
use crate::force::Forced;
use crate::itemised;
use crate::live::Live;
use crate::reasons::{Cause, Causes};

/// Explains why a node would run. The session's inputs are bound.
pub(crate) fn why(live: &mut Live, node: u32) -> Explanation {
    live.catch_up();
    let causes = Causes::new(live);
    let mut steps = Vec::new();
    let mut at = Some((node, None));
    while let Some((node, was)) = at.take() {
        let cause = match was {
            Some(before) => Cause::Changed { before },
            None => causes.cause(live, node, &Forced::default()),
        };
        let (told, next) = step(live, node, &cause);
        steps.extend(told);
        at = next;
    }
    Explanation { steps }
}

/// A node whose parent differs, and the signature that it had; `None` as it is
/// known by itself.
type Next = Option<(u32, Option<Signature>)>;

/// The step at one node, with one to its item where it ends there, and the parent
/// to go on with.
fn step(live: &mut Live, node: u32, cause: &Cause) -> (SmallVec<[Step; 2]>, Next) {
    let name = live.graph.name_of(node).clone();
    let store = live.context().store.clone();
    let found = match (cause, &store) {
        (Cause::Changed { before }, Some(store)) => recorded(store, before),
        _ => None,
    };
    let was = found.as_ref().map(|before| &before.parts);
    let (parts, fresh) = live.present_parts(node, was);
    let differs = found.and_then(|before| difference(&before.parts, &parts));
    let Some(differs) = differs else {
        let reason = cause.tell_present(live, node);
        let bare = Step {
            node: name,
            reason,
            leaf: None,
            place: None,
            old: None,
            new: None,
        };
        return (smallvec![bare], None);
    };
    let texts = Texts {
        store: store.as_deref(),
        fresh: &fresh,
    };
    let step = differs.step(&name, &texts);
    let next = differs.parent().and_then(|(was, _)| {
        let parent = parent(live, node, &differs.leaf)?;
        let kept = store.as_ref().and_then(|store| recorded(store, &was));
        Some((parent, kept.map(|_| was)))
    });
    let mut steps = smallvec![step];
    if let (None, Cause::Changed { before }) = (next, cause)
        && tells_no_file(&steps[0])
    {
        steps.extend(itemised::since(live, node, &differs, before));
    }
    (steps, next)
}

/// The parent that a node takes as this parameter.
fn parent(live: &Live, node: u32, param: &Arc<str>) -> Option<u32> {
    let params = &live.graph.node(node).params;
    let at = params.iter().position(|known| known.name == *param)?;
    live.graph.parent_at(node, at)
}

impl Explanation {
    /// The way down from a node to what differs between two of its signatures;
    /// `None` where a record is no longer kept. There are no steps if nothing
    /// differs.
    pub fn between(
        store: &Store,
        node: &Arc<str>,
        before: &Signature,
        now: &Signature,
    ) -> Option<Self> {
        let (mut before, mut now) = (recorded(store, before)?, recorded(store, now)?);
        let texts = Texts {
            store: Some(store),
            fresh: &[],
        };
        let mut steps = Vec::new();
        let mut node = node.clone();
        while let Some(found) = difference(&before.parts, &now.parts) {
            let step = found.step(&node, &texts);
            let parent = found
                .parent()
                .and_then(|(was, is)| Some((recorded(store, &was)?, recorded(store, &is)?)));
            let item = match &parent {
                None if tells_no_file(&step) => {
                    itemised::between(store, &node, &found, &before.signature, &now.signature)
                }
                _ => None,
            };
            steps.push(step);
            steps.extend(item);
            let Some(parent) = parent else { break };
            (before, now) = parent;
            node = now.node.clone();
        }
        Some(Explanation { steps })
    }
}

/// Whether there may be more to say of a list: of files the step tells which.
fn tells_no_file(step: &Step) -> bool {
    step.place.is_none()
}
