//! Signs of life: how a process at work is told from one that was stopped.
//!
//! A process that locks something has a *life*: a number, and some bytes of a file of which it has one locked, and another
//! one every so often, by a thread that runs nobody else's code. Nothing is written, and nothing is left behind. Who
//! waits for a lock counts for how long it sees no change, by its own clock and only while it is awake itself: a
//! machine that sleeps, or a clock that is set, makes nobody look dead. Unaware of what is locked.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use cap_std::fs::File;
use rustc_hash::FxHashMap;
use tracing::{debug, warn};

use super::system::{self, Asked};
use crate::root::Root;

/// The file of the bytes, in the directory of the claims.
pub(crate) const LIVES: &str = "lives";

/// The number of those who have no life. Numbers below are lives.
pub(super) const NOBODY: u64 = 2046;

/// The bytes of a life: who looks seldom shall not see the same one by chance.
const BEATS: u64 = 16;

/// A life beats so many times in the time after which it counts as over.
const BEATS_IN_PATIENCE: u32 = 10;

/// Who looks again after more than one part in this many of its patience was not awake in between.
const ATTENTION: u32 = 8;

/// The own life of one open store, and what it sees of others.
#[derive(Debug)]
pub(super) struct Lives {
    dir: Option<Root>,
    patience: Duration,
    own: OnceLock<Option<Own>>,
    /// How much is locked: nobody looks at the life of who has nothing.
    locked: AtomicUsize,
    others: Mutex<FxHashMap<u64, Watch>>,
}

#[derive(Debug)]
struct Own {
    number: u64,
    pulse: Arc<Pulse>,
    thread: OnceLock<Option<Thread>>,
}

/// What the thread of a life knows.
#[derive(Debug)]
struct Pulse {
    file: File,
    first: u64,
    at: AtomicU64,
    resting: AtomicBool,
    over: AtomicBool,
}

impl Lives {
    pub(super) fn new(dir: Option<Root>, patience: Duration) -> Self {
        Self {
            dir,
            patience,
            own: OnceLock::new(),
            locked: AtomicUsize::new(0),
            others: Mutex::default(),
        }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The number of the own life, which is taken when it is first needed.
    pub(super) fn number(&self) -> u64 {
        self.own().map_or(NOBODY, |own| own.number)
    }

    /// Counts something locked, and beats as long as anything is.
    pub(super) fn lock(self: &Arc<Self>) {
        self.locked.fetch_add(1, Ordering::SeqCst);
        let Some(own) = self.own() else { return };
        let thread = own.thread.get_or_init(|| self.start(&own.pulse));
        if own.pulse.resting.load(Ordering::SeqCst)
            && let Some(thread) = thread
        {
            thread.unpark();
        }
    }

    pub(super) fn unlock(&self) {
        self.locked.fetch_sub(1, Ordering::SeqCst);
    }

    /// Says whether the life has not beaten for as long as patience lasts.
    pub(super) fn is_over(&self, number: u64) -> bool {
        let file = self.own().map(|own| &own.pulse.file);
        let beat = file.and_then(|file| system::holder(file, number * BEATS, BEATS));
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let watch = others.entry(number).or_insert_with(|| Watch::new(now));
        let over = watch.look(beat, now, self.patience) >= self.patience;
        if over && !std::mem::replace(&mut watch.told, true) {
            warn!(patience = ?self.patience, "a process that has locks in the cache directory shows no sign of life; is it stopped?");
        }
        over
    }

    fn own(&self) -> Option<&Own> {
        self.own
            .get_or_init(|| Own::take(self.dir.as_ref()?))
            .as_ref()
    }

    fn start(self: &Arc<Self>, pulse: &Arc<Pulse>) -> Option<Thread> {
        let (lives, pulse) = (Arc::downgrade(self), Arc::clone(pulse));
        let interval = self.patience / BEATS_IN_PATIENCE;
        let is_idle = move || {
            lives
                .upgrade()
                .is_none_or(|lives| lives.locked.load(Ordering::SeqCst) == 0)
        };
        let spawned = std::thread::Builder::new()
            .name("refrain-pulse".into())
            .spawn(move || pulse.go_on(interval, is_idle));
        match spawned {
            Ok(handle) => Some(handle.thread().clone()),
            Err(error) => {
                debug!(%error, "others may take this process for a stopped one");
                None
            }
        }
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Lives {
    /// Beats no more.
    pub(super) fn stop(&self) {
        if let Some(Some(own)) = self.own.get() {
            own.pulse.over.store(true, Ordering::SeqCst);
            if let Some(Some(thread)) = own.thread.get() {
                thread.unpark();
            }
        }
    }
}

impl Own {
    /// Takes the first number that is free.
    fn take(dir: &Root) -> Option<Self> {
        let file = dir.read_write(LIVES).ok()?;
        let is_free =
            |number: &u64| system::try_lock(&file, number * BEATS, BEATS) == Asked::Granted;
        let number = (0..NOBODY).find(is_free)?;
        let first = number * BEATS;
        // One byte of them stays.
        system::unlock(&file, first + 1, BEATS - 1);
        Some(Self {
            number,
            pulse: Arc::new(Pulse {
                file,
                first,
                at: AtomicU64::new(0),
                resting: AtomicBool::new(false),
                over: AtomicBool::new(false),
            }),
            thread: OnceLock::new(),
        })
    }
}

impl Pulse {
    fn go_on(&self, interval: Duration, is_idle: impl Fn() -> bool) {
        while !self.over.load(Ordering::SeqCst) {
            self.beat();
            std::thread::park_timeout(interval);
            // Told before it is looked at: who locks something then sees it, or is seen.
            self.resting.store(true, Ordering::SeqCst);
            while is_idle() && !self.over.load(Ordering::SeqCst) {
                std::thread::park();
            }
            self.resting.store(false, Ordering::SeqCst);
        }
    }

    /// Locks the next byte before it lets go of the last one.
    fn beat(&self) {
        let last = self.at.load(Ordering::Relaxed);
        let next = (last + 1) % BEATS;
        system::try_lock(&self.file, self.first + next, 1);
        system::unlock(&self.file, self.first + last, 1);
        self.at.store(next, Ordering::Relaxed);
    }
}

/// What is seen of the life of another.
#[derive(Debug)]
struct Watch {
    beat: Option<(u64, u64)>,
    looked: Instant,
    silent: Duration,
    told: bool,
}

impl Watch {
    fn new(now: Instant) -> Self {
        Self {
            beat: None,
            looked: now,
            silent: Duration::ZERO,
            told: false,
        }
    }

    /// Takes note of what is locked now; gives for how long that has been so.
    fn look(&mut self, beat: Option<(u64, u64)>, now: Instant, patience: Duration) -> Duration {
        let since = now - self.looked;
        self.looked = now;
        if beat != self.beat || since > patience {
            self.silent = Duration::ZERO;
            self.told = false;
        } else {
            self.silent += since.min(patience / ATTENTION);
        }
        self.beat = beat;
        self.silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn silence_is_counted_from_the_last_beat() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(watch.look(Some((3, 1)), after(0), PATIENCE), Duration::ZERO);
        assert_eq!(watch.look(Some((3, 1)), after(1), PATIENCE).as_secs(), 1);
        assert_eq!(watch.look(Some((3, 1)), after(2), PATIENCE).as_secs(), 2);
        assert_eq!(watch.look(Some((4, 1)), after(3), PATIENCE), Duration::ZERO);
        for second in 4..13 {
            assert!(watch.look(Some((4, 1)), after(second), PATIENCE) < PATIENCE);
        }
        assert!(watch.look(Some((4, 1)), after(13), PATIENCE) >= PATIENCE);
        assert_eq!(
            watch.look(Some((5, 1)), after(14), PATIENCE),
            Duration::ZERO
        );
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn who_has_something_locked_beats_by_itself() {
        let dir = tempfile::tempdir().expect("tempdir");
        let lives = |patience| {
            let root = Root::open(dir.path()).expect("open");
            Arc::new(Lives::new(Some(root), patience))
        };
        let (one, other) = (lives(Duration::from_millis(10)), lives(PATIENCE));
        let number = one.number();
        assert_ne!(number, other.number());
        let file = &other.own().expect("a life").pulse.file;
        let seen = || system::holder(file, number * BEATS, BEATS);
        let first = seen();
        assert!(first.is_some());
        one.lock();
        while seen() == first {
            std::thread::yield_now();
        }
        drop(one);
    }

    #[test]
    fn time_in_which_nobody_looked_is_no_silence() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        let after = |seconds| start + Duration::from_secs(seconds);
        let beat = Some((3, 1));
        watch.look(beat, after(1), PATIENCE);
        let slept = watch.look(beat, after(9), PATIENCE);
        assert!(
            slept <= PATIENCE / ATTENTION,
            "the one that looks was stopped itself: {slept:?}"
        );
        assert_eq!(watch.look(beat, after(3600), PATIENCE), Duration::ZERO);
    }
}
