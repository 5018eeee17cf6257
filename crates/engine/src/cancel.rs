//! Asking a run to end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends runs early: nothing more is started, what is running is finished and
/// kept. Cheap to clone; clones cancel the same runs.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks every run of the runner that this belongs to to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Allows runs again.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether runs were asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
