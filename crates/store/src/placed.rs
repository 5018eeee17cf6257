//! `scratch/<slot>/placed`: the digests of what live processes were given paths of.
//!
//! A process adds to the file of its slot before it looks whether the output is there, and nothing is swept while it
//! does so: what stands in the file of a live process is not swept, and what was swept before is found missing. Unaware
//! of what the digests name.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::claim::Locks;
use crate::digest::Digest;
use crate::root::{Root, Written};
use crate::slot::{Slot, live_files};

/// The file in a slot.
const FILE: &str = "placed";

/// What one open store has placed.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    told: Mutex<FxHashSet<Digest>>,
    file: Mutex<Option<Written>>,
}

impl Placed {
    /// Tells others that what is placed under this digest is in use, as long as the slot is taken.
    pub(crate) fn tell(
        &self,
        digest: &Digest,
        locks: &Locks,
        slot: impl FnOnce() -> io::Result<Arc<Slot>>,
    ) -> io::Result<()> {
        if self.told.lock().contains(digest) {
            return Ok(());
        }
        let mut file = self.file.lock();
        if file.is_none() {
            *file = Some(slot()?.dir.append(FILE)?);
        }
        if let Some(file) = &mut *file {
            let _placing = locks.placing().map_err(io::Error::other)?;
            file.write_all(digest.as_bytes())?;
        }
        self.told.lock().insert(*digest);
        Ok(())
    }
}

/// What all live processes have placed.
#[derive(Debug, Default)]
pub(crate) struct InUse {
    digests: FxHashSet<Digest>,
    /// How much of each file was read.
    read: FxHashMap<PathBuf, u64>,
}

impl InUse {
    /// Reads what was added since. Nothing is, while [`Locks::sweeping`].
    pub(crate) fn refresh(&mut self, root: &Root, locks: &Arc<Locks>) -> io::Result<()> {
        for (path, mut file) in live_files(root, locks, FILE)? {
            let read = self.read.entry(path).or_default();
            file.seek(SeekFrom::Start(*read))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let (digests, _) = bytes.as_chunks();
            *read += 32 * digests.len() as u64;
            self.digests
                .extend(digests.iter().copied().map(Digest::from_bytes));
        }
        Ok(())
    }

    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}
