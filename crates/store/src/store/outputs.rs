//! The bytes of outputs: inside their records or as blobs.

use super::Store;
use crate::blob::Blob;
use crate::codec::Codec;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::record::Output;

impl Store {
    /// Says, without reading them, whether the bytes of `output` seem to be there: inline, or a regular
    /// file of the right size. The listing of a tree is read, and its files are looked for.
    pub fn present(&self, output: &Output) -> Result<(), Damage> {
        if output.codec == Codec::TREE {
            return self.present_tree(&self.load_tree(output)?);
        }
        match &output.inline {
            Some(bytes) => inline_size(output, bytes),
            None => self.blobs.present(&Blob::of(output), output.size),
        }
    }

    /// Loads the bytes of `output`, verified against its digest. Never gives other bytes.
    pub fn load(&self, output: &Output) -> Result<Vec<u8>, Damage> {
        let Some(bytes) = &output.inline else {
            return self.blobs.load(&Blob::of(output), output.size);
        };
        verify_inline(output, bytes).map(<[u8]>::to_vec)
    }

    /// Stores `bytes`: inside the output when there are at most [`Store::INLINE`] of them, else as a blob
    /// that is complete on disk when this returns. Fails without a trace when the disk is full; the next
    /// call is tried as if nothing had been.
    pub fn write(&self, bytes: &[u8], codec: Codec) -> Result<Output, StoreError> {
        let output = Output {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            codec,
            inline: (bytes.len() <= Self::INLINE).then(|| bytes.into()),
        };
        if output.inline.is_none() {
            self.writable()?;
            self.blobs
                .write(&Blob::of(&output), bytes)
                .map_err(|error| self.impaired(error))?;
        }
        Ok(output)
    }

    /// Refuses where nothing can be written.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        match (&self.writer, self.problem()) {
            (None, Some(problem)) => Err(StoreError::Known(problem)),
            _ => Ok(()),
        }
    }

    /// Keeps a problem that costs the caching, for one warning.
    pub(super) fn impaired(&self, error: StoreError) -> StoreError {
        StoreError::Known(self.index.set_problem(error))
    }
}

/// The bytes that stand in the output, if they are what it says.
pub(super) fn verify_inline<'a>(output: &Output, bytes: &'a [u8]) -> Result<&'a [u8], Damage> {
    inline_size(output, bytes)?;
    match Digest::of(bytes) == output.digest {
        true => Ok(bytes),
        false => Err(Damage::Corrupt(format!(
            "the bytes kept with the record are not those of {}",
            output.digest
        ))),
    }
}

fn inline_size(output: &Output, bytes: &[u8]) -> Result<(), Damage> {
    match bytes.len() as u64 == output.size {
        true => Ok(()),
        false => Err(Damage::Corrupt(format!(
            "the record keeps {} bytes instead of {}",
            bytes.len(),
            output.size
        ))),
    }
}
