//! The names of the files of nodes: different ones for different nodes, wherever the directory is.
//!
//! What stands in a name as it is, are lower case letters, digits, `-`, `_` and dots that are not the first. So no two
//! names differ in nothing but case or the form of an accent, and none leads anywhere.

use crate::digest::Digest;

/// What the name of a file ends with.
const PKL: &str = ".pkl";

/// The bytes that a name has at most before its end: room for what file systems and programs add.
const LONGEST: usize = 200;

/// The bytes of a longer one that are left, before its digest.
const LEFT: usize = 120;

/// The name of the file of `node`.
pub(crate) fn of(node: &str) -> String {
    let mut name = String::with_capacity(node.len() + PKL.len());
    for (at, byte) in node.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            b'.' if at > 0 => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.len() > LONGEST {
        // No other name has a tilde.
        name.truncate(LEFT);
        let digest = Digest::of(node.as_bytes()).to_string();
        name.push('~');
        name.push_str(&digest[..32]);
    }
    if name.is_empty() {
        name.push('%');
    }
    name.push_str(PKL);
    name
}

/// Says whether a file of this name is one of a node.
pub(crate) fn is_one(name: &str) -> bool {
    name.ends_with(PKL) && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_stay_different_and_harmless() {
        let long = "x".repeat(400);
        let nodes = [
            "corpus",
            "Corpus",
            "CORPUS",
            "%43orpus",
            "a/b",
            "a%2fb",
            "..",
            ".",
            "",
            ".a",
            "é",
            "e\u{301}",
            "con",
            "a b",
            "a\0",
            "doc[a/../b]",
            "a.b",
            &long,
            &(long.clone() + "y"),
            &long.to_uppercase(),
        ];
        let names: HashSet<String> = nodes.iter().map(|node| of(node)).collect();
        let folded: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!((names.len(), folded.len()), (nodes.len(), nodes.len()));
        for name in names {
            assert!(is_one(&name), "{name}");
            assert!(name.len() < 255 && !name.contains(['/', '\0']), "{name}");
        }
        assert_eq!(of("load_corpus.v2"), "load_corpus.v2.pkl");
        assert_eq!(of("Corpus"), "%43orpus.pkl");
    }
}
