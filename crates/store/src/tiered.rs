//! The tiers behind a cache directory: which there are, what each is for, and what became of asking them.
//!
//! Asks them in order, again where that may help, and no longer where it does not. What comes from a tier is handed on
//! as it came: whether it is genuine is for who asked to find out, and to tell with [`Level::lied`]. Unaware of the
//! directory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use tracing::warn;

use crate::breaker::{Breaker, Next};
use crate::tier::{Name, Tier, TierError, Trouble};

/// So many names are asked for at once, at most.
const AT_ONCE: usize = 1024;

/// So many sentences about tiers are kept, at most.
const PROBLEMS: usize = 16;

/// What a tier is used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TierUse {
    /// Outputs are looked for in it, and nothing is ever put there.
    Read,
    /// What this process makes is put there, and nothing is looked for.
    Write,
    /// Both.
    #[default]
    ReadWrite,
}

impl TierUse {
    /// All names, as configurations have them.
    pub const NAMES: [&str; 3] = ["read", "write", "read-write"];

    /// The name, as configurations have it.
    pub fn name(self) -> &'static str {
        match self {
            TierUse::Read => "read",
            TierUse::Write => "write",
            TierUse::ReadWrite => "read-write",
        }
    }

    /// What goes by this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [TierUse::Read, TierUse::Write, TierUse::ReadWrite];
        all.into_iter().find(|usage| usage.name() == name)
    }

    /// Says whether it is looked into.
    pub fn reads(self) -> bool {
        self != TierUse::Write
    }

    /// Says whether anything is put there.
    pub fn writes(self) -> bool {
        self != TierUse::Read
    }
}

/// What went to and came from one tier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// What the tier is called.
    pub tier: Arc<str>,
    /// Records that came from it.
    pub records_down: u64,
    /// Blobs that came from it.
    pub blobs_down: u64,
    /// The bytes of both, as they travelled.
    pub bytes_down: u64,
    /// Records that were put there.
    pub records_up: u64,
    /// Blobs that were put there.
    pub blobs_up: u64,
    /// The bytes of both, as they travelled.
    pub bytes_up: u64,
}

impl Traffic {
    /// What of it came after `before`.
    pub fn since(&self, before: &Traffic) -> Traffic {
        Traffic {
            tier: Arc::clone(&self.tier),
            records_down: self.records_down - before.records_down,
            blobs_down: self.blobs_down - before.blobs_down,
            bytes_down: self.bytes_down - before.bytes_down,
            records_up: self.records_up - before.records_up,
            blobs_up: self.blobs_up - before.blobs_up,
            bytes_up: self.bytes_up - before.bytes_up,
        }
    }

    /// Says whether anything went or came.
    pub fn is_any(&self) -> bool {
        self.bytes_down + self.bytes_up > 0
    }
}

#[derive(Debug, Default)]
struct Counts {
    records_down: AtomicU64,
    blobs_down: AtomicU64,
    bytes_down: AtomicU64,
    records_up: AtomicU64,
    blobs_up: AtomicU64,
    bytes_up: AtomicU64,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Down,
    Up,
}

/// One tier.
#[derive(Debug)]
pub(crate) struct Level {
    /// Its place among the others.
    pub(crate) number: usize,
    pub(crate) tier: Arc<dyn Tier>,
    pub(crate) label: Arc<str>,
    pub(crate) usage: TierUse,
    reading: Breaker,
    writing: Breaker,
    counts: Counts,
    problems: Arc<Mutex<Vec<Arc<str>>>>,
}

/// All tiers of a store, in the order in which they are asked.
#[derive(Debug, Default)]
pub(crate) struct Tiered {
    levels: Vec<Level>,
    problems: Arc<Mutex<Vec<Arc<str>>>>,
}

impl Tiered {
    pub(crate) fn new(tiers: &[(Arc<dyn Tier>, TierUse)]) -> Self {
        let problems = Arc::<Mutex<Vec<Arc<str>>>>::default();
        let level = |(number, (tier, usage)): (usize, &(Arc<dyn Tier>, TierUse))| Level {
            number,
            label: tier.label().into(),
            tier: Arc::clone(tier),
            usage: *usage,
            reading: Breaker::default(),
            writing: Breaker::default(),
            counts: Counts::default(),
            problems: Arc::clone(&problems),
        };
        Self {
            levels: tiers.iter().enumerate().map(level).collect(),
            problems,
        }
    }

    /// The tiers that are looked into, as long as they answer.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &Level> {
        let levels = self.levels.iter();
        levels.filter(|level| level.usage.reads() && level.reading.is_on())
    }

    /// The tiers that something is put into, as long as they take it.
    pub(crate) fn writable(&self) -> impl Iterator<Item = &Level> {
        let levels = self.levels.iter();
        levels.filter(|level| level.usage.writes() && level.writing.is_on())
    }

    /// Says whether anything is ever put into a tier.
    pub(crate) fn has_writable(&self) -> bool {
        self.levels.iter().any(|level| level.usage.writes())
    }

    /// Gives tiers that were left alone another try.
    pub(crate) fn try_again(&self) {
        for level in &self.levels {
            level.reading.try_again();
            level.writing.try_again();
        }
    }

    /// What went to and came from each tier so far.
    pub(crate) fn traffic(&self) -> Vec<Traffic> {
        self.levels.iter().map(Level::traffic).collect()
    }

    /// What the user should know of tiers, and that stopped nothing.
    pub(crate) fn problems(&self) -> Vec<Arc<str>> {
        self.problems.lock().clone()
    }
}

impl Level {
    /// Asks the tier, again as long as that may help. `None`: it did not answer, which was told.
    pub(crate) fn ask<T>(
        &self,
        way: Way,
        mut question: impl FnMut() -> Result<T, TierError>,
    ) -> Option<T> {
        let breaker = match way {
            Way::Down => &self.reading,
            Way::Up => &self.writing,
        };
        while breaker.is_on() {
            let began = Instant::now();
            let error = match question() {
                Ok(answer) => {
                    breaker.answered();
                    return Some(answer);
                }
                Err(error) => error,
            };
            match breaker.failed(&error, began, Instant::now()) {
                Next::Again(pause) => thread::sleep(pause),
                Next::GiveUp => {
                    if error.trouble != Trouble::Unreachable {
                        self.tell(error.to_string());
                    }
                    return None;
                }
                Next::LeaveAlone => {
                    self.tell(left_alone(way, &error));
                    return None;
                }
            }
        }
        None
    }

    /// Reads small things, and hands out those that are there by their places in `names`.
    pub(crate) fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        mut each: impl FnMut(usize, Vec<u8>),
    ) {
        for (part, names) in names.chunks(AT_ONCE).enumerate() {
            let mut left: Vec<usize> = (0..names.len()).collect();
            self.ask(Way::Down, || {
                let asked: Vec<Name> = left.iter().map(|at| names[*at]).collect();
                let places = std::mem::take(&mut left);
                let mut failure = None;
                let mut answer = |at: usize, read: Result<Option<Vec<u8>>, TierError>| {
                    let Some(place) = places.get(at) else { return };
                    match read {
                        Ok(Some(bytes)) => each(part * AT_ONCE + place, bytes),
                        Ok(None) => {}
                        Err(error) if error.trouble == Trouble::Garbled => {
                            self.lied(names[*place], &error.message);
                        }
                        Err(error) => {
                            left.push(*place);
                            failure = Some(error);
                        }
                    }
                };
                self.tier.read_many(&asked, limit, &mut answer);
                failure.map_or(Ok(()), Err)
            });
        }
    }

    /// Says of each name whether there is something under it; nothing is there where nobody answers.
    pub(crate) fn has_many(&self, way: Way, names: &[Name]) -> Vec<bool> {
        let mut found = Vec::with_capacity(names.len());
        for names in names.chunks(AT_ONCE) {
            let answer = self.ask(way, || self.tier.has_many(names));
            let so_far = found.len();
            found.extend(answer.into_iter().flatten().take(names.len()));
            found.resize(so_far + names.len(), false);
        }
        found
    }

    /// Notes that what stands under a name is not what the name says.
    pub(crate) fn lied(&self, name: Name, why: &str) {
        let error = TierError {
            label: self.label.to_string(),
            trouble: Trouble::Garbled,
            message: why.to_owned(),
        };
        let now = Instant::now();
        self.tell(format!("{}: {name} is not used: {why}", self.label));
        if self.reading.failed(&error, now, now) == Next::LeaveAlone {
            self.tell(left_alone(Way::Down, &error));
        }
    }

    /// Counts records that went some way, in so many bytes.
    pub(crate) fn count_records(&self, way: Way, records: u64, bytes: u64) {
        let counts = &self.counts;
        count(way, &counts.records_down, &counts.records_up, records);
        count(way, &counts.bytes_down, &counts.bytes_up, bytes);
    }

    /// Counts a blob that went some way, in so many bytes.
    pub(crate) fn count_blob(&self, way: Way, bytes: u64) {
        let counts = &self.counts;
        count(way, &counts.blobs_down, &counts.blobs_up, 1);
        count(way, &counts.bytes_down, &counts.bytes_up, bytes);
    }

    fn traffic(&self) -> Traffic {
        let counts = &self.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Traffic {
            tier: Arc::clone(&self.label),
            records_down: get(&counts.records_down),
            blobs_down: get(&counts.blobs_down),
            bytes_down: get(&counts.bytes_down),
            records_up: get(&counts.records_up),
            blobs_up: get(&counts.blobs_up),
            bytes_up: get(&counts.bytes_up),
        }
    }

    fn tell(&self, problem: String) {
        warn!(problem, "a tier");
        let mut problems = self.problems.lock();
        if problems.len() < PROBLEMS && !problems.iter().any(|known| **known == problem) {
            problems.push(problem.into());
        }
    }
}

fn count(way: Way, down: &AtomicU64, up: &AtomicU64, by: u64) {
    let counter = match way {
        Way::Down => down,
        Way::Up => up,
    };
    counter.fetch_add(by, Ordering::Relaxed);
}

fn left_alone(way: Way, error: &TierError) -> String {
    let what = match way {
        Way::Down => "nothing more is looked for there",
        Way::Up => "nothing more is put there",
    };
    format!("{error}; {what} in this run")
}
