//! Asking the tiers, many keys at once, before nodes are looked up one by one. What came is in the store then. It
//! decides nothing, and with nothing missing it asks nothing.

use refrain_store::{Signature, Store, Wanted};
use rustc_hash::FxHashSet;

use super::Live;
use crate::force::Forced;
use crate::queries;
use crate::recall;
use crate::trail;

impl Live {
    /// Asks for what a run of these targets would look up: first for the targets, and only if not all of them are
    /// there for what they need.
    pub fn ask_tiers(&self, targets: &[u32], forced: &Forced) {
        let Some(store) = self.asked_store() else {
            return;
        };
        let own = targets
            .iter()
            .copied()
            .filter(|node| !self.is_here(*node, forced));
        let own: Vec<u32> = own.collect();
        store.ask_tiers_for(&self.wanted_of(&own, forced));
        let missing: Vec<u32> = own
            .into_iter()
            .filter(|node| !self.is_here(*node, forced))
            .collect();
        let mut stack: Vec<u32> = missing.iter().copied().chain(forced.nodes()).collect();
        let mut above = FxHashSet::default();
        while let Some(node) = stack.pop() {
            for parent in self.graph.parents(node) {
                if !self.is_here(parent, forced) && above.insert(parent) {
                    stack.push(parent);
                }
            }
        }
        let above: Vec<u32> = above.into_iter().collect();
        store.ask_tiers_for(&self.wanted_of(&above, forced));
    }

    /// Asks for the records of all of these nodes.
    pub fn ask_for_all(&self, nodes: &[u32]) {
        if let Some(store) = self.asked_store() {
            store.ask_tiers_for(&self.wanted_of(nodes, &Forced::default()));
        }
    }

    /// Asks for what is known of the files that these nodes find, as far as that stands on nothing that is yet to be
    /// asked for.
    pub(super) fn ask_for_trails(&self, nodes: &[u32]) {
        let Some(store) = self.asked_store() else {
            return;
        };
        let finders = nodes.iter().filter(|node| {
            self.graph.node(**node).discovers && self.graph.parents(**node).next().is_none()
        });
        let key = |node: &u32| {
            let base = queries::base(&self.db, self.units[*node as usize]);
            base.is_lasting().then(|| trail::key(&base.signature))
        };
        let keys: Vec<Signature> = finders.filter_map(key).collect();
        store.ask_tiers(&keys);
    }

    fn asked_store(&self) -> Option<&Store> {
        let store = self.context().store.as_deref();
        store.filter(|store| store.has_tiers())
    }

    /// Whether nothing above the node is needed for it.
    fn is_here(&self, node: u32, forced: &Forced) -> bool {
        if !forced.trusts(node) {
            return false;
        }
        let handle = match self.settled[node as usize] {
            true => Some(self.output(node)),
            false if self.graph.node(node).cache => self.probe(node),
            false => None,
        };
        let lifetime = self.lifetime(node);
        handle.is_some_and(|handle| !lifetime.is_over(handle.created_ms))
    }

    /// What these nodes are looked up by. Work that reads no other node is known by its resolved signature as well.
    fn wanted_of(&self, nodes: &[u32], forced: &Forced) -> Vec<Wanted> {
        let mut wanted = Vec::with_capacity(nodes.len());
        for &node in nodes {
            let key = self.key(node);
            if !forced.trusts(node) || !self.graph.node(node).cache || !key.is_lasting() {
                continue;
            }
            let lifetime = self.lifetime(node);
            wanted.push(lifetime.wants(key.signature));
            if self.graph.node(node).map.is_some() {
                wanted.push(recall::names_key(&key.signature).into());
            } else if self.graph.parents(node).next().is_none() {
                let resolved = self.resolve(node, |_| unreachable!("it has no parents"));
                wanted.extend(resolved.signature.map(|key| lifetime.wants(key)));
            }
        }
        wanted
    }
}
