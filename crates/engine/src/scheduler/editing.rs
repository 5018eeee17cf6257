//! Edits in the middle of a run: going over to another revision without losing
//! what is still good. What is up to date stays; what runs goes on for as long
//! as it may turn out to be wanted, and is joined again by what it is known by.

use crossbeam::channel::Sender;

use super::Driver;
use super::flights::Flight;
use super::keys::Keys;
use super::progress::{Progress, State};
use crate::edits::{Edit, Edits};
use crate::error::Result;
use crate::event::{RunEvent, emit};
use crate::live::Live;
use crate::pool::Message;

impl Driver<'_> {
    /// Says who is told of edits while the run goes on.
    pub(super) fn listen(&self, listener: Option<Sender<Message>>) {
        if let Some(edits) = self.request.edits {
            edits.listen(listener);
        }
    }

    /// Whether there is an edit to take up.
    pub(super) fn is_edited(&self) -> bool {
        self.request.edits.is_some_and(Edits::is_pending)
    }

    /// Goes over to the revision that an edit makes.
    ///
    /// # Errors
    /// Bad inputs; the run is over then.
    pub(super) fn take_up(&mut self, edit: Edit) -> Result<()> {
        self.forget_lost();
        self.live.forget(&self.keys.changed());
        self.keys = Keys::default();
        let renumbered = match self.live.take_up(&edit) {
            Ok(renumbered) => renumbered,
            Err(error) => {
                self.request.edits.into_iter().for_each(Edits::put_back);
                return Err(error);
            }
        };
        self.live.refresh();
        self.keep(|node| match &renumbered {
            Some(renumbered) => renumbered[node as usize],
            None => Some(node),
        });
        let graph = self.live.graph.clone();
        self.request.targets = edit.pipeline.targets.clone();
        self.request.forced = self.live.doubting(edit.forced(), &self.request.targets);
        self.edit = Some(edit);
        self.progress = Progress::new(graph);
        self.expansions.start_over();
        self.flights.forget_waiters();
        self.stopped = self.request.cancel.is_cancelled();
        let revision = self.live.revision();
        emit(self.request.events, || RunEvent::Edited { revision });
        self.need_targets();
        self.let_go_of_unwanted();
        Ok(())
    }

    /// Lets go of what runs and cannot count any more.
    pub(super) fn let_go_of_unwanted(&mut self) {
        let (live, progress) = (&*self.live, &self.progress);
        let coming = |node| self.expansions.is_coming(node);
        self.flights
            .give_up_unawaited(|flight| may_count(live, progress, coming, flight));
    }

    /// Keeps what was told of nodes that are what they were.
    fn keep(&mut self, number: impl Fn(u32) -> Option<u32>) {
        let live = &*self.live;
        self.ledger.keep(|node, entry| {
            let node = number(node)?;
            let same = live.is_seen(node) && live.key(node).signature == entry.signature;
            (same && entry.outcome.has_output()).then_some(node)
        });
    }
}

/// Whether work that nobody waits for may still be waited for: its node is
/// needed and has not begun otherwise, and of what it was gathered from only
/// the parents' outputs are not known to be the same.
fn may_count(
    live: &Live,
    progress: &Progress,
    coming: impl Fn(u32) -> bool,
    flight: &Flight,
) -> bool {
    let Ok(node) = live.graph.find(&flight.node) else {
        return false;
    };
    let now = live.hashes(node, |_| [0; 32], None);
    let then = &flight.work.hashes;
    let same_code = (now.code, now.env) == (then.code, then.env);
    let mapped = live.graph.node(node).map.is_some();
    match progress.state(node) {
        Some(State::Waiting | State::Wanted) => same_code && (mapped || now.inputs == then.inputs),
        // Items that had been looked up would have joined it.
        Some(State::Running) => same_code && coming(node),
        _ => false,
    }
}
