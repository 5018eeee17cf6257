//! `scratch/<slot>/<n>`: directories for executions under way.
//!
//! One that is empty in the end is given out again under another name, so that whoever still has its path finds nothing
//! there: making and removing a directory may take as long as a short command. Unaware of what is executed there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;

use crate::root::Root;
use crate::slot::Slot;

/// A fresh directory for one execution, on the file system of the cache directory where that can be written.
/// Removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    path: PathBuf,
    slot: Arc<Slot>,
}

impl Scratch {
    /// Makes a directory in a slot.
    pub(crate) fn fresh(slot: Arc<Slot>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let empty = slot.empty.lock().pop();
        let renamed = empty.is_some_and(|empty| slot.dir.rename(empty, &slot.dir, &name).is_ok());
        if !renamed {
            slot.dir.create(&name)?;
        }
        Ok(Self {
            path: slot.dir.path(&name),
            name,
            slot,
        })
    }

    /// Opens the directory.
    pub(crate) fn dir(&self) -> io::Result<Root> {
        self.slot.dir.subdirectory(&self.name)
    }

    /// The directory; the path is absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.slot.dir.is_as_made(&self.name).unwrap_or(false) {
            self.slot.empty.lock().push(std::mem::take(&mut self.name));
        } else if let Err(error) = self.slot.dir.remove_tree(&self.name) {
            // Whoever takes the slot next removes it.
            debug!(%error, path = %self.path.display(), "a scratch directory was not removed");
        }
    }
}
