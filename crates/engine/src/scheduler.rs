//! The driver of one run: decides what is needed, runs it in an order where
//! parents come first, and settles the session. It executes nothing itself.
//!
//! A needed node goes through these states:
//!
//! * `Waiting`: some parents have no digest yet. With the last one known its
//!   resolved signature is, and its output is looked up under that.
//! * `Known`: it is not cached, and so far nobody needs its value: it is known
//!   by its resolved signature. If all its children are cut off, it never runs.
//! * `Wanted`: it must run; it waits until every parent has its value.
//! * `Running`: a worker has it, or another process does.
//! * `Done`, `Failed`, `Blocked`: nothing more happens to it in this run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use refrain_store::{Digest, Lookup, Record, Signature, Store};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::cancel::Cancel;
use crate::event::RunEvent;
use crate::executor::{Arg, Done, Draft, Work};
use crate::explain::{Reason, ReasonKind};
use crate::handle::{Handle, Lost};
use crate::pipeline::Wire;
use crate::pool::{Message, Pool};
use crate::reasons::{Cause, Causes};
use crate::report::{Entry, Outcome};
use crate::session::Session;

/// How often a driver looks up from waiting: for a cancellation, and for what
/// other processes have made meanwhile.
const TICK: Duration = Duration::from_millis(10);

/// An execution quicker than this costs less than waking a thread for it.
const QUICK: Duration = Duration::from_micros(20);

/// After so many quick executions the next one is expected to be quick.
const QUICK_IN_A_ROW: u32 = 32;

/// What a run is asked for.
pub(crate) struct Request<'a> {
    pub targets: &'a [u32],
    pub forced: &'a FxHashSet<u32>,
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
    let (reply, replies) = unbounded();
    let mut driver = Driver {
        causes: Causes::new(session),
        session,
        request,
        reply,
        progress: FxHashMap::default(),
        ready: Vec::new(),
        flights: FxHashMap::default(),
        by_key: FxHashMap::default(),
        parked: Vec::new(),
        deadlines: Vec::new(),
        tickets: 0,
        entries: FxHashMap::default(),
        looked: false,
        stopped: false,
        quick: 0,
    };
    driver.session.refresh();
    driver.need(request.targets);
    driver.work_off(&replies);
    driver.finish()
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Known,
    Wanted,
    Running,
    Done,
    Failed,
    Blocked,
}

struct Progress {
    state: State,
    /// How many parents this node waits for: in `Waiting` for their digests,
    /// in `Wanted` for their values.
    waiting: u32,
    /// The output's digest, as soon as it is known.
    digest: Option<Digest>,
    /// How many needed children have not had its value yet.
    readers: u32,
}

/// Work in flight and the nodes that wait for it: equal work runs once.
struct Flight {
    key: Signature,
    nodes: Vec<u32>,
    work: Arc<Work>,
}

struct Driver<'a> {
    session: &'a mut Session,
    request: &'a Request<'a>,
    causes: Causes,
    reply: Sender<Message>,
    progress: FxHashMap<u32, Progress>,
    /// Nodes whose last missing parent has just come.
    ready: Vec<u32>,
    flights: FxHashMap<u64, Flight>,
    by_key: FxHashMap<Signature, u64>,
    /// Flights that another process is at.
    parked: Vec<u64>,
    /// When flights with a time limit count as failed.
    deadlines: Vec<(Instant, u64)>,
    tickets: u64,
    entries: FxHashMap<u32, Entry>,
    looked: bool,
    /// Nothing more is started: a node failed, or the run was cancelled.
    stopped: bool,
    /// How many executions in a row were quick.
    quick: u32,
}

impl Driver<'_> {
    fn store(&self) -> Option<Arc<Store>> {
        self.session.context().store.clone()
    }

    // ---- what is needed ----

    /// Marks nodes as needed, and above them whatever has to run for them.
    fn need(&mut self, nodes: &[u32]) {
        let mut stack = nodes.to_vec();
        let mut to_make = Vec::new();
        while let Some(node) = stack.pop() {
            if self.progress.contains_key(&node) {
                continue;
            }
            let handle = self.found(node);
            let state = match handle {
                Some(_) => State::Done,
                None => State::Waiting,
            };
            if handle.is_none() {
                to_make.push(node);
                stack.extend(self.session.graph.parents(node));
            }
            let progress = Progress {
                state,
                waiting: 0,
                digest: handle.map(|handle| handle.digest),
                readers: 0,
            };
            self.progress.insert(node, progress);
        }
        to_make.sort_unstable();
        for node in to_make {
            let mut waiting = 0;
            for parent in self.session.graph.distinct_parents(node) {
                let parent = self.progress.get_mut(&parent).expect("needed as well");
                parent.readers += 1;
                waiting += u32::from(parent.digest.is_none());
            }
            self.at(node).waiting = waiting;
            if waiting == 0 {
                self.ready.push(node);
            }
        }
        // Taken from the end, so that work starts in topological order.
        self.ready.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The node's output, if it is up to date or the store has it.
    fn found(&mut self, node: u32) -> Option<Arc<Handle>> {
        let ran = self.entries.get(&node);
        if ran.is_some_and(|entry| entry.outcome == Outcome::Executed)
            && self.session.is_settled(node)
        {
            return Some(self.session.output(node));
        }
        let spec_cached = self.session.graph.nodes[node as usize].cache;
        if self.request.forced.contains(&node) || !spec_cached {
            return None;
        }
        let settled = self.session.is_settled(node);
        let handle = if settled {
            self.session.output(node)
        } else {
            self.looked = true;
            self.session.probe(node)?
        };
        if let Err(lost) = handle.check(self.session.context().store.as_deref()) {
            self.lose(node, &lost);
            return None;
        }
        if !settled {
            self.session.settle(node, handle.clone());
        }
        self.tell(node, Outcome::Hit, None, Some(&handle), None);
        Some(handle)
    }

    /// Forgets an output that is not in the store after all.
    fn lose(&mut self, node: u32, lost: &Lost) {
        let name = self.session.graph.nodes[node as usize].name().to_owned();
        tracing::warn!(node = name, why = lost.message, "an output is made again");
        if let Some(store) = self.store() {
            store.discard(&self.session.key(node).signature);
        }
        self.session.unsettle(node);
        self.causes.lost(node, lost);
        self.entries.remove(&node);
    }

    fn is_target(&self, node: u32) -> bool {
        self.request.targets.binary_search(&node).is_ok()
    }

    fn at(&mut self, node: u32) -> &mut Progress {
        self.progress
            .get_mut(&node)
            .expect("a needed node has progress")
    }

    // ---- the loop ----

    fn work_off(&mut self, replies: &Receiver<Message>) {
        loop {
            while self.flights.len() < self.most_in_flight()
                && let Some(node) = self.ready.pop()
            {
                self.stopped |= self.request.cancel.is_cancelled();
                match self.progress[&node].state {
                    State::Waiting if !self.stopped => self.resolve(node),
                    State::Wanted if !self.stopped => self.dispatch(node),
                    _ => {}
                }
            }
            if self.flights.is_empty() {
                return;
            }
            match replies.recv_timeout(self.patience()) {
                Ok(message) => {
                    self.receive(message);
                    // Everything that has come is taken before more is decided.
                    while let Ok(message) = replies.try_recv() {
                        self.receive(message);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the driver holds a sender"),
            }
            self.look_around();
        }
    }

    /// Enough to keep every worker busy; what is in flight costs memory.
    fn most_in_flight(&self) -> usize {
        self.request.pool.jobs() * 64
    }

    /// How long to wait for a message before looking around.
    fn patience(&self) -> Duration {
        if self.parked.is_empty() {
            TICK * 5
        } else {
            TICK
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
        let now = Instant::now();
        let (overdue, waiting) = self.deadlines.drain(..).partition(|(at, _)| *at <= now);
        self.deadlines = waiting;
        let overdue: Vec<(Instant, u64)> = overdue;
        for (_, ticket) in overdue {
            let Some(flight) = self.flights.get(&ticket) else {
                continue;
            };
            self.request.pool.add_worker();
            let limit = flight.work.spec.node.timeout.unwrap_or_default();
            let message = format!("timed out after {limit:?}").into();
            self.landed(
                ticket,
                Done::Failed {
                    message,
                    elapsed: limit,
                },
            );
        }
        for ticket in std::mem::take(&mut self.parked) {
            if self.stopped {
                let flight = self
                    .flights
                    .remove(&ticket)
                    .expect("parked flights are in flight");
                self.by_key.remove(&flight.key);
            } else {
                let work = self.flights[&ticket].work.clone();
                self.submit(ticket, work);
            }
        }
    }

    // ---- from waiting to running ----

    /// All parents have digests: the node's resolved signature is known.
    fn resolve(&mut self, node: u32) {
        let spec = self.session.spec(node);
        let forced = self.request.forced.contains(&node);
        if spec.node.cache && !forced && !self.session.key(node).ephemeral {
            let has_parents = self.session.graph.parents(node).next().is_some();
            if has_parents && self.cut_off(node) {
                return;
            }
        } else if !spec.node.cache && !forced && !self.is_target(node) {
            let digest = Digest::from_bytes(*self.resolved(node).as_bytes());
            self.at(node).state = State::Known;
            return self.identify(node, digest);
        }
        self.launch(node);
    }

    fn resolved(&self, node: u32) -> Signature {
        self.session.resolved(node, |parent| {
            self.progress[&parent]
                .digest
                .expect("all parents have digests")
        })
    }

    /// Early cutoff: the output under the resolved signature, if there is one.
    fn cut_off(&mut self, node: u32) -> bool {
        let Some(store) = self.store() else {
            return false;
        };
        let Lookup::Hit(record) = store.find_resolved(&self.resolved(node)) else {
            return false;
        };
        let codec = self.session.spec(node).node.output.codec();
        let Some(handle) = Handle::recorded(&record, codec) else {
            return false;
        };
        if let Err(lost) = handle.check(Some(&store)) {
            store.discard(&record.signature);
            self.causes.lost(node, &lost);
            return false;
        }
        let (parts, notes) = self.session.parts(node);
        let alias = Record {
            signature: self.session.key(node).signature,
            parts,
            ..(*record).clone()
        };
        store.commit(alias, notes, None);
        self.settled(node, Arc::new(handle), Outcome::Cutoff, None, None);
        true
    }

    /// The node must run: so must its parents that are only `Known`.
    fn launch(&mut self, node: u32) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            let parents = self.session.graph.distinct_parents(node);
            let absent: Vec<u32> = parents
                .into_iter()
                .filter(|parent| self.progress[parent].state != State::Done)
                .collect();
            let progress = self.at(node);
            progress.state = State::Wanted;
            progress.waiting = absent.len() as u32;
            if absent.is_empty() {
                self.ready.push(node);
            }
            let known = |parent: &u32| self.progress[parent].state == State::Known;
            stack.extend(absent.into_iter().filter(known));
        }
    }

    fn dispatch(&mut self, node: u32) {
        let key = self.resolved(node);
        self.at(node).state = State::Running;
        if let Some(ticket) = self.by_key.get(&key) {
            let flight = self.flights.get_mut(ticket).expect("keys name flights");
            return flight.nodes.push(node);
        }
        let work = Arc::new(self.work(node, key));
        self.causes
            .decide(self.session, node, self.request.forced.contains(&node));
        self.looked = true;
        self.tickets += 1;
        let flight = Flight {
            key,
            nodes: vec![node],
            work: work.clone(),
        };
        self.flights.insert(self.tickets, flight);
        self.by_key.insert(key, self.tickets);
        self.submit(self.tickets, work);
    }

    fn work(&self, node: u32, key: Signature) -> Work {
        let spec = self.session.spec(node);
        let mut files = Vec::new();
        let wires = self.session.graph.wires.row(node).iter();
        let args = wires
            .zip(&spec.node.params)
            .map(|(wire, param)| match wire {
                Wire::Source(number) => {
                    let bound = self.session.source(*number);
                    files.extend(bound.files.clone());
                    Arg::Given(bound.value(param.value_type.id()).clone())
                }
                Wire::Node(parent) => Arg::Output(*parent, self.session.output(*parent)),
            });
        let args = args.collect();
        let signature = self.session.key(node);
        let recorded = self.session.context().store.is_some() && !signature.ephemeral;
        let draft = recorded.then(|| {
            let (parts, notes) = self.session.parts(node);
            Draft {
                signature: signature.signature,
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
            forced: self.request.forced.contains(&node),
        }
    }

    /// Hands work to a worker, or does it here when nothing else is going on or
    /// nodes are quick: waking a thread costs more than many a node.
    fn submit(&mut self, ticket: u64, work: Arc<Work>) {
        let pool = self.request.pool;
        let alone = self.flights.len() == 1 && self.ready.is_empty();
        let here = pool.jobs() == 1 || alone || self.quick >= QUICK_IN_A_ROW;
        if work.spec.node.timeout.is_none() && here {
            self.started(ticket);
            let done = pool.execute_here(&work);
            return self.landed(ticket, done);
        }
        let announce = work.spec.node.timeout.is_some() || !self.request.events.is_empty();
        pool.submit(ticket, work, announce, &self.reply);
    }

    fn started(&mut self, ticket: u64) {
        let Some(flight) = self.flights.get(&ticket) else {
            return;
        };
        let node = &flight.work.spec.node;
        let deadline = node.timeout.map(|limit| (Instant::now() + limit, ticket));
        self.deadlines.extend(deadline);
        let name = node.location.node.clone();
        self.emit(|| RunEvent::NodeStarted { node: name.clone() });
    }

    // ---- from running to done ----

    fn landed(&mut self, ticket: u64, done: Done) {
        if let Done::Busy = done {
            return self.parked.push(ticket);
        }
        // A flight that ran out of time has left the list.
        let Some(flight) = self.flights.remove(&ticket) else {
            return;
        };
        self.by_key.remove(&flight.key);
        match done {
            Done::Made {
                handle,
                elapsed,
                note,
            } => {
                self.quick = if elapsed < QUICK { self.quick + 1 } else { 0 };
                let mut outcome = Outcome::Executed;
                for node in flight.nodes {
                    let told = (outcome == Outcome::Executed).then_some(elapsed);
                    self.settled(node, handle.clone(), outcome, told, note.clone());
                    outcome = Outcome::Hit;
                }
            }
            Done::Found(record) => self.found_elsewhere(flight, &record),
            Done::Failed { message, elapsed } => {
                for node in flight.nodes {
                    self.failed(node, &message, elapsed);
                }
            }
            Done::Lost(parent, lost) => self.start_over(parent, &lost),
            Done::Busy => unreachable!("parked above"),
        }
    }

    /// Another process made it: the record stands under this run's signature
    /// too, if it is another one.
    fn found_elsewhere(&mut self, flight: Flight, record: &Record) {
        for node in flight.nodes {
            if !self.cut_off(node) {
                let handle = Handle::recorded(record, self.session.spec(node).node.output.codec());
                let handle = Arc::new(handle.expect("found by its resolved signature"));
                self.settled(node, handle, Outcome::Hit, None, None);
            } else if let Some(entry) = self.entries.get_mut(&node) {
                entry.outcome = Outcome::Hit;
            }
        }
    }

    fn settled(
        &mut self,
        node: u32,
        handle: Arc<Handle>,
        outcome: Outcome,
        elapsed: Option<Duration>,
        note: Option<Arc<str>>,
    ) {
        self.session.settle(node, handle.clone());
        self.tell(node, outcome, elapsed, Some(&handle), note);
        let progress = self.at(node);
        progress.state = State::Done;
        if progress.digest.is_none() {
            self.identify(node, handle.digest);
        }
        self.wake_children(node, State::Wanted);
        self.release_parents(node);
    }

    /// The node's digest is known: children that wait for it may go on.
    fn identify(&mut self, node: u32, digest: Digest) {
        self.at(node).digest = Some(digest);
        self.wake_children(node, State::Waiting);
    }

    /// Counts down what children in this state wait for, and readies those
    /// that wait for nothing more.
    fn wake_children(&mut self, node: u32, state: State) {
        for &child in self.session.graph.children.row(node) {
            let Some(progress) = self.progress.get_mut(&child) else {
                continue;
            };
            if progress.state == state && progress.waiting > 0 {
                progress.waiting -= 1;
                if progress.waiting == 0 {
                    self.ready.push(child);
                }
            }
        }
    }

    /// Lets go of parents' values that no needed child waits for any more.
    fn release_parents(&mut self, node: u32) {
        for parent in self.session.graph.distinct_parents(node) {
            let progress = self.at(parent);
            progress.readers = progress.readers.saturating_sub(1);
            if progress.readers == 0 && progress.state == State::Done && !self.is_target(parent) {
                self.session.output(parent).release();
            }
        }
    }

    fn failed(&mut self, node: u32, message: &Arc<str>, elapsed: Duration) {
        self.at(node).state = State::Failed;
        self.tell(
            node,
            Outcome::Failed,
            Some(elapsed),
            None,
            Some(message.clone()),
        );
        self.stopped |= !self.request.keep_going;
        let cause = self.session.graph.nodes[node as usize]
            .location
            .node
            .clone();
        let note: Arc<str> = format!("needs {cause}, which failed: {message}").into();
        let mut stack = self.session.graph.children.row(node).to_vec();
        while let Some(child) = stack.pop() {
            let Some(progress) = self.progress.get_mut(&child) else {
                continue;
            };
            if matches!(
                progress.state,
                State::Waiting | State::Known | State::Wanted
            ) {
                progress.state = State::Blocked;
                self.tell(child, Outcome::Blocked, None, None, Some(note.clone()));
                stack.extend(self.session.graph.children.row(child));
            }
        }
    }

    /// A parent's output is lost: what is needed is worked out anew. What is
    /// running goes on, and is found again by its resolved signature.
    fn start_over(&mut self, parent: u32, lost: &Lost) {
        self.lose(parent, lost);
        let over = |state: &State| matches!(state, State::Failed | State::Blocked);
        self.progress.retain(|_, progress| over(&progress.state));
        self.ready.clear();
        for flight in self.flights.values_mut() {
            flight.nodes.clear();
        }
        self.need(self.request.targets);
    }

    // ---- telling ----

    fn tell(
        &mut self,
        node: u32,
        outcome: Outcome,
        elapsed: Option<Duration>,
        handle: Option<&Handle>,
        note: Option<Arc<str>>,
    ) {
        let ran = matches!(outcome, Outcome::Executed | Outcome::Failed);
        let kept = handle.filter(|handle| handle.bytes().is_some());
        let incomplete = || {
            let code = &self.session.graph.nodes[node as usize].code;
            let why = code
                .incomplete
                .as_ref()
                .filter(|_| outcome == Outcome::Executed)?;
            Some(format!("only the function itself is followed: {why}").into())
        };
        let signature = self.session.key(node).signature;
        let mut cause = if ran { self.causes.take(node) } else { None };
        // Whoever listens is told now, and of a failure there will be no record.
        if outcome == Outcome::Failed || !self.request.events.is_empty() {
            let tell = |cause: Cause| Cause::Known(cause.tell_present(self.session, node));
            cause = cause.map(tell);
        }
        let entry = Entry {
            outcome,
            cause,
            signature,
            digest: kept.map(|handle| handle.digest),
            bytes: kept.and_then(Handle::bytes),
            elapsed: elapsed.unwrap_or_default(),
            saved: match (handle, outcome) {
                (Some(handle), Outcome::Hit | Outcome::Cutoff) => handle.elapsed,
                _ => Duration::ZERO,
            },
            note: note.or_else(incomplete),
        };
        self.emit(|| {
            let name = self.session.graph.nodes[node as usize]
                .location
                .node
                .clone();
            let store = self.session.context().store.as_deref();
            RunEvent::NodeFinished(Box::new(entry.report(name, store)))
        });
        self.entries.insert(node, entry);
    }

    fn emit(&self, event: impl Fn() -> RunEvent) {
        for subscriber in self.request.events {
            // A subscriber that has gone is no concern of the run.
            let _ = subscriber.send(event());
        }
    }

    fn finish(mut self) -> Driven {
        let mut left: Vec<u32> = self.progress.keys().copied().collect();
        left.retain(|node| !self.entries.contains_key(node));
        for node in left {
            // What was known and never wanted did not have to run.
            if self.stopped || self.progress[&node].state != State::Known {
                self.tell(node, Outcome::Cancelled, None, None, None);
            }
        }
        let mut entries: Vec<(u32, Entry)> = self.entries.into_iter().collect();
        entries.sort_unstable_by_key(|(node, _)| *node);
        Driven {
            entries,
            looked: self.looked,
        }
    }
}

impl Causes {
    /// Notes that a node's output was there and is not usable.
    fn lost(&mut self, node: u32, lost: &Lost) {
        let kind = if lost.missing {
            ReasonKind::Missing
        } else {
            ReasonKind::Damaged
        };
        self.set(node, Reason::new(kind, lost.message.as_str()));
    }
}
