//! Removing a cache, and nothing else that stands in its directory.

use std::io::{self, Read};
use std::path::Path;

use super::{LOCKS, MARKS, Store};
use crate::blob::Blob;
use crate::claim::{self, Locks};
use crate::digest::Digest;
use crate::error::StoreError;
use crate::root::{Disk, Plain, Root};
use crate::{blobs, opening, pickles, slot, snapshot, trees};

/// A directory of ours, and whether a name in it is.
type Directory = (&'static str, fn(&str) -> bool);

const DIRECTORIES: [Directory; 5] = [
    (blobs::DIRECTORY, |name| Blob::named(name).is_some()),
    (pickles::DIRECTORY, pickles::is_one),
    (trees::DIRECTORY, |name| name.parse::<Digest>().is_ok()),
    (slot::DIRECTORY, slot::is_slot),
    (claim::CLAIMS, |name| {
        name == claim::LIVES || u8::from_str_radix(name, 16).is_ok()
    }),
];

impl Store {
    /// Removes all that the cache directory `dir` holds, whatever its state, and leaves the directory.
    ///
    /// What refrain did not put there stays. Fails with [`StoreError::InUse`] while a live process has the directory
    /// open, this one too, as far as the file system tells.
    pub fn clear(dir: &Path) -> Result<(), StoreError> {
        Self::clear_on(&Plain, dir)
    }

    /// Does what [`Store::clear`] does; `disk` is told of every change.
    pub(crate) fn clear_on(disk: &'static dyn Disk, dir: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io {
            operation: "clear",
            path: dir.to_owned(),
            source,
        };
        let root = match Root::open_on(disk, dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        // The file is made where it is missing: somebody may be about to open the directory.
        match super::with_locks(&root, claim::PATIENCE, Locks::close).map_err(failed)? {
            Some(_locks) => clear(&root).map_err(failed),
            None => Err(StoreError::InUse {
                path: dir.to_owned(),
            }),
        }
    }
}

fn clear(root: &Root) -> io::Result<()> {
    for name in opening::FILES.into_iter().chain([snapshot::FILE]) {
        root.remove(name)?;
    }
    for (name, is_ours) in DIRECTORIES {
        if root.stat(name)?.is_some_and(|found| found.is_dir()) {
            clear_directory(root, name, is_ours)?;
        }
    }
    for (name, text) in MARKS {
        if is_text(root, name, text)? {
            root.remove(name)?;
        }
    }
    root.remove_temporaries()?;
    // Last: who waits for its lock looks whether it is still there.
    root.remove(LOCKS)
}

fn clear_directory(root: &Root, name: &str, is_ours: fn(&str) -> bool) -> io::Result<()> {
    let directory = root.subdirectory(name)?;
    for inside in directory.names()? {
        if inside.to_str().is_some_and(is_ours) {
            directory.remove_tree(&inside)?;
        }
    }
    match root.remove_empty(name) {
        // Somebody else keeps something there.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => removed,
    }
}

/// Says whether the file holds exactly this text.
fn is_text(root: &Root, name: &str, text: &str) -> io::Result<bool> {
    if !root.stat(name)?.is_some_and(|found| found.is_file()) {
        return Ok(false);
    }
    let (file, _) = root.read(name)?;
    let mut found = Vec::new();
    file.take(text.len() as u64 + 1).read_to_end(&mut found)?;
    Ok(found == text.as_bytes())
}
