//! What nodes' signatures are made of in the present revision: hashed, and leaf by
//! leaf for records and reasons. It changes nothing.

use std::sync::Arc;

use refrain_store::{Part, Parts, Signature};

use super::Live;
use crate::graph::Wire;
use crate::queries::{self, Standing};
use crate::signature::{Explain, Notes, PartHashes, PartKind, walk_deps, walk_env, walk_trail};
use crate::trail::Trail;

impl Live {
    /// The hashes of a node's parts with its parents known by these keys: their
    /// signatures, or their outputs' digests.
    pub fn hashes(
        &self,
        node: u32,
        parent: impl Fn(u32) -> [u8; 32],
        trail: Option<&Trail>,
    ) -> PartHashes {
        let spec = self.spec(node);
        let parents = self.named_parents(node);
        let keys = parents.map(|(name, number)| (name, parent(number)));
        queries::part_hashes(&self.db, &spec, keys, trail)
    }

    /// The parts of a node's signature, leaf by leaf, and the texts of the
    /// leaves; the parents stand there by these signatures.
    pub fn parts(
        &self,
        node: u32,
        parent: impl Fn(u32) -> Signature,
        trail: Option<&Trail>,
    ) -> (Parts, Notes) {
        let spec = self.spec(node);
        let mut notes = Notes::new();
        let code = self.code_parts.part(&spec.node.code, &mut notes);
        let env = Explain::part(PartKind::Env, &mut notes, |explain| {
            walk_env(&spec.node, &self.context().config, explain);
        });
        let inputs = Explain::part(PartKind::Inputs, &mut notes, |explain| {
            queries::walk_sources(&self.db, &spec, explain);
            walk_trail(trail, explain);
        });
        let deps = Explain::part(PartKind::Deps, &mut notes, |explain| {
            let parents = self.named_parents(node);
            let keys = parents.map(|(name, number)| (name, *parent(number).as_bytes()));
            let depth = self.context().config.dependency_depth;
            walk_deps(keys, &spec.node.code, depth, explain);
        });
        let parts = Parts {
            code,
            env,
            inputs,
            deps,
        };
        (parts, notes)
    }

    /// The code part of a node's signature; the texts of its leaves go to `notes`.
    pub fn code_part(&self, node: u32, notes: &mut Notes) -> Option<Arc<Part>> {
        self.code_parts.part(&self.graph.node(node).code, notes)
    }

    /// What the node's own sources allow its signature to be.
    pub fn own_standing(&self, node: u32) -> Standing {
        queries::own_standing(&self.db, &self.spec(node))
    }

    fn named_parents(&self, node: u32) -> impl Iterator<Item = (&str, u32)> {
        let params = self.graph.node(node).params.iter();
        params
            .zip(self.graph.wires.row(node))
            .filter_map(|(param, wire)| match wire {
                Wire::Node(parent) => Some((&*param.name, *parent)),
                Wire::Source(_) => None,
            })
    }
}
