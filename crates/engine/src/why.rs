//! Why a node is not what it was, as things are now: a walk from the node down
//! through present parents to the first thing that changed. Nothing has run,
//! so the present side is asked of the session and not of records.

use std::sync::Arc;

use refrain_store::Signature;

use crate::detail::Texts;
use crate::explain::{Explanation, Step, difference, recorded};
use crate::force::Forced;
use crate::live::Live;
use crate::reasons::{Cause, Causes};

/// Explains why a node would run. The session's inputs are bound.
pub(crate) fn why(live: &mut Live, node: u32) -> Explanation {
    live.refresh();
    let causes = Causes::new(live);
    let mut steps = Vec::new();
    let mut at = Some((node, None));
    while let Some((node, was)) = at.take() {
        let cause = match was {
            Some(before) => Cause::Changed { before },
            None => causes.cause(live, node, &Forced::default()),
        };
        let (step, next) = step(live, node, &cause);
        steps.push(step);
        at = next;
    }
    Explanation { steps }
}

/// One step, and the parent to go on with: with the signature that it had, or
/// as it is known by itself.
fn step(live: &mut Live, node: u32, cause: &Cause) -> (Step, Option<(u32, Option<Signature>)>) {
    let name = live.graph.name_of(node).clone();
    let store = live.context().store.clone();
    let found = match (cause, &store) {
        (Cause::Changed { before }, Some(store)) => recorded(store, before),
        _ => None,
    };
    let (parts, fresh) = live.present_parts(node);
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
        return (bare, None);
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
    (step, next)
}

/// The parent that a node takes as this parameter.
fn parent(live: &Live, node: u32, param: &Arc<str>) -> Option<u32> {
    let params = &live.graph.node(node).params;
    let at = params.iter().position(|known| known.name == *param)?;
    live.graph.parent_at(node, at)
}
