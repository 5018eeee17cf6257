//! Driving mapped nodes: from a node that is to run to its items, and from
//! their outputs to the node's own.

use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Codec, Digest, ListEntry, Lookup, Output, Parts, Record, Signature, Store};

use super::expansion::{Earlier, Expansion};
use super::flights::Waiter;
use super::ledger::Ending;
use super::{Driver, gather::gather_item};
use crate::execution::Stop;
use crate::handle::{self, EXPLAINS_ONLY, Handle, Lost};
use crate::items::{self, ItemOutput, Outputs, Parents, Unlisted};
use crate::live::Live;
use crate::node::Failure;
use crate::queries::Key;
use crate::recorder::Kept;
use crate::report::Outcome;
use crate::signature::PartHashes;
use crate::trail::{Trail, Trails};

impl Driver<'_> {
    /// Starts a mapped node: looks up its items, and lets those start that are
    /// not there.
    pub(super) fn expand(&mut self, node: u32) {
        self.ledger.decide(self.live, node, &self.request.forced);
        self.looked = true;
        let parents = MadeParents {
            live: self.live,
            outputs: &self.expansions.outputs,
        };
        let items = items::items(self.live, node, &parents);
        let items = match items {
            Ok(items) => items,
            Err(Unlisted::Lost(parent, lost)) => return self.start_over(parent, &lost),
            Err(Unlisted::Unfit(why)) => {
                return self.fail_node(node, Failure::new(why), Duration::ZERO);
            }
        };
        self.ledger.tell_start(self.live.graph.name_of(node));
        let mut expansion = Expansion::new(items);
        let cached = self.live.graph.node(node).cache;
        let lasting = !self.keys.key(self.live, node).is_ephemeral();
        if let Some(store) = self.store.clone()
            && cached
            && lasting
            && !self.is_forced(node)
        {
            self.look_up(&store, node, &mut expansion);
        }
        self.expansions.add(node, expansion);
        self.gather_if_over(node);
    }

    /// Finds the items that the store has.
    fn look_up(&mut self, store: &Store, node: u32, expansion: &mut Expansion) {
        let Some(codec) = self.item_codec(node) else {
            return;
        };
        let (earlier, took) = self.earlier(store, node);
        let items = std::mem::take(&mut expansion.items);
        for (number, item) in items.iter().enumerate() {
            let digest = |parent| self.progress.digest(parent);
            let known = items::resolve(self.live, node, item, digest);
            let Some((resolved, trail)) = known else {
                continue;
            };
            let before = earlier
                .get(&item.key)
                .filter(|(known, _)| *known == resolved);
            let before = before.filter(|(_, output)| store.present(output).is_ok());
            let found = match before {
                Some((_, output)) => Some((output.clone(), took)),
                None => handle::find(store, &resolved)
                    .map(|record| (record.output.clone(), record.elapsed)),
            };
            if let Some((output, elapsed)) = found {
                let handle = Handle::stored(output, codec, elapsed, None);
                let output = ItemOutput {
                    key: item.key.clone(),
                    handle: Arc::new(handle),
                };
                expansion.take(number as u32, resolved, output, trail.as_ref());
                expansion.counts.hit += 1;
                expansion.saved += elapsed;
            }
        }
        expansion.items = items;
    }

    fn item_codec(&self, node: u32) -> Option<&'static dyn crate::value::ValueCodec> {
        let map = self.live.graph.node(node).map.as_ref();
        map.and_then(|map| map.item.codec())
    }

    /// The node's items as they were when it was last made, and what each took
    /// on average.
    fn earlier(&mut self, store: &Store, node: u32) -> (Earlier, Duration) {
        let before = self.live.before(node);
        let record = before.and_then(|signature| match store.find(&signature) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent | Lookup::Damaged(_) => None,
        });
        let listed = record.and_then(|record| {
            let entries = store.load_list(&record.output).ok()?;
            let Lookup::Hit(names) = store.find(&items::names_key(&record.signature)) else {
                return None;
            };
            let names = store.load(&names.output).ok()?;
            Some((entries, names, record.elapsed))
        });
        let Some((entries, names, elapsed)) = listed else {
            return Default::default();
        };
        let each = elapsed / u32::try_from(entries.len().max(1)).unwrap_or(u32::MAX);
        let (names, _) = names.as_chunks::<32>();
        let entries = entries.into_iter().zip(names);
        let entry = |(entry, name): (ListEntry, &[u8; 32])| {
            (entry.key, (Signature::from_bytes(*name), entry.output))
        };
        (entries.map(entry).collect(), each)
    }

    /// Starts one item, or lets it wait for equal work.
    pub(super) fn dispatch_item(&mut self, node: u32, number: u32) {
        let forced = self.is_forced(node);
        let digest = |parent| self.progress.digest(parent);
        let Some(expansion) = self.expansions.get(node) else {
            return;
        };
        let item = &expansion.items[number as usize];
        let waiter = Waiter::Item(node, number);
        if self.flights.join(&item.hashes.resolved(), waiter) {
            return;
        }
        let stop = Stop::new(self.request.cancel.clone());
        let lasting = !self.keys.key(self.live, node).is_ephemeral();
        let work = gather_item(self.live, node, item, digest, lasting, forced, stop);
        let name = self.live.graph.name_of(node);
        let ticket = self.flights.add(name, waiter, work);
        self.submit(ticket);
    }

    /// An item of a mapped node has been done with.
    pub(super) fn item_landed(&mut self, node: u32, number: u32, done: ItemDone) {
        let discovers = self.live.graph.node(node).discovers;
        let codec = self.item_codec(node);
        let keep_going = self.request.keep_going;
        let Some(expansion) = self.expansions.get(node) else {
            return;
        };
        let key = expansion.items[number as usize].key.clone();
        let (outcome, elapsed) = match done {
            ItemDone::Made(kept, elapsed, first) => {
                let output = ItemOutput {
                    key: key.clone(),
                    handle: kept.handle.clone(),
                };
                expansion.take(number, kept.resolved, output, kept.trail.as_ref());
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
                let handle = handle.expect("found by its resolved signature");
                let output = ItemOutput {
                    key: key.clone(),
                    handle: Arc::new(handle),
                };
                let base = expansion.items[number as usize].hashes.resolved();
                let trail = discovers.then(|| self.live.trail(&base)).flatten();
                expansion.take(number, record.resolved, output, trail.as_ref());
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
        let counts = expansion.counts;
        let name = self.live.graph.name_of(node);
        self.ledger.tell_item(name, &key, outcome, elapsed, counts);
        if outcome == Outcome::Failed && !keep_going {
            self.fail_expansion(node);
        } else {
            self.gather_if_over(node);
        }
    }

    fn fail_expansion(&mut self, node: u32) {
        if let Some(expansion) = self.expansions.end(node) {
            let elapsed = expansion.elapsed;
            self.fail_node(node, expansion.failure(), elapsed);
        }
    }

    /// With its last item a mapped node has its output.
    fn gather_if_over(&mut self, node: u32) {
        let over = |expansion: &mut Expansion| expansion.is_over();
        if !self.expansions.get(node).is_some_and(over) {
            return;
        }
        let Some(expansion) = self.expansions.end(node) else {
            return;
        };
        if !expansion.failures.is_empty() {
            let elapsed = expansion.elapsed;
            return self.fail_node(node, expansion.failure(), elapsed);
        }
        let (counts, elapsed, saved) = (expansion.counts, expansion.elapsed, expansion.saved);
        let (trail, known) = (expansion.trail.clone(), expansion.known);
        let mut note = expansion.note.clone();
        let trail = match self.live.graph.node(node).discovers {
            true => Some(trail.unwrap_or_default()),
            false => None,
        };
        let names: Vec<Signature> = expansion.names.iter().flatten().copied().collect();
        let outputs = expansion.outputs();
        let whole = elapsed + saved;
        if known {
            self.find_out(node, trail.as_ref());
        } else {
            let unique = Digest::of(&ulid::Ulid::generate().to_bytes());
            let unique = Signature::from_bytes(*unique.as_bytes());
            self.keys.turned_out(node, Key::ephemeral(unique));
        }
        let listed = match note {
            None if known => self.list(node, &outputs, &names, trail.as_ref(), whole),
            _ => Ok(None),
        };
        let stored = listed.unwrap_or_else(|why| {
            note = Some(format!("not cached: {why}").into());
            None
        });
        let handle = match stored {
            Some(handle) => Ok(handle),
            None => self.gathered(node, &outputs, trail.as_ref(), whole),
        };
        let handle = match handle {
            Ok(handle) => Arc::new(handle),
            Err(lost) => return self.start_over(node, &lost),
        };
        self.expansions.outputs.insert(node, outputs);
        let outcome = match counts.executed {
            0 => Outcome::Cutoff,
            _ => Outcome::Executed,
        };
        let ending = Ending {
            elapsed,
            note,
            items: Some(counts),
            saved: Some(saved),
            ..Ending::found(outcome, &handle)
        };
        self.settled(node, &handle, ending);
    }

    /// Keeps the list of the items' outputs; `None` if not all are in the store,
    /// or none is to be.
    fn list(
        &mut self,
        node: u32,
        outputs: &[ItemOutput],
        names: &[Signature],
        trail: Option<&Trail>,
        elapsed: Duration,
    ) -> Result<Option<Handle>, String> {
        let key = self.keys.key(self.live, node);
        let spec = self.live.spec(node);
        let (Some(store), false) = (self.store.clone(), key.is_ephemeral()) else {
            return Ok(None);
        };
        let entry = |output: &ItemOutput| {
            Some(ListEntry {
                key: output.key.clone(),
                output: output.handle.output()?.clone(),
            })
        };
        let entries: Option<Vec<ListEntry>> = outputs.iter().map(entry).collect();
        let codec = spec.node.output.codec();
        let output = match (&entries, codec) {
            (Some(entries), Some(_)) => store.write_list(entries).map_err(|e| e.to_string())?,
            _ if !spec.node.cache => Output {
                digest: Digest::from_bytes([0; 32]),
                size: 0,
                codec: EXPLAINS_ONLY,
                inline: Some(Arc::from([])),
            },
            _ => return Ok(None),
        };
        let digest = |parent| *self.progress.digest(parent).as_bytes();
        let resolved = self.live.hashes(node, digest, trail).resolved();
        if let Some(trail) = trail {
            let signature = self.keys.hashes(self.live, node, None).signature();
            let base = self.live.hashes(node, digest, None).resolved();
            for work in [signature, base] {
                Trails::remember(&store, &spec.node.location.node, &work, trail)?;
            }
        }
        let (parts, notes) = self.keys.parts(self.live, node, trail);
        let record = Record {
            node: spec.node.location.node.clone(),
            signature: PartHashes::of(&parts).signature(),
            resolved,
            parts,
            output: output.clone(),
            created_ms: jiff::Timestamp::now().as_millisecond(),
            elapsed,
            log: None,
        };
        let names: Vec<u8> = names.iter().flat_map(|name| *name.as_bytes()).collect();
        let names_key = items::names_key(&record.signature);
        let names = Record {
            signature: names_key,
            resolved: names_key,
            parts: Parts::default(),
            output: store
                .write(&names, Codec::BYTES)
                .map_err(|e| e.to_string())?,
            ..record.clone()
        };
        store.commit(record, notes, None);
        store.commit(names, Vec::new(), None);
        let stored = |codec| Handle::stored(output, codec, elapsed, None);
        Ok(codec.filter(|_| spec.node.cache).map(stored))
    }

    /// The list of the items' outputs in memory.
    fn gathered(
        &self,
        node: u32,
        outputs: &[ItemOutput],
        trail: Option<&Trail>,
        elapsed: Duration,
    ) -> Result<Handle, Lost> {
        let spec = self.live.spec(node);
        let map = spec.node.map.as_ref().expect("the node is mapped");
        let store = self.store.as_deref();
        let value = |output: &ItemOutput| {
            let value = output.handle.load(store)?;
            Ok((output.key.clone(), value))
        };
        let values = outputs.iter().map(value).collect::<Result<_, Lost>>()?;
        let digest = |parent| *self.progress.digest(parent).as_bytes();
        let resolved = self.live.hashes(node, digest, trail).resolved();
        let value = (map.gather)(values);
        Ok(Handle::in_memory(&resolved, value, elapsed))
    }
}

/// The parents of a node that is to run.
struct MadeParents<'a> {
    live: &'a Live,
    outputs: &'a Outputs,
}

impl Parents for MadeParents<'_> {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        self.live.output(parent)
    }

    fn items(&self, parent: u32) -> Option<Arc<[ItemOutput]>> {
        self.outputs.get(&parent).cloned()
    }
}

/// How an item ended.
pub(super) enum ItemDone {
    /// It was made, in so much time; the first of equal items executed.
    Made(Kept, Duration, bool),
    Found(Arc<Record>),
    Failed(Failure, Duration),
}
