//! `blobs/<digest>`: immutable bytes named by their digest.
//!
//! A blob is trusted only after its bytes were hashed. Large ones are hashed once per process as long as
//! the file stays the same file in the same state. Unaware of records and codecs.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::digest::{Digest, hex};
use crate::error::{Damage, StoreError};
use crate::root::{Identity, Root};

const DIRECTORY: &str = "blobs";

/// Blobs up to this size are hashed at every read.
const ALWAYS_VERIFIED: u64 = 1 << 20;

/// Reading and hashing alternate by this much, so that the hash finds the bytes in the processor's cache.
const CHUNK: u64 = 1 << 18;

/// Blobs are read-only for everybody.
const MODE: u32 = 0o444;

/// The blobs of one cache directory.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: Arc<Root>,
    /// Opened at the first use and again after somebody removed it.
    directory: Mutex<Option<Arc<Root>>>,
    verified: Mutex<FxHashMap<Digest, Identity>>,
}

impl Blobs {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self {
            root,
            directory: Mutex::default(),
            verified: Mutex::default(),
        }
    }

    /// Says whether a regular file of the right size is there, without reading it.
    pub(crate) fn present(&self, digest: &Digest, size: u64) -> Result<(), Damage> {
        let found = self
            .directory()
            .and_then(|blobs| blobs.regular(name(&hex(digest.as_bytes()))));
        match found {
            Ok(Some(identity)) => right_size(digest, identity.size, size),
            Ok(None) => Err(missing(digest)),
            Err(error) => Err(unreadable(digest, &error)),
        }
    }

    /// Reads the blob and verifies it.
    pub(crate) fn load(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, Damage> {
        let (file, identity) = self
            .directory()
            .and_then(|blobs| blobs.read(name(&hex(digest.as_bytes()))))
            .map_err(|error| unreadable(digest, &error))?;
        right_size(digest, identity.size, size)?;
        let known = self.is_verified(digest, &identity);
        let (bytes, found) =
            read_hashed(file, size, !known).map_err(|error| unreadable(digest, &error))?;
        right_size(digest, bytes.len() as u64, size)?;
        if found.is_some_and(|found| found != *digest) {
            return Err(Damage::Corrupt(format!(
                "blob {digest} holds other bytes than its name says"
            )));
        }
        self.set_verified(digest, &identity);
        Ok(bytes)
    }

    /// Makes sure that `bytes` are on disk under `digest`, which must be theirs.
    pub(crate) fn write(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let text = hex(digest.as_bytes());
        if self.holds(digest, bytes.len() as u64) {
            return Ok(());
        }
        let attempt = || {
            let blobs = self.directory_or_create()?;
            self.root
                .replace(&blobs, name(&text), MODE, |file| file.write_all(bytes))
        };
        let mut written = attempt();
        if written
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            // Somebody removed the directory under us.
            *lock(&self.directory) = None;
            written = attempt();
        }
        let identity = written.map_err(|source| StoreError::Io {
            operation: "write",
            path: self.root.path(DIRECTORY).join(name(&text)),
            source,
        })?;
        self.set_verified(digest, &identity);
        Ok(())
    }

    /// Says whether the blob is there with the right bytes already.
    fn holds(&self, digest: &Digest, size: u64) -> bool {
        let Ok(blobs) = self.directory() else {
            return false;
        };
        let Ok((file, identity)) = blobs.read(name(&hex(digest.as_bytes()))) else {
            return false;
        };
        if identity.size != size {
            return false;
        }
        let same = self.is_verified(digest, &identity)
            || hash_file(file, size).is_ok_and(|found| found == *digest);
        if same {
            self.set_verified(digest, &identity);
        }
        same
    }

    fn directory(&self) -> io::Result<Arc<Root>> {
        self.directory_by(|root| root.subdirectory(DIRECTORY))
    }

    fn directory_or_create(&self) -> io::Result<Arc<Root>> {
        self.directory_by(|root| root.subdirectory_or_create(DIRECTORY))
    }

    fn directory_by(&self, open: impl FnOnce(&Root) -> io::Result<Root>) -> io::Result<Arc<Root>> {
        let mut directory = lock(&self.directory);
        if let Some(blobs) = &*directory {
            return Ok(Arc::clone(blobs));
        }
        let blobs = Arc::new(open(&self.root)?);
        *directory = Some(Arc::clone(&blobs));
        Ok(blobs)
    }

    fn is_verified(&self, digest: &Digest, identity: &Identity) -> bool {
        identity.size > ALWAYS_VERIFIED && lock(&self.verified).get(digest) == Some(identity)
    }

    fn set_verified(&self, digest: &Digest, identity: &Identity) {
        if identity.size > ALWAYS_VERIFIED {
            lock(&self.verified).insert(*digest, *identity);
        }
    }
}

/// Reads at most one byte more than `size`, hashing on the way where asked.
fn read_hashed(
    mut file: impl Read,
    size: u64,
    hash: bool,
) -> io::Result<(Vec<u8>, Option<Digest>)> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(io::Error::other)?);
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

fn name(text: &[u8; 64]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

fn right_size(digest: &Digest, found: u64, size: u64) -> Result<(), Damage> {
    match found == size {
        true => Ok(()),
        false => Err(Damage::Corrupt(format!(
            "blob {digest} has {found} bytes instead of {size}"
        ))),
    }
}

fn missing(digest: &Digest) -> Damage {
    Damage::Missing(format!("blob {digest} is not there"))
}

fn unreadable(digest: &Digest, error: &io::Error) -> Damage {
    match error.kind() {
        io::ErrorKind::NotFound => missing(digest),
        _ => Damage::Corrupt(format!("blob {digest} cannot be read: {error}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept under these locks is whole at every moment, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
