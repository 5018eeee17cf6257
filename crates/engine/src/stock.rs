//! All that is remembered of some targets and of what they need, as one stock
//! that can be brought elsewhere. It executes nothing.

use std::sync::Arc;

use refrain_store::{Digest, Lookup, Output, Record, Signature, Store};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::Wire;
use crate::live::Live;
use crate::recall::{self, Kept};
use crate::signature::PartHashes;
use crate::trail;

/// The records that a run of the targets, or of anything that they need, would
/// look up and find; each once. Where `ask`, the tiers are asked for them.
pub(crate) fn records(live: &mut Live, targets: &[u32], ask: bool) -> Vec<Signature> {
    live.refresh();
    let mut nodes = live.graph.ancestors(targets);
    nodes.sort_unstable();
    if ask {
        live.ask_for_all(&nodes);
    }
    let mut stock = Stock::default();
    for node in nodes {
        stock.add(live, node, ask);
    }
    let mut seen = FxHashSet::default();
    stock.records.retain(|key| seen.insert(*key));
    stock.records
}

/// The outputs of all of these records.
pub(crate) fn outputs(live: &Live, records: &[Signature]) -> Vec<Output> {
    let Some(store) = live.context().store.as_ref() else {
        return Vec::new();
    };
    let output = |key: &Signature| match store.find(key) {
        Lookup::Hit(record) => Some(record.output.clone()),
        Lookup::Absent | Lookup::Damaged(_) => None,
    };
    records.iter().filter_map(output).collect()
}

#[derive(Default)]
struct Stock {
    records: Vec<Signature>,
    digests: FxHashMap<u32, Digest>,
}

impl Stock {
    fn add(&mut self, live: &Live, node: u32, ask: bool) {
        let Some(store) = live.context().store.clone() else {
            return;
        };
        let key = live.key(node);
        if live.graph.node(node).discovers {
            let known = |parent| self.digests.get(&parent).copied();
            self.records.extend(live.trail_keys(node, known));
        }
        if !key.is_lasting() || !live.graph.node(node).cache {
            return;
        }
        let Lookup::Hit(record) = store.find(&key.signature) else {
            return;
        };
        self.records.push(key.signature);
        self.digests.insert(node, record.output.digest);
        if live.graph.node(node).map.is_none() {
            return;
        }
        if let Some(kept) = Kept::of(&store, &key.signature) {
            self.records.push(recall::names_key(&key.signature));
            self.add_items(live, node, &store, &kept.names, ask);
        }
    }

    /// Adds the items of a mapped node, with what is known of the files that they
    /// find.
    fn add_items(&mut self, live: &Live, node: u32, store: &Store, names: &[Signature], ask: bool) {
        if ask {
            store.ask_tiers(names);
        }
        let item = |name: &Signature| match store.find_resolved(name) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent | Lookup::Damaged(_) => None,
        };
        let items: Vec<Arc<Record>> = names.iter().filter_map(item).collect();
        self.records.extend(items.iter().map(|item| item.signature));
        if !live.graph.node(node).discovers {
            return;
        }
        let wires = live.graph.wires.row(node).iter();
        let sources = wires.filter(|wire| matches!(wire, Wire::Source(_))).count();
        let trail = |item: &Arc<Record>| {
            trail::key(&PartHashes::without_trail(&item.parts, sources).resolved())
        };
        let trails: Vec<Signature> = items.iter().map(trail).collect();
        if ask {
            store.ask_tiers(&trails);
        }
        self.records.extend(trails);
    }
}
