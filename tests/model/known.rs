//! What a cache has: under which keys something is found, and of which work the headers are known. It is unaware of
//! how that comes about.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What something is known by.
pub type Key = u64;

pub fn hash(of: impl Hash) -> Key {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What stands in the records of a cache.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Nodes, as they are known before anything above them is.
    pub signatures: HashSet<Key>,
    /// Nodes and items, as they are known by what they read.
    pub resolved: HashSet<Key>,
    /// Work together with the headers that it reads.
    pub trails: HashSet<Key>,
    /// Nodes of which there is a record to explain others by, with or without an output.
    pub recorded: HashSet<Key>,
}

impl Known {
    pub fn extend(&mut self, other: &Known) {
        self.signatures.extend(&other.signatures);
        self.resolved.extend(&other.resolved);
        self.trails.extend(&other.trails);
        self.recorded.extend(&other.recorded);
    }

    pub fn len(&self) -> usize {
        self.signatures.len() + self.resolved.len() + self.trails.len() + self.recorded.len()
    }
}

/// The four parts of what a node is known by; 0 for one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    pub code: Key,
    pub env: Key,
    pub inputs: Key,
    pub deps: Key,
}

impl Parts {
    /// The name of the first part that differs.
    pub fn difference(&self, other: &Parts) -> Option<&'static str> {
        let pairs = [
            ("code", self.code, other.code),
            ("env", self.env, other.env),
            ("inputs", self.inputs, other.inputs),
            ("dependency", self.deps, other.deps),
        ];
        let differs = pairs.into_iter().find(|(_, one, two)| one != two);
        differs.map(|(name, ..)| name)
    }
}
