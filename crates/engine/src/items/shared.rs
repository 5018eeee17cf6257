//! What the items of a node share, and what is hashed of an item together with
//! it. It is unaware of what the lists are.

use std::sync::Arc;

use refrain_store::{Digest, Parts, Signature};
use smallvec::SmallVec;

use crate::db::Spec;
use crate::graph::Wire;
use crate::live::Live;
use crate::map::Map;
use crate::signature::{
    Explain, Hash, Notes, PartHashes, PartKind, Visitor, walk_deps, walk_env, walk_inputs,
    walk_trail,
};
use crate::trail::Trail;

/// What all items of a node have in common.
pub(super) struct Shared {
    pub spec: Arc<Spec>,
    pub map: Arc<Map>,
    /// By parameter.
    leaves: SmallVec<[Leaf; 4]>,
    depth: u32,
    /// Stands for all of this: of two nodes with one mark, equal items are known
    /// by the same.
    pub mark: Signature,
}

/// What one parameter is.
struct Leaf {
    is_source: bool,
    is: Is,
}

enum Is {
    /// The item's place in the list of this number.
    Item(usize),
    /// The same for all items: its digest, and its text where it is a source.
    Whole(Digest, Option<Arc<str>>),
}

impl Shared {
    pub fn of(
        live: &Live,
        node: u32,
        spec: Arc<Spec>,
        map: Arc<Map>,
        digest: impl Fn(u32) -> Digest,
    ) -> Self {
        let wires = live.graph.wires.row(node).iter().enumerate();
        let leaf = |(param, wire): (usize, &Wire)| {
            let list = map.axes.iter().position(|axis| axis.param == param);
            let is = match (list, *wire) {
                (Some(list), _) => Is::Item(list),
                (None, Wire::Source(number)) => {
                    let bound = live.source(number);
                    Is::Whole(bound.digest, bound.shown.clone())
                }
                (None, Wire::Node(parent)) => Is::Whole(digest(parent), None),
            };
            let is_source = matches!(wire, Wire::Source(_));
            Leaf { is_source, is }
        };
        let mut shared = Shared {
            leaves: wires.map(leaf).collect(),
            depth: live.context().config.dependency_depth,
            mark: Signature::from_bytes([0; 32]),
            spec,
            map,
        };
        let nothing =
            SmallVec::<[Digest; 1]>::from_elem(Digest::from_bytes([0; 32]), shared.map.axes.len());
        shared.mark = shared.hashes(&nothing).signature();
        shared
    }

    /// The hashes of an item that has these digests in the lists.
    pub fn hashes(&self, item: &[Digest]) -> PartHashes {
        PartHashes {
            code: self.spec.code,
            env: self.spec.env,
            inputs: Hash::part(PartKind::Inputs, |hash| {
                self.walk_inputs(item, &|_| None, hash);
            }),
            deps: Hash::part(PartKind::Deps, |hash| self.walk_deps(item, hash)),
        }
    }

    /// The same with the files that the item's action finds.
    pub fn with_trail(&self, item: &[Digest], trail: &Trail) -> PartHashes {
        let inputs = Hash::part(PartKind::Inputs, |hash| {
            self.walk_inputs(item, &|_| None, hash);
            walk_trail(Some(trail), hash);
        });
        PartHashes {
            inputs,
            ..self.hashes(item)
        }
    }

    /// The same leaf by leaf; `text` gives the item's text in a list.
    pub fn parts(
        &self,
        live: &Live,
        node: u32,
        item: &[Digest],
        text: &dyn Fn(usize) -> Option<Arc<str>>,
    ) -> (Parts, Notes) {
        let mut notes = Notes::new();
        let code = live.code_part(node, &mut notes);
        let env = Explain::part(PartKind::Env, &mut notes, |explain| {
            walk_env(&self.spec.node, &live.context().config, explain);
        });
        let inputs = Explain::part(PartKind::Inputs, &mut notes, |explain| {
            self.walk_inputs(item, text, explain);
        });
        let deps = Explain::part(PartKind::Deps, &mut notes, |explain| {
            self.walk_deps(item, explain);
        });
        let parts = Parts {
            code,
            env,
            inputs,
            deps,
        };
        (parts, notes)
    }

    fn walk_inputs(
        &self,
        item: &[Digest],
        text: &dyn Fn(usize) -> Option<Arc<str>>,
        visitor: &mut impl Visitor,
    ) {
        let sources = self.leaves(true).map(|(name, is)| {
            let text = move || match is {
                Is::Item(list) => text(*list),
                Is::Whole(_, text) => text.clone(),
            };
            (name, is.digest(item), text)
        });
        walk_inputs(sources, visitor);
    }

    fn walk_deps(&self, item: &[Digest], visitor: &mut impl Visitor) {
        let parents = self.leaves(false);
        let parents = parents.map(|(name, is)| (name, *is.digest(item).as_bytes()));
        walk_deps(parents, &self.spec.node.code, self.depth, visitor);
    }

    /// The parameters that are sources, or those that are not, by name.
    fn leaves(&self, sources: bool) -> impl Iterator<Item = (&str, &Is)> {
        let params = self.spec.node.params.iter().zip(&self.leaves);
        let wanted = params.filter(move |(_, leaf)| leaf.is_source == sources);
        wanted.map(|(param, leaf)| (&*param.name, &leaf.is))
    }
}

impl Is {
    fn digest(&self, item: &[Digest]) -> Digest {
        match self {
            Is::Item(list) => item[*list],
            Is::Whole(digest, _) => *digest,
        }
    }
}
