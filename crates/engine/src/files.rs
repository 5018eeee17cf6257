//! File sources: the digest of files' contents, and whether they are still
//! what they were. This is the one room of the engine that reads files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use refrain_store::{Digest, Store};

/// Files read as one source, each with the digest it had.
#[derive(Debug)]
pub(crate) struct Tracked {
    files: Vec<(PathBuf, Digest)>,
}

/// A path that could not be read, and the system's answer.
pub(crate) type Unreadable = (PathBuf, io::Error);

impl Tracked {
    /// Whether a file changed since its digest was taken, and which one.
    pub fn changed(&self, store: Option<&Store>) -> Option<&Path> {
        self.files
            .iter()
            .find(|(path, digest)| digest_of(path, store).ok().as_ref() != Some(digest))
            .map(|(path, _)| path.as_path())
    }
}

/// One file, by its content alone: a moved or copied file is the same source.
pub(crate) fn one(path: &Path, store: Option<&Store>) -> Result<(Digest, Tracked), Unreadable> {
    let digest = digest_of(path, store).map_err(|e| (path.to_owned(), e))?;
    let files = vec![(path.to_owned(), digest)];
    Ok((digest, Tracked { files }))
}

/// Several files, by path and content, in the order given.
pub(crate) fn list(
    paths: &[PathBuf],
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    let named = paths.iter().map(|path| (path.clone(), path.clone()));
    digest_all(named, store)
}

/// All files below a directory, by path within it and content, sorted.
pub(crate) fn below(dir: &Path, store: Option<&Store>) -> Result<(Digest, Tracked), Unreadable> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        let entries = fs::read_dir(&next).map_err(|e| (next.clone(), e))?;
        for entry in entries {
            let path = entry.map_err(|e| (next.clone(), e))?.path();
            let kind = fs::metadata(&path).map_err(|e| (path.clone(), e))?;
            if kind.is_dir() {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let named = files.into_iter().map(|path| {
        let within = path.strip_prefix(dir).unwrap_or(&path).to_owned();
        (within, path)
    });
    digest_all(named, store)
}

fn digest_all(
    named: impl Iterator<Item = (PathBuf, PathBuf)>,
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    let mut bytes = Vec::new();
    let mut files = Vec::new();
    for (name, path) in named {
        let digest = digest_of(&path, store).map_err(|e| (path.clone(), e))?;
        let name = name.as_os_str().as_encoded_bytes();
        bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(digest.as_bytes());
        files.push((path, digest));
    }
    Ok((Digest::of(&bytes), Tracked { files }))
}

fn digest_of(path: &Path, store: Option<&Store>) -> io::Result<Digest> {
    match store {
        Some(store) => store.file_digest(path).map(|(digest, _)| digest),
        None => {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(fs::File::open(path)?)?;
            Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
        }
    }
}
