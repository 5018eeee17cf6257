//! Driving mapped nodes: from a node that is to run to its items, and from
//! their outputs to the node's own. What comes item by item from another mapped
//! node is taken in by `feeding`, and the list is made by `listing`.

use std::sync::Arc;
use std::time::Duration;

use refrain_store::Record;

use super::expansion::{Expansion, Expansions};
use super::flights::Waiter;
use super::{Driver, gather::gather_item};
use crate::execution::Stop;
use crate::handle::Handle;
use crate::items::{Coming, Items, Parents, Unlisted};
use crate::live::Live;
use crate::node::Failure;
use crate::recall::{self, Finder};
use crate::recorder::Kept;
use crate::report::Outcome;

impl Driver<'_> {
    /// Starts a mapped node: looks up its items, and lets those start that are
    /// not there.
    pub(super) fn expand(&mut self, node: u32) {
        self.ledger.decide(self.live, node, &self.request.forced);
        self.looked = true;
        recall::prepare(self.live, node);
        let parents = MadeParents {
            live: self.live,
            expansions: &self.expansions,
        };
        let items = match Items::of(self.live, node, &parents) {
            Ok(items) => items,
            Err(Unlisted::Lost(parent, lost)) => return self.start_over(&[(parent, lost)]),
            Err(Unlisted::Unfit(why)) => {
                return self.fail_node(node, Failure::new(why), Duration::ZERO);
            }
        };
        self.ledger.tell_start(self.live.graph.name_of(node));
        let cached = self.live.graph.node(node).cache;
        let lasting = !self.keys.key(self.live, node).is_ephemeral();
        let may_be_there = cached && lasting && !self.is_forced(node);
        let finder = may_be_there.then(|| Finder::new(self.live, node));
        let mut expansion = Expansion::new(items, finder.flatten());
        if let Some(finder) = &mut expansion.finder {
            finder.ask_tiers(self.live, &expansion.items);
        }
        for item in 0..expansion.items.len() {
            if expansion.items.known_by(item).is_some() {
                self.look_up(node, &mut expansion, item as u32);
            }
        }
        self.block_fallen(&mut expansion);
        let batch = expansion.items.map().batch.as_ref();
        expansion.at_once = self
            .request
            .pace
            .at_once(batch.map(|batch| batch.size), expansion.left());
        self.expansions.add(node, expansion);
        self.try_readers(node);
        self.gather_if_over(node);
    }

    /// Finds an item that is whole, or lets it wait: for work in flight that is
    /// equal, such as its own from before an edit, or for its start.
    pub(super) fn look_up(&mut self, node: u32, expansion: &mut Expansion, item: u32) {
        let finder = expansion.finder.as_mut();
        let found =
            finder.and_then(|finder| finder.find(self.live, &expansion.items, item as usize));
        match found {
            Some(found) => {
                match self.executed_items.get(&found.resolved) {
                    Some(elapsed) => {
                        expansion.counts.executed += 1;
                        expansion.elapsed += *elapsed;
                    }
                    None => {
                        expansion.counts.hit += 1;
                        expansion.saved += found.output.elapsed;
                    }
                }
                expansion.take(item, found.resolved, found.output, found.trail.as_ref());
            }
            None => {
                let known_by = expansion.items.known_by(item as usize);
                let known_by = known_by.expect("only what is whole is looked up");
                let cached = self.live.graph.node(node).cache;
                match self
                    .flights
                    .join(&known_by, cached, Waiter::Item(node, item))
                {
                    true => expansion.join(item),
                    false => expansion.wait(item),
                }
            }
        }
    }

    fn item_codec(&self, node: u32) -> Option<&'static dyn crate::value::ValueCodec> {
        let map = self.live.graph.node(node).map.as_ref();
        map.and_then(|map| map.item.codec())
    }

    /// Starts items, together where they are several, or lets them wait for equal
    /// work.
    pub(super) fn dispatch_items(&mut self, node: u32, items: &[u32]) {
        let forced = self.is_forced(node);
        let lasting = !self.keys.key(self.live, node).is_ephemeral();
        let cached = self.live.graph.node(node).cache;
        let Some(expansion) = self.expansions.get(node) else {
            return;
        };
        let lasting = lasting && expansion.sound;
        let stop = Arc::new(Stop::new(self.request.cancel.clone()));
        let name = self.live.graph.name_of(node);
        let mut tickets = Vec::with_capacity(items.len());
        let mut equals = Vec::new();
        for item in items {
            let waiter = Waiter::Item(node, *item);
            let known_by = expansion.items.known_by(*item as usize);
            let known_by = known_by.expect("only what is whole starts");
            if let Some(kept) = expansion.made(&known_by) {
                equals.push((*item, kept.clone()));
            } else if !self.flights.join(&known_by, cached, waiter) {
                let item = *item as usize;
                let (items, stop) = (&expansion.items, stop.clone());
                let work = gather_item(self.live, node, items, item, lasting, forced, stop);
                tickets.push(self.flights.add(name, waiter, work));
            }
        }
        match (expansion.items.map().batch.clone(), tickets.as_slice()) {
            (Some(batch), [_, _, ..]) => self.flights.submit_together(&tickets, &batch),
            _ => tickets.into_iter().for_each(|ticket| self.submit(ticket)),
        }
        for (item, kept) in equals {
            self.item_landed(node, item, ItemDone::Made(kept, Duration::ZERO, false));
        }
    }

    /// An item of a mapped node has been done with.
    pub(super) fn item_landed(&mut self, node: u32, number: u32, done: ItemDone) {
        let discovers = self.live.graph.node(node).discovers;
        let codec = self.item_codec(node);
        let keep_going = self.request.keep_going;
        let Some(expansion) = self.expansions.get(node) else {
            return;
        };
        let (outcome, elapsed) = match done {
            ItemDone::Made(kept, elapsed, first) => {
                if first {
                    self.executed_items.insert(kept.resolved, elapsed);
                }
                expansion.note_made(number, &kept);
                expansion.take(number, kept.resolved, kept.handle, kept.trail.as_ref());
                expansion.known &= kept.known;
                expansion.note = expansion.note.take().or(kept.note);
                if first {
                    expansion.counts.executed += 1;
                    expansion.elapsed += elapsed;
                    (Outcome::Executed, elapsed)
                } else {
                    expansion.counts.hit += 1;
                    (Outcome::Hit, Duration::ZERO)
                }
            }
            ItemDone::Found(record) => {
                let handle = Handle::recorded(&record, codec);
                let handle = Arc::new(handle.expect("found by its resolved signature"));
                let base = expansion.items.known_by(number as usize);
                let trail = base.filter(|_| discovers);
                let trail = trail.and_then(|base| self.live.trail(&base));
                expansion.take(number, record.resolved, handle, trail.as_ref());
                expansion.known &= discovers == trail.is_some();
                expansion.counts.hit += 1;
                expansion.saved += record.elapsed;
                (Outcome::Hit, Duration::ZERO)
            }
            ItemDone::Failed(failure, elapsed) => {
                expansion.fail(number, failure);
                self.stopped |= !keep_going;
                (Outcome::Failed, elapsed)
            }
        };
        for output in expansion.items.outputs_read(number as usize) {
            self.live.release(output);
        }
        let output = expansion.output(number as usize).cloned();
        let (counts, sound) = (expansion.counts, expansion.known && expansion.sound);
        let key = expansion.items.key(number as usize).clone();
        let name = self.live.graph.name_of(node);
        self.ledger.tell_item(name, &key, outcome, elapsed, counts);
        if outcome == Outcome::Failed && !keep_going {
            return self.fail_expansion(node);
        }
        self.gather_if_over(node);
        self.feed_readers(node, number, output, sound);
    }

    fn fail_expansion(&mut self, node: u32) {
        if let Some(expansion) = self.expansions.end(node) {
            self.end_without_output(node, expansion);
        }
    }

    /// With its last item a mapped node has its output. Items may be over before those that they are made of are over
    /// under all their names: of equal ones above, one is enough. Then the node waits for what it reads to end.
    pub(super) fn gather_if_over(&mut self, node: u32) {
        let over = |expansion: &mut Expansion| expansion.is_over();
        if !self.expansions.get(node).is_some_and(over) {
            return;
        }
        if self
            .live
            .graph
            .parents(node)
            .any(|parent| self.expansions.is_going(parent))
        {
            return;
        }
        let Some(expansion) = self.expansions.end(node) else {
            return;
        };
        let fallen = |parent| self.expansions.fallen.contains_key(&parent);
        match expansion.is_whole() && !self.live.graph.parents(node).any(fallen) {
            true => self.list_outputs(node, expansion),
            false => self.end_without_output(node, expansion),
        }
    }
}

/// The parents of a node that is to run.
struct MadeParents<'a> {
    live: &'a Live,
    expansions: &'a Expansions,
}

impl Parents for MadeParents<'_> {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        self.live.output(parent)
    }

    fn coming(&self, parent: u32) -> Option<Coming> {
        self.expansions.coming(parent)
    }
}

/// How an item ended.
pub(super) enum ItemDone {
    /// It was made, in so much time; the first of equal items executed.
    Made(Kept, Duration, bool),
    Found(Arc<Record>),
    Failed(Failure, Duration),
}
