//! `scratch/<slot>/<n>`: directories for executions under way.
//!
//! Every open store has a slot of its own, whose lock the kernel releases when the process dies: what stands in
//! a slot that nobody has was left behind, and goes. Where the cache directory cannot be written, they stand in
//! the system's directory for temporary files. Unaware of what is executed there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use tracing::debug;

use crate::claim::{Claim, Locks, NoLocks};
use crate::root::Root;

/// The directory of the slots.
pub(crate) const DIRECTORY: &str = "scratch";

/// A fresh directory for one execution, on the file system of the cache directory where that can be written.
/// Removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    path: PathBuf,
    slot: Arc<Slot>,
}

impl Scratch {
    /// The directory; the path is absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.slot.dir.remove_tree(&self.name) {
            // Whoever takes the slot next removes it.
            debug!(%error, path = %self.path.display(), "a scratch directory was not removed");
        }
    }
}

/// The scratch directories of one open store.
#[derive(Debug, Default)]
pub(crate) struct Scratches {
    slot: Mutex<Option<Arc<Slot>>>,
    next: AtomicU64,
}

/// The directory that this store has for itself, as long as it or something in it is in use.
#[derive(Debug)]
struct Slot {
    parent: Root,
    name: String,
    dir: Root,
    _claim: Option<Claim>,
}

impl Slot {
    fn new(parent: Root, name: String, claim: Option<Claim>) -> io::Result<Self> {
        parent.create(&name)?;
        Ok(Self {
            dir: parent.subdirectory(&name)?,
            parent,
            name,
            _claim: claim,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What is not empty is in use by somebody who outlived us, and goes when the slot is taken again.
        let _ = self.parent.remove_empty(&self.name);
    }
}

impl Scratches {
    /// Makes a directory that did not exist before.
    pub(crate) fn fresh(&self, root: &Root, locks: Option<&Arc<Locks>>) -> io::Result<Scratch> {
        let mut current = self.slot.lock();
        let fresh = match &*current {
            Some(slot) => self.fresh_in(slot),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        match fresh {
            // Not taken yet, or removed by somebody under us.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let slot = Arc::new(match locks {
                    Some(locks) => take_slot(root, locks)?,
                    None => elsewhere()?,
                });
                let fresh = self.fresh_in(&slot);
                *current = Some(slot);
                fresh
            }
            fresh => fresh,
        }
    }

    /// Makes a directory outside of the cache directory.
    pub(crate) fn outside(&self) -> io::Result<Scratch> {
        self.fresh_in(&Arc::new(elsewhere()?))
    }

    fn fresh_in(&self, slot: &Arc<Slot>) -> io::Result<Scratch> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        slot.dir.create(&name)?;
        Ok(Scratch {
            path: slot.dir.path(&name),
            name,
            slot: Arc::clone(slot),
        })
    }
}

/// Removes the slots that no live process has.
pub(crate) fn sweep(root: &Root, locks: &Arc<Locks>) -> io::Result<()> {
    let slots = match root.subdirectory(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for name in slots.names()? {
        let number = name.to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number
            && let Ok(Some(_claim)) = locks.slot(number)
        {
            slots.remove_tree(&name)?;
        }
    }
    Ok(())
}

/// Says whether a slot could have this name.
pub(crate) fn is_slot(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Takes the first slot that is free.
fn take_slot(root: &Root, locks: &Arc<Locks>) -> io::Result<Slot> {
    let parent = root.subdirectory_or_create(DIRECTORY)?;
    let mut number = 0;
    let (name, claim) = loop {
        match locks.slot(number) {
            Ok(Some(claim)) => break (number.to_string(), Some(claim)),
            Ok(None) => number += 1,
            Err(NoLocks) => break (unlocked_name(), None),
        }
    };
    parent.remove_tree(&name)?;
    Slot::new(parent, name, claim)
}

/// A slot outside of the cache directory.
fn elsewhere() -> io::Result<Slot> {
    let parent = Root::open(&std::env::temp_dir())?;
    Slot::new(parent, format!("refrain-{}", unlocked_name()), None)
}

/// A name that nobody else takes and no sweep touches, for a file system without locks.
fn unlocked_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.as_nanos());
    format!("{}-{nanos}", std::process::id())
}
