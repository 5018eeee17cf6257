//! `cachier_blobs/<node>.pkl`: outputs as values in pickles, which Python reads without refrain.
//!
//! A second home for the bytes of outputs beside blobs: found by their digest, and trusted only after they were hashed.
//! The file of a node has all of its outputs, by their signatures. Unaware of what becomes of records.

mod entry;
mod scan;

mod addition;
mod name;
mod node_file;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::MetadataExt;
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::warn;

use crate::claim::{Alone, Locks};
use crate::codec::Codec;
use crate::codec::opcodes::{EMPTY_DICT, NONE, PROTO, PROTOCOL};
use crate::digest::{Digest, Signature};
use crate::error::{Damage, StoreError};
use crate::record::Record;
use crate::root::Root;
use addition::written;
use entry::Header;
use node_file::NodeFile;

pub(crate) use addition::Addition;
pub(crate) use name::is_one;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use scan::read_through;

pub(crate) const DIRECTORY: &str = "cachier_blobs";

/// The bytes of an output in a pickle, at most: who opens the pickle has all outputs of the node in memory.
pub(crate) const LARGEST: u64 = 64 << 20;

/// What every file begins with: an empty dict, which the entries go into.
const BEGIN: [u8; 3] = [PROTO, PROTOCOL, EMPTY_DICT];

/// What stands where an end was before something was added: nothing, and away with it.
const JOINT: [u8; 2] = [NONE, b'0'];

/// Takes the name of a file, the node of an output in it, and the bytes of that, or what is wrong.
pub(crate) type Tell<'a> = dyn FnMut(&str, Option<&str>, Result<u64, String>) + 'a;

/// The pickles of one cache directory.
#[derive(Debug)]
pub(crate) struct Pickles {
    root: Arc<Root>,
    files: Mutex<Files>,
    pending: Mutex<Pending>,
    /// The bytes that came to be here and were not counted elsewhere yet.
    grown: Arc<AtomicU64>,
}

/// What is on its way into a file.
#[derive(Debug, Default)]
struct Pending {
    /// The bytes, and how often they are on their way.
    outputs: FxHashMap<Digest, (Arc<[u8]>, usize)>,
    /// The number of all these bytes.
    size: usize,
}

/// What is known of the files.
#[derive(Debug, Default)]
struct Files {
    known: BTreeMap<String, NodeFile>,
    /// The file that has the bytes.
    by_digest: FxHashMap<Digest, Arc<str>>,
}

impl Pickles {
    /// The pickles below `root`; `grown` is told of the bytes of new entries.
    pub(crate) fn new(root: Arc<Root>, grown: Arc<AtomicU64>) -> Self {
        Self {
            root,
            grown,
            files: Mutex::default(),
            pending: Mutex::default(),
        }
    }

    /// Where the file of a node is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path(DIRECTORY).join(name)
    }

    /// Says whether an output can be kept in a pickle as a value.
    pub(crate) fn takes(codec: Codec, size: u64) -> bool {
        let is_value = matches!(
            codec,
            Codec::BYTES | Codec::TEXT | Codec::FILE | Codec::PROGRAM | Codec::PICKLE | Codec::LIST
        );
        is_value && size <= LARGEST
    }

    /// Says whether bytes of this digest are on their way into a pickle, or known to be in one that still stands.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        if self.pending.lock().outputs.contains_key(digest) {
            return true;
        }
        let mut files = self.files.lock();
        let Some(name) = files.by_digest.get(digest).cloned() else {
            return false;
        };
        let Ok(dir) = self.root.subdirectory(DIRECTORY) else {
            return false;
        };
        let standing = dir.regular(&*name).ok().flatten();
        let known = files.known.get(&*name).zip(standing);
        if !known.is_some_and(|(file, standing)| file.is_same(&standing)) {
            let _ = files.catch_up(&dir, &name);
        }
        let file = files.known.get(&*name);
        file.is_some_and(|file| file.number_of(digest).is_some())
    }

    /// Says whether bytes of this digest are known to be in the file of `node`, or on their way into one.
    pub(crate) fn has_for(&self, node: &str, digest: &Digest) -> bool {
        let files = self.files.lock();
        let file = files.known.get(&name::of(node));
        file.is_some_and(|file| file.number_of(digest).is_some())
            || self.pending.lock().outputs.contains_key(digest)
    }

    /// Reads the bytes of this digest, if they are known to be in a pickle.
    pub(crate) fn load(&self, digest: &Digest) -> Option<Result<Vec<u8>, Damage>> {
        if let Some((bytes, _)) = self.pending.lock().outputs.get(digest) {
            return Some(Ok(bytes.to_vec()));
        }
        let mut files = self.files.lock();
        let name = Arc::clone(files.by_digest.get(digest)?);
        let dir = self.root.subdirectory(DIRECTORY).ok()?;
        let found = files.load(&dir, &name, digest);
        if let Some(Ok(_)) = found {
            return found;
        }
        // The file may have been written anew since it was read.
        files.read(&dir, &name).ok()?;
        let found = files.load(&dir, &name, digest);
        if let (Some(Err(damage)), Some(file)) = (&found, files.known.get_mut(&*name)) {
            warn!(path = %self.path(&name).display(), %damage, "a pickle is damaged");
            file.is_sound = false;
        }
        found
    }

    /// Looks what others have written.
    pub(crate) fn look(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        let dir = match self.root.subdirectory(DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *files = Files::default();
                return Ok(());
            }
            opened => opened?,
        };
        let names = dir.names()?.into_iter();
        let names: FxHashSet<String> = names
            .filter_map(|name| name.into_string().ok())
            .filter(|name| is_one(name))
            .collect();
        let gone: Vec<String> = files.known.keys().cloned().collect();
        for name in gone.iter().filter(|name| !names.contains(*name)) {
            files.forget(name);
        }
        names.iter().try_for_each(|name| files.catch_up(&dir, name))
    }

    /// Keeps bytes at hand until they are in a file; the number of all that are.
    pub(crate) fn expect(&self, digest: Digest, bytes: &Arc<[u8]>) -> usize {
        let pending = &mut *self.pending.lock();
        let (_, times) = pending.outputs.entry(digest).or_insert_with(|| {
            pending.size += bytes.len();
            (Arc::clone(bytes), 0)
        });
        *times += 1;
        pending.size
    }

    /// Puts outputs of records into the files of their nodes, each file once. Gives those that could not be, by their
    /// signatures, and why: their bytes stay at hand.
    pub(crate) fn add(
        &self,
        locks: &Arc<Locks>,
        additions: &[(&Record, &Addition)],
    ) -> (FxHashSet<Signature>, Option<StoreError>) {
        let mut by_file: BTreeMap<String, Vec<&(&Record, &Addition)>> = BTreeMap::new();
        for addition in additions {
            let name = name::of(&addition.1.node);
            by_file.entry(name).or_default().push(addition);
        }
        let mut lost = FxHashSet::default();
        let mut failure = None;
        for (name, additions) in &by_file {
            match self.add_to(locks, name, additions) {
                Ok(()) => self.arrived(additions),
                Err(source) => {
                    lost.extend(additions.iter().map(|(record, _)| record.signature));
                    failure.get_or_insert(StoreError::Io {
                        operation: "add to",
                        path: self.path(name),
                        source,
                    });
                }
            }
        }
        (lost, failure)
    }

    fn add_to(
        &self,
        locks: &Arc<Locks>,
        name: &str,
        additions: &[&(&Record, &Addition)],
    ) -> io::Result<()> {
        let dir = self.root.subdirectory_or_create(DIRECTORY)?;
        let _alone = locks.alone(Alone::Pickles).map_err(io::Error::other)?;
        let mut files = self.files.lock();
        files.catch_up(&dir, name)?;
        match files.known.get(name) {
            None => node_file::create(&self.root, &dir, name)?,
            // What has another name as well is not changed where it stands.
            Some(file) if !file.is_sound || file.is_wasteful() || is_shared(&dir, name)? => {
                file.rewrite(&self.root, &dir, name, &|_| true)?;
            }
            Some(_) => {}
        }
        files.catch_up(&dir, name)?;
        let file = files.known.get(name).ok_or(io::ErrorKind::NotFound)?;
        let first = file.entries.len() as u32;
        let added = written(additions, first, |digest| file.number_of(digest));
        if added.is_empty() {
            return Ok(());
        }
        file.append(&dir, name, &added)?;
        self.grown.fetch_add(added.len() as u64, Ordering::Relaxed);
        files.catch_up(&dir, name)
    }

    fn arrived(&self, additions: &[&(&Record, &Addition)]) {
        let pending = &mut *self.pending.lock();
        for (record, addition) in additions {
            let digest = &record.output.digest;
            if addition.bytes.is_some()
                && let Some((_, times)) = pending.outputs.get_mut(digest)
            {
                *times -= 1;
                if *times == 0
                    && let Some((bytes, _)) = pending.outputs.remove(digest)
                {
                    pending.size -= bytes.len();
                }
            }
        }
    }

    /// Writes anew the files that have entries which are not to be kept, by their signatures and times. One whose
    /// output is `named` stays where no other entry has that.
    pub(crate) fn retain(
        &self,
        locks: &Arc<Locks>,
        keep: &dyn Fn(&Signature, i64) -> bool,
        named: &dyn Fn(&Digest) -> bool,
    ) -> io::Result<()> {
        let _alone = locks.alone(Alone::Pickles).map_err(io::Error::other)?;
        self.look()?;
        let mut files = self.files.lock();
        if files.known.is_empty() {
            return Ok(());
        }
        let dir = self.root.subdirectory(DIRECTORY)?;
        let stays = |header: &Header| keep(&header.signature(), header.created_ms);
        let names: Vec<String> = files.known.keys().cloned().collect();
        for name in &names {
            let file = &files.known[name];
            let staying = file.current().filter(|(header, _)| stays(header));
            let had: FxHashSet<Digest> = staying.map(|(header, _)| header.digest).collect();
            let keep = |header: &Header| {
                stays(header) || named(&header.digest) && !had.contains(&header.digest)
            };
            let kept = file.current().filter(|(header, _)| keep(header)).count();
            if kept == file.entries.len() && file.is_sound {
                continue;
            }
            if kept == 0 || !file.rewrite(&self.root, &dir, name, &keep)? {
                dir.remove_tree(name)?;
            }
            files.catch_up(&dir, name)?;
        }
        Ok(())
    }

    /// The bytes that entries take, by their signatures.
    pub(crate) fn sizes(&self) -> FxHashMap<Signature, u64> {
        let files = self.files.lock();
        let entries = files.known.values().flat_map(|file| &file.entries);
        let mut sizes = FxHashMap::default();
        for (header, place) in entries {
            *sizes.entry(header.signature()).or_default() += place.end - place.start;
        }
        sizes
    }

    /// Hashes all outputs in all files; tells each with the bytes it has, or what is wrong with a file or an output.
    pub(crate) fn verify(&self, tell: &mut Tell<'_>) {
        if let Err(error) = self.look() {
            return tell("", None, Err(error.to_string()));
        }
        let files = self.files.lock();
        let Ok(dir) = self.root.subdirectory(DIRECTORY) else {
            return;
        };
        for (name, file) in &files.known {
            if !file.is_sound {
                tell(
                    name,
                    None,
                    Err("not all of it was written by refrain".into()),
                );
            }
            for (header, place) in file.current() {
                if place.bytes.is_none() {
                    continue;
                }
                let told = match file.load(&dir, name, &header.digest) {
                    Some(Ok(bytes)) => Ok(bytes.len() as u64),
                    Some(Err(damage)) => Err(damage.to_string()),
                    None => Err("it cannot be read".into()),
                };
                tell(name, Some(&header.node), told);
            }
        }
    }
}

/// Says whether a file has more names than this one.
fn is_shared(dir: &Root, name: &str) -> io::Result<bool> {
    let found = dir.stat(name)?;
    Ok(found.is_some_and(|found| found.is_file() && found.nlink() > 1))
}

impl Files {
    fn load(&self, dir: &Root, name: &str, digest: &Digest) -> Option<Result<Vec<u8>, Damage>> {
        self.known.get(name)?.load(dir, name, digest)
    }

    fn read(&mut self, dir: &Root, name: &str) -> io::Result<()> {
        self.forget(name);
        self.catch_up(dir, name)
    }

    fn catch_up(&mut self, dir: &Root, name: &str) -> io::Result<()> {
        let file = match self.known.remove(name) {
            Some(known) => known.caught_up(dir, name)?,
            None => NodeFile::read(dir, name)?,
        };
        let Some(file) = file else {
            return Ok(());
        };
        let of_file: Arc<str> = name.into();
        let digests = file.digests().copied();
        self.by_digest
            .extend(digests.map(|digest| (digest, Arc::clone(&of_file))));
        self.known.insert(name.to_owned(), file);
        Ok(())
    }

    fn forget(&mut self, name: &str) {
        self.known.remove(name);
        self.by_digest.retain(|_, file| **file != *name);
    }
}
