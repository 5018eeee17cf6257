//! Blobs that come from elsewhere piece by piece: hashed on the way, and kept only if they are what they should be.

use std::io::{self, Write};

use super::Blobs;
use crate::blob::Blob;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::root::Temporary;

/// A blob on its way in. What came is gone when it is dropped.
pub(crate) struct Incoming<'a> {
    blobs: &'a Blobs,
    blob: Blob,
    file: Temporary<'a>,
    hasher: blake3::Hasher,
    came: u64,
    failure: Option<io::Error>,
}

impl Blobs {
    /// Begins to take in the bytes of `blob`.
    pub(crate) fn incoming(&self, blob: &Blob) -> Result<Incoming<'_>, StoreError> {
        let temporary = self.root.temporary(blob.mode());
        let file = temporary.map_err(|source| self.unwritten(blob, source))?;
        Ok(Incoming {
            blobs: self,
            blob: *blob,
            file,
            hasher: blake3::Hasher::new(),
            came: 0,
            failure: None,
        })
    }

    fn unwritten(&self, blob: &Blob, source: io::Error) -> StoreError {
        StoreError::Io {
            operation: "write",
            path: self.path(blob),
            source,
        }
    }
}

impl Incoming<'_> {
    /// Keeps the blob if it came whole; says whether it did. Fails where it could not be written.
    pub(crate) fn keep(self, size: u64) -> Result<bool, StoreError> {
        let (blobs, blob) = (self.blobs, self.blob);
        if let Some(source) = self.failure {
            return Err(blobs.unwritten(&blob, source));
        }
        let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        if self.came != size || digest != blob.digest {
            return Ok(false);
        }
        let placed = blobs
            .directory_or_create()
            .and_then(|directory| self.file.put(&directory, blob.name()));
        let identity = placed.map_err(|source| blobs.unwritten(&blob, source))?;
        blobs.set_verified(&blob, &identity);
        Ok(true)
    }
}

impl Write for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.file.write(bytes) {
            Ok(written) => {
                self.hasher.update(&bytes[..written]);
                self.came += written as u64;
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.failure = Some(error);
                Err(told)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.file.flush()
    }
}
