//! Outputs that are files: taken over from where they were made, and put where a path leads to them.

use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Store;
use super::outputs::verify_inline;
use crate::blob::Blob;
use crate::blobs::Found;
use crate::codec::Codec;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::export;
use crate::record::Output;
use crate::root::Root;
use crate::scratch::Scratch;

impl Store {
    /// Makes a directory for one execution: inside the cache directory, or among the system's temporary files
    /// where that cannot be written.
    ///
    /// It is removed when dropped. One that a killed process left is removed by a later open, one that a live
    /// process has never is.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        self.scratches
            .fresh(&self.root, self.index.locks())
            .map_err(|source| StoreError::Io {
                operation: "make a scratch directory in",
                path: self.root.own_path().to_owned(),
                source,
            })
    }

    /// Takes over the regular file at `path`, which is gone from there then: as a [`Codec::PROGRAM`] if it can
    /// be executed, else as a [`Codec::FILE`].
    ///
    /// Its bytes are never in memory as a whole but for those of an inline output. A file on the same file
    /// system is renamed and not copied. Fails for anything but a regular file, and for one that changes
    /// while it is read.
    pub fn adopt_file(&self, path: &Path) -> Result<Output, StoreError> {
        let failed = |source: io::Error| StoreError::Io {
            operation: "take over",
            path: path.to_owned(),
            source,
        };
        let name = path.file_name().ok_or_else(|| {
            failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no file's name",
            ))
        })?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let dir = Root::open(parent).map_err(failed)?;
        let (file, metadata) = dir.open_file(name).map_err(failed)?;
        let found = Found {
            dir: &dir,
            name: name.as_ref(),
            file,
            metadata,
        };
        if found.metadata.len() <= Self::INLINE as u64 {
            return adopt_inline(found).map_err(failed);
        }
        self.writable()?;
        let codec = codec_of(&found);
        let (blob, size) =
            self.blobs
                .adopt(&found)
                .map_err(|error| match is_of_the_store(&error) {
                    true => self.impaired(failed(error)),
                    false => failed(error),
                })?;
        Ok(Output {
            digest: blob.digest,
            size,
            codec,
            inline: None,
        })
    }

    /// Gives the absolute path of a read-only file with the bytes of `output`, verified. Equal outputs have one
    /// path. An inline output is written out for this.
    ///
    /// [`Damage::Unplaced`] says that the bytes are fine and could not be put anywhere.
    pub fn place(&self, output: &Output) -> Result<PathBuf, Damage> {
        let blob = Blob::of(output);
        let Some(bytes) = &output.inline else {
            self.blobs.open(&blob, output.size)?;
            return Ok(self.blobs.path(&blob));
        };
        let bytes = verify_inline(output, bytes)?;
        let written = self
            .writable()
            .and_then(|()| self.blobs.write(&blob, bytes));
        if written.is_ok() {
            return Ok(self.blobs.path(&blob));
        }
        self.spare
            .place(&blob, bytes)
            .map_err(|error| Damage::Unplaced(error.to_string()))
    }

    /// Opens the bytes of `output` for reading, verified before the first of them is given.
    pub fn open_output(&self, output: &Output) -> Result<impl Read + use<>, Damage> {
        let opened: Box<dyn Read + Send> = match &output.inline {
            None => Box::new(self.blobs.open(&Blob::of(output), output.size)?),
            Some(bytes) => {
                verify_inline(output, bytes)?;
                Box::new(Cursor::new(bytes.clone()))
            }
        };
        Ok(opened)
    }

    /// Puts a copy of `output` at `to`, whole or not at all; directories on the way there are made. Does nothing
    /// if what stands there already is equal. Never makes a link to what the store holds.
    pub fn export(&self, output: &Output, to: &Path) -> io::Result<()> {
        let executable = output.codec == Codec::PROGRAM;
        if self.is_exported(output, executable, to) {
            return Ok(());
        }
        match &output.inline {
            Some(bytes) => {
                let bytes = verify_inline(output, bytes).map_err(damaged)?;
                export::file(to, executable, |file| file.write_all(bytes))
            }
            None => {
                let blob = self.blobs.open(&Blob::of(output), output.size);
                let mut blob = blob.map_err(damaged)?.into_std();
                export::file(to, executable, |file| io::copy(&mut blob, file).map(drop))
            }
        }
    }

    fn is_exported(&self, output: &Output, executable: bool, to: &Path) -> bool {
        let found = to.symlink_metadata();
        found.is_ok_and(|found| {
            found.is_file()
                && found.len() == output.size
                && (found.mode() & 0o111 != 0) == executable
                && self
                    .file_digest(to)
                    .is_ok_and(|(digest, _)| digest == output.digest)
        })
    }
}

fn damaged(damage: Damage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damage)
}

/// Reads a small file whole; it stands in its record then.
fn adopt_inline(found: Found<'_>) -> io::Result<Output> {
    let bytes = found.read_small()?;
    // It has been taken over, whether it can be removed or not.
    let _ = found.dir.remove(found.name);
    Ok(Output {
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
        codec: codec_of(&found),
        inline: Some(bytes.into()),
    })
}

/// Says whether an error is about where the bytes were to go, and not about the file that had them.
fn is_of_the_store(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        StorageFull | QuotaExceeded | FileTooLarge | ReadOnlyFilesystem
    )
}

fn codec_of(found: &Found<'_>) -> Codec {
    match found.is_program() {
        true => Codec::PROGRAM,
        false => Codec::FILE,
    }
}
