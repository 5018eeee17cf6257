//! The output of a mapped node whose items all have outputs: the list of these,
//! kept or in memory, and what is remembered of the items. It is unaware of how
//! the items ran.

use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Codec, Digest, Output, Parts, Record, Signature, Store};

use super::Driver;
use super::expansion::Expansion;
use super::ledger::Ending;
use crate::handle::{self, Handle, Lost};
use crate::queries::Key;
use crate::recall;
use crate::report::Outcome;
use crate::signature::PartHashes;
use crate::trail::{Trail, Trails};

/// The outputs of all items, in order.
type Outputs = [Arc<Handle>];

impl Driver<'_> {
    /// Gives a mapped node its output.
    pub(super) fn list_outputs(&mut self, node: u32, mut expansion: Expansion) {
        // What it reads is over by now, even if it began before that was.
        self.keys.settle(self.live, node);
        let whole = expansion.elapsed + expansion.saved;
        let discovers = self.live.graph.node(node).discovers;
        let found = expansion.trail.take();
        let trail = discovers.then(|| found.unwrap_or_default());
        let known = expansion.known && expansion.sound;
        if known {
            self.find_out(node, trail.as_ref());
        } else {
            let unique = Digest::of(&ulid::Ulid::generate().to_bytes());
            let unique = Signature::from_bytes(*unique.as_bytes());
            self.keys.turned_out(node, Key::ephemeral(unique));
        }
        let mut note = expansion.note.take();
        let outputs: Vec<Arc<Handle>> = expansion.outputs().into_iter().flatten().collect();
        let listed = match note {
            None if known => self.list(node, &expansion, &outputs, trail.as_ref(), whole),
            _ => Ok(None),
        };
        let stored = listed.unwrap_or_else(|why| {
            note = Some(format!("not cached: {why}").into());
            None
        });
        let handle = match stored {
            Some(handle) => Ok(handle),
            None => self.gathered(node, &expansion, &outputs, trail.as_ref(), whole),
        };
        let handle = match handle {
            Ok(handle) => Arc::new(handle),
            Err(lost) => return self.start_over(&[(node, lost)]),
        };
        let outcome = match expansion.counts.executed {
            0 => Outcome::Cutoff,
            _ => Outcome::Executed,
        };
        let ending = Ending {
            elapsed: expansion.elapsed,
            note,
            items: Some(expansion.counts),
            saved: Some(expansion.saved),
            ..Ending::found(outcome, &handle)
        };
        let outputs = outputs.into_iter().map(Some).collect();
        let name = self.live.graph.name_of(node).clone();
        let recall = expansion.into_recall(outputs, Some(&handle));
        self.live.recalls.keep(name, recall);
        self.settled(node, &handle, ending);
    }

    /// Remembers the items of a node that ends without an output.
    pub(super) fn keep_items(&mut self, node: u32, mut expansion: Expansion) {
        let outputs = expansion.outputs();
        let name = self.live.graph.name_of(node).clone();
        let recall = expansion.into_recall(outputs, None);
        self.live.recalls.keep(name, recall);
    }

    /// Keeps the list of the items' outputs; `None` if not all are in the store,
    /// or none is to be.
    fn list(
        &mut self,
        node: u32,
        expansion: &Expansion,
        outputs: &Outputs,
        trail: Option<&Trail>,
        elapsed: Duration,
    ) -> Result<Option<Handle>, String> {
        let key = self.keys.key(self.live, node);
        let spec = self.live.spec(node);
        let (Some(store), false) = (self.store.clone(), key.is_ephemeral()) else {
            return Ok(None);
        };
        let codec = spec.node.output.codec().filter(|_| spec.node.cache);
        let home = self.live.home(&spec.node);
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
        let signature = PartHashes::of(&parts).signature();
        let output = match codec {
            Some(_) => {
                let stored = outputs.iter().map(|output| output.output());
                let Some(stored) = stored.collect::<Option<Vec<&Output>>>() else {
                    return Ok(None);
                };
                let keys = (0..stored.len()).map(|item| &**expansion.items.key(item));
                let entries = keys.zip(stored.iter().copied());
                let listed = store.write_list_at(&home, entries);
                listed.map_err(|e| e.to_string())?
            }
            None if handle::is_kept(&store, &signature) => return Ok(None),
            None => handle::nothing(),
        };
        let created = outputs.iter().map(|output| output.created_ms);
        let created_ms = created.min().unwrap_or_else(|| self.live.time_ms());
        let record = Record {
            node: spec.node.location.node.clone(),
            signature,
            resolved,
            parts,
            output,
            created_ms,
            elapsed,
            log: None,
            seal: None,
        };
        let names = names(&store, expansion, &record)?;
        let output = store.commit_at(&home, record, notes, None);
        store.commit(names, Vec::new(), None);
        Ok(codec.map(|codec| Handle::stored(output, codec, elapsed, created_ms, None)))
    }

    /// The list of the items' outputs in memory.
    fn gathered(
        &self,
        node: u32,
        expansion: &Expansion,
        outputs: &Outputs,
        trail: Option<&Trail>,
        elapsed: Duration,
    ) -> Result<Handle, Lost> {
        let store = self.store.as_deref();
        let value = |(item, output): (usize, &Arc<Handle>)| {
            let value = output.load(store)?;
            Ok((expansion.items.key(item).clone(), value))
        };
        let values = outputs.iter().enumerate().map(value);
        let values = values.collect::<Result<_, Lost>>()?;
        let digest = |parent| *self.progress.digest(parent).as_bytes();
        let resolved = self.live.hashes(node, digest, trail).resolved();
        let value = (expansion.items.map().gather)(values);
        let created = outputs.iter().map(|output| output.created_ms);
        let created_ms = created.min().unwrap_or_else(|| self.live.time_ms());
        Ok(Handle::in_memory(&resolved, value, elapsed, created_ms))
    }
}

/// What stands beside the record of a mapped node: what its items are known by.
fn names(store: &Store, expansion: &Expansion, record: &Record) -> Result<Record, String> {
    let names_key = recall::names_key(&record.signature);
    let names = store.write(&expansion.names(), Codec::BYTES);
    Ok(Record {
        signature: names_key,
        resolved: names_key,
        parts: Parts::default(),
        output: names.map_err(|e| e.to_string())?,
        ..record.clone()
    })
}
