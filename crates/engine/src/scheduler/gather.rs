//! Gathers what the execution of one node takes. It knows the session; it is
//! unaware of what else is going on in the run.

use std::sync::Arc;

use super::keys::Keys;
use crate::execution::Stop;
use crate::graph::Wire;
use crate::queries::Standing;
use crate::session::Session;
use crate::signature::PartHashes;
use crate::work::{Arg, Draft, Work};

/// The work of a node all of whose parents have their values. `resolved` is
/// what it is known by; with `forced` it executes although its output is found.
pub(super) fn gather(
    session: &Session,
    keys: &Keys,
    node: u32,
    resolved: PartHashes,
    forced: bool,
    stop: Stop,
) -> Work {
    let spec = session.spec(node);
    let mut files = Vec::new();
    let wires = session.graph.wires.row(node).iter();
    let args = wires
        .zip(&spec.node.params)
        .map(|(wire, param)| match wire {
            Wire::Source(number) => {
                let bound = session.source(*number);
                files.extend(bound.files.clone());
                Arg::Given(bound.value(param.value_type.id()).clone())
            }
            Wire::Node(parent) => Arg::Output(*parent, session.output(*parent)),
        });
    let args = args.collect();
    let lasting = keys.key(session, node).standing != Standing::Ephemeral;
    let recorded = session.context().store.is_some() && lasting;
    let draft = recorded.then(|| {
        let (parts, notes) = keys.parts(session, node, None);
        Draft {
            parts,
            notes,
            keeps_output: spec.node.cache,
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
        looked_at: session.looked_at(),
        stop: Arc::new(stop),
    }
}
