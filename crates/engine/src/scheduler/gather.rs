//! Gathers what the execution of one node takes. It knows the session; it is
//! unaware of what else is going on in the run.

use refrain_store::Signature;

use crate::executor::{Arg, Draft, Work};
use crate::graph::Wire;
use crate::session::Session;

/// The work of a node all of whose parents have their values. `key` is its
/// resolved signature; with `forced` it executes although its output is found.
pub(super) fn gather(session: &Session, node: u32, key: Signature, forced: bool) -> Work {
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
    let own = session.key(node);
    let recorded = session.context().store.is_some() && !own.ephemeral;
    let draft = recorded.then(|| {
        let (parts, notes) = session.parts(node);
        Draft {
            signature: own.signature,
            parts,
            notes,
            keeps_output: spec.node.cache,
        }
    });
    Work {
        spec,
        key,
        args,
        files,
        draft,
        forced,
    }
}
