//! What work that waits for a worker is going to ask of the tiers. Whoever comes first asks for all of it in one
//! question, and has brought together what those read that have to be executed. It decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use refrain_store::{Codec, Lookup, Output, Store, Wanted};

use super::keeps;
use crate::trail;
use crate::work::{Arg, Work};

/// Larger outputs are brought by who reads them: they take longer than a question, and room.
const SMALL: u64 = 256 << 10;

/// The work that waits.
#[derive(Default)]
pub(super) struct Ahead(Mutex<Vec<Expected>>);

struct Expected {
    wanted: Wanted,
    /// The small outputs that it reads.
    reads: Vec<Output>,
}

impl Ahead {
    /// Hears of work that is going to be executed unless a tier has it.
    pub fn expect(&self, work: &Work) {
        if keeps(work) && !work.forced {
            self.all().push(Expected::of(work));
        }
    }

    /// Asks for what comes first of a piece of work, and if nobody has asked for that with all that waits.
    pub fn ask(&self, store: &Store, work: &Work) {
        let own = Expected::of(work);
        let mut all = match store.was_asked(&own.wanted.key) {
            true => Vec::new(),
            false => std::mem::take(&mut *self.all()),
        };
        all.push(own);
        let wanted: Vec<Wanted> = all.iter().map(|one| one.wanted.clone()).collect();
        store.ask_tiers_for(&wanted);
        if !store.owes() {
            return;
        }
        let absent =
            |one: &&Expected| matches!(store.find_resolved(&one.wanted.key), Lookup::Absent);
        let reads: Vec<&Output> = all
            .iter()
            .filter(absent)
            .flat_map(|one| &one.reads)
            .collect();
        // What cannot be had shows when it is read.
        drop(store.fetch(&reads));
    }

    fn all(&self) -> MutexGuard<'_, Vec<Expected>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected {
    fn of(work: &Work) -> Self {
        let outputs = work.args.iter().filter_map(|arg| match arg {
            Arg::Output(_, handle) => handle.output(),
            Arg::Given(_) => None,
        });
        let is_small = |output: &&Output| {
            let is_listing = matches!(output.codec, Codec::LIST | Codec::TREE);
            !is_listing && output.inline.is_none() && output.size <= SMALL
        };
        Expected {
            wanted: first_wanted(work),
            reads: outputs.filter(is_small).cloned().collect(),
        }
    }
}

/// What is asked for first: the record of equal work, or what is known of the files that it finds.
pub(super) fn first_wanted(work: &Work) -> Wanted {
    match work.spec.node.discovers {
        true => trail::key(&work.key).into(),
        false => work.lifetime.wants(work.key),
    }
}
