//! Threads for calls of the system that may never return.
//!
//! A file of a network file system that is gone, or the name of a host, cannot be asked for with a time limit. So it
//! is asked for on a thread apart, and who waits stops waiting. Unaware of what is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// So many threads at most, whoever still waits for them. More calls than these are refused at once.
const MOST: usize = 128;

/// Counts the threads of one tier, running or stuck.
#[derive(Debug, Default, Clone)]
pub(crate) struct Apart {
    under_way: Arc<AtomicUsize>,
}

impl Apart {
    /// Runs `work` on a thread of its own. The error says why not.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
        let place = Place(Arc::clone(&self.under_way));
        if place.0.fetch_add(1, Ordering::Relaxed) >= MOST {
            return Err(format!("{MOST} earlier calls have not come back"));
        }
        thread::Builder::new()
            .name("refrain-tier".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || {
                let _place = place;
                work();
            })
            .map(drop)
            .map_err(|error| format!("no thread for the call: {error}"))
    }
}

/// One of the threads, or one that is about to be.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crossbeam::channel;

    use super::*;

    #[test]
    fn calls_that_never_come_back_are_so_many_and_no_more() {
        let apart = Apart::default();
        let (stuck, release) = channel::bounded::<()>(0);
        let (ended, over) = channel::unbounded::<()>();
        for _ in 0..MOST {
            let (release, ended) = (release.clone(), ended.clone());
            apart
                .run(move || {
                    let _ = release.recv();
                    drop(ended);
                })
                .unwrap();
        }
        assert!(apart.run(|| ()).unwrap_err().contains("not come back"));
        drop((stuck, ended));
        assert!(over.recv().is_err());
    }
}
