//! What nodes are known by in one run. Mostly that was known before it began;
//! but the files that an action finds, and those that change under it, make a
//! node's key in the middle of a run, and with it the keys of all below. It
//! knows the session; it is unaware of what anybody does with a key.

use refrain_store::Parts;
use rustc_hash::FxHashMap;

use crate::live::Live;
use crate::queries::{Key, Standing};
use crate::signature::{Notes, PartHashes};
use crate::trail::Trail;

/// The keys that turned out to be others than was known before the run.
#[derive(Default)]
pub(crate) struct Keys(FxHashMap<u32, Key>);

impl Keys {
    /// The node's key. Its parents are done with, or their keys have not
    /// changed.
    pub fn key(&self, live: &Live, node: u32) -> Key {
        self.0.get(&node).copied().unwrap_or_else(|| live.key(node))
    }

    /// Notes what a node turned out to be known by.
    pub fn turned_out(&mut self, node: u32, key: Key) {
        self.0.insert(node, key);
    }

    /// Works out the key of a node whose parents are all done with.
    pub fn settle(&mut self, live: &Live, node: u32) {
        let changed = live
            .graph
            .parents(node)
            .any(|parent| self.0.contains_key(&parent));
        if !changed {
            return;
        }
        let parents = live.graph.parents(node);
        let standing = parents
            .map(|parent| self.key(live, parent).standing)
            .fold(live.own_standing(node), Ord::max);
        let mut key = Key {
            signature: self.hashes(live, node, None).signature(),
            standing,
        };
        if live.graph.node(node).discovers && key.is_lasting() {
            match live.trail(&key.signature) {
                Some(trail) => key.signature = self.hashes(live, node, Some(&trail)).signature(),
                None => key.standing = Standing::Open,
            }
        }
        self.0.insert(node, key);
    }

    /// What a node's signature is made of, with the files that it finds.
    pub fn hashes(&self, live: &Live, node: u32, trail: Option<&Trail>) -> PartHashes {
        let parent = |parent| *self.key(live, parent).signature.as_bytes();
        live.hashes(node, parent, trail)
    }

    /// The same leaf by leaf.
    pub fn parts(&self, live: &Live, node: u32, trail: Option<&Trail>) -> (Parts, Notes) {
        let parent = |parent| self.key(live, parent).signature;
        live.parts(node, parent, trail)
    }

    /// The nodes whose keys turned out to be others.
    pub fn changed(&self) -> Vec<u32> {
        self.0.keys().copied().collect()
    }
}
