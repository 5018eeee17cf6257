//! Outputs that are files: taken over from where they were made, and put where a path leads to them.

use std::ffi::OsString;
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::debug;

use super::Store;
use super::outputs::verify_inline;
use crate::blob::Blob;
use crate::blobs::Found;
use crate::codec::Codec;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::export;
use crate::pickles;
use crate::record::{Home, Output};
use crate::root::Root;
use crate::scratch::Scratch;
use crate::tree::Content;

impl Store {
    /// Makes a directory for one execution: inside the cache directory, or among the system's temporary files
    /// where that cannot be written.
    ///
    /// It is removed when dropped. One that a killed process left is removed by a later open, one that a live
    /// process has never is.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        self.slot
            .get(&self.root, self.index.locks())
            .and_then(Scratch::fresh)
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
        self.adopt_file_at(&Home::Blobs, path)
    }

    /// Does what [`Store::adopt_file`] does, for a home. What is to be in a pickle is put there by
    /// [`Store::commit_at`], and stands inside the output until then.
    pub fn adopt_file_at(&self, home: &Home, path: &Path) -> Result<Output, StoreError> {
        let most = match home {
            Home::Blobs => Self::INLINE as u64,
            Home::Pickle(_) => pickles::LARGEST,
        };
        let failed = |source| not_taken(path, source);
        let (dir, name) = self.place_of(path).map_err(failed)?;
        let found = Found::at(&dir, name.as_ref()).map_err(failed)?;
        self.admit(found.metadata.len())?;
        if found.metadata.len() <= most {
            return adopt_inline(found).map_err(failed);
        }
        self.writable()?;
        let codec = codec_of(&found);
        let Content { blob, size } = self.adopt(&found, path)?;
        Ok(Output {
            digest: blob.digest,
            size,
            codec,
            inline: None,
        })
    }

    /// Takes over a file as a blob; `path` is where it stands, for messages.
    pub(super) fn adopt(&self, found: &Found<'_>, path: &Path) -> Result<Content, StoreError> {
        self.blobs.adopt(found).map_err(|error| {
            let of_the_store = is_of_the_store(&error);
            let error = not_taken(path, error);
            match of_the_store {
                true => self.impaired(error),
                false => error,
            }
        })
    }

    /// Gives the absolute path of a read-only file with the bytes of `output`, verified; for a [`Codec::TREE`],
    /// of a directory with its files. Equal outputs have one path. What is inline or in a pickle is written
    /// out for this.
    ///
    /// [`Damage::Unplaced`] says that the bytes are fine and could not be put anywhere.
    pub fn place(&self, output: &Output) -> Result<PathBuf, Damage> {
        self.tell_placed(&output.digest);
        if output.codec == Codec::TREE {
            return self.place_tree(output);
        }
        let blob = Blob::of(output);
        let pickled = match &output.inline {
            None if self.pickles.has(&output.digest) => Some(Arc::from(self.bytes_of(output)?)),
            _ => None,
        };
        let Some(bytes) = output.inline.as_ref().or(pickled.as_ref()) else {
            self.with_blob(&blob, output.size, || self.blobs.open(&blob, output.size))?;
            return Ok(self.blobs.path(&blob));
        };
        let bytes = verify_inline(output, bytes)?;
        let written = self
            .writable()
            .and_then(|()| self.blobs.write(&blob, bytes));
        if written.is_ok() {
            return Ok(self.blobs.path(&blob));
        }
        self.spare.place(&blob, bytes)
    }

    /// Keeps what is placed under this digest from being collected as long as the store is open.
    fn tell_placed(&self, digest: &Digest) {
        let Some(locks) = self.index.locks() else {
            return;
        };
        let slot = || self.slot.get(&self.root, Some(locks));
        if let Err(error) = self.placed.tell(digest, locks, slot) {
            debug!(%error, %digest, "others are not told what is placed");
        }
    }

    /// Opens the bytes of `output` for reading, verified before the first of them is given.
    pub fn open_output(&self, output: &Output) -> Result<impl Read + use<>, Damage> {
        let opened: Box<dyn Read + Send> = match &output.inline {
            None if self.pickles.has(&output.digest) => {
                Box::new(Cursor::new(self.bytes_of(output)?.into_owned()))
            }
            None => {
                let (blob, size) = (Blob::of(output), output.size);
                Box::new(self.with_blob(&blob, size, || self.blobs.open(&blob, size))?)
            }
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
        if output.codec == Codec::TREE {
            return self.export_tree(output, to);
        }
        if self.stands_at(output, to) {
            return Ok(());
        }
        let blob = Blob::of(output);
        let size = output.size;
        match &output.inline {
            Some(bytes) => {
                let bytes = verify_inline(output, bytes).map_err(damaged)?;
                export::file(to, blob.executable, |file| file.write_all(bytes))
            }
            None if self.pickles.has(&output.digest) => {
                let bytes = self.bytes_of(output).map_err(damaged)?;
                export::file(to, blob.executable, |file| file.write_all(&bytes))
            }
            None => {
                let bytes = self.with_blob(&blob, size, || self.blobs.open(&blob, size));
                let bytes = bytes.map_err(damaged)?;
                let mut bytes = bytes.into_std();
                export::file(to, blob.executable, |file| {
                    io::copy(&mut bytes, file).map(drop)
                })
            }
        }
    }

    /// Says whether what stands at `to` is equal to `output`.
    pub fn stands_at(&self, output: &Output, to: &Path) -> bool {
        if output.codec == Codec::TREE {
            let tree = self.load_tree(output);
            return tree.is_ok_and(|tree| self.is_tree_exported(&tree, to));
        }
        let (blob, size) = (Blob::of(output), output.size);
        self.is_exported(&Content { blob, size }, to)
    }

    /// Says whether the file at `to` has the content of `wanted`.
    pub(super) fn is_exported(&self, wanted: &Content, to: &Path) -> bool {
        let found = to.symlink_metadata();
        found.is_ok_and(|found| {
            found.is_file()
                && found.len() == wanted.size
                && (found.mode() & 0o111 != 0) == wanted.blob.executable
                && self
                    .file_digest(to)
                    .is_ok_and(|(digest, _)| digest == wanted.blob.digest)
        })
    }
}

impl Store {
    /// The directory that a path is in, and its name there.
    pub(super) fn place_of(&self, path: &Path) -> io::Result<(Root, OsString)> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file's name");
        let name = path.file_name().ok_or_else(invalid)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // Most come from a scratch directory, to which the way is known.
        let inside = parent.strip_prefix(self.root.own_path()).ok();
        let inside = inside.and_then(|inside| self.root.subdirectory(inside).ok());
        let dir = inside.map_or_else(|| Root::open(parent), Ok)?;
        Ok((dir, name.to_owned()))
    }
}

pub(super) fn damaged(damage: Damage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damage)
}

pub(super) fn not_taken(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        operation: "take over",
        path: path.to_owned(),
        source,
    }
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
