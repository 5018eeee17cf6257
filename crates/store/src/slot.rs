//! `scratch/<slot>`: what an open store has for itself.
//!
//! The kernel releases the lock of a slot when its process dies: what stands in a slot that nobody has was left
//! behind, and goes. Where the cache directory cannot be written, a slot stands in the system's directory for temporary
//! files. Unaware of what is in it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::File;
use parking_lot::Mutex;

use crate::claim::{Claim, Locks, NoLocks};
use crate::root::Root;

/// The directory of the slots.
pub(crate) const DIRECTORY: &str = "scratch";

/// A slot, as long as its store or something in it is in use.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) dir: Root,
    /// Directories in it that are empty again.
    pub(crate) empty: Mutex<Vec<String>>,
    parent: Root,
    name: String,
    _claim: Option<Claim>,
}

impl Slot {
    /// A slot outside of the cache directory.
    pub(crate) fn outside() -> io::Result<Self> {
        let parent = Root::open(&std::env::temp_dir())?;
        Self::new(parent, format!("refrain-{}", unlocked_name()), None)
    }

    fn new(parent: Root, name: String, claim: Option<Claim>) -> io::Result<Self> {
        parent.create(&name)?;
        Ok(Self {
            dir: parent.subdirectory(&name)?,
            empty: Mutex::default(),
            parent,
            name,
            _claim: claim,
        })
    }

    /// Takes the first slot that is free.
    fn take(root: &Root, locks: &Arc<Locks>) -> io::Result<Self> {
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
        Self::new(parent, name, claim)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What is left in it is in use by nobody: it would keep the slot.
        let _ = self.parent.remove_tree(&self.name);
    }
}

/// The slot of one open store, taken when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct OwnSlot(Mutex<Option<Arc<Slot>>>);

impl OwnSlot {
    /// The slot; another one where somebody removed it under us.
    pub(crate) fn get(&self, root: &Root, locks: Option<&Arc<Locks>>) -> io::Result<Arc<Slot>> {
        let mut current = self.0.lock();
        if let Some(slot) = &*current
            && !slot.dir.is_removed()?
        {
            return Ok(Arc::clone(slot));
        }
        let slot = match locks {
            Some(locks) => Slot::take(root, locks)?,
            None => Slot::outside()?,
        };
        Ok(Arc::clone(current.insert(Arc::new(slot))))
    }
}

/// Removes the slots that no live process has.
pub(crate) fn sweep(root: &Root, locks: &Arc<Locks>) -> io::Result<()> {
    let Some(slots) = all(root)? else {
        return Ok(());
    };
    for number in numbers(&slots)? {
        if let Ok(Some(_claim)) = locks.slot(number) {
            slots.remove_tree(number.to_string())?;
        }
    }
    Ok(())
}

/// Opens the file `name` in every slot that a live process has, where there is one; the path is for messages.
pub(crate) fn live_files(
    root: &Root,
    locks: &Arc<Locks>,
    name: &str,
) -> io::Result<Vec<(PathBuf, File)>> {
    let Some(slots) = all(root)? else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for number in numbers(&slots)? {
        if let Ok(None) = locks.slot(number) {
            let path = PathBuf::from(number.to_string()).join(name);
            match slots.read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => files.push((path, opened?.0)),
            }
        }
    }
    Ok(files)
}

/// Says whether a slot could have this name.
pub(crate) fn is_slot(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn all(root: &Root) -> io::Result<Option<Root>> {
    match root.subdirectory(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// The slots that have locks.
fn numbers(slots: &Root) -> io::Result<impl Iterator<Item = u32>> {
    let names = slots.names()?.into_iter();
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()))
}

/// A name that nobody else takes and no sweep touches, for a file system without locks.
fn unlocked_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = now.map_or(0, |since| since.as_nanos());
    format!("{}-{nanos}", std::process::id())
}
