//! Every reader of stored bytes, as a function of any bytes: what fuzzers and tests feed.
//!
//! Where a format has a check, the right one is put behind the bytes, so that the fields are what is read. What can be
//! read must be the same when it was written and read again. Only built for tests and with the feature `fuzzing`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::codec::{self, Codec};
use crate::digest::{Digest, Signature};
use crate::envelope::Envelope;
use crate::fields::check;
use crate::record::Part;
use crate::seal::SealKey;
use crate::sources::Sources;
use crate::tree::Tree;
use crate::{body, changes, list, packed, pickles, snapshot};

mod directory;

pub use directory::{archive, rows};

/// A reader of any bytes. It may refuse them, and does nothing else that can be noticed.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 13] = [
    ("archive", archive),
    ("changes", run_changes),
    ("envelope", envelope),
    ("file", source_file),
    ("list", list_of_outputs),
    ("part", part),
    ("pickle", pickle),
    ("pickles", pickles_of_a_node),
    ("record", record),
    ("rows", rows),
    ("snapshot", snapshot_file),
    ("tree", tree),
    ("value", value),
];

/// The body of a record.
pub fn record(bytes: &[u8]) {
    let part = Arc::new(Part {
        hash: Digest::of(b""),
        leaves: Vec::new(),
    });
    let read = |body: &[u8]| body::decode(1, 2, body, |_| Some(Arc::clone(&part)));
    let _ = read(bytes);
    let sum = check(&[&1_u64.to_le_bytes(), &2_u64.to_le_bytes(), bytes]);
    let Ok(record) = read(&[bytes, &sum].concat()) else {
        return;
    };
    let _ = SealKey::new(&[0; 32]).accepts(&record);
    let shared = body::Shared {
        code: record.parts.code.as_ref().map(|_| 1),
        env: record.parts.env.as_ref().map(|_| 1),
    };
    let row = body::encode(&record, shared);
    let again = body::decode(row.signature, row.resolved, &row.body, |_| {
        Some(Arc::clone(&part))
    });
    assert_eq!(again, Ok(record));
}

/// The body of a part that records share.
pub fn part(bytes: &[u8]) {
    let hash = Digest::of(b"");
    let _ = body::decode_part(hash, bytes);
    let sum = check(&[hash.as_bytes(), bytes]);
    if let Some(part) = body::decode_part(hash, &[bytes, &sum].concat()) {
        let again = body::decode_part(hash, &body::encode_part(&part));
        assert_eq!(again, Some(part));
    }
}

/// What a run changed.
pub fn run_changes(bytes: &[u8]) {
    let log = |_| Some(Arc::from("log"));
    let _ = changes::decode("id", bytes, log);
    let sum = check(&[bytes, b"id"]);
    changes::decode("id", &[bytes, &sum].concat(), log);
}

/// What is known of a source file, with a key and without.
pub fn source_file(bytes: &[u8]) {
    let path = Path::new("file");
    let (entry, seal) = bytes.split_at(bytes.len().min(88));
    let sum = check(&[entry, b"file"]);
    for key in [None, Some(SealKey::new(&[0; 32]))] {
        for body in [bytes, &[entry, &sum, seal].concat()] {
            let sources = Sources::new(key.clone());
            sources.recall([path].into_iter(), |_, _, each| {
                each(b"file", body);
                true
            });
        }
    }
}

/// The file with the outputs of a node.
pub fn pickles_of_a_node(bytes: &[u8]) {
    pickles::read_through(bytes);
}

/// The listing of a directory.
pub fn tree(bytes: &[u8]) {
    if let Ok(tree) = Tree::decode(bytes) {
        let again = Tree::decode(&tree.encode()).expect("it was read");
        assert_eq!(again.encode(), tree.encode());
        for entry in tree.entries() {
            let path = entry.path();
            let inside = |part| matches!(part, std::path::Component::Normal(_));
            assert!(path.components().all(inside), "{}", path.display());
        }
    }
}

/// The listing of a mapped node's outputs.
pub fn list_of_outputs(bytes: &[u8]) {
    if let Ok(entries) = list::decode(bytes) {
        let outputs = entries.iter().map(|entry| (&*entry.key, &entry.output));
        let _ = list::decode(&list::encode(outputs));
    }
}

/// `metadata.json`, read and written into.
pub fn snapshot_file(bytes: &[u8]) {
    let mut nodes = FxHashMap::default();
    snapshot::check_bytes(bytes, |name, record| {
        if let Some(record) = record {
            nodes.insert(Arc::from(name), record.signature);
        }
    });
    nodes.insert("new".into(), Signature::from_bytes([0; 32]));
    let anew = FxHashSet::default();
    let _ = snapshot::Splice::of(bytes, "p", nodes, &anew, |_| None);
}

/// A record as it goes to tiers, packed and not.
pub fn envelope(bytes: &[u8]) {
    let _ = Envelope::decode(bytes);
    let sum = check(&[bytes]);
    let Ok(packed) = packed::pack(&[bytes, &sum].concat()) else {
        return;
    };
    if let Ok(envelope) = Envelope::decode(&[&[1], &packed[..]].concat()) {
        let again = envelope.encode().expect("it was read");
        assert_eq!(
            Envelope::decode(&again).map(|it| it.record),
            Ok(envelope.record)
        );
    }
}

/// A value that nests.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Nested {
    Leaf(String),
    Both(Box<Nested>, Box<Nested>),
    Many(Vec<Nested>),
    Named(BTreeMap<String, Option<Nested>>),
    Numbers(Vec<(u64, i128, f64, char, bool)>),
    Nothing(Vec<()>),
}

/// A value of a Rust type.
pub fn value(bytes: &[u8]) {
    let _ = codec::decode::<Nested>(Codec::BINCODE, bytes.to_vec());
    let _ = codec::decode::<Vec<Vec<String>>>(Codec::BINCODE, bytes.to_vec());
    let _ = codec::decode::<BTreeMap<u8, Vec<u64>>>(Codec::BINCODE, bytes.to_vec());
    let _ = codec::decode::<String>(Codec::TEXT, bytes.to_vec());
}

/// A pickle, of a known type and of any.
pub fn pickle(bytes: &[u8]) {
    let _ = codec::decode::<serde_json::Value>(Codec::PICKLE, bytes.to_vec());
    let _ = codec::decode::<Nested>(Codec::PICKLE, bytes.to_vec());
}

#[cfg(test)]
#[path = "../../../fuzz/src/memory.rs"]
mod memory;

#[cfg(test)]
#[path = "../../../fuzz/src/lib.rs"]
mod mutation;

#[cfg(test)]
mod tests;
