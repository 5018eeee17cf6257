//! A section written anew from the one that stands there, where few of its nodes changed.
//!
//! Of a file as `encode` wrote it the lines of nodes that are what they were are copied as they stand. Parts and notes
//! are added to; those that nobody refers to any more stay until the file is written whole. Unaware of who knows that
//! the file is as it was written.

use std::io;
use std::sync::Arc;

use memchr::{memchr_iter, memmem, memrchr};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{HEAD, PIECE, Pieces, References, leaf_texts, text_of};
use crate::digest::{Digest, Signature};
use crate::record::Record;

/// More nodes than this are not put in one by one.
const FEW: usize = 64;

const NODES: &str = ":{\"nodes\":{\n";
const PARTS: &str = "},\n\"parts\":{\n";
const NOTES: &str = "},\n\"notes\":{";
const END: &str = "}}}}\n";

/// What is copied of a file, and what is put into it.
pub(crate) struct Splice<'a> {
    head: &'a [u8],
    /// Lines of nodes, without the commas between them.
    kept: Vec<&'a [u8]>,
    changed: Vec<(Arc<str>, Arc<Record>)>,
    parts: &'a [u8],
    notes: &'a [u8],
}

impl<'a> Splice<'a> {
    /// Compares the file, whose only section is that of `pipeline`, with what its `nodes` are now. A line is kept that
    /// has its node's signature, unless there is another record of that: one of `anew`.
    ///
    /// `None`: the file is to be written whole.
    pub(crate) fn of(
        file: &'a [u8],
        pipeline: &str,
        mut nodes: FxHashMap<Arc<str>, Signature>,
        anew: &FxHashSet<Signature>,
        find: impl Fn(&Signature) -> Option<Arc<Record>>,
    ) -> Option<Self> {
        let head = format!("{HEAD}{}{NODES}", serde_json::to_string(pipeline).ok()?);
        let rest = file.strip_prefix(head.as_bytes())?;
        // No text in the file has a newline as it stands, so the last line is that of the notes.
        let notes_at = memrchr(b'\n', rest.strip_suffix(END.as_bytes())?)?.checked_sub(2)?;
        let (rest, notes) = rest.split_at(notes_at);
        let notes = notes.strip_prefix(NOTES.as_bytes())?;
        let notes = notes.strip_suffix(END.as_bytes())?;
        let parts_at = memmem::rfind(rest, PARTS.as_bytes())?;
        let (lines, parts) = rest.split_at(parts_at);
        let parts = &parts[PARTS.len()..];
        let mut kept = Vec::with_capacity(nodes.len());
        let mut start = 0;
        for end in memchr_iter(b'\n', lines).chain([lines.len()]) {
            let line = &lines[start..end];
            let line = line.strip_suffix(b",").unwrap_or(line);
            start = end + 1;
            let (name, signature) = node_of(line)?;
            if let Some(signature) = signature
                && nodes.get(name) == Some(&signature)
                && !anew.contains(&signature)
            {
                nodes.remove(name);
                kept.push(line);
            }
        }
        if nodes.len() > FEW {
            return None;
        }
        let changed = nodes.into_iter();
        let changed = changed.filter_map(|(name, signature)| Some((name, find(&signature)?)));
        Some(Self {
            head: &file[..head.len()],
            kept,
            changed: changed.collect(),
            parts,
            notes,
        })
    }

    /// Writes the file.
    pub(super) fn encode(
        &self,
        note: impl Fn(&Digest) -> Option<Arc<str>>,
        to: &mut Pieces,
    ) -> io::Result<()> {
        to.put_bytes(self.head);
        let mut separator = "";
        for line in &self.kept {
            to.put(std::mem::replace(&mut separator, ",\n"));
            to.put_bytes(line);
            to.pass_on(PIECE);
        }
        let mut references = References::default();
        for (name, record) in &self.changed {
            to.put(std::mem::replace(&mut separator, ",\n"));
            to.put_json(name)?;
            to.put(":");
            to.put_json(&text_of(name, record))?;
            references.add(record);
        }
        to.put(PARTS);
        let mut separator = ",\n";
        to.put_bytes(self.parts);
        for (hash, part) in &references.shared {
            if !is_key(self.parts, hash) {
                to.put(separator);
                to.put_json(hash)?;
                to.put(":");
                to.put_json(&leaf_texts(Some(part)))?;
            }
        }
        to.put(NOTES);
        to.put_bytes(self.notes);
        separator = if self.notes.is_empty() { "" } else { "," };
        for digest in references
            .noted
            .iter()
            .filter(|digest| !is_key(self.notes, digest))
        {
            let Some(text) = note(digest) else { continue };
            to.put(std::mem::replace(&mut separator, ","));
            to.put_json(digest)?;
            to.put(":");
            to.put_json(&text)?;
        }
        to.put(END);
        to.pass_on(0);
        Ok(())
    }
}

/// A node's name and signature, by its line; no signature if the name has escapes, or another name comes first.
/// `None`: it is no line of a node.
fn node_of(line: &[u8]) -> Option<(&str, Option<Signature>)> {
    let name_end = memmem::find(line, b"\":{\"")?;
    let name = line[..name_end].strip_prefix(b"\"")?;
    let member = line[name_end + 4..].strip_prefix(b"signature\":\"");
    let digits = member.and_then(|text| text.get(..64));
    let signature = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let name = std::str::from_utf8(name).ok()?;
    Some((name, signature.filter(|_| !name.contains('\\'))))
}

/// Says whether the digest is a key of an object's members.
fn is_key(members: &[u8], digest: &Digest) -> bool {
    memmem::find(members, format!("\"{digest}\":").as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_node() {
        let digits = "ab".repeat(32);
        let told = |line: String| {
            node_of(line.as_bytes()).map(|(name, known)| (name.to_owned(), known.is_some()))
        };
        let known = |name: &str| Some((name.to_owned(), true));
        assert_eq!(
            told(format!(
                r#""parts":{{"signature":"{digits}","resolved":"x"}}"#
            )),
            known("parts")
        );
        assert_eq!(
            told(format!(r#""a é:{{":{{"signature":"{digits}""#)),
            known("a é:{")
        );
        let unknown = |line: String| matches!(told(line), Some((_, false)));
        assert!(unknown(format!(r#""a\":{{"signature":"{digits}""#)));
        assert!(unknown(format!(
            r#""a":{{"made_as":"b","signature":"{digits}""#
        )));
        assert!(unknown(format!(
            r#""a":{{"signature":"{}""#,
            digits.to_uppercase()
        )));
        assert_eq!(told(String::new()), None);
        assert_eq!(told("\"parts\":{".into()), None);
    }
}
