//! A snapshot put back into the tables.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::warn;

use super::{FILE, FORMAT, LeafText, Node, Section, Standing, read};
use crate::database::Database;
use crate::digest::{Digest, Signature};
use crate::fields::millis;
use crate::record::{Leaf, Output, Part, Parts, Record};
use crate::root::Root;

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
                // When it was last used is not known any more.
                database.insert(&record, &[], true, None, millis(SystemTime::now()))?;
            }
            latest.push((name, record.signature));
        } else {
            warn!(%pipeline, node = %name, "a node of the snapshot is damaged");
        }
    }
    let latest = latest.iter().map(|(name, signature)| (name, signature));
    database.set_latest(&pipeline, latest)?;
    for (digest, text) in section.notes {
        if Digest::of(text.as_bytes()) == digest {
            database.insert_note(&digest, &text)?;
        }
    }
    Ok(())
}

/// `None`: the members do not fit each other.
pub(super) fn record_of(
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
        log: node.log,
        seal: node.seal,
    })
}

pub(super) fn part_of(hash: Digest, leaves: Vec<LeafText<'_>>) -> Arc<Part> {
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
