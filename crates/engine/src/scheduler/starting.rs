//! From waiting to running: what a node is known by once its parents are, whether
//! it has to run at all, and the start of its work.

use std::sync::Arc;

use refrain_store::{Digest, Lookup, Record, Signature, Store};

use super::Driver;
use super::flights::Waiter;
use super::gather::gather;
use super::ledger::Ending;
use crate::execution::Stop;
use crate::handle::Handle;
use crate::live::Resolved;
use crate::queries::Key;
use crate::report::Outcome;
use crate::signature::PartHashes;
use crate::trail::{Trail, Trails};

impl Driver<'_> {
    /// All parents have digests: what the node is known by is known, but for
    /// the files that its action has yet to find.
    pub(super) fn resolve(&mut self, node: u32) {
        self.keys.settle(self.live, node);
        let cached = self.live.graph.node(node).cache;
        let forced = self.is_forced(node);
        if !forced && self.is_in_memory(node) {
            return;
        }
        let ephemeral = self.keys.key(self.live, node).is_ephemeral();
        if cached && !forced && !ephemeral {
            let has_parents = self.live.graph.parents(node).next().is_some();
            if has_parents && self.cut_off(node, Outcome::Cutoff) {
                return;
            }
        } else if !cached && !forced && !self.is_target(node) {
            let resolved = self.resolved(node);
            if let Some(signature) = resolved.signature {
                self.find_out(node, resolved.trail.as_ref());
                let digest = Digest::from_bytes(*signature.as_bytes());
                return self.progress.know(node, digest);
            }
        }
        self.progress.want(node);
    }

    /// Takes a node's output that only memory has, if it is still the same.
    fn is_in_memory(&mut self, node: u32) -> bool {
        let Some(handle) = self.live.unstored(node).cloned() else {
            return false;
        };
        let same = self.resolved(node).signature == Some(handle.known_by());
        if let Some(why) = self.live.lifetime(node).over(handle.created_ms) {
            self.ledger.expire(node, why);
            return false;
        }
        if same {
            self.settled(node, &handle, Ending::found(Outcome::Cutoff, &handle));
        }
        same
    }

    fn resolved(&self, node: u32) -> Resolved {
        let digest = |parent| self.progress.digest(parent);
        self.live.resolve(node, digest)
    }

    /// Notes which files a node's action finds: its key stands on them.
    pub(super) fn find_out(&mut self, node: u32, trail: Option<&Trail>) {
        if trail.is_some() && !self.keys.key(self.live, node).is_ephemeral() {
            let hashes = self.keys.hashes(self.live, node, trail);
            self.keys.turned_out(node, Key::lasting(hashes.signature()));
        }
    }

    /// Takes what the store has under the node's signature, where that is not
    /// trusted by itself: if it was made of what the parents gave.
    fn is_as_recorded(&mut self, node: u32, store: &Store, resolved: &Signature) -> bool {
        if !self.request.forced.doubts(node) || !self.keys.key(self.live, node).is_lasting() {
            return false;
        }
        let known = |handle: &Arc<Handle>, record: &Record| {
            record.resolved == *resolved
                && !self.live.lifetime(node).is_over(record.created_ms)
                && handle.check(Some(store)).is_ok()
        };
        let Lookup::Hit(record) = store.find(&self.keys.key(self.live, node).signature) else {
            return false;
        };
        let codec = self.live.graph.node(node).output.codec();
        let handle = Handle::recorded(&record, codec).map(Arc::new);
        let Some(handle) = handle.filter(|handle| known(handle, &record)) else {
            return false;
        };
        let is_anew = |parent| self.ledger.is_anew(parent);
        let outcome = match self.live.graph.parents(node).any(is_anew) {
            true => Outcome::Cutoff,
            false => Outcome::Hit,
        };
        let mut ending = Ending::found(outcome, &handle);
        ending.tier = self.origin(&record.signature);
        self.settled(node, &handle, ending);
        true
    }

    /// Early cutoff: the output under the resolved signature, if there is one.
    pub(super) fn cut_off(&mut self, node: u32, outcome: Outcome) -> bool {
        let Some(store) = self.store.clone() else {
            return false;
        };
        let Resolved { signature, trail } = self.resolved(node);
        let Some(resolved) = signature else {
            return false;
        };
        if self.is_as_recorded(node, &store, &resolved) {
            return true;
        }
        let Lookup::Hit(record) = store.find_resolved(&resolved) else {
            return false;
        };
        let codec = self.live.graph.node(node).output.codec();
        let Some(handle) = Handle::recorded(&record, codec) else {
            return false;
        };
        if let Some(why) = self.live.lifetime(node).over(handle.created_ms) {
            self.ledger.expire(node, why);
            return false;
        }
        if let Err(lost) = handle.check(Some(&store)) {
            store.discard(&record.signature);
            self.ledger.lose(node, &lost);
            return false;
        }
        if let Some(trail) = &trail {
            let work = self.keys.hashes(self.live, node, None).signature();
            let name = self.live.graph.name_of(node);
            if let Err(why) = Trails::remember(&store, name, &work, trail) {
                tracing::warn!(node = %name, why, "found files are not remembered");
            }
        }
        let (parts, notes) = self.keys.parts(self.live, node, trail.as_ref());
        let alias = Record {
            signature: PartHashes::of(&parts).signature(),
            parts,
            ..(*record).clone()
        };
        let home = self.live.home(self.live.graph.node(node));
        store.commit_at(&home, alias, notes, None);
        self.find_out(node, trail.as_ref());
        let handle = Arc::new(handle);
        let mut ending = Ending::found(outcome, &handle);
        ending.tier = self.origin(&record.signature);
        self.settled(node, &handle, ending);
        true
    }

    /// Starts the work of a node, or lets it wait for equal work.
    pub(super) fn dispatch(&mut self, node: u32) {
        self.progress.start(node);
        if self.live.graph.node(node).map.is_some() {
            return self.expand(node);
        }
        let digest = |parent| *self.progress.digest(parent).as_bytes();
        let hashes = self.live.hashes(node, digest, None);
        let forced = self.is_forced(node);
        self.ledger.decide(self.live, node, &self.request.forced);
        let cached = self.live.graph.node(node).cache;
        if self
            .flights
            .join(&hashes.resolved(), cached, Waiter::Node(node))
        {
            return;
        }
        self.looked = true;
        let stop = Stop::new(self.request.cancel.clone());
        let work = gather(self.live, &self.keys, node, hashes, forced, stop);
        let name = self.live.graph.name_of(node);
        let ticket = self.flights.add(name, Waiter::Node(node), work);
        self.submit(ticket);
    }

    pub(super) fn submit(&mut self, ticket: u64) {
        let idle = self.progress.none_ready() && self.expansions.none_waiting();
        if !self.flights.is_best_here(ticket, idle) {
            return self.flights.submit(ticket);
        }
        self.started(ticket);
        let done = self.flights.execute_here(ticket);
        self.landed(ticket, done);
    }

    pub(super) fn started(&mut self, ticket: u64) {
        if let Some(Waiter::Node(node)) = self.flights.started(ticket) {
            self.ledger.tell_start(self.live.graph.name_of(node));
        }
    }
}
