//! All records of a directory at once, with the blobs that each refers to, by way of trees and lists too.
//!
//! Small, for there may be many. Unaware of what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::blob::Blob;
use crate::codec::Codec;
use crate::database::Stored;
use crate::digest::{Digest, Signature};
use crate::record::{Output, Record};

/// What is known of one record.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: i64,
    /// As it stands in the row.
    pub(crate) used_ms: i64,
    pub(crate) created_ms: i64,
    /// The node, by its number.
    pub(crate) node: u32,
    pub(crate) signature: Signature,
    pub(crate) resolved: Signature,
    pub(crate) elapsed: Duration,
    /// The bytes of its row.
    pub(crate) bytes: u64,
    pub(crate) output: Digest,
    pub(crate) codec: Codec,
    /// It has no parts: something that is kept for other records of its node.
    pub(crate) is_companion: bool,
    /// The blobs that it refers to, by their numbers.
    pub(crate) blobs: Box<[u32]>,
    /// The trees that can be made from it.
    pub(crate) trees: Box<[Digest]>,
}

/// What an output refers to, beside its own bytes.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) blobs: Vec<(Blob, u64)>,
    pub(crate) trees: Vec<Output>,
}

/// All records.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) items: Vec<Item>,
    pub(crate) nodes: Vec<Arc<str>>,
    /// The blobs that records refer to, with the sizes that they should have.
    pub(crate) blobs: Vec<(Blob, u64)>,
    /// The lists among the items, by their places.
    pub(crate) lists: Vec<(usize, Output)>,
    /// The trees of records that stand in the directory.
    pub(crate) trees: FxHashMap<Digest, Output>,
    nodes_by_name: FxHashMap<Arc<str>, u32>,
    blobs_by_name: FxHashMap<Blob, u32>,
}

impl Inventory {
    /// Adds a record, whose output has these contents.
    pub(crate) fn add(&mut self, row: Stored, contents: Contents) {
        let Record {
            node,
            signature,
            resolved,
            parts,
            output,
            created_ms,
            elapsed,
            ..
        } = row.record;
        let mut blobs: Vec<u32> = contents
            .blobs
            .into_iter()
            .map(|(blob, size)| self.blob(blob, size))
            .collect();
        blobs.sort_unstable();
        blobs.dedup();
        if output.codec == Codec::LIST {
            self.lists.push((self.items.len(), output.clone()));
        }
        let of_its_own = [&parts.code, &parts.env, &parts.inputs, &parts.deps];
        let item = Item {
            id: row.id,
            used_ms: row.used_ms,
            created_ms,
            node: self.node(node),
            signature,
            resolved,
            elapsed,
            bytes: row.bytes,
            output: output.digest,
            codec: output.codec,
            is_companion: of_its_own.iter().all(|part| part.is_none()),
            blobs: blobs.into(),
            trees: contents.trees.iter().map(|tree| tree.digest).collect(),
        };
        self.items.push(item);
    }

    /// The number of a blob, where a record refers to it.
    pub(crate) fn number_of(&self, blob: &Blob) -> Option<u32> {
        self.blobs_by_name.get(blob).copied()
    }

    fn node(&mut self, name: Arc<str>) -> u32 {
        let next = self.nodes.len() as u32;
        let nodes = &mut self.nodes;
        *self.nodes_by_name.entry(name).or_insert_with_key(|name| {
            nodes.push(Arc::clone(name));
            next
        })
    }

    fn blob(&mut self, blob: Blob, size: u64) -> u32 {
        let next = self.blobs.len() as u32;
        let blobs = &mut self.blobs;
        *self.blobs_by_name.entry(blob).or_insert_with(|| {
            blobs.push((blob, size));
            next
        })
    }
}
