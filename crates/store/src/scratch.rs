//! `scratch/<slot>/<n>`: directories for executions under way.
//!
//! Unaware of what is executed there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;

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
        slot.dir.create(&name)?;
        Ok(Self {
            path: slot.dir.path(&name),
            name,
            slot,
        })
    }

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
