//! `trees/<digest>/`: directories made from their listings, for those who need them as such.
//!
//! A tree is made beside and renamed, so it is there whole or not at all. Its files are the blobs themselves under
//! one more name. Its directories stay writable, so that whoever removes the cache directory can. It is trusted
//! after its files were hashed, once a process as long as nothing in it changes; one that is not what its listing
//! says is made again. Unaware of outputs and records.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Metadata, MetadataExt};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tracing::warn;

use crate::blob::Blob;
use crate::blobs::Blobs;
use crate::digest::Digest;
use crate::error::Damage;
use crate::root::{Identity, Root};
use crate::scratch::Scratch;
use crate::tree::{Content, Entry, Kind, Tree};

pub(crate) const DIRECTORY: &str = "trees";

/// The trees of one cache directory.
#[derive(Debug)]
pub(crate) struct Trees {
    root: Arc<Root>,
    /// The state in which a tree was when its files were hashed.
    verified: Mutex<FxHashMap<Digest, State>>,
    /// Damaged trees are made again one after the other.
    healing: Mutex<()>,
}

/// Stands for the identities of all files of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(Digest);

impl Trees {
    pub(crate) fn new(root: Arc<Root>) -> Self {
        Self {
            root,
            verified: Mutex::default(),
            healing: Mutex::default(),
        }
    }

    /// Makes sure that the tree whose listing has this digest stands at the path that this gives. `work` is a
    /// directory on the same file system, in which it is made; `alone` keeps other processes from healing.
    pub(crate) fn place<L>(
        &self,
        digest: &Digest,
        tree: &Tree,
        blobs: &Blobs,
        work: &Scratch,
        alone: impl FnOnce() -> Result<L, Damage>,
    ) -> Result<PathBuf, Damage> {
        let name = digest.to_string();
        let unplaced = |error| unplaced(&self.root.path(DIRECTORY).join(&name), &error);
        let trees = self
            .root
            .subdirectory_or_create(DIRECTORY)
            .map_err(unplaced)?;
        let path = trees.path(&name);
        if self.stands(&trees, &name, digest, tree) {
            return Ok(path);
        }
        let work = work.dir().map_err(unplaced)?;
        let dir = work.subdirectory_or_create(MADE).map_err(unplaced)?;
        make(&dir, tree, |content, path| {
            blobs.put_at(&content.blob, content.size, &dir, path)
        })?;
        let made = state_of(&dir, tree).map_err(unplaced)?;
        // Nothing, or an empty directory, is replaced by this.
        if work.rename(MADE, &trees, &name).is_err() {
            // Another made it meanwhile, or it is damaged.
            let _here = self.healing.lock();
            let _alone = alone()?;
            if self.stands(&trees, &name, digest, tree) {
                return Ok(path);
            }
            warn!(path = %path.display(), "a tree is damaged and made again");
            trees.rename(&name, &work, DAMAGED).map_err(unplaced)?;
            work.rename(MADE, &trees, &name).map_err(unplaced)?;
        }
        self.verified.lock().insert(*digest, made);
        Ok(path)
    }

    /// The digests of the trees that stand there.
    pub(crate) fn all(&self) -> io::Result<Vec<Digest>> {
        let trees = match self.root.subdirectory(DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let names = trees.names()?.into_iter();
        Ok(names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect())
    }

    /// Moves a tree away, to be removed with `work`.
    pub(crate) fn remove(&self, digest: &Digest, work: &Scratch) -> io::Result<()> {
        let trees = self.root.subdirectory(DIRECTORY)?;
        let name = digest.to_string();
        trees.rename(&name, &work.dir()?, &name)?;
        self.verified.lock().remove(digest);
        Ok(())
    }

    /// Where the tree stands if it is there.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.root.path(DIRECTORY).join(digest.to_string())
    }

    /// Says whether a tree that stands there is what its listing says, by all of its bytes.
    pub(crate) fn verify(&self, digest: &Digest, tree: &Tree) -> io::Result<()> {
        let dir = self
            .root
            .subdirectory(DIRECTORY)?
            .subdirectory(digest.to_string())?;
        state_of(&dir, tree)?;
        verify(&dir, tree)
    }

    /// Says whether the tree is there with what its listing says and nothing else.
    fn stands(&self, trees: &Root, name: &str, digest: &Digest, tree: &Tree) -> bool {
        let state = trees.subdirectory(name).and_then(|dir| {
            let state = state_of(&dir, tree)?;
            if self.verified.lock().get(digest) != Some(&state) {
                verify(&dir, tree)?;
            }
            Ok(state)
        });
        match state {
            Ok(state) => {
                self.verified.lock().insert(*digest, state);
                true
            }
            Err(_) => false,
        }
    }
}

/// The names of a tree in the directory where it is made, and of the one whose place it takes.
const MADE: &str = "made";
const DAMAGED: &str = "damaged";

/// Makes what the listing says in `dir`, which is empty; `file` makes each file at its path.
pub(crate) fn make(
    dir: &Root,
    tree: &Tree,
    mut file: impl FnMut(&Content, &Path) -> Result<(), Damage>,
) -> Result<(), Damage> {
    for entry in tree.entries() {
        let path = entry.path();
        let made = match &entry.kind {
            Kind::Directory => dir.create(path),
            Kind::File(content) => {
                file(content, path)?;
                Ok(())
            }
            Kind::Link(to) => dir.link(path, OsStr::from_bytes(to)),
        };
        made.map_err(|error| unplaced(&dir.path(path), &error))?;
    }
    Ok(())
}

pub(crate) fn unplaced(path: &Path, error: &io::Error) -> Damage {
    Damage::Unplaced(format!("make {}: {error}", path.display()))
}

/// The state of the tree; an error where it is not what the listing says, as far as that shows without reading.
fn state_of(dir: &Root, tree: &Tree) -> io::Result<State> {
    let mut hasher = blake3::Hasher::new();
    let mut found = dir.names()?.len();
    for entry in tree.entries() {
        let path = entry.path();
        let metadata = dir.stat(path)?.ok_or(io::ErrorKind::NotFound)?;
        if !is_as_listed(dir, entry, &metadata)? {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match &entry.kind {
            Kind::Directory => found += dir.subdirectory(path)?.names()?.len(),
            Kind::File(_) => {
                let identity = Identity::of(&metadata);
                for number in [identity.dev, identity.ino, identity.size] {
                    hasher.update(&number.to_le_bytes());
                }
                // Not the other time, which changes with every further name of the file.
                hasher.update(&identity.mtime.to_le_bytes());
            }
            Kind::Link(_) => {}
        }
    }
    // All that is listed is there: more than that is too much.
    match found == tree.entries().len() {
        true => Ok(State(Digest::from_bytes(*hasher.finalize().as_bytes()))),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn is_as_listed(dir: &Root, entry: &Entry, found: &Metadata) -> io::Result<bool> {
    Ok(match &entry.kind {
        Kind::Directory => found.is_dir(),
        Kind::File(content) => {
            let executable = found.mode() & 0o111 != 0;
            found.is_file() && found.len() == content.size && executable == content.blob.executable
        }
        Kind::Link(to) => {
            found.is_symlink() && dir.link_target(entry.path())?.as_os_str().as_bytes() == &**to
        }
    })
}

/// Hashes every file.
fn verify(dir: &Root, tree: &Tree) -> io::Result<()> {
    for entry in tree.entries() {
        if let Kind::File(content) = &entry.kind {
            verify_file(dir, entry, &content.blob)?;
        }
    }
    Ok(())
}

fn verify_file(dir: &Root, entry: &Entry, blob: &Blob) -> io::Result<()> {
    let (file, _) = dir.read(entry.path())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    match hasher.finalize().as_bytes() == blob.digest.as_bytes() {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}
