//! Why nodes are executed. What a node was before is noted when it is about
//! to run; the difference is worked out from the two records when somebody
//! wants to be told, so that running costs no explaining.

use std::sync::Arc;

use refrain_store::{Digest, Lookup, Parts, Record, Signature, Store};
use rustc_hash::FxHashMap;

use crate::detail::Texts;
use crate::explain::{Reason, ReasonKind, difference, recorded};
use crate::force::Forced;
use crate::handle::Lost;
use crate::live::Live;

/// What is known of a reason while a run goes on.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// All there is to say.
    Known(Reason),
    /// The node had this signature before.
    Changed { before: Signature },
}

/// The causes known so far, by node.
pub(crate) struct Causes {
    store: Option<Arc<Store>>,
    known: FxHashMap<u32, Cause>,
}

impl Causes {
    pub fn new(live: &Live) -> Self {
        Causes {
            store: live.context().store.clone(),
            known: FxHashMap::default(),
        }
    }

    /// Notes that a node's output was there and is not usable.
    pub fn lose(&mut self, node: u32, lost: &Lost) {
        let kind = if lost.missing {
            ReasonKind::Missing
        } else {
            ReasonKind::Damaged
        };
        let reason = Reason::new(kind, lost.message.as_str());
        self.known.insert(node, Cause::Known(reason));
    }

    /// Notes that a node's output was there and is too old.
    pub fn expire(&mut self, node: u32, why: String) {
        let reason = Reason::new(ReasonKind::Expired, why);
        self.known.insert(node, Cause::Known(reason));
    }

    /// Forgets all causes: they were those of another revision.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Takes the cause of a node.
    pub fn take(&mut self, node: u32) -> Option<Cause> {
        self.known.remove(&node)
    }

    /// Notes why a node is executed, unless that is known already.
    pub fn decide(&mut self, live: &mut Live, node: u32, forced: &Forced) {
        if !self.known.contains_key(&node) {
            let cause = self.cause(live, node, forced);
            self.known.insert(node, cause);
        }
    }

    /// Why a node would be executed.
    pub fn cause(&self, live: &mut Live, node: u32, forced: &Forced) -> Cause {
        let plainly = |kind, detail: &str| Cause::Known(Reason::new(kind, detail));
        if forced.executes(node) {
            return plainly(ReasonKind::Forced, "");
        }
        if self.store.is_none() {
            return plainly(ReasonKind::Uncached, "caching is off");
        }
        if !live.graph.node(node).cache {
            return plainly(ReasonKind::Uncached, "");
        }
        let key = live.key(node);
        if key.is_ephemeral() {
            return plainly(ReasonKind::Uncached, &unhashable(live, node));
        }
        if let Some(store) = &self.store
            && let Lookup::Damaged(why) = store.find(&key.signature)
        {
            return plainly(ReasonKind::Damaged, &why);
        }
        match live.before(node) {
            None => plainly(ReasonKind::FirstRun, ""),
            Some(before) if before == key.signature => match self.too_old(live, node) {
                Some(why) => plainly(ReasonKind::Expired, &why),
                None if forced.doubts(node) => {
                    let what = match forced.nodes().next() {
                        Some(_) => "a forced node gave something else",
                        None => "a node above it was made again and gave something else",
                    };
                    plainly(ReasonKind::Dependency, what)
                }
                None => plainly(ReasonKind::Missing, "its output was not kept"),
            },
            Some(before) => Cause::Changed { before },
        }
    }
}

impl Causes {
    /// Why what is recorded of the node counts no more, if it is there and too old.
    fn too_old(&self, live: &Live, node: u32) -> Option<String> {
        let store = self.store.as_deref()?;
        let record = recorded(store, &live.key(node).signature)?;
        live.lifetime(node).over(record.created_ms)
    }
}

impl Cause {
    /// The reason for people, from the records of before and now.
    pub fn tell(&self, store: Option<&Store>, now: &Signature) -> Reason {
        let before = match self.before(store) {
            Ok(before) => before,
            Err(reason) => return reason,
        };
        match store.and_then(|store| recorded(store, now)) {
            Some(now) => told(store, &before, &now.parts, &[]),
            None => unknown(),
        }
    }

    /// The reason of a node that has ended: what it turned out to be stands in its
    /// record, if it has one.
    pub fn tell_ended(&self, live: &Live, node: u32, now: &Signature) -> Reason {
        let store = live.context().store.as_deref();
        match self {
            Cause::Known(reason) => reason.clone(),
            _ if store.is_some_and(|store| recorded(store, now).is_some()) => self.tell(store, now),
            Cause::Changed { .. } => self.tell_present(live, node),
        }
    }

    /// The reason of a node in the present revision, recorded or not.
    pub fn tell_present(&self, live: &Live, node: u32) -> Reason {
        let store = live.context().store.as_deref();
        let before = match self.before(store) {
            Ok(before) => before,
            Err(reason) => return reason,
        };
        let (parts, notes) = live.present_parts(node, Some(&before.parts));
        told(store, &before, &parts, &notes)
    }

    /// What is recorded of the node as it was before, or else all there is to say.
    fn before(&self, store: Option<&Store>) -> Result<Arc<Record>, Reason> {
        match self {
            Cause::Known(reason) => Err(reason.clone()),
            Cause::Changed { before } => store
                .and_then(|store| recorded(store, before))
                .ok_or_else(unknown),
        }
    }
}

/// The reason that lies in what a node was, and what its parts are.
fn told(
    store: Option<&Store>,
    before: &Record,
    now: &Parts,
    fresh: &[(Digest, Arc<str>)],
) -> Reason {
    match difference(&before.parts, now) {
        Some(found) => found.step(&before.node, &Texts { store, fresh }).reason,
        None => Reason::new(ReasonKind::Missing, "its output was not kept"),
    }
}

fn unknown() -> Reason {
    Reason::new(ReasonKind::FirstRun, "what it was before is no longer kept")
}

/// Which input has no lasting digest.
fn unhashable(live: &Live, node: u32) -> String {
    let graph = &live.graph;
    let above = graph.ancestors(&[node]);
    let found = above.iter().find_map(|node| {
        graph.sources_of(*node).find_map(|number| {
            let why = live.source(number).unhashable.clone()?;
            Some((&graph.sources[number as usize].name, why))
        })
    });
    match found {
        Some((name, why)) => format!("input \"{name}\" cannot be hashed: {why}"),
        None => String::new(),
    }
}
