//! Claims: one live process at a time makes a record.
//!
//! A claim is a lock on one byte of a file in `claims/`, held by the kernel for this open file: nothing is
//! written, and nothing is left behind by a process that dies. The kernel keeps the locks of a file in a
//! list that it walks for every change, and a writer may hold thousands until their records are in the
//! database, so they are spread over many files. Where the system has no such locks, a
//! claim always succeeds: work may be done twice and is never done wrongly. Unaware of records.
//!
//! Other bytes of the first file say what else live processes have: a slot of their own, and the directory as such.

mod system;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cap_std::fs::File;
use parking_lot::{RwLock, RwLockReadGuard};
use rustc_hash::FxHashMap;

use crate::digest::Signature;
use crate::root::Root;
use system::Asked;

/// The right to make one record. Released when dropped, and by [`crate::Store::commit`] once the record
/// is in the database.
#[derive(Debug)]
#[must_use = "a claim is released when dropped"]
pub struct Claim {
    locks: Option<Arc<Locks>>,
    offset: u64,
}

/// What [`crate::Store::claim`] says.
#[derive(Debug)]
pub enum Claimed {
    /// No other live process is making this.
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
}

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

/// Shared by everybody who has the directory open.
const OPEN: u64 = KEYS + 4;

/// Shared by everybody who wrote blobs and may not have recorded them yet.
const WRITING: u64 = KEYS + 5;

/// Shared while something is placed, had alone while something is swept.
const SWEEPING: u64 = KEYS + 6;

/// The slots of live processes start here.
const SLOTS: u64 = KEYS + (1 << 32);

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
}

impl Locks {
    pub(crate) fn new(root: &Root, file: File) -> Arc<Self> {
        Arc::new(Self {
            file,
            dir: root.subdirectory_or_create(CLAIMS).ok(),
            spread: [const { OnceLock::new() }; SPREAD],
            held: Mutex::default(),
            sweeping: RwLock::default(),
        })
    }

    /// Claims `key`, or says that another process has it. Within the process claims are shared.
    pub(crate) fn claim(self: &Arc<Self>, key: &Signature) -> Claimed {
        let offset = key.prefix() & (KEYS - 1);
        let mut held = self.held();
        let count = held.entry(offset).or_insert(0);
        // Where there are no locks all may work.
        if *count == 0 && system::try_lock(self.file(offset), offset) == Asked::Refused {
            held.remove(&offset);
            return Claimed::Busy;
        }
        *count += 1;
        Claimed::Mine(Claim {
            locks: Some(Arc::clone(self)),
            offset,
        })
    }

    /// Waits until no other process does the same. Not to be taken twice by one thread.
    pub(crate) fn alone(self: &Arc<Self>, what: Alone) -> Claim {
        let offset = KEYS + what as u64;
        system::wait_lock(&self.file, offset);
        *self.held().entry(offset).or_insert(0) += 1;
        Claim {
            locks: Some(Arc::clone(self)),
            offset,
        }
    }

    /// Keeps the directory from being cleared as long as these locks live; waits while it is.
    pub(crate) fn open(&self) -> bool {
        system::share(&self.file, OPEN);
        true
    }

    /// Keeps everybody from opening the directory; false where somebody has it open.
    pub(crate) fn close(&self) -> bool {
        system::try_lock(&self.file, OPEN) != Asked::Refused
    }

    /// Tells others that there may be blobs without a record, as long as these locks live.
    pub(crate) fn write(&self) {
        system::share(&self.file, WRITING);
    }

    /// Says whether another process told that.
    pub(crate) fn is_written(&self) -> bool {
        system::is_locked(&self.file, WRITING)
    }

    /// Says whether another process has claimed `key`.
    pub(crate) fn is_claimed(&self, key: &Signature) -> bool {
        let offset = key.prefix() & (KEYS - 1);
        system::is_locked(self.file(offset), offset)
    }

    /// Lets nothing be swept meanwhile, together with others who place something.
    pub(crate) fn placing(&self) -> Placing<'_> {
        let here = self.sweeping.read();
        let mut held = self.held();
        let count = held.entry(SWEEPING).or_insert(0);
        if *count == 0 {
            system::share(&self.file, SWEEPING);
        }
        *count += 1;
        Placing {
            locks: self,
            _here: here,
        }
    }

    /// Does `sweep` while nobody places anything.
    pub(crate) fn sweeping<T>(&self, sweep: impl FnOnce() -> T) -> T {
        let _here = self.sweeping.write();
        system::wait_lock(&self.file, SWEEPING);
        let swept = sweep();
        system::unlock(&self.file, SWEEPING);
        swept
    }

    /// Takes the slot `number`, which one open store has at a time; `None` where somebody has it.
    /// `Err`: there are no locks here, so that nobody knows who is alive.
    pub(crate) fn slot(self: &Arc<Self>, number: u32) -> Result<Option<Claim>, NoLocks> {
        let offset = SLOTS + u64::from(number);
        let mut held = self.held();
        if held.contains_key(&offset) {
            return Ok(None);
        }
        match system::try_lock(&self.file, offset) {
            Asked::Unknown => return Err(NoLocks),
            Asked::Refused => return Ok(None),
            Asked::Granted => {}
        }
        held.insert(offset, 1);
        Ok(Some(Claim {
            locks: Some(Arc::clone(self)),
            offset,
        }))
    }

    fn release(&self, offset: u64) {
        let mut held = self.held();
        if let Some(count) = held.get_mut(&offset) {
            *count -= 1;
            if *count == 0 {
                held.remove(&offset);
                system::unlock(self.file(offset), offset);
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

/// A claim on nothing, for a directory without a lock file.
pub(crate) fn unlocked() -> Claim {
    Claim {
        locks: None,
        offset: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(dir: &tempfile::TempDir) -> Arc<Locks> {
        let root = Root::open(dir.path()).expect("open");
        Locks::new(&root, root.read_write("claims.lock").expect("lock file"))
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
