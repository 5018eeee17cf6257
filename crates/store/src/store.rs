//! The facade: one cache directory.
//!
//! Says in which order the rooms below are asked, and nothing else. Its groups of calls have rooms of their own.

mod archive;
mod clear;
mod contents;
mod fetching;
mod files;
mod gc;
mod history;
mod limits;
mod lists;
mod outputs;
mod pickled;
mod portable;
mod statistics;
mod tiers;
mod trees;
mod usage;
mod verify;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::debug;

use crate::access::Access;
use crate::blobs::Blobs;
use crate::claim::{Claim, Claimed, Frozen, Locks, unlocked};
use crate::codec::Codec;
use crate::collect::Limits;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::index::Index;
use crate::options::Options;
use crate::pickles::{Addition, Pickles};
use crate::placed::Placed;
use crate::record::{Lookup, Record};
use crate::root::{Disk, Identity, Plain, Root};
use crate::slot::{self, OwnSlot};
use crate::sources::Sources;
use crate::spare::Spare;
use crate::tiered::Tiered;
use crate::trees::Trees;
use crate::upload::{Parcel, Uploads};
use crate::writer::{Message, Writer};
use portable::Known;
use tiers::Asked;

pub use archive::Carried;
pub use tiers::{Missing, Wanted};
pub use verify::{Finding, Progress, Verified};

/// The lock file of [`Store::claim`]. It stays empty.
const LOCKS: &str = "claims.lock";

/// Small files that other tools look for: backups leave the directory out, git ignores it.
const MARKS: [(&str, &str); 2] = [
    (
        "CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n\
         # This directory holds a cache made by refrain; it may be deleted at any time.\n\
         # For information about cache directory tags see https://bford.info/cachedir/\n",
    ),
    (".gitignore", "*\n"),
];

/// One cache directory, shared by threads and processes.
///
/// Dropping it writes what is queued.
#[derive(Debug)]
pub struct Store {
    // Dropped first: what is still to go is read from all that is below.
    uploads: Option<Uploads>,
    // Dropped next, so that its last transactions still find everything below open.
    writer: Option<Writer>,
    root: Arc<Root>,
    index: Arc<Index>,
    blobs: Arc<Blobs>,
    trees: Trees,
    pickles: Arc<Pickles>,
    sources: Sources,
    slot: OwnSlot,
    placed: Placed,
    spare: Spare,
    /// What [`Store::keep_limits`] keeps.
    limits: Option<Limits>,
    max_entry_size: Option<u64>,
    /// Others were told that there may be blobs without a record.
    writing: Mutex<bool>,
    /// The state of `metadata.json` and the pipelines in it, as last written or read.
    snapshot: Mutex<Option<Known>>,
    /// The signatures of records that were written or discarded since the last snapshot.
    made_anew: Mutex<FxHashSet<Signature>>,
    /// A run was queued since somebody last waited for runs.
    runs_queued: AtomicBool,
    tiered: Arc<Tiered>,
    asked: Mutex<Asked>,
    /// Some key is not being asked for any more.
    answered: Condvar,
    /// Some output counts as present of which a tier has a blob, and the directory not yet.
    owed: AtomicBool,
    /// Blobs that are on their way.
    fetching: Mutex<FxHashMap<Digest, Arc<Mutex<()>>>>,
}

impl Store {
    /// The most bytes an output may have to be kept inside its record, without a blob.
    pub const INLINE: usize = 4096;

    /// Opens the cache directory `dir`, creating it where it is missing.
    ///
    /// Damage is healed or put aside and no error. Where the directory can be read and not written,
    /// hits are served and [`Store::problem`] says why nothing is stored; where its records are of a
    /// newer format, it is left untouched and nothing is found in it. Fails when nothing can be read.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, &Options::default())
    }

    /// Does what [`Store::open`] does, as `options` say.
    pub fn open_with(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::open_on(&Plain, dir, options)
    }

    /// Does what [`Store::open_with`] does; `disk` is told of every change below the directory.
    #[allow(
        clippy::disallowed_methods,
        reason = "the directory itself stands outside of what it holds"
    )]
    pub(crate) fn open_on(
        disk: &'static dyn Disk,
        dir: &Path,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let unusable = |operation, source| StoreError::Unusable {
            operation,
            path: dir.to_owned(),
            source,
            advice: "make it a directory that can be written, or choose another cache directory",
        };
        match std::fs::create_dir_all(dir) {
            Err(error) if !dir.is_dir() => return Err(unusable("create", error)),
            _ => {}
        }
        let root = Arc::new(Root::open_on(disk, dir).map_err(|error| unusable("open", error))?);
        let (access, problem) = match prepare(&root, options.patience) {
            Ok(locks) => (Access::Write(locks), None),
            Err(source) => {
                let path = dir.to_owned();
                (Access::Read, Some(StoreError::ReadOnly { path, source }))
            }
        };
        let index = Arc::new(Index::open(
            Arc::clone(&root),
            access,
            problem,
            options.key.clone(),
        )?);
        let grown = Arc::clone(&index.grown);
        let pickles = Arc::new(Pickles::new(Arc::clone(&root), Arc::clone(&grown)));
        let writer = match index.locks() {
            Some(_) => Some(
                Writer::start(Arc::clone(&index), Arc::clone(&pickles))
                    .map_err(|error| unusable("start the writer thread of", error))?,
            ),
            None => None,
        };
        let blobs = Blobs::new(Arc::clone(&root), Arc::clone(&pickles), grown);
        let blobs = Arc::new(blobs);
        let tiered = Arc::new(Tiered::new(&options.tiers));
        Ok(Self {
            uploads: tiered.has_writable().then(|| {
                let (tiered, index) = (Arc::clone(&tiered), Arc::clone(&index));
                Uploads::new(tiered, index, Arc::clone(&blobs), options.upload_limit)
            }),
            tiered,
            asked: Mutex::default(),
            answered: Condvar::new(),
            owed: AtomicBool::new(false),
            fetching: Mutex::default(),
            writer,
            blobs,
            trees: Trees::new(Arc::clone(&root)),
            pickles,
            root,
            index,
            sources: Sources::new(options.key.clone()),
            slot: OwnSlot::default(),
            placed: Placed::default(),
            spare: Spare::default(),
            limits: options.limits,
            max_entry_size: options.max_entry_size,
            writing: Mutex::default(),
            snapshot: Mutex::default(),
            made_anew: Mutex::default(),
            runs_queued: AtomicBool::new(false),
        })
    }

    /// Finds the newest record of `signature`: one committed by this process at once, one of another
    /// process at the latest after a [`Store::claim`] that was granted later.
    pub fn find(&self, signature: &Signature) -> Lookup {
        self.index.find(Key::Signature, signature)
    }

    /// Finds the newest record by its resolved signature, as [`Store::find`] does.
    pub fn find_resolved(&self, resolved: &Signature) -> Lookup {
        self.index.find(Key::Resolved, resolved)
    }

    /// Queues `record` and the texts its leaves name; [`Store::find`] sees it at once. The claim is
    /// released when the record is in the database, or could not be put there. It is sealed where there is a key,
    /// and has no seal otherwise: what it was copied from may say something else.
    pub fn commit(&self, mut record: Record, notes: Vec<(Digest, Arc<str>)>, claim: Option<Claim>) {
        record.seal = self.index.seal(&record);
        self.keep_and_tell(Arc::new(record), notes, claim, None);
    }

    fn keep_and_tell(
        &self,
        record: Arc<Record>,
        notes: Vec<(Digest, Arc<str>)>,
        claim: Option<Claim>,
        addition: Option<Addition>,
    ) {
        if let Some(uploads) = &self.uploads
            && record.output.codec != Codec::NONE
        {
            uploads.queue(Parcel::Made(Arc::clone(&record), notes.clone()));
        }
        self.keep(record, notes, claim, addition, None);
    }

    /// Does what [`Store::commit`] does with a record that was made elsewhere, and keeps its seal. The error is a
    /// sentence that says why it is not accepted.
    pub fn receive(
        &self,
        record: Record,
        notes: Vec<(Digest, Arc<str>)>,
        claim: Option<Claim>,
    ) -> Result<(), String> {
        self.accepts(&record)?;
        self.keep(Arc::new(record), notes, claim, None, None);
        Ok(())
    }

    /// Says whether a record from elsewhere may be used: with a key, whether a holder made it. The error is a
    /// sentence.
    pub fn accepts(&self, record: &Record) -> Result<(), String> {
        self.index.accepts(record)
    }

    /// Does what [`Store::commit`] does, and tells no tier. `origin` is the tier that it came from.
    fn keep(
        &self,
        record: Arc<Record>,
        notes: Vec<(Digest, Arc<str>)>,
        claim: Option<Claim>,
        addition: Option<Addition>,
        origin: Option<Arc<str>>,
    ) {
        let Some(writer) = &self.writer else { return };
        self.made_anew.lock().insert(record.signature);
        let new = self.index.remember(&record);
        writer.queue(Message::Record {
            record,
            notes,
            claim,
            new,
            origin,
            addition,
        });
    }

    /// Forgets the record of `signature`, whose output turned out missing or damaged. At once for this
    /// process, for others when it is written.
    pub fn discard(&self, signature: &Signature) {
        self.index.hide(signature);
        self.made_anew.lock().insert(*signature);
        if let Some(writer) = &self.writer {
            writer.queue(Message::Discard(*signature));
        }
    }

    /// Claims the making of the record of `key` for this process.
    ///
    /// After a claim was granted, [`Store::find`] sees what other processes committed before. Claims are
    /// between processes (and between stores): within one store the same key may be claimed twice.
    pub fn claim(&self, key: &Signature) -> Claimed {
        let Some(locks) = self.index.locks() else {
            return Claimed::Mine(unlocked());
        };
        let claimed = locks.claim(key);
        if let Claimed::Mine(_) = claimed {
            self.index.refresh();
        }
        claimed
    }

    /// The note of this digest.
    pub fn note(&self, digest: &Digest) -> Option<Arc<str>> {
        self.flush();
        self.index.ask(|database| database.note(digest)).ok()?
    }

    /// The digest and size of a source file outside the cache directory.
    ///
    /// A file that is known and unchanged is not read. Fails when it cannot be read, is no regular file,
    /// or keeps changing while it is read.
    pub fn file_digest(&self, path: &Path) -> io::Result<(Digest, u64)> {
        let key = path.as_os_str().as_encoded_bytes();
        let recall = || self.index.ask(|database| database.file(key)).ok()?;
        let keep = |entry| {
            if let Some(writer) = &self.writer {
                writer.queue(Message::SourceFile(path.to_owned(), entry));
            }
        };
        self.sources.digest(path, SystemTime::now(), recall, keep)
    }

    /// Reads what is known of these source files, many at once, for calls of [`Store::file_digest`] that follow.
    pub fn recall_files<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        self.sources.recall(paths, |from, limit, each| {
            let from = from.as_os_str().as_encoded_bytes();
            let read = self.index.ask(|database| database.files(from, limit, each));
            read.is_ok()
        });
    }

    /// Returns when everything queued is committed, or could not be.
    pub fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }

    /// The first problem with writing since open.
    pub fn problem(&self) -> Option<Arc<StoreError>> {
        self.index.problem()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue_used();
    }
}

/// Opens the lock file and takes a lock on the directory as a whole; `None` where that is refused.
fn with_locks(
    root: &Root,
    patience: Duration,
    take: impl Fn(&Locks) -> bool,
) -> io::Result<Option<Arc<Locks>>> {
    loop {
        let file = root.read_write(LOCKS)?;
        let identity = Identity::of(&file.metadata()?);
        let locks = Locks::new(root, file, patience);
        if !take(&locks) {
            return Ok(None);
        }
        // Whoever cleared the directory meanwhile has removed the file with the lock.
        let standing = root.regular(LOCKS)?;
        if standing.is_some_and(|standing| standing.same_bytes(&identity)) {
            return Ok(Some(locks));
        }
    }
}

/// Makes the directory ready for writing; an error means that it cannot be.
fn prepare(root: &Root, patience: Duration) -> io::Result<Arc<Locks>> {
    if matches!(root.regular(LOCKS), Err(ref error) if error.kind() == io::ErrorKind::InvalidInput)
    {
        root.remove(LOCKS)?;
    }
    let opened = with_locks(root, patience, |locks| locks.open().is_ok())?;
    let locks = opened.ok_or_else(|| io::Error::new(io::ErrorKind::WouldBlock, Frozen))?;
    let marks = MARKS
        .iter()
        .try_for_each(|(name, text)| match root.stat(name)? {
            Some(_) => Ok(()),
            None => root
                .replace(root, name, 0o644, |file| file.write_all(text.as_bytes()))
                .map(drop),
        });
    let tidied = marks
        .and_then(|()| root.sweep(SystemTime::now()))
        .and_then(|()| slot::sweep(root, &locks));
    if let Err(error) = tidied {
        debug!(%error, "the cache directory is not tidy");
    }
    Ok(locks)
}
