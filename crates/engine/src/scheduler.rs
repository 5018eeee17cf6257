//! The driver of one run: decides what is needed, runs it in an order where
//! parents come first, and settles the session. It executes nothing itself: the
//! states of nodes are in `progress`, their work is in `flights`, and what there
//! is to say about them is in the `ledger`. It alone knows all three.

mod flights;
mod gather;
mod ledger;
mod progress;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use refrain_store::{Digest, Lookup, Record, Signature, Store};

use self::flights::{Flight, Flights};
use self::gather::gather;
use self::ledger::{Ending, Ledger};
use self::progress::{Progress, State};
use crate::cancel::Cancel;
use crate::event::{RunEvent, emit};
use crate::executor::Done;
use crate::force::Forced;
use crate::handle::{Handle, Lost};
use crate::pool::{Message, Pool};
use crate::report::{Entry, Outcome};
use crate::session::Session;

/// What a run is asked for.
pub(crate) struct Request<'a> {
    /// Sorted.
    pub targets: &'a [u32],
    pub forced: &'a Forced,
    pub keep_going: bool,
    pub pool: &'a Pool,
    pub cancel: &'a Cancel,
    pub events: &'a [Sender<RunEvent>],
}

/// What a run did.
pub(crate) struct Driven {
    /// Sorted by node.
    pub entries: Vec<(u32, Entry)>,
    /// Whether anything was looked up or executed at all.
    pub looked: bool,
}

/// Runs until every target is settled, or cannot be.
pub(crate) fn drive(session: &mut Session, request: &Request<'_>) -> Driven {
    session.refresh();
    let mut driver = Driver {
        store: session.context().store.clone(),
        progress: Progress::new(session.graph.clone()),
        flights: Flights::new(request.pool, !request.events.is_empty()),
        ledger: Ledger::new(session, request.events),
        session,
        request,
        lost: Vec::new(),
        looked: false,
        stopped: false,
    };
    driver.need_targets();
    driver.work_off();
    driver.finish()
}

struct Driver<'a> {
    session: &'a mut Session,
    request: &'a Request<'a>,
    store: Option<Arc<Store>>,
    progress: Progress,
    flights: Flights<'a>,
    ledger: Ledger<'a>,
    /// Nodes whose outputs are lost and that the session has yet to forget.
    lost: Vec<u32>,
    /// Whether anything was looked up or executed.
    looked: bool,
    /// Nothing more is started: a node failed, or the run was cancelled.
    stopped: bool,
}

impl Driver<'_> {
    // ---- what is needed ----

    /// Marks the targets as needed, and above them whatever has to run for them.
    fn need_targets(&mut self) {
        let mut stack = self.request.targets.to_vec();
        stack.extend(self.request.forced.nodes());
        let mut to_make = Vec::new();
        while let Some(node) = stack.pop() {
            if self.progress.contains(node) {
                continue;
            }
            let digest = self.found(node).map(|handle| handle.digest);
            self.progress.add(node, digest);
            if digest.is_none() {
                to_make.push(node);
                stack.extend(self.session.graph.parents(node));
            }
        }
        self.forget_lost();
        let nodes = to_make.len();
        emit(self.request.events, || RunEvent::ToMake { nodes });
        self.progress.count(to_make);
    }

    /// The node's output, if it is up to date or the store has it.
    fn found(&mut self, node: u32) -> Option<Arc<Handle>> {
        let settled = self.session.is_settled(node);
        if settled && self.ledger.has_run(node) {
            return Some(self.session.output(node));
        }
        if !self.request.forced.trusts(node) || !self.session.graph.node(node).cache {
            return None;
        }
        let handle = if settled {
            // What only memory keeps is made anew in every run, as a fresh process would.
            Some(self.session.output(node)).filter(|handle| handle.is_stored())?
        } else {
            self.looked = true;
            self.session.probe(node)?
        };
        if let Err(lost) = handle.check(self.store.as_deref()) {
            self.lose(node, &lost);
            return None;
        }
        if !settled {
            self.session.settle(node, handle.clone());
        }
        let ending = Ending::found(Outcome::Hit, &handle);
        self.ledger.tell(self.session, node, ending);
        Some(handle)
    }

    /// Notes that an output is not in the store after all.
    fn lose(&mut self, node: u32, lost: &Lost) {
        let name = self.session.graph.name_of(node);
        tracing::warn!(node = %name, why = lost.message, "an output is made again");
        if let Some(store) = &self.store {
            store.discard(&self.session.key(node).signature);
        }
        self.ledger.lose(node, lost);
        self.lost.push(node);
    }

    /// Lets the session forget what is lost: all at once, for it then verifies
    /// everything else.
    fn forget_lost(&mut self) {
        self.session.unsettle(&std::mem::take(&mut self.lost));
    }

    fn is_forced(&self, node: u32) -> bool {
        self.request.forced.executes(node)
    }

    fn is_target(&self, node: u32) -> bool {
        self.request.targets.binary_search(&node).is_ok()
    }

    // ---- the loop ----

    fn work_off(&mut self) {
        loop {
            while self.flights.has_room()
                && let Some((node, state)) = self.progress.next()
            {
                self.stopped |= self.request.cancel.is_cancelled();
                match state {
                    State::Waiting if !self.stopped => self.resolve(node),
                    State::Wanted if !self.stopped => self.dispatch(node),
                    _ => {}
                }
            }
            if self.flights.is_empty() {
                return;
            }
            // Everything that has come is taken before more is decided.
            let mut message = self.flights.wait();
            while let Some(come) = message {
                self.receive(come);
                message = self.flights.arrived();
            }
            self.look_around();
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Started(ticket) => self.started(ticket),
            Message::Done(ticket, done) => self.landed(ticket, done),
        }
    }

    /// Cancellation, time limits, and work that other processes are at.
    fn look_around(&mut self) {
        self.stopped |= self.request.cancel.is_cancelled();
        for (ticket, limit) in self.flights.take_overdue(Instant::now()) {
            let timed_out = Done::Failed {
                message: format!("timed out after {limit:?}").into(),
                elapsed: limit,
            };
            self.landed(ticket, timed_out);
        }
        for ticket in self.flights.take_parked() {
            if self.stopped {
                self.flights.give_up(ticket);
            } else {
                self.submit(ticket);
            }
        }
    }

    // ---- from waiting to running ----

    /// All parents have digests: the node's resolved signature is known.
    fn resolve(&mut self, node: u32) {
        let cached = self.session.graph.node(node).cache;
        let forced = self.is_forced(node);
        if cached && !forced && !self.session.key(node).ephemeral {
            let has_parents = self.session.graph.parents(node).next().is_some();
            if has_parents && self.cut_off(node, Outcome::Cutoff) {
                return;
            }
        } else if !cached && !forced && !self.is_target(node) {
            let digest = Digest::from_bytes(*self.resolved(node).as_bytes());
            return self.progress.know(node, digest);
        }
        self.progress.want(node);
    }

    fn resolved(&self, node: u32) -> Signature {
        let digest = |parent| self.progress.digest(parent);
        self.session.resolved(node, digest)
    }

    /// Early cutoff: the output under the resolved signature, if there is one.
    fn cut_off(&mut self, node: u32, outcome: Outcome) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let Lookup::Hit(record) = store.find_resolved(&self.resolved(node)) else {
            return false;
        };
        let codec = self.session.graph.node(node).output.codec();
        let Some(handle) = Handle::recorded(&record, codec) else {
            return false;
        };
        if let Err(lost) = handle.check(Some(store)) {
            store.discard(&record.signature);
            self.ledger.lose(node, &lost);
            return false;
        }
        let (parts, notes) = self.session.parts(node);
        let alias = Record {
            signature: self.session.key(node).signature,
            parts,
            ..(*record).clone()
        };
        store.commit(alias, notes, None);
        let handle = Arc::new(handle);
        self.settled(node, &handle, Ending::found(outcome, &handle));
        true
    }

    /// Starts the work of a node, or lets it wait for equal work.
    fn dispatch(&mut self, node: u32) {
        let key = self.resolved(node);
        self.progress.start(node);
        if self.flights.join(&key, node) {
            return;
        }
        let forced = self.is_forced(node);
        self.ledger.decide(self.session, node, self.request.forced);
        self.looked = true;
        let work = gather(self.session, node, key, forced);
        let ticket = self.flights.add(node, work);
        self.submit(ticket);
    }

    fn submit(&mut self, ticket: u64) {
        if !self
            .flights
            .is_best_here(ticket, self.progress.none_ready())
        {
            return self.flights.submit(ticket);
        }
        self.started(ticket);
        let done = self.flights.execute_here(ticket);
        self.landed(ticket, done);
    }

    fn started(&mut self, ticket: u64) {
        if let Some(node) = self.flights.started(ticket) {
            self.ledger.tell_start(&node);
        }
    }

    // ---- from running to done ----

    fn landed(&mut self, ticket: u64, done: Done) {
        let Some(flight) = self.flights.land(ticket, &done) else {
            return;
        };
        match done {
            Done::Made {
                handle,
                elapsed,
                note,
            } => self.made(flight, &handle, elapsed, note),
            Done::Found(record) => self.found_elsewhere(flight, &record),
            Done::Failed { message, elapsed } => {
                for node in flight.nodes {
                    self.failed(node, &message, elapsed);
                }
            }
            Done::Lost(parent, lost) => self.start_over(parent, &lost),
            Done::Busy => unreachable!("a flight that another process is at does not land"),
        }
    }

    /// One node ran, and its equals take what it made.
    fn made(
        &mut self,
        flight: Flight,
        handle: &Arc<Handle>,
        elapsed: Duration,
        note: Option<Arc<str>>,
    ) {
        let mut outcome = Outcome::Executed;
        for node in flight.nodes {
            let mut ending = Ending::found(outcome, handle);
            ending.note = note.clone();
            if outcome == Outcome::Executed {
                ending.elapsed = elapsed;
            }
            self.settled(node, handle, ending);
            outcome = Outcome::Hit;
        }
    }

    /// Another process made it: the record stands under this run's signature
    /// too, if it is another one.
    fn found_elsewhere(&mut self, flight: Flight, record: &Record) {
        for node in flight.nodes {
            if !self.cut_off(node, Outcome::Hit) {
                let codec = self.session.graph.node(node).output.codec();
                let handle = Handle::recorded(record, codec);
                let handle = Arc::new(handle.expect("found by its resolved signature"));
                self.settled(node, &handle, Ending::found(Outcome::Hit, &handle));
            }
        }
    }

    /// Takes over a node's output, and lets go of what only it needed.
    fn settled(&mut self, node: u32, handle: &Arc<Handle>, ending: Ending<'_>) {
        self.session.settle(node, handle.clone());
        self.ledger.tell(self.session, node, ending);
        self.progress.finish(node, handle.digest);
        let unread = self.progress.let_go_of_parents(node);
        self.release(unread);
    }

    /// Lets go of values that nobody in this run waits for.
    fn release(&self, nodes: impl IntoIterator<Item = u32>) {
        for node in nodes {
            if !self.is_target(node) {
                self.session.output(node).release();
            }
        }
    }

    fn failed(&mut self, node: u32, message: &Arc<str>, elapsed: Duration) {
        let ending = Ending {
            elapsed,
            ..Ending::unstarted(Outcome::Failed, Some(message.clone()))
        };
        self.ledger.tell(self.session, node, ending);
        self.stopped |= !self.request.keep_going;
        let cause = self.session.graph.name_of(node);
        let note: Arc<str> = format!("needs {cause}, which failed: {message}").into();
        for blocked in self.progress.fail(node) {
            let ending = Ending::unstarted(Outcome::Blocked, Some(note.clone()));
            self.ledger.tell(self.session, blocked, ending);
        }
    }

    /// A parent's output is lost: what is needed is worked out anew. What is
    /// running goes on, and is found again by its resolved signature.
    fn start_over(&mut self, parent: u32, lost: &Lost) {
        self.lose(parent, lost);
        self.forget_lost();
        self.progress.start_over();
        self.flights.forget_nodes();
        self.need_targets();
    }

    fn finish(mut self) -> Driven {
        self.release(self.progress.unread());
        let mut untold: Vec<(u32, State)> = self.progress.states().collect();
        untold.retain(|(node, _)| !self.ledger.contains(*node));
        untold.sort_unstable_by_key(|(node, _)| *node);
        for (node, state) in untold {
            // What was known and never wanted did not have to run.
            if self.stopped || state != State::Known {
                let ending = Ending::unstarted(Outcome::Cancelled, None);
                self.ledger.tell(self.session, node, ending);
            }
        }
        Driven {
            entries: self.ledger.close(),
            looked: self.looked,
        }
    }
}
