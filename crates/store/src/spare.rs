//! Where inline outputs and trees are placed that the cache directory has no room for, or no permission.
//!
//! As long as the store is open, in the system's directory for temporary files. Unaware of why.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::blob::Blob;
use crate::blobs::Blobs;
use crate::digest::Digest;
use crate::error::Damage;
use crate::pickles::Pickles;
use crate::root::Root;
use crate::scratch::Scratch;
use crate::slot::Slot;
use crate::tree::Tree;
use crate::trees::{self, Trees};

/// A directory that is made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    opened: Mutex<Option<Arc<Opened>>>,
}

#[derive(Debug)]
struct Opened {
    blobs: Blobs,
    trees: Trees,
    slot: Arc<Slot>,
}

impl Spare {
    /// Puts the bytes of `blob` into a file.
    pub(crate) fn place(&self, blob: &Blob, bytes: &[u8]) -> Result<PathBuf, Damage> {
        let spare = self.opened()?;
        let written = spare.blobs.write(blob, bytes);
        written.map_err(|error| Damage::Unplaced(error.to_string()))?;
        Ok(spare.blobs.path(blob))
    }

    /// Makes the tree from `blobs`.
    pub(crate) fn place_tree(
        &self,
        digest: &Digest,
        tree: &Tree,
        blobs: &Blobs,
    ) -> Result<PathBuf, Damage> {
        let spare = self.opened()?;
        let work = Scratch::fresh(Arc::clone(&spare.slot)).map_err(|error| unopened(&error))?;
        spare.trees.place(digest, tree, blobs, &work, || Ok(()))
    }

    fn opened(&self) -> Result<Arc<Opened>, Damage> {
        let mut opened = self.opened.lock();
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let new = Arc::new(open().map_err(|error| unopened(&error))?);
        Ok(Arc::clone(opened.insert(new)))
    }
}

fn open() -> io::Result<Opened> {
    let slot = Arc::new(Slot::outside()?);
    let root = Arc::new(Root::open(slot.dir.own_path())?);
    // There are none.
    let pickles = Arc::new(Pickles::new(Arc::clone(&root), Arc::default()));
    Ok(Opened {
        blobs: Blobs::new(Arc::clone(&root), pickles, Arc::default()),
        trees: Trees::new(root),
        slot,
    })
}

fn unopened(error: &io::Error) -> Damage {
    trees::unplaced(&std::env::temp_dir(), error)
}
