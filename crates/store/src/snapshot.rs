//! `metadata.json`: the last records of every pipeline, readable anywhere and by anybody.
//!
//! With `blobs/` it is a whole cache: `records.db` is rebuilt from it. A pipeline's section is written
//! anew and whole; the sections of others are copied as they stand. Unaware of transactions and threads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::warn;

use crate::body::micros;
use crate::codec::Codec;
use crate::database::Database;
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::record::{Leaf, Output, Part, Parts, Record};
use crate::root::{Identity, Root};

/// The file.
pub(crate) const FILE: &str = "metadata.json";

/// The version this code writes. A newer file is neither read nor written.
const FORMAT: i64 = 1;

/// What stands in the directory.
pub(crate) enum Standing {
    /// Nothing, or something that cannot be read and will be replaced.
    Nothing,
    /// A file with these sections, by pipeline.
    Sections(BTreeMap<String, Box<RawValue>>, Identity),
    /// A file of this newer format.
    Newer(i64),
}

/// One node of a section, on its way to the file.
pub(crate) struct Entry {
    /// The name it has in the pipeline.
    pub(crate) node: Arc<str>,
    /// Its record.
    pub(crate) record: Arc<Record>,
}

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

/// Replaces the file by one with `entries` as the section of `pipeline` and the others as they stand.
pub(crate) fn write(
    root: &Root,
    others: &BTreeMap<String, Box<RawValue>>,
    pipeline: &str,
    entries: &[Entry],
    notes: &BTreeMap<Digest, Arc<str>>,
) -> Result<Identity, StoreError> {
    let mut bad_json = None;
    let written = root.replace(root, FILE, 0o644, |file| {
        let mut to = BufWriter::with_capacity(1 << 18, file);
        write!(to, "{{\"format\":{FORMAT},\"pipelines\":{{")?;
        for (name, section) in others.iter().filter(|(name, _)| *name != pipeline) {
            serde_json::to_writer(&mut to, name)?;
            writeln!(to, ":{},", section.get())?;
        }
        let result = write_section(&mut to, pipeline, entries, notes);
        if let Err(error) = result {
            let error = if error.is_io() {
                io::Error::from(error)
            } else {
                bad_json = Some(error);
                io::ErrorKind::InvalidData.into()
            };
            return Err(error);
        }
        to.write_all(b"}}\n")?;
        to.flush()
    });
    written.map_err(|source| match bad_json {
        Some(source) => StoreError::Snapshot {
            path: root.path(FILE),
            source,
        },
        None => StoreError::Io {
            operation: "write",
            path: root.path(FILE),
            source,
        },
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

/// The digests of the notes that the leaves of `entries` name.
pub(crate) fn notes_of(entries: &[Entry]) -> FxHashSet<Digest> {
    let mut seen = FxHashSet::default();
    let mut notes = FxHashSet::default();
    for Entry { record, .. } in entries {
        let parts = &record.parts;
        for part in [&parts.code, &parts.env, &parts.inputs, &parts.deps]
            .into_iter()
            .flatten()
        {
            // Shared parts are looked through once.
            if part.leaves.iter().any(|leaf| leaf.note.is_some()) && seen.insert(part.hash) {
                notes.extend(part.leaves.iter().filter_map(|leaf| leaf.note));
            }
        }
    }
    notes
}

/// Puts all that the snapshot names into `database`. What of it cannot be read is left out.
pub(crate) fn restore(root: &Root, database: &mut Database) -> rusqlite::Result<()> {
    let sections = match read(root) {
        Standing::Sections(sections, _) => sections,
        Standing::Nothing => return Ok(()),
        Standing::Newer(found) => {
            warn!(path = %root.path(FILE).display(), found, known = FORMAT, "the snapshot is of a newer format and not read");
            return Ok(());
        }
    };
    let mut restored = FxHashSet::default();
    for (pipeline, section) in sections {
        match serde_json::from_str::<Section<'_>>(section.get()) {
            Ok(section) => restore_section(database, pipeline.into(), section, &mut restored)?,
            Err(error) => {
                warn!(path = %root.path(FILE).display(), pipeline, %error, "a section of the snapshot is damaged");
            }
        }
    }
    Ok(())
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

fn write_section(
    mut to: &mut impl Write,
    pipeline: &str,
    entries: &[Entry],
    notes: &BTreeMap<Digest, Arc<str>>,
) -> serde_json::Result<()> {
    let io = serde_json::Error::io;
    serde_json::to_writer(&mut to, pipeline)?;
    to.write_all(b":{\"nodes\":{").map_err(io)?;
    let mut shared: BTreeMap<Digest, &Arc<Part>> = BTreeMap::new();
    for (number, Entry { node, record }) in entries.iter().enumerate() {
        let start: &[u8] = if number == 0 { b"\n" } else { b",\n" };
        to.write_all(start).map_err(io)?;
        serde_json::to_writer(&mut to, node)?;
        to.write_all(b":").map_err(io)?;
        serde_json::to_writer(&mut to, &text_of(node, record))?;
        for part in [&record.parts.code, &record.parts.env]
            .into_iter()
            .flatten()
        {
            shared.entry(part.hash).or_insert(part);
        }
    }
    to.write_all(b"},\n\"parts\":{").map_err(io)?;
    for (number, (hash, part)) in shared.iter().enumerate() {
        let start: &[u8] = if number == 0 { b"\n" } else { b",\n" };
        to.write_all(start).map_err(io)?;
        serde_json::to_writer(&mut to, hash)?;
        to.write_all(b":").map_err(io)?;
        serde_json::to_writer(&mut to, &leaf_texts(Some(part)))?;
    }
    to.write_all(b"},\n\"notes\":").map_err(io)?;
    serde_json::to_writer(&mut to, notes)?;
    to.write_all(b"}").map_err(io)
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

fn restore_section(
    database: &mut Database,
    pipeline: Arc<str>,
    section: Section<'_>,
    restored: &mut FxHashSet<Signature>,
) -> rusqlite::Result<()> {
    let shared: FxHashMap<Digest, Arc<Part>> = section
        .parts
        .into_iter()
        .map(|(hash, leaves)| (hash, part_of(hash, leaves)))
        .collect();
    let mut latest = Vec::with_capacity(section.nodes.len());
    for (name, node) in section.nodes {
        let name: Arc<str> = name.into();
        if let Some(record) = record_of(&name, node, &shared) {
            if restored.insert(record.signature) {
                database.insert(&record, &[], true)?;
            }
            latest.push((name, record.signature));
        } else {
            warn!(%pipeline, node = %name, "a node of the snapshot is damaged");
        }
    }
    database.set_latest(&pipeline, &latest)?;
    for (digest, text) in section.notes {
        if Digest::of(text.as_bytes()) == digest {
            database.insert_note(&digest, &text)?;
        }
    }
    Ok(())
}

/// `None`: the members do not fit each other.
fn record_of(
    name: &Arc<str>,
    node: Node<'_>,
    shared: &FxHashMap<Digest, Arc<Part>>,
) -> Option<Record> {
    let common = |hash: Option<Digest>| match hash {
        None => Some(None),
        Some(hash) => shared.get(&hash).cloned().map(Some),
    };
    let own = |hash: Option<Digest>, leaves| hash.map(|hash| part_of(hash, leaves));
    let inline: Option<Arc<[u8]>> = match node.output.inline {
        None => None,
        Some(text) => Some(BASE64.decode(text.as_bytes()).ok()?.into()),
    };
    if let Some(bytes) = &inline
        && (Digest::of(bytes) != node.output.digest || bytes.len() as u64 != node.output.size)
    {
        return None;
    }
    Some(Record {
        node: node.made_as.map_or_else(|| Arc::clone(name), Into::into),
        signature: node.signature,
        resolved: node.resolved,
        parts: Parts {
            code: common(node.code_hash)?,
            env: common(node.env_hash)?,
            inputs: own(node.inputs_hash, node.inputs),
            deps: own(node.deps_hash, node.deps),
        },
        output: Output {
            digest: node.output.digest,
            size: node.output.size,
            codec: node.output.codec,
            inline,
        },
        created_ms: node.created_ms,
        elapsed: Duration::from_micros(node.elapsed_us),
    })
}

fn part_of(hash: Digest, leaves: Vec<LeafText<'_>>) -> Arc<Part> {
    let leaves = leaves
        .into_iter()
        .map(|leaf| Leaf {
            name: leaf.name.into(),
            digest: leaf.digest,
            note: leaf.note,
        })
        .collect();
    Arc::new(Part { hash, leaves })
}
