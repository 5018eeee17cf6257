//! Why each node of a run is executed, decided before its record is replaced.

use std::sync::Arc;

use refrain_store::{Signature, Store};
use rustc_hash::FxHashMap;

use crate::explain::{Reason, ReasonKind, Texts, difference};
use crate::session::Session;

/// The reasons known so far, by node.
pub(crate) struct Reasons {
    store: Option<Arc<Store>>,
    /// Whether the pipeline ever ran here: if not, every reason is the same.
    ran_before: bool,
    known: FxHashMap<u32, Reason>,
    /// The signatures that nodes had when they were last looked at, where
    /// they have another one now.
    pub before: FxHashMap<u32, Signature>,
}

impl Reasons {
    pub fn new(session: &Session) -> Self {
        let store = session.context().store.clone();
        let ran_before = store
            .as_ref()
            .is_some_and(|store| store.has_latest(&session.graph.name));
        Reasons {
            store,
            ran_before,
            known: FxHashMap::default(),
            before: FxHashMap::default(),
        }
    }

    /// Sets the reason of a node.
    pub fn set(&mut self, node: u32, reason: Reason) {
        self.known.insert(node, reason);
    }

    /// Takes the reason of a node.
    pub fn take(&mut self, node: u32) -> Option<Reason> {
        self.known.remove(&node)
    }

    /// Decides why a node is executed, unless that is known already.
    pub fn decide(&mut self, session: &Session, node: u32, forced: bool) {
        if !self.known.contains_key(&node) {
            let (reason, before) = self.reason(session, node, forced);
            self.set(node, reason);
            self.before.extend(before.map(|before| (node, before)));
        }
    }

    /// Why a node would be executed, and the signature that it had before.
    pub fn reason(
        &self,
        session: &Session,
        node: u32,
        forced: bool,
    ) -> (Reason, Option<Signature>) {
        let spec = session.spec(node);
        let plainly = |kind, detail: &str| (Reason::new(kind, detail), None);
        if forced {
            return plainly(ReasonKind::Forced, "");
        }
        let Some(store) = &self.store else {
            return plainly(ReasonKind::Uncached, "caching is off");
        };
        if !spec.node.cache {
            return plainly(ReasonKind::Uncached, "");
        }
        if session.key(node).ephemeral {
            return plainly(ReasonKind::Uncached, &unhashable(session, node));
        }
        let latest = || store.latest(&session.graph.name, spec.node.name());
        let Some(before) = self.ran_before.then(latest).flatten() else {
            return plainly(ReasonKind::FirstRun, "");
        };
        let (parts, notes) = session.parts(node);
        let texts = Texts {
            store: Some(store),
            fresh: &notes,
        };
        match difference(&before.parts, &parts) {
            Some(found) => {
                let step = found.step(&before.node, &texts);
                (step.reason, Some(before.signature))
            }
            None => plainly(ReasonKind::Missing, "its output was not kept"),
        }
    }
}

/// Which input has no lasting digest.
fn unhashable(session: &Session, node: u32) -> String {
    let graph = &session.graph;
    let above = graph.ancestors(&[node]);
    let found = above.iter().find_map(|node| {
        graph.sources_of(*node).find_map(|number| {
            let why = session.source(number).unhashable.clone()?;
            Some((&graph.sources[number as usize].name, why))
        })
    });
    match found {
        Some((name, why)) => format!("input \"{name}\" cannot be hashed: {why}"),
        None => String::new(),
    }
}
