//! Whether work is still wanted, where the one who wants it and the worker who
//! does it decide at the same time. It knows no work and no threads.

use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a piece of work stands between the one who wants it done and the worker
/// who does it: the two agree here whether it is still wanted.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// In the queue, or nowhere.
    #[default]
    Waiting,
    /// A worker has it, with all else that it has.
    Begun(Arc<Hold>),
    /// Nobody wants it any more.
    GivenUp,
}

/// What a worker has at once. When nobody wants any of it, the one who gave up the
/// last piece replaces the worker, and that goes when it comes back.
///
/// Lock order: a turn, then its hold.
#[derive(Debug, Default)]
pub(crate) struct Hold(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// How many pieces have begun and not ended, and are wanted.
    wanted: usize,
    /// The worker has taken all that it is going to have.
    whole: bool,
    replaced: bool,
}

impl Turn {
    /// It is put into the queue (again).
    pub fn wait(&self) {
        *lock(&self.0) = State::Waiting;
    }

    /// A worker takes it out of the queue; says whether it is still wanted.
    pub fn begin(&self, hold: &Arc<Hold>) -> bool {
        let mut state = lock(&self.0);
        let begins = matches!(*state, State::Waiting);
        if begins {
            *state = State::Begun(hold.clone());
            lock(&hold.0).wanted += 1;
        }
        begins
    }

    /// The worker is done with it.
    pub fn end(&self) {
        let mut state = lock(&self.0);
        if let State::Begun(hold) = &*state {
            lock(&hold.0).wanted -= 1;
            *state = State::Waiting;
        }
    }

    /// Nobody wants it any more; says whether a worker has it and nothing else that
    /// is wanted: that worker is to be replaced.
    pub fn give_up(&self) -> bool {
        let mut state = lock(&self.0);
        let State::Begun(hold) = std::mem::replace(&mut *state, State::GivenUp) else {
            return false;
        };
        let mut held = lock(&hold.0);
        held.wanted -= 1;
        held.replaced = held.whole && held.wanted == 0;
        held.replaced
    }
}

impl Hold {
    /// The worker has taken all; says whether any of it is still wanted.
    pub fn is_wanted(&self) -> bool {
        let mut held = lock(&self.0);
        held.whole = held.wanted > 0;
        held.whole
    }

    /// Whether another worker has taken the place of this one.
    pub fn is_replaced(&self) -> bool {
        lock(&self.0).replaced
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
