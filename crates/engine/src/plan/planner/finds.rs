//! What a run would find: outputs of nodes, and of items of mapped nodes that it would not find as a whole. An item
//! may be made of items of another such node, which are told apart by what is there of them.

use std::sync::Arc;

use refrain_store::{Digest, Output};
use rustc_hash::FxHashMap;

use super::Planner;
use crate::graph::Wire;
use crate::handle::Handle;
use crate::items::{Coming, Items, Parents};
use crate::recall::{self, Finder};

/// What there is of the items of mapped nodes that are not there as a whole.
type Parts = FxHashMap<u32, Coming>;

/// Parents that are there as a whole or in part.
struct Found<'a, 'p> {
    planner: &'a Planner<'p>,
    parts: &'a Parts,
}

impl Parents for Found<'_, '_> {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        self.planner.handle(parent)
    }

    fn digest(&self, parent: u32) -> Digest {
        self.planner.digest(parent)
    }

    fn coming(&self, parent: u32) -> Option<Coming> {
        self.parts.get(&parent).cloned()
    }
}

impl Planner<'_> {
    /// The outputs that a run which looks at these nodes would find.
    pub(super) fn finds(&mut self, nodes: &[u32]) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut parts = Parts::default();
        for &node in nodes {
            if !self.prospects.contains_key(&node) {
                continue;
            }
            if let Some(handle) = &self.found[&node] {
                outputs.extend(handle.output().cloned());
            } else if let Some(items) = self.find_items(node, &parts) {
                let found = items.iter().filter_map(|(_, item)| item.as_ref());
                outputs.extend(found.filter_map(|item| item.output().cloned()));
                parts.insert(node, items);
            }
        }
        outputs
    }

    /// The outputs of a mapped node's items that are there, under the keys of all items.
    fn find_items(&mut self, node: u32, parts: &Parts) -> Option<Coming> {
        let is_mapped = self.live.graph.node(node).map.is_some();
        if !is_mapped || !self.may_be_found(node) || !self.can_be_listed(node, parts) {
            return None;
        }
        recall::prepare(self.live, node);
        let planner = &*self;
        let items = Items::of(planner.live, node, &Found { planner, parts }).ok()?;
        let mut finder = Finder::new(self.live, node)?;
        finder.ask_tiers(self.live, &items);
        let item = |item: usize| {
            let whole = items.known_by(item).is_some();
            let found = whole.then(|| finder.find(self.live, &items, item));
            let output = found.flatten().map(|found| found.output);
            (items.key(item).clone(), output)
        };
        Some((0..items.len()).map(item).collect())
    }

    /// Whether there is all that tells the items of a mapped node apart, and all that they have in common is known.
    fn can_be_listed(&self, node: u32, parts: &Parts) -> bool {
        let graph = &self.live.graph;
        let map = graph.node(node).map.as_ref();
        let axes = map.map_or(&[][..], |map| &map.axes);
        let mut wires = graph.wires.row(node).iter().enumerate();
        wires.all(|(param, wire)| {
            let Wire::Node(parent) = wire else {
                return true;
            };
            match axes.iter().find(|axis| axis.param == param) {
                Some(axis) if !axis.whole && parts.contains_key(parent) => true,
                Some(_) => matches!(self.found.get(parent), Some(Some(_))),
                None => self.digests.contains_key(parent),
            }
        })
    }
}
