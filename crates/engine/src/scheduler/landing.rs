//! From running to done: what the end of a piece of work means for all that wait
//! for it, and for what needs them.

use std::sync::Arc;
use std::time::Duration;

use refrain_store::Record;

use super::flights::{Flight, Waiter};
use super::ledger::Ending;
use super::mapped::ItemDone;
use super::{Driver, timed_out};
use crate::executor::Done;
use crate::handle::{Handle, Lost};
use crate::node::Failure;
use crate::queries::Key;
use crate::recorder::Kept;
use crate::report::Outcome;

impl Driver<'_> {
    pub(super) fn landed(&mut self, ticket: u64, done: Done) {
        let Some(flight) = self.flights.land(ticket, &done) else {
            return;
        };
        if flight.waiters.is_empty() {
            return;
        }
        match done {
            Done::Made { kept, elapsed } => self.made(flight, &kept, elapsed),
            Done::Found(record) => self.found_elsewhere(flight, &record),
            Done::Failed { failure, elapsed } => self.failed(flight, &failure, elapsed),
            Done::Stopped { log } => match flight.late {
                Some(limit) => self.failed(
                    flight,
                    &Failure {
                        log,
                        ..timed_out(limit)
                    },
                    limit,
                ),
                None => self.stopped = true,
            },
            Done::Lost(parent, lost) => {
                let parent = flight.work.parent_now(parent, &self.live.graph);
                self.start_over(&[(parent, lost)]);
            }
            Done::Busy => unreachable!("a flight that another process is at does not land"),
        }
    }

    /// The first that waited for it ran, and its equals take what it made.
    fn made(&mut self, flight: Flight, kept: &Kept, elapsed: Duration) {
        let mut first = true;
        for waiter in flight.waiters {
            match waiter {
                Waiter::Node(node) => self.node_made(node, kept, elapsed, first),
                Waiter::Item(node, item) => {
                    let made = ItemDone::Made(kept.clone(), elapsed, first);
                    self.item_landed(node, item, made);
                }
            }
            first = false;
        }
    }

    fn node_made(&mut self, node: u32, kept: &Kept, elapsed: Duration, first: bool) {
        match kept.known {
            true => self.find_out(node, kept.trail.as_ref()),
            false => self.keys.turned_out(node, Key::ephemeral(kept.resolved)),
        }
        let outcome = if first {
            Outcome::Executed
        } else {
            Outcome::Hit
        };
        let mut ending = Ending::found(outcome, &kept.handle);
        ending.note = kept.note.clone();
        if first {
            ending.elapsed = elapsed;
        }
        self.settled(node, &kept.handle, ending);
    }

    /// Another process made it: the record stands under this run's signature
    /// too, if it is another one.
    fn found_elsewhere(&mut self, flight: Flight, record: &Arc<Record>) {
        for waiter in flight.waiters {
            let node = match waiter {
                Waiter::Node(node) => node,
                Waiter::Item(node, item) => {
                    self.item_landed(node, item, ItemDone::Found(record.clone()));
                    continue;
                }
            };
            if !self.cut_off(node, Outcome::Hit) {
                let codec = self.live.graph.node(node).output.codec();
                let handle = Handle::recorded(record, codec);
                let handle = Arc::new(handle.expect("found by its resolved signature"));
                let mut ending = Ending::found(Outcome::Hit, &handle);
                ending.tier = self.origin(&record.signature);
                self.settled(node, &handle, ending);
            }
        }
    }

    /// Takes over a node's output, and lets go of what only it needed.
    pub(super) fn settled(&mut self, node: u32, handle: &Arc<Handle>, ending: Ending<'_>) {
        self.live.settle(node, handle.clone());
        self.tell(node, ending);
        self.progress.finish(node, handle.digest);
        let unread = self.progress.let_go_of_parents(node);
        self.release(unread);
        if !self.expansions.is_empty() {
            self.try_readers(node);
        }
    }

    /// Lets go of values that nobody in this run waits for.
    pub(super) fn release(&mut self, nodes: impl IntoIterator<Item = u32>) {
        for node in nodes {
            if !self.is_target(node) {
                let handle = self.live.output(node);
                self.live.release(&handle);
            }
        }
    }

    fn failed(&mut self, flight: Flight, failure: &Failure, elapsed: Duration) {
        for waiter in flight.waiters {
            match waiter {
                Waiter::Node(node) => self.fail_node(node, failure.clone(), elapsed),
                Waiter::Item(node, item) => {
                    self.item_landed(node, item, ItemDone::Failed(failure.clone(), elapsed));
                }
            }
        }
    }

    pub(super) fn fail_node(&mut self, node: u32, failure: Failure, elapsed: Duration) {
        self.stopped |= !self.request.keep_going;
        let message: Arc<str> = failure.message.into();
        let ending = Ending {
            elapsed,
            log: failure.log.map(Arc::from),
            ..Ending::unstarted(Outcome::Failed, Some(message.clone()))
        };
        self.tell(node, ending);
        let cause = self.live.graph.name_of(node);
        let note: Arc<str> = format!("needs {cause}, which failed: {message}").into();
        for blocked in self.progress.fail(node) {
            let ending = Ending::unstarted(Outcome::Blocked, Some(note.clone()));
            self.tell(blocked, ending);
        }
    }

    /// Outputs are lost: what is needed is worked out anew. What is
    /// running goes on, and is found again by its resolved signature.
    pub(super) fn start_over(&mut self, all_lost: &[(u32, Lost)]) {
        for (node, lost) in all_lost {
            self.lose(*node, lost);
        }
        self.forget_lost();
        self.progress.start_over();
        self.expansions.start_over();
        self.flights.forget_waiters();
        self.need_targets();
    }
}
