//! Executing again what is remembered, to see whether it gives the same: a node
//! that does not is no function of its inputs, and its cache hits hide that.
//! Nothing is recorded, and nothing that is remembered is touched.

use std::sync::Arc;

use crossbeam::channel::unbounded;
use refrain_store::{Output, Store};
use rustc_hash::FxHashMap;

use crate::cancel::Cancel;
use crate::execution::Stop;
use crate::executor::Done;
use crate::handle::{self, Handle};
use crate::items::{Items, Parents};
use crate::lifetime::Lifetime;
use crate::live::Live;
use crate::pool::{Message, Pool};
use crate::scheduler::{Keys, gather, gather_item};
use crate::value::ValueCodec;
use crate::work::Work;

/// What came of executing a node, or an item of a mapped node, once more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rerun {
    /// The node's name, with an item's key in brackets.
    pub node: Arc<str>,
    /// What came of it.
    pub verdict: Verdict,
}

/// How a second execution compares to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It gave the same bytes.
    Same,
    /// It gave others, from here on.
    Differs(String),
    /// It failed, and this is what it said.
    Failed(String),
    /// It could not be executed again, for this reason.
    Skipped(String),
}

/// What is to be executed again, and what it gave the first time.
struct Case {
    name: Arc<str>,
    codec: &'static dyn ValueCodec,
    output: Output,
    work: Work,
}

/// Executes again those of these nodes, and of their items, that are chosen by
/// name and whose outputs the store has. The session's inputs are bound.
pub(crate) fn rerun(
    live: &mut Live,
    nodes: &[u32],
    pool: &Pool,
    cancel: &Cancel,
    choose: &dyn Fn(&str) -> bool,
) -> Vec<Rerun> {
    live.refresh();
    let Some(store) = live.context().store.clone() else {
        return Vec::new();
    };
    let mut found = Found {
        live,
        cancel,
        choose,
        cases: Vec::new(),
        told: Vec::new(),
    };
    for &node in nodes {
        found.look_at(node, &store);
    }
    let Found {
        cases, mut told, ..
    } = found;
    told.extend(execute(cases, pool, &store));
    told
}

/// The cases found so far.
struct Found<'a> {
    live: &'a mut Live,
    cancel: &'a Cancel,
    choose: &'a dyn Fn(&str) -> bool,
    cases: Vec<Case>,
    told: Vec<Rerun>,
}

impl Found<'_> {
    fn look_at(&mut self, node: u32, store: &Store) {
        let name = self.live.graph.name_of(node).clone();
        let declared = self.live.graph.node(node).clone();
        let Some(handle) = self.stored(node) else {
            return;
        };
        let unstored = |parent: &u32| self.stored(*parent).is_none();
        let parents: Vec<u32> = self.live.graph.parents(node).collect();
        if let Some(parent) = parents.iter().find(|parent| unstored(parent)) {
            if (self.choose)(&name) {
                let parent = self.live.graph.name_of(*parent);
                let verdict = Verdict::Skipped(format!("the output of {parent} is not stored"));
                self.told.push(Rerun {
                    node: name,
                    verdict,
                });
            }
            return;
        }
        for parent in parents {
            self.settle(parent);
        }
        self.settle(node);
        match &declared.map {
            Some(_) => self.look_at_items(node, store),
            None if (self.choose)(&name) => {
                let digest = |parent| *self.live.output(parent).digest.as_bytes();
                let hashes = self.live.hashes(node, digest, None);
                let keys = Keys::default();
                let mut work = gather(self.live, &keys, node, hashes, true, self.stop());
                work.draft = None;
                let output = handle.output().cloned().zip(declared.output.codec());
                self.cases.extend(output.map(|(output, codec)| Case {
                    name,
                    codec,
                    output,
                    work,
                }));
            }
            None => {}
        }
    }

    fn look_at_items(&mut self, node: u32, store: &Store) {
        let map = self.live.graph.node(node).map.clone();
        let codec = map.and_then(|map| map.item.codec());
        let items = Items::of(self.live, node, &Settled(self.live));
        let (Ok(items), Some(codec)) = (items, codec) else {
            return;
        };
        for item in 0..items.len() {
            let name = format!("{}[{}]", self.live.graph.name_of(node), items.key(item));
            if !(self.choose)(&name) {
                continue;
            }
            let known = items.resolve(self.live, item);
            let record =
                known.and_then(|(resolved, _)| handle::find(store, &resolved, Lifetime::default()));
            if let Some(record) = record {
                let stop = Arc::new(self.stop());
                let work = gather_item(self.live, node, &items, item, false, true, stop);
                self.cases.push(Case {
                    name: name.into(),
                    codec,
                    output: record.output.clone(),
                    work,
                });
            }
        }
    }

    fn stop(&self) -> Stop {
        Stop::new(self.cancel.clone())
    }

    /// The node's output, if the store has it.
    fn stored(&self, node: u32) -> Option<Arc<Handle>> {
        let handle = match self.live.is_settled(node) {
            true => Some(self.live.output(node)),
            false => self.live.probe(node),
        };
        let store = self.live.context().store.clone();
        handle.filter(|handle| handle.is_stored() && handle.check(store.as_deref()).is_ok())
    }

    fn settle(&mut self, node: u32) {
        if !self.live.is_settled(node)
            && let Some(handle) = self.live.probe(node)
        {
            self.live.settle(node, handle);
        }
    }
}

/// Parents that are all settled.
struct Settled<'a>(&'a Live);

impl Parents for Settled<'_> {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        self.0.output(parent)
    }
}

/// Executes all cases and compares what they give.
fn execute(cases: Vec<Case>, pool: &Pool, store: &Store) -> Vec<Rerun> {
    let (reply, replies) = unbounded();
    let mut waiting = FxHashMap::default();
    for (ticket, case) in (0u64..).zip(cases) {
        pool.submit(ticket, Arc::new(case.work), false, &reply);
        waiting.insert(ticket, (case.name, case.codec, case.output));
    }
    drop(reply);
    let mut told = Vec::new();
    for message in replies {
        let Message::Done(ticket, done) = message else {
            continue;
        };
        let Some((node, codec, output)) = waiting.remove(&ticket) else {
            continue;
        };
        told.push(Rerun {
            node,
            verdict: verdict(done, codec, &output, store),
        });
    }
    told.sort_by(|a, b| a.node.cmp(&b.node));
    told
}

fn verdict(done: Done, codec: &dyn ValueCodec, output: &Output, store: &Store) -> Verdict {
    match done {
        Done::Made { kept, .. } => {
            let value = kept.handle.in_hand().expect("nothing of it was stored");
            match codec.differs(store, &value, output) {
                Ok(None) => Verdict::Same,
                Ok(Some(place)) => Verdict::Differs(place),
                Err(why) => Verdict::Skipped(why),
            }
        }
        Done::Failed { failure, .. } => Verdict::Failed(failure.message),
        Done::Stopped { .. } => Verdict::Skipped("it was stopped".to_owned()),
        Done::Lost(_, lost) => Verdict::Skipped(lost.message),
        Done::Found(_) | Done::Busy => {
            unreachable!("work without a draft is neither looked up nor claimed")
        }
    }
}
