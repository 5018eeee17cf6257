//! Which blobs there are, and their removal.

use std::io;

use rustc_hash::FxHashMap;

use super::{Blobs, lock};
use crate::blob::Blob;
use crate::root::Identity;

impl Blobs {
    /// All blobs, with the states of their files. Files with other names are nobody's business.
    pub(crate) fn all(&self) -> io::Result<FxHashMap<Blob, Identity>> {
        let directory = match self.directory() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(FxHashMap::default());
            }
            opened => opened?,
        };
        let mut found = FxHashMap::default();
        for name in directory.names()? {
            // What is no regular file is damage, and found as such.
            if let Some(blob) = name.to_str().and_then(Blob::named)
                && let Ok(Some(identity)) = directory.regular(&name)
            {
                found.insert(blob, identity);
            }
        }
        Ok(found)
    }

    /// Removes a blob that is in the state `found`; says whether it did.
    pub(crate) fn remove(&self, blob: &Blob, found: &Identity) -> io::Result<bool> {
        let directory = self.directory()?;
        if directory.regular(blob.name())? != Some(*found) {
            return Ok(false);
        }
        directory.remove(blob.name())?;
        lock(&self.verified).remove(blob);
        Ok(true)
    }
}
