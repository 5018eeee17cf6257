//! The driver of one run: decides what is needed, runs it in an order where
//! parents come first, and settles the session. It executes nothing itself: the
//! states of nodes are in `progress`, their work is in `flights`, and what there
//! is to say about them is in the `ledger`. It alone knows all three. How nodes
//! get from waiting to running is in `starting`, and on to done in `landing`.

mod editing;
mod expansion;
mod feeding;
mod flights;
mod gather;
mod keys;
mod landing;
mod ledger;
mod listing;
mod mapped;
mod progress;
mod starting;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use refrain_store::{Output, Signature, Store};
use rustc_hash::FxHashMap;

use self::expansion::Expansions;
use self::flights::Flights;
pub(crate) use self::gather::{gather, gather_item};
pub(crate) use self::keys::Keys;
use self::ledger::{Ending, Ledger};
use self::progress::{Progress, State};
use crate::cancel::Cancel;
use crate::edits::{Edit, Edits};
use crate::error::Result;
use crate::event::{RunEvent, emit};
use crate::executor::Done;
use crate::force::Forced;
use crate::handle::{Handle, Lost};
use crate::live::Live;
use crate::mode::Pace;
use crate::node::Failure;
use crate::pool::{Message, Pool};
use crate::report::{Entry, Outcome};

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
pub(crate) fn drive(live: &mut Live, mut request: Request<'_>) -> Result<Driven> {
    request.forced = live.doubting(request.forced, &request.targets);
    let store = live.context().store.clone();
    if let Some(store) = &store {
        store.ask_anew();
    }
    live.catch_up();
    live.ask_tiers(&request.targets, &request.forced);
    let (announce, edited) = (!request.events.is_empty(), request.edits.is_some());
    let asks = store.as_ref().is_some_and(|store| store.has_tiers());
    let mut driver = Driver {
        store,
        progress: Progress::new(live.graph.clone()),
        flights: Flights::new(request.pool, announce, edited, asks),
        ledger: Ledger::new(live, request.events),
        keys: Keys::default(),
        expansions: Expansions::default(),
        live,
        request,
        lost: Vec::new(),
        edit: None,
        executed_items: FxHashMap::default(),
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
    /// The items that executed in this run, by what they are known by, with how
    /// long they took: after an edit or a loss they are looked up again.
    executed_items: FxHashMap<Signature, Duration>,
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
        let mut settled = self.live.is_settled(node);
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
            let handle = Some(handle).filter(|handle| self.live.outlasts_run(handle))?;
            let is_over = self.live.lifetime(node).is_over(handle.created_ms);
            // Somebody else may have made it again.
            settled = !is_over;
            match is_over && handle.is_stored() {
                true => self.live.probe(node).unwrap_or(handle),
                false => handle,
            }
        } else if self.live.graph.node(node).cache {
            self.looked = true;
            self.live.probe(node)?
        } else {
            return None;
        };
        if let Some(why) = self.live.lifetime(node).over(handle.created_ms) {
            self.ledger.expire(node, why);
            return None;
        }
        if let Err(lost) = handle.check(self.store.as_deref()) {
            self.lose(node, &lost);
            return None;
        }
        if !settled {
            self.live.settle(node, handle.clone());
        }
        if !self.ledger.contains(node) {
            let mut ending = Ending::found(Outcome::Hit, &handle);
            ending.tier = self.origin(&self.keys.key(self.live, node).signature);
            self.tell(node, ending);
        }
        Some(handle)
    }

    /// The tier that a record came from in this run.
    fn origin(&self, signature: &Signature) -> Option<Arc<str>> {
        self.store.as_ref()?.take_origin(signature)
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
                if self.stopped || self.fetch_targets() {
                    return Ok(());
                }
                continue;
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

    /// Has what the targets stand on brought from the tiers, as far as it is not here; says whether all of it came.
    /// What does not come is made.
    fn fetch_targets(&mut self) -> bool {
        let Some(store) = self.store.clone().filter(|store| store.owes()) else {
            return true;
        };
        let targets = self.request.targets.iter().copied();
        let targets = targets.filter(|node| self.live.is_settled(*node));
        let found: Vec<(u32, Arc<Handle>)> =
            targets.map(|node| (node, self.live.output(node))).collect();
        let stored: Vec<(u32, &Output)> = found
            .iter()
            .filter_map(|(node, handle)| Some((*node, handle.output()?)))
            .collect();
        let outputs: Vec<&Output> = stored.iter().map(|(_, output)| *output).collect();
        let fetched = store.fetch(&outputs).into_iter();
        let lost: Vec<(u32, Lost)> = fetched
            .zip(&stored)
            .filter_map(|(fetched, (node, _))| Some((*node, Lost::from(fetched.err()?))))
            .collect();
        if !lost.is_empty() {
            self.start_over(&lost);
        }
        lost.is_empty()
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
