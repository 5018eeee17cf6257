//! `blobs/<digest>`: immutable bytes named by their digest.
//!
//! A blob is trusted only after its bytes were hashed. Large ones are hashed once per process as long as
//! the file stays the same file in the same state. Bytes that stand in a pickle instead count as blobs for who asks.
//! Unaware of records and codecs.

mod adopt;
mod incoming;
mod sweep;

use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::File;
use rustc_hash::FxHashMap;

use crate::blob::Blob;
use crate::digest::Digest;
use crate::error::{Damage, StoreError};
use crate::pickles::Pickles;
use crate::root::{Identity, Root, room_for};

pub(crate) use adopt::Found;

pub(crate) const DIRECTORY: &str = "blobs";

/// Blobs up to this size are hashed at every read.
const ALWAYS_VERIFIED: u64 = 1 << 20;

/// Reading and hashing alternate by this much, so that the hash finds the bytes in the processor's cache.
const CHUNK: u64 = 1 << 18;

/// A blob of more bytes than this is hashed before there is room for it in memory.
const IN_MEMORY: u64 = 1 << 30;

/// The blobs of one cache directory.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: Arc<Root>,
    /// Opened at the first use and again after somebody removed it.
    directory: Mutex<Option<Arc<Root>>>,
    verified: Mutex<FxHashMap<Blob, Identity>>,
    /// The second home of bytes.
    pickles: Arc<Pickles>,
    /// Files that turned out damaged when they were read, in the state that they had: whoever asks without reading
    /// them is not to find them again.
    refused: Mutex<FxHashMap<Blob, Identity>>,
    /// The bytes that came to be here and were not counted elsewhere yet.
    grown: Arc<AtomicU64>,
}

impl Blobs {
    /// The blobs below `root`, and what `pickles` have; `grown` is told of the bytes of new ones.
    pub(crate) fn new(root: Arc<Root>, pickles: Arc<Pickles>, grown: Arc<AtomicU64>) -> Self {
        Self {
            pickles,
            root,
            directory: Mutex::default(),
            verified: Mutex::default(),
            refused: Mutex::default(),
            grown,
        }
    }

    /// Where the blob stands if it is there.
    pub(crate) fn path(&self, blob: &Blob) -> PathBuf {
        self.root.path(DIRECTORY).join(blob.name())
    }

    /// Says whether a regular file of the right size is there that is not known to be damaged, or the bytes are in a
    /// pickle; neither is read.
    pub(crate) fn present(&self, blob: &Blob, size: u64) -> Result<(), Damage> {
        if self.pickles.has(&blob.digest) {
            return Ok(());
        }
        self.standing(blob, size).or_else(|damage| {
            // Another process may just have put it there.
            match self.pickles.look().is_ok() && self.pickles.has(&blob.digest) {
                true => Ok(()),
                false => Err(damage),
            }
        })
    }

    fn standing(&self, blob: &Blob, size: u64) -> Result<(), Damage> {
        let found = self
            .directory()
            .and_then(|blobs| blobs.regular(blob.name()));
        match found {
            Ok(Some(identity)) if lock(&self.refused).get(blob) == Some(&identity) => Err(
                Damage::Corrupt(format!("blob {blob} was read and is damaged")),
            ),
            Ok(Some(identity)) => right_size(blob, identity.size, size),
            Ok(None) => Err(missing(blob)),
            Err(error) => Err(unreadable(blob, &error)),
        }
    }

    /// Reads the blob and verifies it.
    pub(crate) fn load(&self, blob: &Blob, size: u64) -> Result<Vec<u8>, Damage> {
        let pickled = self.pickles.load(&blob.digest);
        if let Some(Ok(bytes)) = pickled {
            return Ok(bytes);
        }
        let standing = self.load_standing(blob, size);
        standing.or_else(|damage| self.load_pickled(blob, pickled).unwrap_or(Err(damage)))
    }

    /// The bytes from a pickle, after `tried` and after no file has them.
    fn load_pickled(
        &self,
        blob: &Blob,
        tried: Option<Result<Vec<u8>, Damage>>,
    ) -> Option<Result<Vec<u8>, Damage>> {
        tried.or_else(|| {
            self.pickles.look().ok()?;
            self.pickles.load(&blob.digest)
        })
    }

    fn load_standing(&self, blob: &Blob, size: u64) -> Result<Vec<u8>, Damage> {
        let loaded = self.load_sound(blob, size);
        loaded.inspect_err(|_| self.refuse(blob))
    }

    fn load_sound(&self, blob: &Blob, size: u64) -> Result<Vec<u8>, Damage> {
        if size > IN_MEMORY {
            // It is hashed before it takes so much memory: a file with holes takes no place on disk.
            self.open(blob, size)?;
        }
        let (file, identity) = self.find(blob, size)?;
        let known = self.is_verified(blob, &identity);
        let (bytes, found) =
            read_hashed(file, size, !known).map_err(|error| unreadable(blob, &error))?;
        right_size(blob, bytes.len() as u64, size)?;
        right_digest(blob, found)?;
        self.set_verified(blob, &identity);
        Ok(bytes)
    }

    /// Opens the blob for reading from its first byte, verified. What stands in a pickle is written out for this.
    pub(crate) fn open(&self, blob: &Blob, size: u64) -> Result<File, Damage> {
        self.open_standing(blob, size).or_else(|damage| {
            let tried = self.pickles.load(&blob.digest);
            let bytes = self.load_pickled(blob, tried).unwrap_or(Err(damage))?;
            self.write(blob, &bytes)
                .map_err(|error| Damage::Unplaced(error.to_string()))?;
            self.open_standing(blob, size)
        })
    }

    fn open_standing(&self, blob: &Blob, size: u64) -> Result<File, Damage> {
        let opened = self.open_sound(blob, size);
        opened.inspect_err(|_| self.refuse(blob))
    }

    fn open_sound(&self, blob: &Blob, size: u64) -> Result<File, Damage> {
        let (mut file, identity) = self.find(blob, size)?;
        if !self.is_verified(blob, &identity) {
            let hashed = hash_file(&file, size).and_then(|found| file.rewind().map(|()| found));
            right_digest(
                blob,
                Some(hashed.map_err(|error| unreadable(blob, &error))?),
            )?;
            self.set_verified(blob, &identity);
        }
        Ok(file)
    }

    /// Hashes the blob, whatever is known of it.
    pub(crate) fn verify(&self, blob: &Blob, size: u64) -> Result<(), Damage> {
        let (file, _) = self.find(blob, size)?;
        let found = hash_file(file, size).map_err(|error| unreadable(blob, &error))?;
        right_digest(blob, Some(found))
    }

    /// Puts the blob, verified, at `name` in `target` too, where nothing stands: under one more name of its file
    /// where that can be done, else as a copy.
    pub(crate) fn put_at(
        &self,
        blob: &Blob,
        size: u64,
        target: &Root,
        name: &Path,
    ) -> Result<(), Damage> {
        let mut file = self.open(blob, size)?;
        let before = file.metadata().map(|found| Identity::of(&found));
        let linked = self
            .directory()
            .and_then(|blobs| blobs.hard_link(blob.name(), target, name));
        if linked.is_ok() {
            // One more link changed the state of the file, and nothing else did.
            let after = file.metadata().map(|found| Identity::of(&found));
            if let (Ok(before), Ok(after)) = (before, after)
                && before.same_bytes(&after)
            {
                self.set_verified(blob, &after);
            }
            return Ok(());
        }
        // Another file system, or too many names.
        target.copy(&mut file, name, blob.mode()).map_err(|error| {
            Damage::Unplaced(format!("write {}: {error}", target.path(name).display()))
        })
    }

    /// Makes sure that `bytes` are on disk as `blob`, which must be theirs.
    pub(crate) fn write(&self, blob: &Blob, bytes: &[u8]) -> Result<(), StoreError> {
        if self.renew(blob, bytes.len() as u64) {
            return Ok(());
        }
        let written = self.directory_or_create().and_then(|blobs| {
            self.root.replace(&blobs, blob.name(), blob.mode(), |file| {
                file.write_all(bytes)
            })
        });
        let identity = written.map_err(|source| StoreError::Io {
            operation: "write",
            path: self.path(blob),
            source,
        })?;
        self.arrived(blob, &identity);
        Ok(())
    }

    /// Says whether the blob is there with the right bytes already; its state is as young then as if it had just
    /// been written, so that nobody removes it before there is a record of it.
    fn renew(&self, blob: &Blob, size: u64) -> bool {
        let Ok(file) = self.open_standing(blob, size) else {
            return false;
        };
        let renewed = file.metadata().and_then(|found| {
            file.set_permissions(found.permissions())?;
            file.metadata()
        });
        if let Ok(found) = renewed {
            self.set_verified(blob, &Identity::of(&found));
        }
        true
    }

    /// Opens what stands in the blob's place, where it has the right size.
    fn find(&self, blob: &Blob, size: u64) -> Result<(File, Identity), Damage> {
        let (file, identity) = self
            .directory()
            .and_then(|blobs| blobs.read(blob.name()))
            .map_err(|error| unreadable(blob, &error))?;
        right_size(blob, identity.size, size)?;
        Ok((file, identity))
    }

    fn directory(&self) -> io::Result<Arc<Root>> {
        let mut directory = lock(&self.directory);
        if let Some(blobs) = &*directory {
            return Ok(Arc::clone(blobs));
        }
        let blobs = Arc::new(self.root.subdirectory(DIRECTORY)?);
        *directory = Some(Arc::clone(&blobs));
        Ok(blobs)
    }

    /// The directory, made anew where somebody removed it under us.
    fn directory_or_create(&self) -> io::Result<Arc<Root>> {
        let mut directory = lock(&self.directory);
        if let Some(blobs) = &*directory
            && !blobs.is_removed()?
        {
            return Ok(Arc::clone(blobs));
        }
        let blobs = Arc::new(self.root.subdirectory_or_create(DIRECTORY)?);
        *directory = Some(Arc::clone(&blobs));
        Ok(blobs)
    }

    /// Notes that what stands in the blob's place, if anything does, is not the blob.
    fn refuse(&self, blob: &Blob) {
        let found = self
            .directory()
            .and_then(|blobs| blobs.regular(blob.name()));
        if let Ok(Some(identity)) = found {
            lock(&self.refused).insert(*blob, identity);
        }
    }

    fn is_verified(&self, blob: &Blob, identity: &Identity) -> bool {
        identity.size > ALWAYS_VERIFIED && lock(&self.verified).get(blob) == Some(identity)
    }

    /// Takes note of a blob that was not there before.
    fn arrived(&self, blob: &Blob, identity: &Identity) {
        self.grown.fetch_add(identity.size, Ordering::Relaxed);
        self.set_verified(blob, identity);
    }

    fn set_verified(&self, blob: &Blob, identity: &Identity) {
        if identity.size > ALWAYS_VERIFIED {
            lock(&self.verified).insert(*blob, *identity);
        }
    }
}

/// Reads at most one byte more than `size`, hashing on the way where asked.
fn read_hashed(
    mut file: impl Read,
    size: u64,
    hash: bool,
) -> io::Result<(Vec<u8>, Option<Digest>)> {
    let mut bytes = room_for(size)?;
    let mut hasher = hash.then(blake3::Hasher::new);
    while (bytes.len() as u64) < size {
        let start = bytes.len();
        let wanted = CHUNK.min(size - start as u64);
        if file.by_ref().take(wanted).read_to_end(&mut bytes)? == 0 {
            break;
        }
        if let Some(hasher) = &mut hasher {
            hasher.update(&bytes[start..]);
        }
    }
    let digest = hasher.map(|hasher| Digest::from_bytes(*hasher.finalize().as_bytes()));
    Ok((bytes, digest))
}

fn hash_file(file: impl Read, size: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(size.saturating_add(1)))?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

fn right_size(blob: &Blob, found: u64, size: u64) -> Result<(), Damage> {
    match found == size {
        true => Ok(()),
        false => Err(Damage::Corrupt(format!(
            "blob {blob} has {found} bytes instead of {size}"
        ))),
    }
}

fn right_digest(blob: &Blob, found: Option<Digest>) -> Result<(), Damage> {
    match found.is_none_or(|found| found == blob.digest) {
        true => Ok(()),
        false => Err(Damage::Corrupt(format!(
            "blob {blob} holds other bytes than its name says"
        ))),
    }
}

fn missing(blob: &Blob) -> Damage {
    Damage::Missing(format!("blob {blob} is not there"))
}

fn unreadable(blob: &Blob, error: &io::Error) -> Damage {
    match error.kind() {
        io::ErrorKind::NotFound => missing(blob),
        _ => Damage::Corrupt(format!("blob {blob} cannot be read: {error}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept under these locks is whole at every moment, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
