//! Puts a graph into the database. What is put there has no value yet, and
//! nothing is asked of it here.

use std::sync::Arc;

use refrain_store::Digest;
use rustc_hash::FxHashMap;
use salsa::Durability;

use crate::code::Code;
use crate::db::{Bound, Db, Link, Refrain, Spec};
use crate::graph::{Graph, Wire};
use crate::queries::{Source, Unit};
use crate::signature::{Hash, PartKind, walk_code, walk_env};

/// One source for each input, not bound to any value.
pub(super) fn make_sources(db: &Db, graph: &Graph) -> Vec<Source> {
    let unbound = Bound {
        digest: Digest::from_bytes([0; 32]),
        shown: None,
        unhashable: None,
        values: Arc::new([]),
        files: None,
    };
    let source = |_| {
        Source::builder(unbound.clone())
            .bound_durability(Durability::HIGH)
            .new(db)
    };
    graph.sources.iter().map(source).collect()
}

/// One unit for each node. Code that nodes share is hashed once.
pub(super) fn make_units(db: &Db, graph: &Graph, sources: &[Source]) -> Vec<Unit> {
    let config = &db.context().config;
    let mut codes = FxHashMap::<*const Code, Option<Digest>>::default();
    let mut units: Vec<Unit> = Vec::with_capacity(graph.nodes.len());
    for (node, wires) in graph.nodes.iter().zip(graph.wires.rows()) {
        let code = *codes
            .entry(Arc::as_ptr(&node.code))
            .or_insert_with(|| Hash::part(PartKind::Code, |hash| walk_code(&node.code, hash)));
        let link = |wire: &Wire| match *wire {
            Wire::Source(number) => Link::Source(sources[number as usize]),
            Wire::Node(parent) => Link::Node(units[parent as usize]),
        };
        let spec = Spec {
            node: node.clone(),
            code,
            env: Hash::part(PartKind::Env, |hash| walk_env(node, config, hash)),
            links: wires.iter().map(link).collect(),
        };
        let unit = Unit::builder(Arc::new(spec))
            .spec_durability(Durability::HIGH)
            .new(db);
        units.push(unit);
    }
    units
}
