//! Locks, threads and channels whose order a scheduler chooses, under the names that the modelled rooms use.

#![allow(dead_code)]

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Add;
use std::time::Duration;

use shuttle::sync::Condvar;
pub use std::sync::PoisonError;

pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub use shuttle::sync::{Arc, Mutex, MutexGuard};

thread_local! {
    /// The threads of the model that were started and have not ended. All of them are one thread's.
    static THREADS: Cell<usize> = const { Cell::new(0) };
}

/// Begins to count threads.
pub fn begin() {
    THREADS.set(0);
}

/// How many threads there are.
pub fn threads() -> usize {
    THREADS.get()
}

/// Lets the others go on until they have nothing to do but to wait.
pub fn settle() {
    for _ in 0..200 {
        shuttle::thread::yield_now();
    }
}

pub mod thread {
    use super::{Duration, THREADS};

    /// A thread that is not over as long as it is waited for.
    pub struct JoinHandle<T>(shuttle::thread::JoinHandle<T>);

    impl<T> JoinHandle<T> {
        pub fn is_finished(&self) -> bool {
            false
        }

        pub fn thread(&self) -> &shuttle::thread::Thread {
            self.0.thread()
        }

        pub fn join(self) -> std::thread::Result<T> {
            self.0.join()
        }
    }

    pub struct Builder;

    impl Builder {
        pub fn new() -> Self {
            Builder
        }

        pub fn name(self, _: String) -> Self {
            self
        }

        pub fn stack_size(self, _: usize) -> Self {
            self
        }

        pub fn spawn(self, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
            THREADS.set(THREADS.get() + 1);
            Ok(JoinHandle(shuttle::thread::spawn(move || {
                run();
                THREADS.set(THREADS.get() - 1);
            })))
        }
    }

    /// Time may be over at once.
    pub fn park_timeout(_: Duration) {
        shuttle::thread::yield_now();
    }
}

/// A time at which everything took a while.
#[derive(Clone, Copy)]
pub struct Instant;

impl Instant {
    pub fn now() -> Self {
        Instant
    }

    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(1)
    }

    pub fn saturating_duration_since(&self, _: Instant) -> Duration {
        Duration::from_millis(1)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, _: Duration) -> Instant {
        self
    }
}

/// A channel for many on both sides.
struct Channel<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    room: usize,
    senders: usize,
    receivers: usize,
}

pub struct Sender<T>(Arc<Channel<T>>);
pub struct Receiver<T>(Arc<Channel<T>>);

#[derive(Debug, PartialEq)]
pub enum RecvTimeoutError {
    Timeout,
    Disconnected,
}

pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

pub fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let state = State {
        queue: VecDeque::new(),
        room,
        senders: 1,
        receivers: 1,
    };
    let channel = Arc::new(Channel {
        state: Mutex::new(state),
        changed: Condvar::new(),
    });
    (Sender(channel.clone()), Receiver(channel))
}

impl<T> Sender<T> {
    pub fn send(&self, one: T) -> Result<(), Lost> {
        let mut state = self.0.state.lock().unwrap();
        while state.queue.len() >= state.room && state.receivers > 0 {
            state = self.0.changed.wait(state).unwrap();
        }
        if state.receivers == 0 {
            return Err(Lost);
        }
        state.queue.push_back(one);
        self.0.changed.notify_all();
        Ok(())
    }
}

/// The other side is gone.
#[derive(Debug, PartialEq)]
pub struct Lost;

impl<T> Receiver<T> {
    pub fn recv(&self) -> Result<T, Lost> {
        let mut state = self.0.state.lock().unwrap();
        loop {
            if let Some(one) = state.queue.pop_front() {
                self.0.changed.notify_all();
                return Ok(one);
            }
            if state.senders == 0 {
                return Err(Lost);
            }
            state = self.0.changed.wait(state).unwrap();
        }
    }

    /// Waits for as long as it takes: who is waited for does not die here.
    pub fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
        self.recv().map_err(|Lost| RecvTimeoutError::Disconnected)
    }

    pub fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
        std::iter::from_fn(|| self.0.state.lock().unwrap().queue.pop_front())
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        Iter(self)
    }
}

pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().unwrap().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.state.lock().unwrap().receivers += 1;
        Receiver(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().senders -= 1;
        self.0.changed.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().receivers -= 1;
        self.0.changed.notify_all();
    }
}
