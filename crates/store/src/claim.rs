//! Claims: one live process at a time makes a record.
//!
//! A claim is a lock on bytes of a file in `claims/`, held by the kernel for this open file: nothing is
//! written, and nothing is left behind by a process that dies. The kernel keeps the locks of a file in a
//! list that it walks for every change, and a writer may hold thousands until their records are in the
//! database, so they are spread over many files. Where the system has no such locks, a
//! claim always succeeds: work may be done twice and is never done wrongly. Unaware of records.
//!
//! Other bytes of the first file say what else live processes have: a slot of their own, and the directory as such.
//!
//! How many bytes are locked says whose lock it is: one more than the number of a *life*. So who waits sees whether
//! the holder shows any sign of life, and does not wait for one that was stopped.

mod life;
mod system;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use cap_std::fs::File;
use parking_lot::{RwLock, RwLockReadGuard};
use rustc_hash::FxHashMap;

use crate::digest::Signature;
use crate::root::Root;
use life::{Lives, NOBODY};
use system::Asked;

pub(crate) use life::LIVES;

/// The right to make one record. Released when dropped, and by [`crate::Store::commit`] once the record
/// is in the database.
#[derive(Debug)]
#[must_use = "a claim is released when dropped"]
pub struct Claim {
    locks: Option<Arc<Locks>>,
    offset: u64,
    #[allow(dead_code, reason = "signs of life end with it")]
    alive: Option<Alive>,
}

/// Signs of life are shown as long as this is there.
#[derive(Debug)]
pub(crate) struct Alive(Arc<Lives>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// What [`crate::Store::claim`] says.
#[derive(Debug)]
pub enum Claimed {
    /// No other live process is making this, or the one that did shows no sign of life.
    Mine(Claim),
    /// Another live process is making this; it is released when that process is done or dead.
    Busy,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(locks) = &self.locks {
            locks.release(self.offset);
        }
    }
}

/// The lock files of one cache directory, each opened once.
#[derive(Debug)]
pub(crate) struct Locks {
    /// For what the store itself does alone, and for claims where `claims/` cannot be used.
    file: File,
    dir: Option<Root>,
    /// The files of `claims/`, opened when they are first needed; `None` where that failed.
    spread: [OnceLock<Option<File>>; SPREAD],
    /// How many claims of this process stand on a byte: the kernel does not count them.
    held: Mutex<FxHashMap<u64, u32>>,
    /// The same for threads of this process: the kernel does not tell them apart.
    sweeping: RwLock<()>,
    lives: Arc<Lives>,
}

/// Who has the lock that was waited for shows no sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a process that has it locked shows no sign of life; if it is stopped, let it go on, or end it"
)]
pub(crate) struct Frozen;

/// Something is being placed.
pub(crate) struct Placing<'a> {
    locks: &'a Locks,
    _here: RwLockReadGuard<'a, ()>,
}

impl Drop for Placing<'_> {
    fn drop(&mut self) {
        self.locks.release(SWEEPING);
    }
}

/// Keys take the bytes below this one; the store's own locks stand above.
const KEYS: u64 = 1 << 62;

/// The bytes of one key, or of one of the store's own locks. Locks never meet, so that the kernel joins none.
const REGION: u64 = 4096;

/// The second half of a key's bytes is for who takes its work over.
const HALF: u64 = REGION / 2;

/// Shared by everybody who has the directory open.
const OPEN: u64 = KEYS + 4 * REGION;

/// Shared by everybody who wrote blobs and may not have recorded them yet.
const WRITING: u64 = KEYS + 5 * REGION;

/// Shared while something is placed, had alone while something is swept.
const SWEEPING: u64 = KEYS + 6 * REGION;

/// The slots of live processes start here.
const SLOTS: u64 = KEYS + (1 << 32);

/// How soon a lock that somebody else has is asked for again, at first and in the end.
const SOON: Duration = Duration::from_micros(100);
const LATER: Duration = Duration::from_millis(10);

/// How long who shows no sign of life is waited for, if nothing else is said.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The number of files that claims are spread over.
const SPREAD: usize = 64;

/// The directory of those files.
pub(crate) const CLAIMS: &str = "claims";

/// The system has no locks here.
#[derive(Debug)]
pub(crate) struct NoLocks;

/// What the store itself does alone among processes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Alone {
    /// Creating, replacing or rebuilding `records.db`.
    Opening = 0,
    /// Reading, changing and replacing `metadata.json`.
    Snapshot = 1,
    /// Putting a tree in the place of a damaged one.
    Trees = 2,
    /// Removing records and what nothing refers to.
    Collect = 3,
    /// Adding to files of pickles, and writing them anew.
    Pickles = 7,
}

impl Locks {
    pub(crate) fn new(root: &Root, file: File, patience: Duration) -> Arc<Self> {
        let dir = root.subdirectory_or_create(CLAIMS).ok();
        let lives = root.subdirectory(CLAIMS).ok();
        Arc::new(Self {
            file,
            dir,
            spread: [const { OnceLock::new() }; SPREAD],
            held: Mutex::default(),
            sweeping: RwLock::default(),
            lives: Arc::new(Lives::new(lives, patience)),
        })
    }

    /// How long who shows no sign of life is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.lives.patience()
    }

    /// Claims `key`, or says that another process has it. Within the process claims are shared.
    ///
    /// Who has it and shows no sign of life is passed over: one other takes over, and when that one is stopped as
    /// well, everybody does the work.
    pub(crate) fn claim(self: &Arc<Self>, key: &Signature) -> Claimed {
        let first = region(key);
        for offset in [first, first + HALF] {
            if self.try_take(offset, system::try_lock) {
                return Claimed::Mine(self.taken(offset));
            }
            if !self.is_frozen(offset) {
                return Claimed::Busy;
            }
        }
        Claimed::Mine(unlocked())
    }

    /// Waits until no other process does the same. Not to be taken twice by one thread.
    pub(crate) fn alone(self: &Arc<Self>, what: Alone) -> Result<Claim, Frozen> {
        let offset = KEYS + what as u64 * REGION;
        self.wait(offset, || self.try_take(offset, system::try_lock))?;
        Ok(self.taken(offset))
    }

    /// Keeps the directory from being cleared as long as these locks live; waits while it is.
    pub(crate) fn open(&self) -> Result<(), Frozen> {
        self.wait(OPEN, || {
            system::try_share(&self.file, OPEN, 1) != Asked::Refused
        })
    }

    /// Keeps everybody from opening the directory; false where somebody has it open.
    pub(crate) fn close(&self) -> bool {
        system::try_lock(&self.file, OPEN, self.length()) != Asked::Refused
    }

    /// Tells others that there may be blobs without a record, until [`Locks::rest`] or as long as these locks live.
    pub(crate) fn write(&self) {
        // Nobody has it alone.
        system::try_share(&self.file, WRITING, 1);
    }

    /// Tells others that all blobs of this process have their records.
    pub(crate) fn rest(&self) {
        system::unlock(&self.file, WRITING, 1);
    }

    /// Says whether another process told that.
    pub(crate) fn is_written(&self) -> bool {
        system::holder(&self.file, WRITING, 1).is_some()
    }

    /// Says whether another process has claimed `key`.
    pub(crate) fn is_claimed(&self, key: &Signature) -> bool {
        let first = region(key);
        system::holder(self.file(first), first, REGION).is_some()
    }

    /// Lets nothing be swept meanwhile, together with others who place something.
    pub(crate) fn placing(&self) -> Result<Placing<'_>, Frozen> {
        let here = self.sweeping.read();
        self.wait(SWEEPING, || self.try_take(SWEEPING, system::try_share))?;
        Ok(Placing {
            locks: self,
            _here: here,
        })
    }

    /// Does `sweep` while nobody places anything.
    pub(crate) fn sweeping<T>(self: &Arc<Self>, sweep: impl FnOnce() -> T) -> Result<T, Frozen> {
        let _here = self.sweeping.write();
        self.wait(SWEEPING, || self.try_take(SWEEPING, system::try_lock))?;
        let _alone = self.taken(SWEEPING);
        Ok(sweep())
    }

    /// Takes the slot `number`, which one open store has at a time; `None` where somebody has it.
    /// `Err`: there are no locks here, so that nobody knows who is alive.
    pub(crate) fn slot(self: &Arc<Self>, number: u32) -> Result<Option<Claim>, NoLocks> {
        let offset = SLOTS + u64::from(number);
        let mut held = self.held();
        if held.contains_key(&offset) {
            return Ok(None);
        }
        match system::try_lock(&self.file, offset, 1) {
            Asked::Unknown => return Err(NoLocks),
            Asked::Refused => return Ok(None),
            Asked::Granted => {}
        }
        held.insert(offset, 1);
        Ok(Some(self.taken(offset)))
    }

    /// Shows signs of life from now on, for what may take long; what `alone` gives does not by itself.
    pub(crate) fn show_life(self: &Arc<Self>) -> Alive {
        self.lives.lock();
        Alive(Arc::clone(&self.lives))
    }

    /// Does what a process does that is stopped: nothing more.
    #[cfg(test)]
    pub(crate) fn stop_showing_life(&self) {
        self.lives.stop();
    }

    /// Asks for a lock until it is granted, or who has it shows no sign of life.
    fn wait(&self, offset: u64, ask: impl Fn() -> bool) -> Result<(), Frozen> {
        let mut pause = SOON;
        while !ask() {
            if self.is_frozen(offset) {
                return Err(Frozen);
            }
            std::thread::sleep(pause);
            pause = LATER.min(pause * 2);
        }
        Ok(())
    }

    /// Locks a region, where nobody else has it; counts, where this process has it already.
    fn try_take(&self, offset: u64, ask: impl Fn(&File, u64, u64) -> Asked) -> bool {
        let mut held = self.held();
        if let Some(count) = held.get_mut(&offset) {
            *count += 1;
            return true;
        }
        // Where there are no locks all may work.
        let granted = ask(self.file(offset), offset, self.length()) != Asked::Refused;
        if granted {
            held.insert(offset, 1);
        }
        granted
    }

    /// Says whether who has locked the region shows no sign of life.
    fn is_frozen(&self, offset: u64) -> bool {
        let holder = system::holder(self.file(offset), offset, 1);
        holder.is_some_and(|(_, length)| self.lives.is_over(length - 1))
    }

    /// How many bytes this process locks.
    fn length(&self) -> u64 {
        self.lives.number() + 1
    }

    fn taken(self: &Arc<Self>, offset: u64) -> Claim {
        let is_work = offset < KEYS;
        Claim {
            offset,
            alive: is_work.then(|| self.show_life()),
            locks: Some(Arc::clone(self)),
        }
    }

    fn release(&self, offset: u64) {
        let mut held = self.held();
        if let Some(count) = held.get_mut(&offset) {
            *count -= 1;
            if *count == 0 {
                held.remove(&offset);
                let length = if offset < SLOTS { HALF } else { 1 };
                system::unlock(self.file(offset), offset, length);
            }
        }
    }

    /// The file in which a byte is locked: the highest bits of a key's offset choose it.
    fn file(&self, offset: u64) -> &File {
        if offset >= KEYS {
            return &self.file;
        }
        let number = (offset / (KEYS / SPREAD as u64)) as usize;
        let open = || {
            let dir = self.dir.as_ref()?;
            dir.read_write(format!("{number:02x}")).ok()
        };
        self.spread[number]
            .get_or_init(open)
            .as_ref()
            .unwrap_or(&self.file)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, FxHashMap<u64, u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first byte of a key's region. Keys that share one wait for each other, and no more.
fn region(key: &Signature) -> u64 {
    key.prefix() & (KEYS - 1) & !(REGION - 1)
}

const _: () = assert!(NOBODY + 1 < HALF);

/// A claim on nothing, for a directory without a lock file.
pub(crate) fn unlocked() -> Claim {
    Claim {
        locks: None,
        offset: 0,
        alive: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(dir: &tempfile::TempDir) -> Arc<Locks> {
        let root = Root::open(dir.path()).expect("open");
        let file = root.read_write("claims.lock").expect("lock file");
        Locks::new(&root, file, PATIENCE)
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn a_key_is_busy_for_others_until_the_last_claim_is_dropped() {
        let dir = tempfile::tempdir().expect("tempdir");
        let (one, other) = (locks(&dir), locks(&dir));
        let key = Signature::from_bytes([255; 32]);
        let Claimed::Mine(first) = one.claim(&key) else {
            panic!("the first claim is granted")
        };
        let Claimed::Mine(second) = one.claim(&key) else {
            panic!("a process shares its own claim")
        };
        assert!(matches!(other.claim(&key), Claimed::Busy));
        assert!(matches!(
            other.claim(&Signature::from_bytes([1; 32])),
            Claimed::Mine(_)
        ));
        drop(first);
        assert!(matches!(other.claim(&key), Claimed::Busy));
        drop(second);
        assert!(matches!(other.claim(&key), Claimed::Mine(_)));
    }
}
