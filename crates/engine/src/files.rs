//! File sources: the digest of files' contents, and whether they are still
//! what they were. This is the one room of the engine that reads files.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use refrain_store::{Digest, Store};

use crate::note;
use crate::signature::Notes;
use crate::spread::spread;

/// Longest file, in bytes, whose text is kept to show what changed in it.
const LONGEST_TEXT: u64 = 256 << 10;

/// Files read as one source, each with the digest it had.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    files: Vec<(PathBuf, Digest)>,
    /// Whether it is one file, and not a list that may have one.
    single: bool,
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

    /// The files as a note, for showing what changed.
    pub fn note(&self) -> Arc<str> {
        match &self.files[..] {
            [(path, digest)] if self.single => note::of_file(path, digest),
            _ => note::of_files(self.files()),
        }
    }

    /// Each file by itself, by path and content.
    pub fn singles(&self) -> impl Iterator<Item = (Digest, Tracked)> {
        self.files.iter().map(|(path, digest)| {
            let bytes = named_digest(path, digest);
            let tracked = Tracked {
                files: vec![(path.clone(), *digest)],
                single: true,
            };
            (Digest::of(&bytes), tracked)
        })
    }

    /// The files, each with the digest it had.
    pub fn files(&self) -> impl Iterator<Item = (&Path, Digest)> {
        self.files
            .iter()
            .map(|(path, digest)| (path.as_path(), *digest))
    }
}

impl FromIterator<(PathBuf, Digest)> for Tracked {
    fn from_iter<T: IntoIterator<Item = (PathBuf, Digest)>>(files: T) -> Self {
        Tracked {
            files: files.into_iter().collect(),
            single: false,
        }
    }
}

/// The texts of files that are short and are texts, as notes: one day somebody
/// may ask which line of them changed.
pub(crate) fn texts<'a>(files: impl Iterator<Item = (&'a Path, Digest)>, notes: &mut Notes) {
    for (path, digest) in files {
        if let Some(text) = text(path)
            && Digest::of(text.as_bytes()) == digest
        {
            notes.push((digest, text.into()));
        }
    }
}

/// The text of a file that is short and is a text.
pub(crate) fn text(path: &Path) -> Option<String> {
    let short = fs::metadata(path).ok()?.len() <= LONGEST_TEXT;
    let bytes = short.then(|| fs::read(path).ok()).flatten()?;
    String::from_utf8(bytes).ok()
}

/// The digests of files that something read which started at this stamp of the
/// clock. The error is a file that may have changed since then, or cannot be
/// read any more.
pub(crate) fn unchanged(
    paths: &[PathBuf],
    since: SystemTime,
    store: &Store,
) -> Result<Vec<(PathBuf, Digest)>, PathBuf> {
    let unchanged = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        let changed =
            UNIX_EPOCH + Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
        if changed.max(metadata.modified().ok()?) >= since {
            return None;
        }
        let (digest, _) = store.file_digest(path).ok()?;
        Some((path.clone(), digest))
    };
    let digest = |path: &PathBuf| unchanged(path).ok_or_else(|| path.clone());
    paths.iter().map(digest).collect()
}

/// One file, by its content alone: a moved or copied file is the same source.
/// With `named` its path counts as well.
pub(crate) fn one(
    path: &Path,
    named: bool,
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    let (digest, mut tracked) = digest_all(vec![path.to_owned()], None, store)?;
    tracked.single = true;
    match named {
        true => Ok((digest, tracked)),
        false => Ok((tracked.files[0].1, tracked)),
    }
}

/// Several files, by path and content, in the order given.
pub(crate) fn list(
    paths: &[PathBuf],
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    let (digest, tracked) = digest_all(paths.to_vec(), None, store)?;
    match paths {
        // By that digest the file is known as an item, and the list must not be known by what its item is.
        [_] => Ok((Digest::of(digest.as_bytes()), tracked)),
        _ => Ok((digest, tracked)),
    }
}

/// All files below a directory, by path within it and content, sorted. With
/// `named` the directory's own path counts as well.
pub(crate) fn below(
    dir: &Path,
    named: bool,
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        let entries = fs::read_dir(&next).map_err(|e| (next.clone(), e))?;
        for entry in entries {
            let entry = entry.map_err(|e| (next.clone(), e))?;
            let path = entry.path();
            match is_dir(&entry).map_err(|e| (path.clone(), e))? {
                true => pending.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    let (digest, tracked) = digest_all(files, Some(dir), store)?;
    match named {
        true => Ok((Digest::of(&named_digest(dir, &digest)), tracked)),
        false => Ok((digest, tracked)),
    }
}

/// Where two files, or two directories with all that is in them, begin to
/// differ, in words; `None` if they do not.
pub(crate) fn first_difference(old: &Path, new: &Path) -> io::Result<Option<String>> {
    let kinds = (fs::symlink_metadata(old)?, fs::symlink_metadata(new)?);
    if kinds.0.is_symlink() && kinds.1.is_symlink() {
        let (was, is) = (fs::read_link(old)?, fs::read_link(new)?);
        let differs = || format!("a link to {} -> {}", was.display(), is.display());
        return Ok((was != is).then(differs));
    }
    if kinds.0.is_dir() && kinds.1.is_dir() {
        return differing_entry(old, new);
    }
    if !(kinds.0.is_file() && kinds.1.is_file()) {
        return Ok(Some("another kind of file".to_owned()));
    }
    if kinds.0.mode() & 0o111 == 0 && kinds.1.mode() & 0o111 != 0 {
        return Ok(Some("it was not executable and is".to_owned()));
    }
    differing_byte(fs::File::open(old)?, fs::File::open(new)?)
}

fn differing_entry(old: &Path, new: &Path) -> io::Result<Option<String>> {
    let names = |dir: &Path| -> io::Result<BTreeSet<OsString>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    let (were, are) = (names(old)?, names(new)?);
    for name in were.union(&are) {
        let shown = note::shown(Path::new(name));
        if !are.contains(name) {
            return Ok(Some(format!("{shown} is gone")));
        }
        if !were.contains(name) {
            return Ok(Some(format!("{shown} is new")));
        }
        if let Some(place) = first_difference(&old.join(name), &new.join(name))? {
            return Ok(Some(format!("{shown}: {place}")));
        }
    }
    Ok(None)
}

fn differing_byte(old: impl Read, new: impl Read) -> io::Result<Option<String>> {
    let (mut old, mut new) = (BufReader::new(old), BufReader::new(new));
    let mut at = 0;
    loop {
        let (was, is) = (old.fill_buf()?, new.fill_buf()?);
        let length = was.len().min(is.len());
        let ended = was.is_empty() || is.is_empty();
        let differs = crate::value::first_difference(&was[..length], &is[..length], at);
        if differs.is_some() || ended {
            let differs = differs.or_else(|| crate::value::first_difference(was, is, at));
            return Ok(differs);
        }
        at += length as u64;
        old.consume(length);
        new.consume(length);
    }
}

/// Whether an entry is a directory, or leads to one.
fn is_dir(entry: &fs::DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    match kind.is_symlink() {
        true => Ok(fs::metadata(entry.path())?.is_dir()),
        false => Ok(kind.is_dir()),
    }
}

/// Files by their contents and their names, those within `dir` where there is one.
fn digest_all(
    paths: Vec<PathBuf>,
    dir: Option<&Path>,
    store: Option<&Store>,
) -> Result<(Digest, Tracked), Unreadable> {
    if let Some(store) = store
        && paths.len() > 1
    {
        store.recall_files(paths.iter().map(|path| &**path));
    }
    let digests = spread(&paths, |path| digest_of(path, store));
    let mut bytes = Vec::new();
    let mut files = Vec::with_capacity(paths.len());
    for (path, digest) in paths.into_iter().zip(digests) {
        let digest = digest.map_err(|e| (path.clone(), e))?;
        let within = dir.and_then(|dir| path.strip_prefix(dir).ok());
        bytes.extend(named_digest(within.unwrap_or(&path), &digest));
        files.push((path, digest));
    }
    let tracked = Tracked {
        files,
        single: false,
    };
    Ok((Digest::of(&bytes), tracked))
}

/// The bytes that a file counts by with its name.
fn named_digest(name: &Path, digest: &Digest) -> Vec<u8> {
    let name = name.as_os_str().as_encoded_bytes();
    let length = (name.len() as u64).to_le_bytes();
    [&length, name, digest.as_bytes()].concat()
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
