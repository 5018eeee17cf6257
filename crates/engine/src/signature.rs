//! Signatures: what the four parts are made of and how they become a key.
//!
//! One walker per part names its leaves in order. [`Hash`] and [`Explain`] are
//! two visitors of the same walk, so an explanation can never speak of
//! something that was not hashed, nor leave out something that was.
//!
//! A part is hashed as its tag, its number of leaves, and each leaf's name,
//! length first, and digest. A part without leaves is absent. A signature is
//! hashed over the presence and hash of each part; `SIGNATURE` and `RESOLVED`
//! keep the two kinds of key apart. The format version is inside every hash.

use std::sync::Arc;

use refrain_store::{Digest, Leaf, Part, Parts, Signature};
use smallvec::SmallVec;

use crate::code::{Code, Item};
use crate::config::CacheConfig;
use crate::node::Node;
use crate::note;
use crate::trail::Trail;

/// Changes whenever equal work would get another signature.
const FORMAT: &[u8; 10] = b"refrain/1\0";

const SIGNATURE: u8 = b'S';
const RESOLVED: u8 = b'R';

/// One of the four parts of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PartKind {
    Code = b'c',
    Env = b'e',
    Inputs = b'i',
    Deps = b'd',
}

/// Sees the leaves of one part, in order.
pub(crate) trait Visitor {
    /// One leaf; `text` makes a text that shows what the digest stands for.
    fn leaf(&mut self, name: &str, digest: &[u8; 32], text: impl FnOnce() -> Option<Arc<str>>);
}

/// The node's own code.
pub(crate) fn walk_code(code: &Code, visitor: &mut impl Visitor) {
    code.own().for_each(|item| walk_item(item, visitor));
}

fn walk_item(item: &Item, visitor: &mut impl Visitor) {
    visitor.leaf(&item.path, item.hash.as_bytes(), || {
        Some(format!("{}\n{}", item.place(), item.text).into())
    });
}

/// The manual version (the node's `cache_key`, else the configuration's
/// `env_hash`), and what the node declared of its surroundings.
pub(crate) fn walk_env(node: &Node, config: &CacheConfig, visitor: &mut impl Visitor) {
    let version = match (&node.cache_key, &config.env_hash) {
        (Some(key), _) => Some(("cache_key", key.as_ref())),
        (None, Some(hash)) => Some(("env_hash", hash.as_str())),
        (None, None) => None,
    };
    if let Some((name, text)) = version {
        let digest = Digest::of(text.as_bytes());
        visitor.leaf(name, digest.as_bytes(), || Some(format!("{text:?}").into()));
    }
    for (name, value) in &node.env {
        match value {
            Some(text) => {
                let digest = Digest::of(&[b"=", text.as_bytes()].concat());
                visitor.leaf(name, digest.as_bytes(), || Some(format!("{text:?}").into()));
            }
            None => visitor.leaf(name, Digest::of(b"").as_bytes(), || Some("unset".into())),
        }
    }
}

/// The node's direct sources, by parameter.
pub(crate) fn walk_inputs<'a, T: FnOnce() -> Option<Arc<str>>>(
    sources: impl Iterator<Item = (&'a str, Digest, T)>,
    visitor: &mut impl Visitor,
) {
    for (name, digest, text) in sources {
        visitor.leaf(name, digest.as_bytes(), text);
    }
}

/// The files that the node's action found: they are inputs as well.
pub(crate) fn walk_trail(trail: Option<&Trail>, visitor: &mut impl Visitor) {
    for (path, digest) in trail.into_iter().flat_map(Trail::files) {
        let text = || Some(note::of_file(path, &digest));
        visitor.leaf(&note::shown(path), digest.as_bytes(), text);
    }
}

/// The node's parents, by parameter, each by its signature (or, for a resolved
/// signature, by its output's digest), and the imported code.
pub(crate) fn walk_deps<'a>(
    parents: impl Iterator<Item = (&'a str, [u8; 32])>,
    code: &Code,
    depth: u32,
    visitor: &mut impl Visitor,
) {
    for (name, key) in parents {
        visitor.leaf(name, &key, || None);
    }
    code.imported(depth)
        .for_each(|item| walk_item(item, visitor));
}

/// Hashes the leaves it sees.
pub(crate) struct Hash {
    /// Room for a part of a few leaves without asking for memory.
    bytes: SmallVec<[u8; 512]>,
    leaves: u32,
}

impl Hash {
    /// Hashes one part; `None` if the walk names no leaf.
    pub fn part(kind: PartKind, walk: impl FnOnce(&mut Hash)) -> Option<Digest> {
        let mut hash = Hash::new(kind);
        walk(&mut hash);
        hash.finish()
    }

    fn new(kind: PartKind) -> Self {
        let mut bytes = SmallVec::new();
        bytes.extend_from_slice(FORMAT);
        bytes.push(kind as u8);
        Hash { bytes, leaves: 0 }
    }

    fn finish(mut self) -> Option<Digest> {
        if self.leaves == 0 {
            return None;
        }
        self.bytes.extend_from_slice(&self.leaves.to_le_bytes());
        Some(Digest::of(&self.bytes))
    }
}

impl Visitor for Hash {
    fn leaf(&mut self, name: &str, digest: &[u8; 32], _text: impl FnOnce() -> Option<Arc<str>>) {
        self.leaves += 1;
        let length = u32::try_from(name.len()).expect("a name is shorter than 4 GiB");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(digest);
    }
}

/// Small texts that leaves point at, by digest.
pub(crate) type Notes = Vec<(Digest, Arc<str>)>;

/// Hashes the leaves it sees and keeps them, with their texts.
pub(crate) struct Explain {
    hash: Hash,
    leaves: Vec<Leaf>,
    notes: Notes,
}

impl Explain {
    /// The inputs part with the files that an execution found. Texts go to
    /// `notes`.
    pub fn with_trail(
        inputs: Option<&Part>,
        trail: &Trail,
        notes: &mut Notes,
    ) -> Option<Arc<Part>> {
        Self::part(PartKind::Inputs, notes, |explain| {
            for leaf in inputs.into_iter().flat_map(|part| &part.leaves) {
                explain
                    .hash
                    .leaf(&leaf.name, leaf.digest.as_bytes(), || None);
                explain.leaves.push(leaf.clone());
            }
            walk_trail(Some(trail), explain);
        })
    }

    /// Explains one part; `None` if the walk names no leaf. Texts go to `notes`.
    pub fn part(
        kind: PartKind,
        notes: &mut Notes,
        walk: impl FnOnce(&mut Explain),
    ) -> Option<Arc<Part>> {
        let mut explain = Explain {
            hash: Hash::new(kind),
            leaves: Vec::new(),
            notes: std::mem::take(notes),
        };
        walk(&mut explain);
        *notes = explain.notes;
        let hash = explain.hash.finish()?;
        Some(Arc::new(Part {
            hash,
            leaves: explain.leaves,
        }))
    }
}

impl Visitor for Explain {
    fn leaf(&mut self, name: &str, digest: &[u8; 32], text: impl FnOnce() -> Option<Arc<str>>) {
        self.hash.leaf(name, digest, || None);
        let note = text().map(|text| {
            let note = Digest::of(text.as_bytes());
            self.notes.push((note, text));
            note
        });
        self.leaves.push(Leaf {
            name: name.into(),
            digest: Digest::from_bytes(*digest),
            note,
        });
    }
}

/// The hashes of the four parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartHashes {
    pub code: Option<Digest>,
    pub env: Option<Digest>,
    pub inputs: Option<Digest>,
    pub deps: Option<Digest>,
}

impl PartHashes {
    /// The hashes of these parts.
    pub fn of(parts: &Parts) -> Self {
        let hash = |part: &Option<Arc<Part>>| part.as_ref().map(|part| part.hash);
        PartHashes {
            code: hash(&parts.code),
            env: hash(&parts.env),
            inputs: hash(&parts.inputs),
            deps: hash(&parts.deps),
        }
    }

    /// The hashes of these parts without the files that an execution found: of the inputs, only so many sources.
    pub fn without_trail(parts: &Parts, sources: usize) -> Self {
        let inputs = parts.inputs.iter().flat_map(|part| &part.leaves);
        let inputs = Hash::part(PartKind::Inputs, |hash| {
            for leaf in inputs.take(sources) {
                hash.leaf(&leaf.name, leaf.digest.as_bytes(), || None);
            }
        });
        PartHashes {
            inputs,
            ..Self::of(parts)
        }
    }

    /// The key under which the work is known before its parents have run.
    pub fn signature(&self) -> Signature {
        self.key(SIGNATURE)
    }

    /// The key of the same work once `deps` stands on the parents' outputs.
    pub fn resolved(&self) -> Signature {
        self.key(RESOLVED)
    }

    fn key(&self, kind: u8) -> Signature {
        let mut bytes = [0u8; 10 + 1 + 4 * 33];
        bytes[..10].copy_from_slice(FORMAT);
        bytes[10] = kind;
        let parts = [self.code, self.env, self.inputs, self.deps];
        for (part, slot) in parts.iter().zip(bytes[11..].chunks_exact_mut(33)) {
            if let Some(digest) = part {
                slot[0] = 1;
                slot[1..].copy_from_slice(digest.as_bytes());
            }
        }
        Signature::from_bytes(*Digest::of(&bytes).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(visitor: &mut impl Visitor) {
        let text = || None;
        walk_inputs(
            [
                ("x", Digest::of(b"5"), text),
                ("name", Digest::of(b"mini"), text),
            ]
            .into_iter(),
            visitor,
        );
    }

    #[test]
    fn the_hash_is_a_promise() {
        // Computed by hand from the layout above, outside of this code. A change of any of these
        // makes every existing cache miss: raise FORMAT knowingly.
        let inputs = Hash::part(PartKind::Inputs, sample);
        assert_eq!(
            inputs.unwrap().to_string(),
            "815d3d2bd1976645432a60f64838ca3852bc22c332c1857a693a1dbd7b940684"
        );
        let parts = PartHashes {
            code: Some(Digest::of(b"code")),
            env: None,
            inputs,
            deps: None,
        };
        assert_eq!(
            parts.signature().to_string(),
            "249b2e771da066825af7b16172e56fa3d8b2037a9c9c3963198657a4cac979da"
        );
        assert_eq!(
            parts.resolved().to_string(),
            "79561368e1dc2ac4398eb226d4bf223c446f43a68c90f89bdb43a5594c7d61c0"
        );
        let nothing = PartHashes {
            code: None,
            env: None,
            inputs: None,
            deps: None,
        };
        assert_eq!(
            nothing.signature().to_string(),
            "875456e1c3fd7b77c18576a4698ca97a09abb4ff47dcab838973c648f2758c1b"
        );
    }

    #[test]
    fn both_visitors_of_a_walk_agree() {
        let mut notes = Vec::new();
        let explained = Explain::part(PartKind::Inputs, &mut notes, sample).unwrap();
        assert_eq!(Some(explained.hash), Hash::part(PartKind::Inputs, sample));
        let names: Vec<&str> = explained.leaves.iter().map(|leaf| &*leaf.name).collect();
        assert_eq!(names, ["x", "name"]);
    }

    #[test]
    fn every_part_and_its_place_count() {
        let d = Some(Digest::of(b"d"));
        let one = |code, env, inputs, deps| PartHashes {
            code,
            env,
            inputs,
            deps,
        };
        let all = [
            one(None, None, None, None),
            one(d, None, None, None),
            one(None, d, None, None),
            one(None, None, d, None),
            one(None, None, None, d),
        ];
        let mut keys: Vec<Signature> = all
            .iter()
            .flat_map(|parts| [parts.signature(), parts.resolved()])
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 10);
    }

    #[test]
    fn leaf_names_and_digests_do_not_run_into_each_other() {
        let part = |leaves: &[(&str, &[u8])]| {
            Hash::part(PartKind::Deps, |hash| {
                for (name, text) in leaves {
                    hash.leaf(name, Digest::of(text).as_bytes(), || None);
                }
            })
        };
        assert_ne!(
            part(&[("a", b"1"), ("b", b"2")]),
            part(&[("b", b"2"), ("a", b"1")])
        );
        assert_ne!(part(&[("ab", b"1")]), part(&[("a", b"1")]));
        assert_eq!(part(&[]), None);
    }
}
