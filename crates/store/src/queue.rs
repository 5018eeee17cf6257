//! A queue and the thread behind it: everything queued meanwhile is taken at once.
//!
//! What comes alone is taken at once. Where things come in a stream the thread rests after it has taken some for
//! [`SHARE`] times as long as that took (at most [`REST`]): taking many costs little more than taking few. Unaware of what
//! is queued.

use std::time::Duration;

use crate::sync::{
    Arc, AtomicBool, AtomicU64, Instant, Ordering, Receiver, RecvTimeoutError, Sender, bounded,
    thread,
};

/// Taken at once, at most. Keys are random, so a small transaction writes a page of each
/// index for every record; this many share their pages (measured: 11 microseconds a record with 512, 5
/// with this, at 100,000 records).
const BATCH: usize = 4096;

/// In the queue, at most; who queues more waits for the thread, so that memory is bounded.
const QUEUE: usize = 1 << 14;

/// How much longer than a transaction the rest after it is. A small transaction takes a third of a millisecond, as long
/// as it takes to start a command.
const SHARE: u32 = 16;

/// The longest rest between two transactions.
const REST: Duration = Duration::from_millis(50);

/// How often who waits for the thread looks whether there still is one.
const ALIVE: Duration = Duration::from_millis(100);

/// The queue and the thread behind it. Dropping it has everything taken that is queued.
pub(crate) struct Queue<T> {
    entries: Option<Sender<Entry<T>>>,
    thread: Option<thread::JoinHandle<()>>,
    progress: Arc<Progress>,
}

/// What is in the queue.
enum Entry<T> {
    One(Box<T>),
    /// Answered when everything before it was taken.
    Flush(Sender<()>),
}

#[derive(Default)]
struct Progress {
    /// How much was queued and taken so far: equal when nothing is on its way.
    queued: AtomicU64,
    taken: AtomicU64,
    /// Somebody waits: no rest.
    urgent: AtomicBool,
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the thread, which calls `take` with what was queued, in that order; fails where the system has no more
    /// threads. What `take` leaves is dropped after it, and before anybody is told that it was taken.
    pub(crate) fn start(
        name: &str,
        take: impl FnMut(&mut Vec<T>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (entries, queue) = bounded(QUEUE);
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || take_all(&queue, &shared, take))?;
        Ok(Self {
            entries: Some(entries),
            thread: Some(thread),
            progress,
        })
    }

    /// Queues something. Lost, and dropped, only when the thread has died of a panic.
    pub(crate) fn queue(&self, one: T) {
        self.send(Entry::One(Box::new(one)));
    }

    /// Returns when everything queued before was taken.
    pub(crate) fn flush(&self) {
        let Progress { queued, taken, .. } = &*self.progress;
        if queued.load(Ordering::Acquire) == taken.load(Ordering::Acquire) {
            return;
        }
        let (done, wait) = bounded(1);
        // Before it is queued: the thread takes this back when it answers.
        self.progress.urgent.store(true, Ordering::Release);
        self.send(Entry::Flush(done));
        self.wake();
        // A queue keeps what is in it when the thread dies that was to take it.
        while wait.recv_timeout(ALIVE) == Err(RecvTimeoutError::Timeout) && self.is_alive() {}
    }

    fn send(&self, entry: Entry<T>) {
        if let Some(entries) = &self.entries {
            self.progress.queued.fetch_add(1, Ordering::AcqRel);
            let _ = entries.send(entry);
        }
    }

    fn is_alive(&self) -> bool {
        let thread = self.thread.as_ref();
        thread.is_some_and(|thread| !thread.is_finished())
    }
}

impl<T> Queue<T> {
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl<T> std::fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.progress.urgent.store(true, Ordering::Release);
        self.wake();
        self.entries = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread behind a queue panicked; what it had not written is lost");
        }
    }
}

fn take_all<T>(queue: &Receiver<Entry<T>>, progress: &Progress, mut take: impl FnMut(&mut Vec<T>)) {
    let (mut batch, mut waiting) = (Vec::new(), Vec::new());
    let mut rested = Instant::now();
    while let Ok(first) = queue.recv() {
        // Woken early by who is in a hurry; woken for nothing at times, which does no harm.
        let rest = rested.saturating_duration_since(Instant::now());
        if !rest.is_zero() && !progress.urgent.load(Ordering::Acquire) {
            thread::park_timeout(rest);
        }
        let mut count = 0;
        for entry in [first].into_iter().chain(queue.try_iter().take(BATCH - 1)) {
            count += 1;
            match entry {
                Entry::One(one) => batch.push(*one),
                Entry::Flush(done) => waiting.push(done),
            }
        }
        let begun = Instant::now();
        if !batch.is_empty() {
            take(&mut batch);
        }
        rested = Instant::now() + (begun.elapsed() * SHARE).min(REST);
        batch.clear();
        progress.taken.fetch_add(count, Ordering::AcqRel);
        for done in waiting.drain(..) {
            progress.urgent.store(false, Ordering::Release);
            let _ = done.send(());
        }
    }
}
