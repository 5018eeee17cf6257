//! From what is wanted to the next revision: which inputs may be others than
//! they were, and what the present revision is left with of the last one. It
//! runs nothing and asks no query.

use std::path::PathBuf;
use std::sync::Arc;

use refrain_store::Digest;
use rustc_hash::FxHashSet;
use salsa::{Durability, Setter};

use super::binder::Binder;
use super::places::{self, Places};
use super::{Live, Reach, Renumbered, Stale};
use crate::clock;
use crate::db::{Bound, Refrain};
use crate::edits::{Edit, Look, Which};
use crate::error::Result;
use crate::inputs::{Input, Inputs};

impl Live {
    /// Goes over to what somebody wants; gives the nodes' new numbers if these
    /// are others.
    ///
    /// # Errors
    /// Bad inputs. The graph is the new one by then, and its inputs are to be
    /// bound before anything is asked.
    pub fn take_up(&mut self, edit: &Edit) -> Result<Option<Renumbered>> {
        let (graph, targets) = (&edit.pipeline.graph, &edit.pipeline.targets);
        let other = !Arc::ptr_eq(&self.graph, graph);
        let renumbered = other.then(|| self.replace(graph.clone(), targets));
        self.bind(&edit.inputs, targets, &edit.look)?;
        Ok(renumbered)
    }

    /// Binds the inputs that these targets need, as far as they may be others
    /// than they were; those that are become a new revision. Refuses bad inputs
    /// before changing anything.
    pub fn bind(&mut self, inputs: &Inputs, targets: &Arc<[u32]>, look: &Look) -> Result<()> {
        self.looked_at = clock::now();
        let same_reach = self.set_reach(targets);
        // Put back when they are bound: inputs that were refused are no longer.
        let last = self.inputs.take();
        let again = last.as_ref().is_some_and(|last| last.same(inputs));
        self.look_at_found_files(&look.files);
        let by_themselves = matches!(look.files, Which::All);
        if same_reach && again && by_themselves && !inputs.any_file() {
            self.inputs = Some(inputs.clone());
            return Ok(());
        }
        let whole = last.is_none() || !same_reach;
        let numbers = self.doubtful(inputs, look, whole);
        let binder = Binder {
            graph: &self.graph,
            needed: &self.reach.nodes,
            inputs,
            store: self.db.context().store.as_deref(),
        };
        if whole || matches!(look.names, Which::All) {
            binder.refuse_names()?;
        }
        let known = numbers.into_iter();
        let known = known.map(|number| (number, self.known(number)));
        let edits = binder.bind_all(&known.collect::<Vec<_>>())?;
        self.edit(edits);
        self.revision = self.revision.max(1);
        self.inputs = Some(inputs.clone());
        Ok(())
    }

    /// The sources whose values may be others than they were.
    fn doubtful(&mut self, inputs: &Inputs, look: &Look, whole: bool) -> Vec<u32> {
        let graph = self.graph.clone();
        let input = |number: u32| inputs.get(&graph.sources[number as usize].name);
        let all = 0..self.sources.len() as u32;
        let given = || all.clone().filter_map(|n| Some((n, input(n)?)));
        let (Which::These(names), false) = (&look.names, whole) else {
            // Made while everything is looked at anyhow, for edits to be quick.
            self.places = self.remembers.then(|| Places::of(given()));
            return all.collect();
        };
        let number = |name| graph.source_by_name.get(name).copied();
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        let places = self.places.get_or_insert_with(|| Places::of(given()));
        for number in &numbers {
            input(*number)
                .into_iter()
                .for_each(|input| places.add(*number, input));
        }
        match &look.files {
            Which::All => numbers.extend(all.filter(|n| input(*n).is_some_and(Input::is_file))),
            Which::These(files) => {
                numbers.extend(files.iter().flat_map(|file| places.sources(file)));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The digest of a source that is bound to a value as all its takers want it.
    fn known(&self, number: u32) -> Option<Digest> {
        let bound = self.sources[number as usize].bound(&self.db);
        let takers = &self.graph.sources[number as usize].takers;
        let mut wanted = takers.iter().map(|(node, param)| {
            let param = &self.graph.node(*node).params[*param as usize];
            param.value_type.id()
        });
        let fits = self.bound[number as usize] && wanted.all(|id| bound.is_given_as(id));
        fits.then_some(bound.digest)
    }

    /// What found a file that has changed since is not up to date any more.
    fn look_at_found_files(&mut self, files: &Which<PathBuf>) {
        let changed = self.context().changed_files(|path| match files {
            Which::All => true,
            Which::These(files) => files.contains(&places::absolute(path)),
        });
        let finders = changed.iter().filter_map(|path| self.finders.get(path));
        let finders: FxHashSet<u32> = finders.flatten().copied().collect();
        if finders.is_empty() {
            return;
        }
        self.revision += 1;
        let finders: Vec<u32> = finders.into_iter().collect();
        self.forget(&finders);
    }

    fn set_reach(&mut self, targets: &Arc<[u32]>) -> bool {
        if self.reach.targets == *targets {
            return true;
        }
        let nodes = self.graph.ancestors(targets);
        let unseen = nodes.iter().filter(|node| !self.seen[**node as usize]);
        self.unseen = unseen.copied().collect();
        self.reach = Reach {
            targets: targets.clone(),
            nodes,
        };
        false
    }

    /// Gives sources new values; what hangs on an earlier value is not up to
    /// date any more.
    fn edit(&mut self, edits: Vec<(u32, Bound)>) {
        self.revision += u64::from(!edits.is_empty());
        let (mut changed, mut newly_low) = (Vec::new(), Vec::new());
        for (number, bound) in edits {
            let takers = &self.graph.sources[number as usize].takers;
            let takers = takers.iter().map(|(node, _)| *node);
            let first = !std::mem::replace(&mut self.bound[number as usize], true);
            let durability = if first && !self.lowered[number as usize] {
                self.stale = Stale::Everything;
                Durability::HIGH
            } else {
                changed.extend(takers.clone());
                if !std::mem::replace(&mut self.lowered[number as usize], true) {
                    newly_low.extend(takers);
                }
                Durability::LOW
            };
            self.sources[number as usize]
                .set_bound(&mut self.db)
                .with_durability(durability)
                .to(bound);
        }
        for node in self.graph.descendants(&changed) {
            self.settled[node as usize] = false;
        }
        if !changed.is_empty() {
            self.touch_low(&newly_low);
        }
    }
}
