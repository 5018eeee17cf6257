//! Puts nodes and inputs into the database. What is put there has no value yet,
//! and nothing is asked of it here.

use std::sync::Arc;

use refrain_store::Digest;
use rustc_hash::FxHashMap;
use salsa::Durability;

use crate::code::Code;
use crate::db::{Bound, Context, Db, Link, Spec};
use crate::graph::{Graph, Wire};
use crate::queries::{Source, Unit};
use crate::signature::{Hash, PartKind, walk_code, walk_env};

/// A source that is not bound to any value.
pub(super) fn new_source(db: &Db) -> Source {
    let unbound = Bound {
        digest: Digest::from_bytes([0; 32]),
        shown: None,
        unhashable: None,
        values: Arc::new([]),
        files: None,
    };
    Source::builder(unbound)
        .bound_durability(Durability::HIGH)
        .new(db)
}

/// A unit with this spec.
pub(super) fn new_unit(db: &Db, spec: &Arc<Spec>) -> Unit {
    Unit::builder(spec.clone(), 0)
        .durability(Durability::HIGH)
        .new(db)
}

/// Makes the specs of a graph's nodes. Code that nodes share is hashed once.
#[derive(Default)]
pub(super) struct Specs(FxHashMap<*const Code, Option<Digest>>);

impl Specs {
    /// The spec of a node, all of whose parents have units.
    pub fn spec(
        &mut self,
        context: &Context,
        graph: &Graph,
        node: u32,
        sources: &[Source],
        units: &[Unit],
    ) -> Spec {
        let link = |wire: &Wire| match *wire {
            Wire::Source(number) => Link::Source(sources[number as usize]),
            Wire::Node(parent) => Link::Node(units[parent as usize]),
        };
        let links = graph.wires.row(node).iter().map(link).collect();
        let node = graph.node(node);
        let code = *self
            .0
            .entry(Arc::as_ptr(&node.code))
            .or_insert_with(|| Hash::part(PartKind::Code, |hash| walk_code(&node.code, hash)));
        Spec {
            node: node.clone(),
            code,
            env: Hash::part(PartKind::Env, |hash| walk_env(node, &context.config, hash)),
            links,
        }
    }
}
