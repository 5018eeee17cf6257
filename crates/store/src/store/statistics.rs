//! What runs did and what is kept, from one pass over the history and one over the records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Store;
use crate::codec::Codec;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::inventory::Inventory;
use crate::record::{NodeChange, Part};
use crate::statistics::{self, CodecUsage, NodeStatistics, Statistics};

/// The hashes of the parts of a signature, by the names of the reasons that lie in them.
type Hashes = [(&'static str, Option<Digest>); 4];

impl Store {
    /// Adds up what the runs of a pipeline did, or those of all, and what the directory keeps.
    ///
    /// What is damaged is left out and counted. The time this takes grows with the number of runs and of records.
    pub fn statistics(&self, pipeline: Option<&str>) -> Statistics {
        self.flush();
        let mut sums = Statistics::default();
        let mut nodes: BTreeMap<Arc<str>, NodeStatistics> = BTreeMap::new();
        let mut changed: FxHashMap<(Signature, Signature), u64> = FxHashMap::default();
        // What cannot be read is as good as not there.
        let _ = self.index.ask(|database| {
            database.past(pipeline, |past| {
                sums.add_run(&past);
                for change in past.changes.iter().flatten() {
                    nodes
                        .entry(Arc::clone(&change.node))
                        .or_default()
                        .add(change);
                    count_reason(change, &mut sums, &mut changed);
                }
            })
        });
        self.count_changed(changed, &mut sums);
        self.count_kept(pipeline.is_none(), &mut nodes, &mut sums);
        let spent = nodes.values().map(|node| node.spent);
        sums.spent = spent.fold(sums.spent, Duration::saturating_add);
        sums.nodes = nodes
            .into_iter()
            .map(|(node, sums)| NodeStatistics { node, ..sums })
            .collect();
        sums.finish();
        sums
    }

    /// Counts executions by the first part in which the signatures before and after differ.
    fn count_changed(
        &self,
        changed: FxHashMap<(Signature, Signature), u64>,
        sums: &mut Statistics,
    ) {
        let mut known: FxHashMap<Signature, Option<Hashes>> = FxHashMap::default();
        let mut hashes = |signature: Signature| {
            *known
                .entry(signature)
                .or_insert_with(|| self.hashes(&signature))
        };
        for ((before, now), count) in changed {
            let pair = hashes(before).zip(hashes(now));
            let differing = pair.and_then(|(before, now)| {
                let mut parts = before.into_iter().zip(now);
                parts.find(|(before, now)| before != now)
            });
            let kind = differing.map_or("changed", |((kind, _), _)| kind);
            statistics::add(&mut sums.reasons, kind, count);
        }
    }

    fn hashes(&self, signature: &Signature) -> Option<Hashes> {
        // Asked past the index: this is no use of the record.
        let found = self.index.ask(|database| {
            database.find(Key::Signature, signature, |record| self.accepts(record))
        });
        let parts = found.ok()??.ok()?.record.parts;
        let hash = |part: &Option<Arc<Part>>| part.as_ref().map(|part| part.hash);
        Some([
            ("code", hash(&parts.code)),
            ("env", hash(&parts.env)),
            ("inputs", hash(&parts.inputs)),
            ("dependency", hash(&parts.deps)),
        ])
    }

    /// Counts what is kept, by node and by codec. With `all`, nodes that never ran are told too.
    fn count_kept(
        &self,
        all: bool,
        nodes: &mut BTreeMap<Arc<str>, NodeStatistics>,
        sums: &mut Statistics,
    ) {
        let standing = self.standing().unwrap_or_default();
        let mut inventory = Inventory::default();
        let _ = self.take_inventory(&mut inventory, 0, &standing, |_, _| ());
        let size = |blob: u32| standing.size(&inventory.blobs[blob as usize].0);
        let owners: Vec<Arc<str>> = (inventory.nodes.iter())
            .map(|node| Arc::clone(nodes.get_key_value(owner(node)).map_or(node, |(it, _)| it)))
            .collect();
        let mut of_node: FxHashSet<(&Arc<str>, u32)> = FxHashSet::default();
        let mut of_any: FxHashSet<u32> = FxHashSet::default();
        let mut codecs: BTreeMap<Codec, CodecUsage> = BTreeMap::new();
        let mut items: Vec<_> = inventory.items.iter().collect();
        // What a list refers to is its items' own.
        items.sort_by_key(|item| item.codec == Codec::LIST);
        for item in items {
            let codec = codecs.entry(item.codec).or_insert(CodecUsage {
                codec: item.codec,
                records: 0,
                bytes: 0,
            });
            let new = item.blobs.iter().filter(|blob| of_any.insert(**blob));
            codec.records += 1;
            codec.bytes += item.bytes + new.map(|blob| size(*blob)).sum::<u64>();
            let owner = &owners[item.node as usize];
            if !all && !nodes.contains_key(owner) {
                continue;
            }
            let node = nodes.entry(Arc::clone(owner)).or_default();
            let new = item
                .blobs
                .iter()
                .filter(|blob| of_node.insert((owner, **blob)));
            node.records += 1;
            node.bytes += item.bytes + new.map(|blob| size(*blob)).sum::<u64>();
        }
        sums.codecs = codecs.into_values().collect();
    }
}

/// The node that an item belongs to by its name, `node[key]`.
fn owner(name: &str) -> &str {
    let item = name.strip_suffix(']').and_then(|name| name.split_once('['));
    item.map_or(name, |(node, _)| node)
}

fn count_reason(
    change: &NodeChange,
    sums: &mut Statistics,
    changed: &mut FxHashMap<(Signature, Signature), u64>,
) {
    match (&*change.outcome, &*change.reason, change.before) {
        ("executed", "", Some(before)) => {
            *changed.entry((before, change.signature)).or_default() += 1;
        }
        ("executed", "", None) => statistics::add(&mut sums.reasons, "first-run", 1),
        ("executed", reason, _) => {
            statistics::add(&mut sums.reasons, statistics::kind(reason), 1);
        }
        _ => {}
    }
}
