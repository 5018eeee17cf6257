//! Putting another graph in the place of a live pipeline's present one. Nodes
//! and inputs are recognised by their names; what is like it was keeps its place
//! in the database, and with it everything that is known of it. The places of
//! what is gone are used again, so that memory does not grow with edits.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use salsa::{Durability, Setter};

use super::before::Before;
use super::code_parts::CodeParts;
use super::units::{Specs, new_source, new_unit};
use super::{Live, Reach, Stale};
use crate::db::Spec;
use crate::graph::Graph;
use crate::queries::{Source, Unit};

/// Places in the database that nothing stands at.
#[derive(Default)]
pub(super) struct Spare {
    pub sources: Vec<Source>,
    pub units: Vec<Unit>,
}

/// The new number of each old node; `None` for one that is gone.
pub(crate) type Renumbered = Vec<Option<u32>>;

impl Live {
    /// Goes over to another graph, of which these targets are asked for. Inputs
    /// are to be bound before anything is asked.
    pub fn replace(&mut self, graph: Arc<Graph>, targets: &Arc<[u32]>) -> Renumbered {
        let old = std::mem::replace(&mut self.graph, graph.clone());
        let number = |name: &Arc<str>| graph.by_name.get(name).copied();
        let renumbered: Renumbered = old.nodes.iter().map(|n| number(&n.location.node)).collect();
        self.replace_sources(&old);
        let changed = self.replace_units(&renumbered);
        for node in graph.descendants(&changed) {
            self.settled[node as usize] = false;
        }
        self.renumber_finders(&renumbered);
        let unstored = std::mem::take(&mut self.unstored).into_iter();
        let still =
            unstored.filter_map(|(node, handle)| Some((renumbered[node as usize]?, handle)));
        self.unstored = still.collect();
        self.before.renumber(&renumbered, graph.nodes.len());
        if old.name != graph.name {
            self.before = Before::new(&graph, self.context().store.clone());
        }
        // It is kept by the addresses of codes that may be gone.
        self.code_parts = CodeParts::default();
        self.places = None;
        self.inputs = None;
        self.reach = Reach {
            targets: targets.clone(),
            nodes: graph.ancestors(targets),
        };
        // All that is needed is looked at in one pass, parents first: a new node
        // may stand above an old one.
        self.unseen.clear();
        self.seen = vec![false; graph.nodes.len()];
        for node in &self.reach.nodes {
            self.seen[*node as usize] = true;
        }
        self.find_low();
        self.stale = Stale::Everything;
        self.revision += 1;
        renumbered
    }

    fn replace_sources(&mut self, old: &Graph) {
        let graph = self.graph.clone();
        let numbers = old.sources.iter().zip(0usize..);
        let mut numbers: FxHashMap<&str, usize> = numbers
            .map(|(source, number)| (&*source.name, number))
            .collect();
        let (sources, bound, lowered) = (
            std::mem::take(&mut self.sources),
            std::mem::take(&mut self.bound),
            std::mem::take(&mut self.lowered),
        );
        for source in &graph.sources {
            let (place, is_bound, is_low) = match numbers.remove(&*source.name) {
                Some(number) => (sources[number], bound[number], lowered[number]),
                None => match self.spare.sources.pop() {
                    Some(spare) => (spare, false, true),
                    None => (new_source(&self.db), false, false),
                },
            };
            self.sources.push(place);
            self.bound.push(is_bound);
            self.lowered.push(is_low);
        }
        let gone = numbers.into_values().map(|number| sources[number]);
        self.spare.sources.extend(gone);
    }

    /// Gives the nodes that are new or another than they were.
    fn replace_units(&mut self, renumbered: &Renumbered) -> Vec<u32> {
        let graph = self.graph.clone();
        let (units, specs, settled) = (
            std::mem::take(&mut self.units),
            std::mem::take(&mut self.specs),
            std::mem::take(&mut self.settled),
        );
        let lowered = std::mem::take(&mut self.lowered_units);
        let mut before: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        for (old, new) in renumbered.iter().enumerate() {
            match new {
                Some(new) => before[*new as usize] = Some(old),
                None => self.spare.units.push(units[old]),
            }
        }
        let mut making = Specs::default();
        let mut changed = Vec::new();
        for node in 0..graph.nodes.len() as u32 {
            let spec = making.spec(self.context(), &graph, node, &self.sources, &self.units);
            let spec = Arc::new(spec);
            let place = match before[node as usize] {
                Some(old) => {
                    self.settled.push(settled[old]);
                    self.lowered_units
                        .extend(lowered.contains(&(old as u32)).then_some(node));
                    if specs[old].node.cache != spec.node.cache {
                        // What is to be stored now has to be made for that.
                        self.unstored.remove(&(old as u32));
                    }
                    if !specs[old].is_like(&spec) {
                        self.write_spec(node, units[old], &spec);
                        changed.push(node);
                    }
                    units[old]
                }
                None => {
                    self.settled.push(false);
                    changed.push(node);
                    match self.spare.units.pop() {
                        Some(unit) => {
                            self.write_spec(node, unit, &spec);
                            unit
                        }
                        None => new_unit(&self.db, &spec),
                    }
                }
            };
            self.units.push(place);
            self.specs.push(spec);
        }
        changed
    }

    fn write_spec(&mut self, node: u32, unit: Unit, spec: &Arc<Spec>) {
        unit.set_spec(&mut self.db)
            .with_durability(Durability::LOW)
            .to(spec.clone());
        self.lowered_units.insert(node);
    }

    fn renumber_finders(&mut self, renumbered: &Renumbered) {
        for finders in self.finders.values_mut() {
            let still = finders.iter().filter_map(|node| renumbered[*node as usize]);
            *finders = still.collect::<FxHashSet<u32>>();
        }
        self.finders.retain(|_, finders| !finders.is_empty());
    }

    /// Works out anew what hangs on anything that was lowered.
    fn find_low(&mut self) {
        let takers = self.graph.sources.iter().zip(&self.lowered);
        let takers = takers.filter(|(_, lowered)| **lowered);
        let takers = takers.flat_map(|(source, _)| source.takers.iter().map(|(node, _)| *node));
        let lowered: Vec<u32> = takers.chain(self.lowered_units.iter().copied()).collect();
        self.low = self.graph.descendants(&lowered);
    }
}
