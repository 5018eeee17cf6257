//! Work: one node to execute, gathered with everything that this takes, so that
//! it can be done on any thread. It is unaware of how it is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::SystemTime;

use refrain_store::{Home, Parts, Signature};

use crate::db::Spec;
use crate::execution::Stop;
use crate::files::Tracked;
use crate::graph::Graph;
use crate::handle::Handle;
use crate::signature::{Notes, PartHashes};
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

/// Where work stands between the one who wants it done and the worker who does
/// it: the two agree here whether it is still wanted. A worker that does several
/// pieces at once has all of their turns.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    state: AtomicU8,
    /// How many pieces of work the worker has that are wanted.
    wanted: Arc<AtomicUsize>,
}

impl Turn {
    /// In the queue, or nowhere.
    const WAITING: u8 = 0;
    /// A worker has it.
    const BEGUN: u8 = 1;
    /// Nobody wants it any more.
    const GIVEN_UP: u8 = 2;

    /// The turn of work that is done at once with that of another turn.
    pub fn together_with(other: &Turn) -> Self {
        Turn {
            state: AtomicU8::default(),
            wanted: other.wanted.clone(),
        }
    }

    /// It is put into the queue (again).
    pub fn wait(&self) {
        self.state.store(Self::WAITING, Ordering::Release);
    }

    /// A worker takes it out of the queue; says whether it is still wanted.
    pub fn begin(&self) -> bool {
        self.wanted.fetch_add(1, Ordering::AcqRel);
        let begun = self.pass(Self::WAITING, Self::BEGUN);
        if !begun {
            self.wanted.fetch_sub(1, Ordering::AcqRel);
        }
        begun
    }

    /// The worker is done with it; says whether it was wanted to the end, and was
    /// the last of what the worker has.
    pub fn end(&self) -> bool {
        self.pass(Self::BEGUN, Self::WAITING) && self.is_last()
    }

    /// Nobody wants it any more; says whether a worker has it and nothing else
    /// that is wanted.
    pub fn give_up(&self) -> bool {
        self.state.swap(Self::GIVEN_UP, Ordering::AcqRel) == Self::BEGUN && self.is_last()
    }

    fn is_last(&self) -> bool {
        self.wanted.fetch_sub(1, Ordering::AcqRel) == 1
    }

    fn pass(&self, from: u8, to: u8) -> bool {
        let passed = self
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        passed.is_ok()
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
