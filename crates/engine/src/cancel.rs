//! Asking work to end early.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

/// Ends runs early: nothing more is started, and an action that listens (a
/// child process) is stopped; other actions are finished and kept. Cheap to
/// clone; clones cancel the same runs.
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    hooks: Mutex<Hooks>,
}

#[derive(Default)]
struct Hooks {
    last: u64,
    by_number: FxHashMap<u64, Arc<dyn Fn() + Send + Sync>>,
}

impl Cancel {
    /// Asks everything that this belongs to to end.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        let hooks: Vec<_> = self.hooks().by_number.values().cloned().collect();
        hooks.iter().for_each(|hook| hook());
    }

    /// Allows runs again.
    pub fn reset(&self) {
        self.0.cancelled.store(false, Ordering::Release);
    }

    /// Whether an end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Runs `hook` as soon as an end is asked for, on the thread that asks; at
    /// once if it was before. It must be quick, and may run more than once.
    /// Dropping what this gives takes it back.
    pub fn hook(&self, hook: impl Fn() + Send + Sync + 'static) -> Hook {
        let hook: Arc<dyn Fn() + Send + Sync> = Arc::new(hook);
        let number = {
            let mut hooks = self.hooks();
            hooks.last += 1;
            let number = hooks.last;
            hooks.by_number.insert(number, hook.clone());
            number
        };
        // Looked at after the hook is in: who asks in between runs it, too.
        if self.is_cancelled() {
            hook();
        }
        Hook {
            cancel: self.clone(),
            number,
        }
    }

    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        // The map is whole at every moment.
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// A hook that is in place; see [`Cancel::hook`].
#[must_use = "dropping it takes the hook back"]
pub struct Hook {
    cancel: Cancel,
    number: u64,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.cancel.hooks().by_number.remove(&self.number);
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_hook_runs_when_an_end_is_asked_for_and_not_when_taken_back() {
        let ran = Arc::new(AtomicUsize::new(0));
        let count = |ran: &Arc<AtomicUsize>| {
            let ran = ran.clone();
            move || {
                ran.fetch_add(1, Ordering::Relaxed);
            }
        };
        let cancel = Cancel::default();
        drop(cancel.hook(count(&ran)));
        let _kept = cancel.hook(count(&ran));
        cancel.cancel();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        let _late = cancel.hook(count(&ran));
        assert_eq!(ran.load(Ordering::Relaxed), 2);
    }
}
