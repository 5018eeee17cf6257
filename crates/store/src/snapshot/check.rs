//! A snapshot read through, to see whether it is whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

use super::restore::{part_of, record_of};
use super::{FILE, Section, Standing, read};
use crate::digest::Digest;
use crate::record::{Part, Record};
use crate::root::Root;

/// Hands out every node with its record, `None` where its members do not fit; gives what else is wrong. A file
/// that is not there, or of a newer format, is not wrong.
pub(crate) fn check(root: &Root, each: impl FnMut(&str, Option<Record>)) -> Vec<String> {
    match read(root) {
        Standing::Sections(sections, _) => check_sections(sections, each),
        Standing::Newer(_) => Vec::new(),
        Standing::Nothing => {
            let missing = matches!(root.stat(FILE), Ok(None));
            Vec::from_iter((!missing).then(|| "it cannot be read".to_owned()))
        }
    }
}

/// Does what [`check`] does with a file of these bytes.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check_bytes(bytes: &[u8], each: impl FnMut(&str, Option<Record>)) -> Vec<String> {
    match serde_json::from_slice::<super::File>(bytes) {
        Ok(file) => check_sections(file.pipelines, each),
        Err(error) => vec![error.to_string()],
    }
}

fn check_sections(
    sections: BTreeMap<String, Box<RawValue>>,
    mut each: impl FnMut(&str, Option<Record>),
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (pipeline, section) in sections {
        let section: Section<'_> = match serde_json::from_str(section.get()) {
            Ok(section) => section,
            Err(error) => {
                wrong.push(format!("the section of {pipeline} cannot be read: {error}"));
                continue;
            }
        };
        for (digest, text) in &section.notes {
            if Digest::of(text.as_bytes()) != *digest {
                wrong.push(format!("note {digest} has another text"));
            }
        }
        let parts = section.parts.into_iter();
        let shared: FxHashMap<Digest, Arc<Part>> = parts
            .map(|(hash, leaves)| (hash, part_of(hash, leaves)))
            .collect();
        for (name, node) in section.nodes {
            each(&name, record_of(&Arc::from(&*name), node, &shared));
        }
    }
    wrong
}
