//! `metadata.json`: the last records of every pipeline, readable anywhere and by anybody.
//!
//! With `blobs/` it is a whole cache: `records.db` is rebuilt from it. A pipeline's section is written
//! anew and whole; the sections of others are copied as they stand. Unaware of transactions and threads.

mod check;
mod restore;
mod splice;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossbeam::channel::{Sender, bounded};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::warn;

use crate::codec::Codec;
use crate::digest::{Digest, Seal, Signature};
use crate::error::StoreError;
use crate::fields::micros;
use crate::record::{Part, Record};
use crate::root::{Identity, Root, Written};

pub(crate) use check::check;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use check::check_bytes;
pub(crate) use restore::restore;
pub(crate) use splice::Splice;

/// The file.
pub(crate) const FILE: &str = "metadata.json";

/// The version this code writes. A newer file is neither read nor written.
const FORMAT: i64 = 1;

/// How the file begins.
const HEAD: &str = "{\"format\":1,\"pipelines\":{";

/// What stands in the directory.
pub(crate) enum Standing {
    /// Nothing, or something that cannot be read and will be replaced.
    Nothing,
    /// A file with these sections, by pipeline.
    Sections(BTreeMap<String, Box<RawValue>>, Identity),
    /// A file of this newer format.
    Newer(i64),
}

/// Takes a node's name in the pipeline and its record.
pub(crate) type Visit<'a> = dyn FnMut(&str, &Record) + 'a;

/// Reads what stands in the directory, down to the sections.
pub(crate) fn read(root: &Root) -> Standing {
    let damaged = |reason: &dyn std::fmt::Display| {
        warn!(path = %root.path(FILE).display(), %reason, "the snapshot is damaged and will be replaced");
        Standing::Nothing
    };
    let (bytes, identity) = match root.read_all(FILE) {
        Ok(Some(read)) => read,
        Ok(None) => return Standing::Nothing,
        Err(error) => return damaged(&error),
    };
    match serde_json::from_slice::<Format>(&bytes) {
        Ok(Format { format }) if format > FORMAT => return Standing::Newer(format),
        Ok(Format { format: FORMAT }) => {}
        Ok(Format { format }) => {
            return damaged(&format_args!("format {format} was never written"));
        }
        Err(error) => return damaged(&error),
    }
    match serde_json::from_slice::<File>(&bytes) {
        Ok(file) => Standing::Sections(file.pipelines, identity),
        Err(error) => damaged(&error),
    }
}

/// Replaces the file by one with a new section of `pipeline`, and the others as they stand.
///
/// `nodes` hands out the section's nodes one by one, `notes` gives the texts of notes. One thread encodes
/// and another writes: for a large section both take about as long.
pub(crate) fn write(
    root: &Root,
    others: &BTreeMap<String, Box<RawValue>>,
    pipeline: &str,
    nodes: impl FnOnce(&mut Visit<'_>),
    notes: impl FnMut(&[Digest]) -> Vec<(Digest, Arc<str>)>,
) -> Result<Identity, StoreError> {
    replace(root, |pieces| {
        encode(others, pipeline, nodes, notes, pieces)
    })
}

/// Replaces the file by one that differs from it in a few nodes.
pub(crate) fn write_spliced(
    root: &Root,
    splice: &Splice<'_>,
    note: impl Fn(&Digest) -> Option<Arc<str>>,
) -> Result<Identity, StoreError> {
    replace(root, |pieces| splice.encode(note, pieces))
}

/// Replaces the file by the pieces that `encode` gives.
fn replace(
    root: &Root,
    encode: impl FnOnce(&mut Pieces) -> io::Result<()>,
) -> Result<Identity, StoreError> {
    let fill = |file: &mut Written| {
        std::thread::scope(|scope| {
            let (pieces, queue) = bounded::<Vec<u8>>(4);
            let writing = std::thread::Builder::new().spawn_scoped(scope, move || {
                queue.iter().try_for_each(|piece| file.write_all(&piece))
            })?;
            let encoded = encode(&mut Pieces::new(pieces));
            match writing.join() {
                Ok(written) => written.and(encoded),
                Err(_) => Err(io::Error::other("the thread that writes panicked")),
            }
        })
    };
    root.replace(root, FILE, 0o644, fill)
        .map_err(|source| StoreError::Io {
            operation: "write",
            path: root.path(FILE),
            source,
        })
}

/// The error for a file of the format `found`.
pub(crate) fn newer(root: &Root, found: i64) -> StoreError {
    StoreError::Newer {
        path: root.path(FILE),
        found,
        known: FORMAT,
    }
}

#[derive(Deserialize)]
struct Format {
    format: i64,
}

#[derive(Deserialize)]
struct File {
    pipelines: BTreeMap<String, Box<RawValue>>,
}

/// A pipeline's section as it is read; `write_section` writes the same member by member.
#[derive(Deserialize)]
struct Section<'a> {
    #[serde(borrow)]
    nodes: FxHashMap<Cow<'a, str>, Node<'a>>,
    #[serde(borrow, default)]
    parts: FxHashMap<Digest, Vec<LeafText<'a>>>,
    #[serde(borrow, default)]
    notes: FxHashMap<Digest, Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct Node<'a> {
    /// The node's name in the record, where it was made under another one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    made_as: Option<Cow<'a, str>>,
    signature: Signature,
    resolved: Signature,
    code_hash: Option<Digest>,
    env_hash: Option<Digest>,
    inputs_hash: Option<Digest>,
    deps_hash: Option<Digest>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<LeafText<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    deps: Vec<LeafText<'a>>,
    #[serde(borrow)]
    output: OutputText<'a>,
    created_ms: i64,
    elapsed_us: u64,
    /// The note with what it printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<Digest>,
    /// Says that a holder of a key made the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<Seal>,
}

#[derive(Serialize, Deserialize)]
struct OutputText<'a> {
    digest: Digest,
    size: u64,
    codec: Codec,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    inline: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct LeafText<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Digest>,
}

/// Bytes on their way to the thread that writes them.
struct Pieces {
    piece: Vec<u8>,
    queue: Sender<Vec<u8>>,
}

/// The bytes of a piece, about.
const PIECE: usize = 1 << 20;

impl Pieces {
    fn new(queue: Sender<Vec<u8>>) -> Self {
        let piece = Vec::with_capacity(2 * PIECE);
        Self { piece, queue }
    }

    fn put(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.piece.extend_from_slice(bytes);
    }

    fn put_json(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        serde_json::to_writer(&mut self.piece, value).map_err(io::Error::from)
    }

    /// Hands on what is there, when it is a piece.
    fn pass_on(&mut self, at: usize) {
        if self.piece.len() >= at {
            let next = Vec::with_capacity(2 * PIECE);
            // Refused only when writing has failed, which the other thread tells.
            let _ = self.queue.send(std::mem::replace(&mut self.piece, next));
        }
    }
}

/// Notes asked for at once.
const NOTES: usize = 1024;

fn encode(
    others: &BTreeMap<String, Box<RawValue>>,
    pipeline: &str,
    nodes: impl FnOnce(&mut Visit<'_>),
    notes: impl FnMut(&[Digest]) -> Vec<(Digest, Arc<str>)>,
    to: &mut Pieces,
) -> io::Result<()> {
    to.put(HEAD);
    for (name, section) in others.iter().filter(|(name, _)| *name != pipeline) {
        to.put_json(name)?;
        to.put(":");
        to.put(section.get());
        to.put(",\n");
        to.pass_on(PIECE);
    }
    to.put_json(pipeline)?;
    to.put(":{\"nodes\":{");
    let mut references = References::default();
    let (mut done, mut separator) = (Ok(()), "\n");
    nodes(&mut |node, record| {
        if done.is_err() {
            return;
        }
        to.put(std::mem::replace(&mut separator, ",\n"));
        done = to.put_json(node).and_then(|()| {
            to.put(":");
            to.put_json(&text_of(node, record))
        });
        to.pass_on(PIECE);
        references.add(record);
    });
    done?;
    to.put("},\n\"parts\":{");
    let mut separator = "\n";
    for (hash, part) in &references.shared {
        to.put(std::mem::replace(&mut separator, ",\n"));
        to.put_json(hash)?;
        to.put(":");
        to.put_json(&leaf_texts(Some(part)))?;
        to.pass_on(PIECE);
    }
    let noted: Vec<Digest> = references.noted.into_iter().collect();
    // In pieces, so that others have their turn.
    let notes: BTreeMap<Digest, Arc<str>> = noted.chunks(NOTES).flat_map(notes).collect();
    to.put("},\n\"notes\":");
    to.put_json(&notes)?;
    to.put("}}}\n");
    to.pass_on(0);
    Ok(())
}

/// What nodes of a section refer to: parts that several may have, and notes.
#[derive(Default)]
struct References {
    shared: BTreeMap<Digest, Arc<Part>>,
    noted: BTreeSet<Digest>,
}

impl References {
    fn add(&mut self, record: &Record) {
        let noted = &mut self.noted;
        let mut note =
            |part: &Arc<Part>| noted.extend(part.leaves.iter().filter_map(|leaf| leaf.note));
        let parts = &record.parts;
        [&parts.inputs, &parts.deps]
            .into_iter()
            .flatten()
            .for_each(&mut note);
        for part in [&parts.code, &parts.env].into_iter().flatten() {
            self.shared.entry(part.hash).or_insert_with(|| {
                note(part);
                Arc::clone(part)
            });
        }
        noted.extend(record.log);
    }
}

fn text_of<'a>(node: &str, record: &'a Record) -> Node<'a> {
    let parts = &record.parts;
    let hash = |part: &Option<Arc<Part>>| part.as_ref().map(|part| part.hash);
    Node {
        made_as: (*record.node != *node).then(|| Cow::Borrowed(&*record.node)),
        signature: record.signature,
        resolved: record.resolved,
        code_hash: hash(&parts.code),
        env_hash: hash(&parts.env),
        inputs_hash: hash(&parts.inputs),
        deps_hash: hash(&parts.deps),
        inputs: leaf_texts(parts.inputs.as_ref()),
        deps: leaf_texts(parts.deps.as_ref()),
        output: OutputText {
            digest: record.output.digest,
            size: record.output.size,
            codec: record.output.codec,
            inline: record
                .output
                .inline
                .as_deref()
                .map(|bytes| BASE64.encode(bytes).into()),
        },
        created_ms: record.created_ms,
        elapsed_us: micros(record.elapsed),
        log: record.log,
        seal: record.seal,
    }
}

fn leaf_texts(part: Option<&Arc<Part>>) -> Vec<LeafText<'_>> {
    let leaves = part.map_or(&[][..], |part| &part.leaves);
    leaves
        .iter()
        .map(|leaf| LeafText {
            name: Cow::Borrowed(&leaf.name),
            digest: leaf.digest,
            note: leaf.note,
        })
        .collect()
}
