//! Where small outputs are placed that the cache directory has no room for, or no permission.
//!
//! As long as the store is open, in the system's directory for temporary files. Unaware of why.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::blob::Blob;
use crate::blobs::Blobs;
use crate::error::StoreError;
use crate::root::Root;
use crate::scratch::{Scratch, Scratches};

/// A directory that is made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    opened: Mutex<Option<(Blobs, Scratch)>>,
}

impl Spare {
    /// Puts the bytes of `blob` into a file.
    pub(crate) fn place(&self, blob: &Blob, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let mut opened = self.opened.lock();
        if opened.is_none() {
            *opened = Some(open().map_err(|source| StoreError::Io {
                operation: "make a directory in",
                path: std::env::temp_dir(),
                source,
            })?);
        }
        let Some((blobs, _)) = &*opened else {
            unreachable!("it was just opened")
        };
        blobs.write(blob, bytes)?;
        Ok(blobs.path(blob))
    }
}

fn open() -> std::io::Result<(Blobs, Scratch)> {
    let scratch = Scratches::default().outside()?;
    let root = Root::open(scratch.path())?;
    Ok((Blobs::new(Arc::new(root)), scratch))
}
