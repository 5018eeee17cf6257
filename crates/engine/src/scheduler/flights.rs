//! Work in flight: who waits for it, where it is done, and how long it may
//! take. It knows tickets and keys; it is unaware of the graph, of the session
//! and of what the end of a piece of work means.
//!
//! A flight is submitted, to a worker or here, and lands. Between the two it
//! may be parked, again and again, while another process does the same work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use refrain_store::Signature;
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use crate::executor::Done;
use crate::map::Batch;
use crate::pool::{Message, Pool};
use crate::work::Work;

/// How often a driver looks up from waiting: for a cancellation, and for what
/// other processes have made meanwhile.
const TICK: Duration = Duration::from_millis(10);

/// How long an action that was asked to end may take for that.
const PATIENCE: Duration = Duration::from_secs(10);

/// An execution quicker than this costs less than waking a thread for it.
const QUICK: Duration = Duration::from_micros(20);

/// After so many quick executions the next one is expected to be quick.
const QUICK_IN_A_ROW: u32 = 32;

/// Who waits for a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    Node(u32),
    /// An item of a mapped node, by its number.
    Item(u32, u32),
}

/// Work in flight and all that wait for it: equal work runs once. Work that
/// nobody waits for after an edit may still turn out to be wanted.
pub(super) struct Flight {
    /// The name of the node whose work it is.
    pub node: Arc<str>,
    pub work: Arc<Work>,
    pub waiters: SmallVec<[Waiter; 2]>,
    /// The time it had, if that is over and it was asked to end.
    pub late: Option<Duration>,
    /// Whether its start was told.
    told: bool,
}

/// All work in flight of one run.
pub(super) struct Flights<'a> {
    pool: &'a Pool,
    /// Whether somebody wants to know when work starts.
    announce: bool,
    /// Whether the driver has to be free for edits while work goes on.
    edited: bool,
    /// Whether tiers are asked before work is done, which takes its time.
    asks: bool,
    reply: Sender<Message>,
    replies: Receiver<Message>,
    by_ticket: FxHashMap<u64, Flight>,
    /// By what the work is known by, and whether its output is kept: a value that
    /// only memory has is of no use to who keeps it.
    by_key: FxHashMap<(Signature, bool), u64>,
    /// Flights that another process is at.
    parked: Vec<u64>,
    /// When flights with a time limit count as failed.
    deadlines: Vec<(Instant, u64)>,
    last_ticket: u64,
    /// How many executions in a row were quick.
    quick: u32,
}

impl<'a> Flights<'a> {
    pub fn new(pool: &'a Pool, announce: bool, edited: bool, asks: bool) -> Self {
        let (reply, replies) = unbounded();
        Flights {
            pool,
            announce,
            edited,
            asks,
            reply,
            replies,
            by_ticket: FxHashMap::default(),
            by_key: FxHashMap::default(),
            parked: Vec::new(),
            deadlines: Vec::new(),
            last_ticket: 0,
            quick: 0,
        }
    }

    /// Whether anybody waits for anything.
    pub fn is_awaited(&self) -> bool {
        let mut all = self.by_ticket.values();
        all.any(|flight| !flight.waiters.is_empty())
    }

    /// What somebody sends a message to the driver by.
    pub fn sender(&self) -> Sender<Message> {
        self.reply.clone()
    }

    /// Whether another flight may start: there are enough to keep every worker
    /// busy, and not more, for what is in flight costs memory.
    pub fn has_room(&self) -> bool {
        self.by_ticket.len() < self.pool.jobs() * 64
    }

    /// Joins the flight of equal work, if there is one. `keeps` says whether the
    /// output is kept.
    pub fn join(&mut self, key: &Signature, keeps: bool, waiter: Waiter) -> bool {
        let Some(ticket) = self.by_key.get(&(*key, keeps)) else {
            return false;
        };
        let flight = self.by_ticket.get_mut(ticket).expect("keys name flights");
        flight.waiters.push(waiter);
        true
    }

    /// Takes up work that somebody waits for; gives its ticket.
    pub fn add(&mut self, node: &Arc<str>, waiter: Waiter, work: Work) -> u64 {
        self.last_ticket += 1;
        self.by_key.insert(key(&work), self.last_ticket);
        let flight = Flight {
            node: node.clone(),
            work: Arc::new(work),
            waiters: smallvec![waiter],
            late: None,
            told: false,
        };
        self.by_ticket.insert(self.last_ticket, flight);
        self.last_ticket
    }

    /// Whether a flight is best done on the calling thread: nothing else is
    /// going on or can (`idle`), or executions are quick, and waking a thread
    /// costs more than many a node. A time limit needs a thread to wait in, and
    /// so do edits.
    pub fn is_best_here(&self, ticket: u64, idle: bool) -> bool {
        // What waits for a worker is asked for together.
        let only = self.pool.jobs() == 1 && !self.asks;
        let alone = only || idle && self.by_ticket.len() == 1;
        let quick = self.quick >= QUICK_IN_A_ROW && !self.asks;
        let here = alone && !self.edited || quick;
        here && self.by_ticket[&ticket].work.spec.node.timeout.is_none()
    }

    /// Does the work of a flight on the calling thread.
    pub fn execute_here(&self, ticket: u64) -> Done {
        self.pool.execute_here(&self.by_ticket[&ticket].work)
    }

    /// Hands the work of a flight to a worker.
    pub fn submit(&self, ticket: u64) {
        let work = self.by_ticket[&ticket].work.clone();
        let announce = self.announce || work.spec.node.timeout.is_some();
        self.pool.submit(ticket, work, announce, &self.reply);
    }

    /// Hands the work of several flights to one worker, to be done at once.
    pub fn submit_together(&self, tickets: &[u64], batch: &Arc<Batch>) {
        let work = |ticket: &u64| (*ticket, self.by_ticket[ticket].work.clone());
        let works: Vec<(u64, Arc<Work>)> = tickets.iter().map(work).collect();
        let limited = works
            .iter()
            .any(|(_, work)| work.spec.node.timeout.is_some());
        let (works, announce) = (works.into_iter(), self.announce || limited);
        self.pool
            .submit_together(works, batch.clone(), announce, &self.reply);
    }

    /// Notes that a flight's work has started, from when its time limit counts;
    /// gives who waits for it, the first time.
    pub fn started(&mut self, ticket: u64) -> Option<Waiter> {
        let flight = self.by_ticket.get_mut(&ticket)?;
        let node = &flight.work.spec.node;
        let deadline = node.timeout.map(|limit| (Instant::now() + limit, ticket));
        self.deadlines.extend(deadline);
        let first = !std::mem::replace(&mut flight.told, true);
        first.then(|| flight.waiters.first().copied()).flatten()
    }

    /// Ends a flight. One whose work another process is at is parked; one that
    /// ran out of time has ended before.
    pub fn land(&mut self, ticket: u64, done: &Done) -> Option<Flight> {
        if let Done::Busy = done {
            if self.by_ticket.contains_key(&ticket) {
                // What others do takes none of its time.
                self.deadlines.retain(|(_, limited)| *limited != ticket);
                self.parked.push(ticket);
            }
            return None;
        }
        let flight = self.by_ticket.remove(&ticket)?;
        self.by_key.remove(&key(&flight.work));
        if let Done::Made { elapsed, .. } = done {
            self.quick = if *elapsed < QUICK { self.quick + 1 } else { 0 };
        }
        Some(flight)
    }

    /// Asks flights that have run out of time to end, and takes those that do
    /// not, with the time they had. The worker of each may be stuck, so another
    /// one takes its place.
    pub fn take_overdue(&mut self, now: Instant) -> Vec<(u64, Duration)> {
        let mut overdue = Vec::new();
        self.deadlines.retain_mut(|(deadline, ticket)| {
            if *deadline > now {
                return true;
            }
            let Some(flight) = self.by_ticket.get_mut(ticket) else {
                return false;
            };
            let limit = flight.work.spec.node.timeout.unwrap_or_default();
            if flight.work.stop.is_heard() && flight.late.is_none() {
                flight.late = Some(limit);
                flight.work.stop.stop();
                *deadline = now + PATIENCE;
                return true;
            }
            self.pool.give_up(&flight.work);
            overdue.push((*ticket, limit));
            false
        });
        overdue
    }

    /// Takes the parked flights: each is to be submitted again or given up.
    pub fn take_parked(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.parked)
    }

    /// Gives up a flight, whose work is asked to end.
    pub fn give_up(&mut self, ticket: u64) {
        if let Some(flight) = self.by_ticket.remove(&ticket) {
            self.by_key.remove(&key(&flight.work));
            self.pool.give_up(&flight.work);
        }
    }

    /// Gives up the flights that nobody waits for and that are not chosen.
    pub fn give_up_unawaited(&mut self, keep: impl Fn(&Flight) -> bool) {
        let unawaited = self.by_ticket.iter();
        let unawaited = unawaited.filter(|(_, flight)| flight.waiters.is_empty() && !keep(flight));
        let unawaited: Vec<u64> = unawaited.map(|(ticket, _)| *ticket).collect();
        unawaited
            .into_iter()
            .for_each(|ticket| self.give_up(ticket));
    }

    /// Lets nobody wait any more for what is in flight. It goes on.
    pub fn forget_waiters(&mut self) {
        for flight in self.by_ticket.values_mut() {
            flight.waiters.clear();
        }
    }

    /// Whether somebody waits for this flight.
    pub fn waits(&self, ticket: u64) -> bool {
        let flight = self.by_ticket.get(&ticket);
        flight.is_some_and(|flight| !flight.waiters.is_empty())
    }

    /// Waits for a message; not for long, so that one can look around.
    pub fn wait(&self) -> Option<Message> {
        let patience = if self.parked.is_empty() {
            TICK * 5
        } else {
            TICK
        };
        match self.replies.recv_timeout(patience) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is held here"),
        }
    }

    /// A message that has come already.
    pub fn arrived(&self) -> Option<Message> {
        self.replies.try_recv().ok()
    }
}

fn key(work: &Work) -> (Signature, bool) {
    (work.key, work.spec.node.cache)
}
