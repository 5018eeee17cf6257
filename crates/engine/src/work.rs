//! Work: one node to execute, gathered with everything that this takes, so that
//! it can be done on any thread. It is unaware of how it is done.

use std::sync::Arc;
use std::time::SystemTime;

use refrain_store::{Home, Parts, Signature};

use crate::clock::Clock;
use crate::db::Spec;
use crate::execution::Stop;
use crate::files::Tracked;
use crate::graph::Graph;
use crate::handle::Handle;
use crate::lifetime::Lifetime;
use crate::signature::{Notes, PartHashes};
use crate::turn::Turn;
use crate::value::Value;

/// One node to execute, with everything that this takes.
pub(crate) struct Work {
    pub spec: Arc<Spec>,
    /// The resolved signature: the name of this very work. Files that it is
    /// going to find are not in it.
    pub key: Signature,
    /// What `key` is made of.
    pub hashes: PartHashes,
    pub args: Vec<Arg>,
    /// File sources among the arguments: still the same when it has run?
    pub files: Vec<Arc<Tracked>>,
    /// What goes into the record; without it nothing is recorded.
    pub draft: Option<Draft>,
    /// Whether the action executes although an output is found under the key.
    pub forced: bool,
    /// How old an output may be that is found instead.
    pub lifetime: Lifetime,
    /// What tells when the output was made.
    pub clock: Clock,
    /// When the run looked at its files.
    pub looked_at: SystemTime,
    /// What ends the work early.
    pub stop: Arc<Stop>,
    /// Whether a worker has it.
    pub turn: Turn,
}

impl Work {
    /// The number that a parent has now that had this one when the work was
    /// gathered: parameters are named like the nodes they are read from.
    pub fn parent_now(&self, parent: u32, graph: &Graph) -> u32 {
        let named = self.args.iter().zip(&self.spec.node.params);
        let mut named = named.filter_map(|(arg, param)| match arg {
            Arg::Output(number, _) if *number == parent => graph.by_name.get(&param.name),
            _ => None,
        });
        named.next().copied().unwrap_or(parent)
    }
}

/// The argument of one parameter.
#[derive(Clone)]
pub(crate) enum Arg {
    Given(Value),
    /// The output of the node of this number.
    Output(u32, Arc<Handle>),
}

/// The part of a record that is known before the work is done.
pub(crate) struct Draft {
    /// What the signature is made of, without the files that will be found.
    pub parts: Parts,
    pub notes: Notes,
    /// Whether the output is stored; otherwise the record only explains.
    pub keeps_output: bool,
    /// Where it is stored.
    pub home: Home,
}
