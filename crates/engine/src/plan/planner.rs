//! Finds out what a run would do, by what is known without executing anything: what the store and its tiers
//! have, and which outputs that makes known. What a node would give that executes is not known, so all that reads
//! it can only perhaps be a hit.

mod finds;

use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Digest, Lookup, Output, Record, Signature, Store};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Plan, Planned, PlannedItems, Prospect};
use crate::explain::recorded;
use crate::force::Forced;
use crate::handle::Handle;
use crate::items::{self, Items, Parents};
use crate::live::Live;
use crate::reasons::Causes;
use crate::recall::{self, Finder};

/// Plans a run of these targets. The session's inputs are bound.
pub(crate) fn plan(live: &mut Live, targets: &[u32], forced: &Forced) -> Plan {
    plan_then(live, targets, forced, |_, _| ()).0
}

/// Plans a run of these targets, and gives the outputs that it would find. The session's inputs are bound.
pub(crate) fn plan_and_find(live: &mut Live, targets: &[u32]) -> (Plan, Vec<Output>) {
    plan_then(live, targets, &Forced::default(), |planner, nodes| {
        planner.finds(nodes)
    })
}

fn plan_then<T>(
    live: &mut Live,
    targets: &[u32],
    forced: &Forced,
    then: impl FnOnce(&mut Planner<'_>, &[u32]) -> T,
) -> (Plan, T) {
    let forced = &live.doubting(forced.clone(), targets);
    if let Some(store) = &live.context().store {
        store.ask_anew();
    }
    live.catch_up();
    live.ask_tiers(targets, forced);
    let causes = Causes::new(live);
    let found = needed(live, targets, forced);
    let mut nodes: Vec<u32> = found.keys().copied().collect();
    nodes.sort_unstable();
    let mut planner = Planner {
        live,
        causes,
        forced,
        targets,
        found,
        digests: FxHashMap::default(),
        prospects: FxHashMap::default(),
        uncalled: FxHashSet::default(),
        items: FxHashMap::default(),
    };
    for node in &nodes {
        planner.decide(*node);
    }
    planner.call_for_values(&nodes);
    let came = then(&mut planner, &nodes);
    let planned = nodes.into_iter().filter_map(|node| planner.planned(node));
    let plan = Plan {
        nodes: planned.collect(),
    };
    (plan, came)
}

/// The nodes that the run would look at, each with its output if that would
/// be found.
fn needed(live: &Live, targets: &[u32], forced: &Forced) -> FxHashMap<u32, Option<Arc<Handle>>> {
    let mut found = FxHashMap::default();
    let mut stack = targets.to_vec();
    stack.extend(forced.nodes());
    while let Some(node) = stack.pop() {
        if found.contains_key(&node) {
            continue;
        }
        let handle = match forced.trusts(node) {
            true if live.is_settled(node) => Some(live.output(node)),
            true if live.graph.node(node).cache => live.probe(node),
            _ => None,
        };
        let store = live.context().store.clone();
        let handle = handle
            .filter(|handle| live.outlasts_run(handle) && counts(live, node, handle))
            .filter(|handle| handle.check(store.as_deref()).is_ok());
        if handle.is_none() {
            stack.extend(live.graph.parents(node));
        }
        found.insert(node, handle);
    }
    found
}

/// Whether an output is not too old.
fn counts(live: &Live, node: u32, handle: &Handle) -> bool {
    !live.lifetime(node).is_over(handle.created_ms)
}

struct Planner<'a> {
    live: &'a mut Live,
    causes: Causes,
    forced: &'a Forced,
    targets: &'a [u32],
    found: FxHashMap<u32, Option<Arc<Handle>>>,
    /// Digests of outputs that are known without running anything.
    digests: FxHashMap<u32, Digest>,
    prospects: FxHashMap<u32, Prospect>,
    /// Uncached nodes whose value nobody has called for yet.
    uncalled: FxHashSet<u32>,
    items: FxHashMap<u32, PlannedItems>,
}

impl Parents for Planner<'_> {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        let handle = self.found[&parent].clone();
        handle.expect("asked only of parents that were found")
    }

    fn digest(&self, parent: u32) -> Digest {
        self.digests[&parent]
    }
}

impl Planner<'_> {
    fn decide(&mut self, node: u32) {
        if let Some(handle) = &self.found[&node] {
            self.digests.insert(node, handle.digest);
            self.prospects.insert(node, Prospect::Hit);
            return;
        }
        let known = |parent| self.digests.contains_key(&parent);
        if !self.live.graph.parents(node).all(known) {
            let prospect = match self.may_be_cut_off(node) || !self.surely_has_items(node) {
                true => Prospect::Perhaps,
                false => Prospect::Run,
            };
            self.prospects.insert(node, prospect);
            if !self.live.graph.node(node).cache && !self.targets.contains(&node) {
                self.uncalled.insert(node);
            }
            return;
        }
        let known = self.live.resolve(node, |parent| self.digests[&parent]);
        let known = known.signature;
        let in_memory = self.live.unstored(node).cloned();
        if let Some(handle) = in_memory
            && known == Some(handle.known_by())
            && counts(self.live, node, &handle)
            && !self.forced.executes(node)
        {
            self.digests.insert(node, handle.digest);
            self.prospects.insert(node, Prospect::Cutoff);
            self.found.insert(node, Some(handle));
            return;
        }
        if self.may_be_cut_off(node) {
            let store = self.live.context().store.as_ref();
            let store = store.expect("only what is cached can be cut off");
            let codec = self.live.graph.node(node).output.codec();
            let wanted = known.map(|key| self.live.lifetime(node).wants(key));
            store.ask_tiers_for(wanted.as_slice());
            if let Some(key) = known
                && let Some((record, prospect)) = self.recorded(store, node, &key)
                && let Some(handle) = Handle::recorded(&record, codec)
                && counts(self.live, node, &handle)
                && handle.check(Some(store)).is_ok()
            {
                self.digests.insert(node, handle.digest);
                self.prospects.insert(node, prospect);
                self.found.insert(node, Some(Arc::new(handle)));
                return;
            }
        } else if !self.live.graph.node(node).cache
            && !self.forced.executes(node)
            && !self.targets.contains(&node)
            && let Some(key) = known
        {
            self.digests
                .insert(node, Digest::from_bytes(*key.as_bytes()));
            self.uncalled.insert(node);
        }
        let prospect = match self.live.graph.node(node).map {
            None => Prospect::Run,
            Some(_) if !self.has_lists(node) => Prospect::Perhaps,
            Some(_) => self.decide_items(node),
        };
        self.prospects.insert(node, prospect);
    }

    /// What the store has of this work: under the node's signature, where that is
    /// doubted and turns out right, else under the resolved signature.
    fn recorded(
        &self,
        store: &Store,
        node: u32,
        resolved: &Signature,
    ) -> Option<(Arc<Record>, Prospect)> {
        if self.forced.doubts(node)
            && let Lookup::Hit(record) = store.find(&self.live.key(node).signature)
            && record.resolved == *resolved
            && !self.live.lifetime(node).is_over(record.created_ms)
        {
            return Some((record, Prospect::Hit));
        }
        match store.find_resolved(resolved) {
            Lookup::Hit(record) => Some((record, Prospect::Cutoff)),
            Lookup::Absent | Lookup::Damaged(_) => None,
        }
    }

    /// Whether all that a mapped node is mapped over is there, and not only known.
    fn has_lists(&self, node: u32) -> bool {
        let mut parents = items::mapped_over(self.live, node);
        parents.all(|parent| matches!(self.found.get(&parent), Some(Some(_))))
    }

    /// Whether something executes when the node does: one that is mapped over
    /// nothing executes nothing.
    fn surely_has_items(&self, node: u32) -> bool {
        let is_mapped = self.live.graph.node(node).map.is_some();
        !is_mapped || self.has_lists(node) && items::are_there(self.live, node, self)
    }

    /// Looks which items of a mapped node would run. If none would, the node is
    /// put together anew of those that are there.
    fn decide_items(&mut self, node: u32) -> Prospect {
        recall::prepare(self.live, node);
        let Ok(items) = Items::of(self.live, node, self) else {
            return Prospect::Run;
        };
        let finder = Finder::new(self.live, node).filter(|_| self.may_be_found(node));
        let hits = finder.map_or(0, |mut finder| {
            finder.ask_tiers(self.live, &items);
            let mut there = |item: &usize| finder.find(self.live, &items, *item).is_some();
            (0..items.len()).filter(|item| there(item)).count()
        });
        let planned = PlannedItems {
            total: items.len(),
            to_run: items.len() - hits,
        };
        self.items.insert(node, planned);
        let mut parents = self.live.graph.parents(node);
        match planned {
            // What it reads besides may yet fail.
            PlannedItems { total: 0, .. }
                if parents.any(|parent| self.found[&parent].is_none()) =>
            {
                Prospect::Perhaps
            }
            PlannedItems { to_run: 0, .. } => Prospect::Cutoff,
            _ => Prospect::Run,
        }
    }

    fn may_be_cut_off(&self, node: u32) -> bool {
        self.may_be_found(node) && self.live.graph.parents(node).next().is_some()
    }

    /// Whether the store may have what the node, or an item of it, would give.
    fn may_be_found(&self, node: u32) -> bool {
        self.live.context().store.is_some()
            && self.live.graph.node(node).cache
            && !self.forced.executes(node)
            && !self.live.key(node).is_ephemeral()
    }

    /// An uncached node runs only for a child that runs: what nobody calls for
    /// is no part of the plan, and what only a `Perhaps` calls for is one.
    fn call_for_values(&mut self, nodes: &[u32]) {
        for &node in nodes.iter().rev() {
            if !self.uncalled.contains(&node) {
                continue;
            }
            let children = self.live.graph.children.row(node).iter();
            let calls = children.filter_map(|child| self.calls(*child));
            let strongest = calls.fold(None, |strongest, call| match (strongest, call) {
                (Some(Prospect::Run), _) | (_, Prospect::Run) => Some(Prospect::Run),
                _ => Some(Prospect::Perhaps),
            });
            let has_none = self.items.get(&node).is_some_and(|items| items.total == 0);
            match strongest {
                Some(_) if has_none => {}
                Some(prospect) => drop(self.prospects.insert(node, prospect)),
                None => drop(self.prospects.remove(&node)),
            }
        }
    }

    /// Whether a node calls for what it reads: a mapped one does when its items are
    /// looked up.
    fn calls(&self, node: u32) -> Option<Prospect> {
        match *self.prospects.get(&node)? {
            Prospect::Cutoff if self.items.contains_key(&node) => Some(Prospect::Run),
            Prospect::Hit | Prospect::Cutoff => None,
            runs => Some(runs),
        }
    }

    /// How long a node would take that took so long the last time.
    fn expected(&self, node: u32, elapsed: Duration) -> Duration {
        match self.items.get(&node) {
            Some(items) => elapsed.mul_f64(items.to_run as f64 / items.total.max(1) as f64),
            None => elapsed,
        }
    }

    fn planned(&mut self, node: u32) -> Option<Planned> {
        let prospect = *self.prospects.get(&node)?;
        let runs = matches!(prospect, Prospect::Run | Prospect::Perhaps);
        let before = self.live.before(node);
        let store = self.live.context().store.clone();
        let latest = before.and_then(|before| recorded(store.as_deref()?, &before));
        let cause = runs.then(|| self.causes.cause(self.live, node, self.forced));
        Some(Planned {
            name: self.live.graph.name_of(node).clone(),
            prospect,
            reason: cause.map(|cause| cause.tell_present(self.live, node)),
            expected: latest
                .filter(|_| runs)
                .map(|record| self.expected(node, record.elapsed)),
            items: self.items.get(&node).copied(),
            signature: self.live.key(node).signature,
            output: self.found[&node]
                .as_ref()
                .and_then(|handle| handle.output().cloned()),
        })
    }
}
