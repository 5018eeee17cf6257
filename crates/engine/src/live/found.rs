//! The files that nodes' actions find, as far as the store knows them, and what
//! nodes are known by with them.

use std::path::Path;
use std::sync::Arc;

use refrain_store::{Digest, Parts, Signature};

use super::Live;
use crate::note;
use crate::queries::{self, Standing};
use crate::recall;
use crate::signature::Notes;
use crate::trail::{self, Trail, Trails};

/// Work known by the digests of what it reads.
pub(crate) struct Resolved {
    /// The resolved signature; `None` if what it will find is not known.
    pub signature: Option<Signature>,
    /// The files that it is known to find, where it finds any.
    pub trail: Option<Trail>,
}

impl Live {
    /// The records that stand beside nodes' own: what is known of files that
    /// they find, and of the items that they are mapped over.
    pub fn side_records(&self) -> impl Iterator<Item = (Arc<str>, Signature)> {
        let seen = (0..self.graph.nodes.len() as u32).filter(|node| self.is_seen(*node));
        seen.flat_map(|node| {
            let name = self.graph.name_of(node);
            let found = self.graph.node(node).discovers.then(|| {
                let base = queries::base(&self.db, self.units[node as usize]);
                let name = format!("{name} (files found)");
                (name.into(), trail::key(&base.signature))
            });
            let mapped = self.graph.node(node).map.is_some().then(|| {
                let key = recall::names_key(&self.key(node).signature);
                (format!("{name} (items)").into(), key)
            });
            [found, mapped].into_iter().flatten()
        })
    }

    /// What the files that a node finds are kept under, as far as its parents'
    /// outputs are known.
    pub fn trail_keys(&self, node: u32, digest: impl Fn(u32) -> Option<Digest>) -> Vec<Signature> {
        let base = queries::base(&self.db, self.units[node as usize]);
        let mut keys = vec![trail::key(&base.signature)];
        if self
            .graph
            .parents(node)
            .all(|parent| digest(parent).is_some())
        {
            let digest = |parent| *digest(parent).expect("just looked").as_bytes();
            keys.push(trail::key(&self.hashes(node, digest, None).resolved()));
        }
        keys
    }

    /// Learns what other processes have left in the store since it was last asked:
    /// what nodes were, and which files executions found. Whether a node's
    /// signature can be known is not to depend on who asks.
    pub fn catch_up(&mut self) {
        self.refresh();
        self.before.catch_up();
        let finders = self.graph.finders.clone();
        for node in finders.iter() {
            if self.is_seen(*node) && self.has_news(*node) {
                self.forget(&[*node]);
                self.refresh();
            }
        }
    }

    fn has_news(&self, node: u32) -> bool {
        let base = queries::base(&self.db, self.units[node as usize]);
        let open = self.key(node).standing == Standing::Open && base.is_lasting();
        open && self.trail(&base.signature).is_some()
    }

    /// The files that the session's nodes found, as far as it was looked.
    pub fn found_files(&self) -> impl Iterator<Item = &Path> {
        self.finders.keys().map(std::path::PathBuf::as_path)
    }

    /// The files that some work finds, if it is known that they are what they
    /// were when it found them.
    pub fn trail(&self, work: &Signature) -> Option<Trail> {
        let store = self.context().store.as_ref()?;
        let digest = |path: &Path| self.context().file_digest(path);
        Trails::recall(store, work).matching(digest).cloned()
    }

    /// What the node is known by as its parents' outputs have these digests.
    pub fn resolve(&self, node: u32, digest: impl Fn(u32) -> Digest) -> Resolved {
        let digest = |parent| *digest(parent).as_bytes();
        let base = self.hashes(node, digest, None).resolved();
        if !self.graph.node(node).discovers {
            return Resolved {
                signature: Some(base),
                trail: None,
            };
        }
        let trail = self.trail(&base);
        let with = |trail| self.hashes(node, digest, Some(trail)).resolved();
        Resolved {
            signature: trail.as_ref().map(with),
            trail,
        }
    }

    /// The parts as they are in the present revision, to be held against those of
    /// before. The files that an execution is yet to find are taken to be those that
    /// it found before.
    pub fn present_parts(&self, node: u32, before: Option<&Parts>) -> (Parts, Notes) {
        let digest = |path: &Path| self.context().file_digest(path);
        let trail = self.graph.node(node).discovers.then(|| {
            let trails = queries::trails(&self.db, self.units[node as usize]);
            let matching = trails.matching(digest).cloned();
            matching.or_else(|| Some(self.found_before(node, before?).now(digest)))
        });
        let parent = |parent| self.key(parent).signature;
        self.parts(node, parent, trail.flatten().as_ref())
    }

    /// The files that an execution found: the inputs recorded of it that no parameter
    /// takes.
    fn found_before(&self, node: u32, before: &Parts) -> Trail {
        let params = &self.graph.node(node).params;
        let leaves = before.inputs.iter().flat_map(|inputs| &inputs.leaves);
        let found = leaves.filter(|leaf| params.iter().all(|param| param.name != leaf.name));
        Trail::new(
            found
                .map(|leaf| (note::path(&leaf.name), leaf.digest))
                .collect(),
        )
    }
}
