//! Gathers what the execution of one node takes. It knows the session; it is
//! unaware of what else is going on in the run.

use std::sync::Arc;

use super::keys::Keys;
use crate::db::Spec;
use crate::execution::Stop;
use crate::files::Tracked;
use crate::graph::Wire;
use crate::items::Items;
use crate::live::Live;
use crate::node::Node;
use crate::queries::Standing;
use crate::signature::PartHashes;
use crate::turn::Turn;
use crate::work::{Arg, Draft, Work};

/// The work of a node all of whose parents have their values. `resolved` is
/// what it is known by; with `forced` it executes although its output is found.
pub(crate) fn gather(
    live: &Live,
    keys: &Keys,
    node: u32,
    resolved: PartHashes,
    forced: bool,
    stop: Stop,
) -> Work {
    let spec = live.spec(node);
    let mut files = Vec::new();
    let wires = live.graph.wires.row(node).iter();
    let args = wires
        .zip(&spec.node.params)
        .map(|(wire, param)| match wire {
            Wire::Source(number) => {
                let bound = live.source(*number);
                files.extend(bound.files.clone());
                Arg::Given(bound.value(param.value_type.id()).clone())
            }
            Wire::Node(parent) => Arg::Output(*parent, live.output(*parent)),
        });
    let args = args.collect();
    let lasting = keys.key(live, node).standing != Standing::Ephemeral;
    let recorded = live.context().store.is_some() && lasting;
    let draft = recorded.then(|| {
        let (parts, notes) = keys.parts(live, node, None);
        Draft {
            parts,
            notes,
            keeps_output: spec.node.cache,
            home: live.home(&spec.node),
        }
    });
    Work {
        spec,
        key: resolved.resolved(),
        hashes: resolved,
        args,
        files,
        draft,
        forced,
        lifetime: live.lifetime(node),
        clock: live.clock(),
        looked_at: live.looked_at(),
        stop: Arc::new(stop),
        turn: Turn::default(),
    }
}

/// The work of one item of a mapped node. Of the node's parameters that are
/// lists it is given its item; its parts stand on the parents' digests.
pub(crate) fn gather_item(
    live: &Live,
    node: u32,
    items: &Items,
    item: usize,
    lasting: bool,
    forced: bool,
    stop: Arc<Stop>,
) -> Work {
    let spec = items.spec();
    let mut files: Vec<Arc<Tracked>> = Vec::new();
    let wires = live.graph.wires.row(node).iter().zip(&spec.node.params);
    let args = wires
        .enumerate()
        .map(|(at, (wire, param))| match (items.arg(item, at), wire) {
            (Some((arg, file)), _) => {
                files.extend(file);
                arg
            }
            (None, Wire::Source(number)) => {
                let bound = live.source(*number);
                files.extend(bound.files.clone());
                Arg::Given(bound.value(param.value_type.id()).clone())
            }
            (None, Wire::Node(parent)) => Arg::Output(*parent, live.output(*parent)),
        });
    let args = args.collect();
    let recorded = live.context().store.is_some() && lasting;
    let draft = recorded.then(|| {
        let (parts, notes) = items.parts(live, node, item);
        Draft {
            parts,
            notes,
            keeps_output: spec.node.cache,
            home: live.home(&spec.node),
        }
    });
    let mut of_item = Node::clone(&spec.node);
    of_item.location.node = format!("{}[{}]", spec.node.name(), items.key(item)).into();
    of_item.output = items.map().item;
    of_item.map = None;
    let hashes = items.hashes(item);
    Work {
        spec: Arc::new(Spec {
            node: Arc::new(of_item),
            code: spec.code,
            env: spec.env,
            links: spec.links.clone(),
        }),
        key: hashes.resolved(),
        hashes,
        args,
        files,
        draft,
        forced,
        lifetime: live.lifetime(node),
        clock: live.clock(),
        looked_at: live.looked_at(),
        stop,
        turn: Turn::default(),
    }
}
