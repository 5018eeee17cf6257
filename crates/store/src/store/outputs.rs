//! The bytes of outputs: inside their records or as blobs.

use std::borrow::Cow;

use super::{Store, lists, trees};
use crate::blob::Blob;
use crate::codec::Codec;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::parcel::Piece;
use crate::pickles::Pickles;
use crate::record::{Home, Output};

impl Store {
    /// Says, without reading them, whether the bytes of `output` seem to be there: inline, or a regular
    /// file of the right size. The listing of a tree or list is read, and what it refers to is looked for.
    pub fn present(&self, output: &Output) -> Result<(), Damage> {
        match output.codec {
            Codec::TREE | Codec::LIST => self.present_listed(output, &self.bytes_of(output)?),
            _ => self.present_bytes(output),
        }
    }

    /// Loads the bytes of `output`, verified against its digest. Never gives other bytes. Of a tree or list it is
    /// the listing, and what that refers to is looked for.
    pub fn load(&self, output: &Output) -> Result<Vec<u8>, Damage> {
        let bytes = self.bytes_of(output)?;
        self.present_listed(output, &bytes)?;
        Ok(bytes.into_owned())
    }

    /// The bytes of `output` where the directory itself has them, verified.
    pub(super) fn bytes_here<'a>(&self, output: &'a Output) -> Result<Cow<'a, [u8]>, Damage> {
        match &output.inline {
            Some(bytes) => verify_inline(output, bytes).map(Cow::Borrowed),
            None => {
                let bytes = self.blobs.load(&Blob::of(output), output.size);
                bytes.map(Cow::Owned)
            }
        }
    }

    /// The bytes of `output` themselves, verified.
    pub(super) fn bytes_of<'a>(&self, output: &'a Output) -> Result<Cow<'a, [u8]>, Damage> {
        match &output.inline {
            Some(bytes) => verify_inline(output, bytes).map(Cow::Borrowed),
            None => {
                let (blob, size) = (Blob::of(output), output.size);
                self.with_blob(&blob, size, || self.blobs.load(&blob, size))
                    .map(Cow::Owned)
            }
        }
    }

    pub(super) fn present_bytes(&self, output: &Output) -> Result<(), Damage> {
        match &output.inline {
            Some(bytes) => inline_size(output, bytes),
            None => self.present_all(&[(Blob::of(output), output.size)]),
        }
    }

    /// Looks for blobs; those that are not here may be in a tier.
    pub(super) fn present_all(&self, pieces: &[Piece]) -> Result<(), Damage> {
        let mut missing: Vec<Piece> = Vec::new();
        let mut first = None;
        for (blob, size) in pieces {
            if let Err(damage) = self.blobs.present(blob, *size) {
                missing.push((*blob, *size));
                first.get_or_insert(damage);
            }
        }
        first.map_or(Ok(()), |damage| self.elsewhere(&missing, damage))
    }

    /// Looks for what the listing of a tree or list refers to.
    fn present_listed(&self, output: &Output, bytes: &[u8]) -> Result<(), Damage> {
        match output.codec {
            Codec::TREE => self.present_tree(&trees::decode(output, bytes)?),
            Codec::LIST => self.present_list(&lists::decode(output, bytes)?),
            _ => Ok(()),
        }
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

    /// Does what [`Store::write`] does, for a home. What is to be in a pickle is put there by [`Store::commit_at`], and
    /// stands inside the output until then.
    pub fn write_at(&self, home: &Home, bytes: &[u8], codec: Codec) -> Result<Output, StoreError> {
        let size = bytes.len() as u64;
        if *home == Home::Blobs || !Pickles::takes(codec, size) {
            return self.write(bytes, codec);
        }
        self.writable()?;
        Ok(Output {
            digest: Digest::of(bytes),
            size,
            codec,
            inline: Some(bytes.into()),
        })
    }

    /// Refuses where nothing can be written, and tells others that something will be.
    pub(super) fn writable(&self) -> Result<(), StoreError> {
        match (self.index.locks(), self.problem()) {
            (None, Some(problem)) => Err(StoreError::Known(problem)),
            (None, None) => Ok(()),
            (Some(locks), _) => {
                let mut writing = self.writing.lock();
                if !std::mem::replace(&mut *writing, true) {
                    locks.write();
                }
                Ok(())
            }
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
