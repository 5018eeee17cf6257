//! The driver of one run: decides what is needed, runs it in an order where
//! parents come first, and settles the session. It executes nothing itself: the
//! states of nodes are in `progress`, their work is in `flights`, and what there
//! is to say about them is in the `ledger`. It alone knows all three.

mod editing;
mod expansion;
mod feeding;
mod flights;
mod gather;
mod keys;
mod ledger;
mod listing;
mod mapped;
mod progress;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use refrain_store::{Digest, Lookup, Record, Store};

use self::expansion::Expansions;
use self::flights::{Flight, Flights, Waiter};
pub(crate) use self::gather::{gather, gather_item};
pub(crate) use self::keys::Keys;
use self::ledger::{Ending, Ledger};
use self::mapped::ItemDone;
use self::progress::{Progress, State};
use crate::cancel::Cancel;
use crate::edits::{Edit, Edits};
use crate::error::Result;
use crate::event::{RunEvent, emit};
use crate::execution::Stop;
use crate::executor::Done;
use crate::force::Forced;
use crate::handle::{Handle, Lost};
use crate::live::{Live, Resolved};
use crate::mode::Pace;
use crate::node::Failure;
use crate::pool::{Message, Pool};
use crate::queries::Key;
use crate::recorder::Kept;
use crate::report::{Entry, Outcome};
use crate::signature::PartHashes;
use crate::trail::{Trail, Trails};

/// What a run is asked for.
pub(crate) struct Request<'a> {
    /// Sorted.
    pub targets: Arc<[u32]>,
    pub forced: Forced,
    pub keep_going: bool,
    pub pace: Pace,
    pub pool: &'a Pool,
    pub cancel: &'a Cancel,
    pub events: &'a [Sender<RunEvent>],
    /// Where edits come from that are taken up in the middle of the run.
    pub edits: Option<&'a Edits>,
}

/// What a run did.
pub(crate) struct Driven {
    /// Sorted by node.
    pub entries: Vec<(u32, Entry)>,
    /// Whether anything was looked up or executed at all.
    pub looked: bool,
    /// Nodes whose keys turned out to be others than the session knows.
    pub rekeyed: Vec<u32>,
    /// The last edit that was taken up in the middle of it.
    pub edit: Option<Edit>,
}

/// Runs until every target is settled, or cannot be.
///
/// # Errors
/// An edit in the middle of the run gave bad inputs.
pub(crate) fn drive(live: &mut Live, request: Request<'_>) -> Result<Driven> {
    live.refresh();
    let (announce, edited) = (!request.events.is_empty(), request.edits.is_some());
    let mut driver = Driver {
        store: live.context().store.clone(),
        progress: Progress::new(live.graph.clone()),
        flights: Flights::new(request.pool, announce, edited),
        ledger: Ledger::new(live, request.events),
        keys: Keys::default(),
        expansions: Expansions::default(),
        live,
        request,
        lost: Vec::new(),
        edit: None,
        looked: false,
        stopped: false,
    };
    driver.listen(Some(driver.flights.sender()));
    driver.need_targets();
    let worked = driver.work_off();
    driver.listen(None);
    // What nobody waits for in the end is not waited for.
    driver.flights.give_up_unawaited(|_| false);
    worked.map(|()| driver.finish())
}

struct Driver<'a> {
    live: &'a mut Live,
    request: Request<'a>,
    store: Option<Arc<Store>>,
    progress: Progress,
    flights: Flights<'a>,
    ledger: Ledger<'a>,
    keys: Keys,
    expansions: Expansions,
    /// Nodes whose outputs are lost and that the session has yet to forget.
    lost: Vec<u32>,
    /// The last edit that was taken up.
    edit: Option<Edit>,
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
                stack.extend(self.live.graph.parents(node));
            }
        }
        self.forget_lost();
        let nodes = to_make.len();
        emit(self.request.events, || RunEvent::ToMake { nodes });
        self.progress.count(to_make);
    }

    /// The node's output, if it is up to date or the store has it.
    fn found(&mut self, node: u32) -> Option<Arc<Handle>> {
        let settled = self.live.is_settled(node);
        if settled && self.ledger.has_run(node) {
            return Some(self.live.output(node));
        }
        if !self.request.forced.trusts(node) {
            return None;
        }
        let handle = if settled {
            // A runner makes what only memory keeps anew in every run, as a
            // fresh process would.
            let handle = self.live.output(node);
            Some(handle).filter(|handle| self.live.outlasts_run(handle))?
        } else if self.live.graph.node(node).cache {
            self.looked = true;
            self.live.probe(node)?
        } else {
            return None;
        };
        if let Err(lost) = handle.check(self.store.as_deref()) {
            self.lose(node, &lost);
            return None;
        }
        if !settled {
            self.live.settle(node, handle.clone());
        }
        if !self.ledger.contains(node) {
            self.tell(node, Ending::found(Outcome::Hit, &handle));
        }
        Some(handle)
    }

    /// Notes that an output is not in the store after all.
    fn lose(&mut self, node: u32, lost: &Lost) {
        let name = self.live.graph.name_of(node);
        tracing::warn!(node = %name, why = lost.message, "an output is made again");
        if let Some(store) = &self.store {
            store.discard(&self.keys.key(self.live, node).signature);
        }
        self.ledger.lose(node, lost);
        self.lost.push(node);
    }

    /// Tells how a node ended.
    fn tell(&mut self, node: u32, ending: Ending<'_>) {
        let signature = self.keys.key(self.live, node).signature;
        self.ledger.tell(self.live, node, signature, ending);
    }

    /// Lets the session forget what is lost: all at once, for it then verifies
    /// everything else.
    fn forget_lost(&mut self) {
        self.live.unsettle(&std::mem::take(&mut self.lost));
    }

    fn is_forced(&self, node: u32) -> bool {
        self.request.forced.executes(node)
    }

    fn is_target(&self, node: u32) -> bool {
        self.request.targets.binary_search(&node).is_ok()
    }

    // ---- the loop ----

    fn work_off(&mut self) -> Result<()> {
        loop {
            if let Some(edit) = self.request.edits.and_then(Edits::take) {
                self.take_up(edit)?;
            }
            while !self.is_edited() && self.flights.has_room() && self.start_next() {}
            if self.is_edited() {
                continue;
            }
            if !self.flights.is_awaited() {
                return Ok(());
            }
            self.let_go_of_unwanted();
            // Everything that has come is taken before more is decided.
            let mut message = self.flights.wait();
            while let Some(come) = message {
                self.receive(come);
                message = self.flights.arrived();
            }
            self.look_around();
        }
    }

    /// Takes up the next node, or the next item of a mapped node, that waits for
    /// nothing more.
    fn start_next(&mut self) -> bool {
        self.stopped |= self.request.cancel.is_cancelled();
        if let Some((node, state)) = self.progress.next() {
            match state {
                State::Waiting if !self.stopped => self.resolve(node),
                State::Wanted if !self.stopped => self.dispatch(node),
                _ => {}
            }
            return true;
        }
        if let Some(node) = self.expansions.next_early() {
            if !self.stopped {
                self.start_early(node);
            }
            return true;
        }
        if let Some((node, items)) = self.expansions.start() {
            if !self.stopped {
                self.dispatch_items(node, &items);
            }
            return true;
        }
        false
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Started(ticket) => self.started(ticket),
            Message::Done(ticket, done) => self.landed(ticket, done),
            // It is taken up before anything more is started.
            Message::Edited => {}
        }
    }

    /// Cancellation, time limits, and work that other processes are at.
    fn look_around(&mut self) {
        self.stopped |= self.request.cancel.is_cancelled();
        for (ticket, limit) in self.flights.take_overdue(Instant::now()) {
            let timed_out = Done::Failed {
                failure: timed_out(limit),
                elapsed: limit,
            };
            self.landed(ticket, timed_out);
        }
        for ticket in self.flights.take_parked() {
            if self.stopped || !self.flights.waits(ticket) {
                self.flights.give_up(ticket);
            } else {
                self.submit(ticket);
            }
        }
    }

    // ---- from waiting to running ----

    /// All parents have digests: what the node is known by is known, but for
    /// the files that its action has yet to find.
    fn resolve(&mut self, node: u32) {
        self.keys.settle(self.live, node);
        let cached = self.live.graph.node(node).cache;
        let forced = self.is_forced(node);
        if !forced && self.is_in_memory(node) {
            return;
        }
        let ephemeral = self.keys.key(self.live, node).is_ephemeral();
        if cached && !forced && !ephemeral {
            let has_parents = self.live.graph.parents(node).next().is_some();
            if has_parents && self.cut_off(node, Outcome::Cutoff) {
                return;
            }
        } else if !cached && !forced && !self.is_target(node) {
            let resolved = self.resolved(node);
            if let Some(signature) = resolved.signature {
                self.find_out(node, resolved.trail.as_ref());
                let digest = Digest::from_bytes(*signature.as_bytes());
                return self.progress.know(node, digest);
            }
        }
        self.progress.want(node);
    }

    /// Takes a node's output that only memory has, if it is still the same.
    fn is_in_memory(&mut self, node: u32) -> bool {
        let Some(handle) = self.live.unstored(node).cloned() else {
            return false;
        };
        let same = self.resolved(node).signature == Some(handle.known_by());
        if same {
            self.settled(node, &handle, Ending::found(Outcome::Cutoff, &handle));
        }
        same
    }

    fn resolved(&self, node: u32) -> Resolved {
        let digest = |parent| self.progress.digest(parent);
        self.live.resolve(node, digest)
    }

    /// Notes which files a node's action finds: its key stands on them.
    fn find_out(&mut self, node: u32, trail: Option<&Trail>) {
        if trail.is_some() && !self.keys.key(self.live, node).is_ephemeral() {
            let hashes = self.keys.hashes(self.live, node, trail);
            self.keys.turned_out(node, Key::lasting(hashes.signature()));
        }
    }

    /// Early cutoff: the output under the resolved signature, if there is one.
    fn cut_off(&mut self, node: u32, outcome: Outcome) -> bool {
        let Some(store) = self.store.clone() else {
            return false;
        };
        let Resolved { signature, trail } = self.resolved(node);
        let Some(Lookup::Hit(record)) = signature.map(|known| store.find_resolved(&known)) else {
            return false;
        };
        let codec = self.live.graph.node(node).output.codec();
        let Some(handle) = Handle::recorded(&record, codec) else {
            return false;
        };
        if let Err(lost) = handle.check(Some(&store)) {
            store.discard(&record.signature);
            self.ledger.lose(node, &lost);
            return false;
        }
        if let Some(trail) = &trail {
            let work = self.keys.hashes(self.live, node, None).signature();
            let name = self.live.graph.name_of(node);
            if let Err(why) = Trails::remember(&store, name, &work, trail) {
                tracing::warn!(node = %name, why, "found files are not remembered");
            }
        }
        let (parts, notes) = self.keys.parts(self.live, node, trail.as_ref());
        let alias = Record {
            signature: PartHashes::of(&parts).signature(),
            parts,
            ..(*record).clone()
        };
        store.commit(alias, notes, None);
        self.find_out(node, trail.as_ref());
        let handle = Arc::new(handle);
        self.settled(node, &handle, Ending::found(outcome, &handle));
        true
    }

    /// Starts the work of a node, or lets it wait for equal work.
    fn dispatch(&mut self, node: u32) {
        self.progress.start(node);
        if self.live.graph.node(node).map.is_some() {
            return self.expand(node);
        }
        let digest = |parent| *self.progress.digest(parent).as_bytes();
        let hashes = self.live.hashes(node, digest, None);
        let forced = self.is_forced(node);
        self.ledger.decide(self.live, node, &self.request.forced);
        if self.flights.join(&hashes.resolved(), Waiter::Node(node)) {
            return;
        }
        self.looked = true;
        let stop = Stop::new(self.request.cancel.clone());
        let work = gather(self.live, &self.keys, node, hashes, forced, stop);
        let name = self.live.graph.name_of(node);
        let ticket = self.flights.add(name, Waiter::Node(node), work);
        self.submit(ticket);
    }

    fn submit(&mut self, ticket: u64) {
        let idle = self.progress.none_ready() && self.expansions.none_waiting();
        if !self.flights.is_best_here(ticket, idle) {
            return self.flights.submit(ticket);
        }
        self.started(ticket);
        let done = self.flights.execute_here(ticket);
        self.landed(ticket, done);
    }

    fn started(&mut self, ticket: u64) {
        if let Some(Waiter::Node(node)) = self.flights.started(ticket) {
            self.ledger.tell_start(self.live.graph.name_of(node));
        }
    }

    // ---- from running to done ----

    fn landed(&mut self, ticket: u64, done: Done) {
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
                self.start_over(parent, &lost);
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
                self.settled(node, &handle, Ending::found(Outcome::Hit, &handle));
            }
        }
    }

    /// Takes over a node's output, and lets go of what only it needed.
    fn settled(&mut self, node: u32, handle: &Arc<Handle>, ending: Ending<'_>) {
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
    fn release(&mut self, nodes: impl IntoIterator<Item = u32>) {
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

    fn fail_node(&mut self, node: u32, failure: Failure, elapsed: Duration) {
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

    /// A parent's output is lost: what is needed is worked out anew. What is
    /// running goes on, and is found again by its resolved signature.
    fn start_over(&mut self, parent: u32, lost: &Lost) {
        self.lose(parent, lost);
        self.forget_lost();
        self.progress.start_over();
        self.expansions.start_over();
        self.flights.forget_waiters();
        self.need_targets();
    }

    fn finish(mut self) -> Driven {
        let unread: Vec<u32> = self.progress.unread().collect();
        self.release(unread);
        self.live.recalls.tidy(&self.live.graph);
        let mut untold: Vec<(u32, State)> = self.progress.states().collect();
        untold.retain(|(node, _)| !self.ledger.contains(*node));
        untold.sort_unstable_by_key(|(node, _)| *node);
        for (node, state) in untold {
            // What was known and never wanted did not have to run.
            if self.stopped || state != State::Known {
                self.tell(node, Ending::unstarted(Outcome::Cancelled, None));
            }
        }
        Driven {
            entries: self.ledger.close(),
            looked: self.looked,
            rekeyed: self.keys.changed(),
            edit: self.edit,
        }
    }
}

fn timed_out(limit: Duration) -> Failure {
    Failure::new(format!("timed out after {limit:?}"))
}
