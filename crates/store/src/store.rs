//! The facade: one cache directory.
//!
//! Says in which order the rooms below are asked, and nothing else.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tracing::debug;

use crate::access::Access;
use crate::blobs::Blobs;
use crate::claim::{Alone, Claim, Claimed, Locks, unlocked};
use crate::codec::Codec;
use crate::database::Key;
use crate::digest::{Digest, Signature};
use crate::error::{Damage, StoreError};
use crate::index::Index;
use crate::record::{Lookup, Output, Record, RunEntry};
use crate::root::Root;
use crate::snapshot::{self, Standing, Visit};
use crate::sources::Sources;
use crate::writer::{Message, Writer};

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

/// The fact under which the last seen state of `metadata.json` is kept.
const SNAPSHOT_FACT: &str = "snapshot";

/// One cache directory, shared by threads and processes.
///
/// Dropping it writes what is queued.
#[derive(Debug)]
pub struct Store {
    // Dropped first, so that its last transactions still find everything below open.
    writer: Option<Writer>,
    root: Arc<Root>,
    index: Arc<Index>,
    blobs: Blobs,
    sources: Sources,
    /// The state of `metadata.json` and the pipelines in it, as last written or read.
    snapshot: Mutex<Option<Known>>,
    /// A run was queued since somebody last waited for runs.
    runs_queued: AtomicBool,
}

/// What is in `metadata.json` as long as the file is in this state.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Known {
    state: String,
    pipelines: BTreeSet<String>,
}

impl Store {
    /// The most bytes an output may have to be kept inside its record, without a blob.
    pub const INLINE: usize = 4096;

    /// Opens the cache directory `dir`, creating it where it is missing.
    ///
    /// Damage is healed or put aside and no error. Where the directory can be read and not written,
    /// hits are served and [`Store::problem`] says why nothing is stored; where its records are of a
    /// newer format, it is left untouched and nothing is found in it. Fails when nothing can be read.
    #[allow(
        clippy::disallowed_methods,
        reason = "the directory itself stands outside of what it holds"
    )]
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
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
        let root = Arc::new(Root::open(dir).map_err(|error| unusable("open", error))?);
        let (access, problem) = match prepare(&root) {
            Ok(locks) => (Access::Write(locks), None),
            Err(source) => {
                let path = dir.to_owned();
                (Access::Read, Some(StoreError::ReadOnly { path, source }))
            }
        };
        let index = Arc::new(Index::open(Arc::clone(&root), access, problem)?);
        let writer = match index.locks() {
            Some(_) => Some(
                Writer::start(Arc::clone(&index))
                    .map_err(|error| unusable("start the writer thread of", error))?,
            ),
            None => None,
        };
        Ok(Self {
            writer,
            blobs: Blobs::new(Arc::clone(&root)),
            root,
            index,
            sources: Sources::default(),
            snapshot: Mutex::default(),
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

    /// Says, without reading them, whether the bytes of `output` seem to be there: inline, or a regular
    /// file of the right size.
    pub fn present(&self, output: &Output) -> Result<(), Damage> {
        match &output.inline {
            Some(bytes) => inline_size(output, bytes),
            None => self.blobs.present(&output.digest, output.size),
        }
    }

    /// Loads the bytes of `output`, verified against its digest. Never gives other bytes.
    pub fn load(&self, output: &Output) -> Result<Vec<u8>, Damage> {
        let Some(bytes) = &output.inline else {
            return self.blobs.load(&output.digest, output.size);
        };
        inline_size(output, bytes)?;
        match Digest::of(bytes) == output.digest {
            true => Ok(bytes.to_vec()),
            false => Err(Damage::Corrupt(format!(
                "the bytes kept with the record are not those of {}",
                output.digest
            ))),
        }
    }

    /// Stores `bytes`: inside the output when there are at most [`Store::INLINE`] of them, else as a blob
    /// that is complete on disk when this returns. Fails without a trace when the disk is full; the next
    /// call is tried as if nothing had been.
    pub fn write(&self, bytes: &[u8], codec: Codec) -> Result<Output, StoreError> {
        let digest = Digest::of(bytes);
        let inline = (bytes.len() <= Self::INLINE).then(|| bytes.into());
        if inline.is_none() {
            if self.writer.is_none()
                && let Some(problem) = self.problem()
            {
                return Err(StoreError::Known(problem));
            }
            self.blobs
                .write(&digest, bytes)
                .map_err(|error| StoreError::Known(self.index.set_problem(error)))?;
        }
        Ok(Output {
            digest,
            size: bytes.len() as u64,
            codec,
            inline,
        })
    }

    /// Queues `record` and the texts its leaves name; [`Store::find`] sees it at once. The claim is
    /// released when the record is in the database, or could not be put there.
    pub fn commit(&self, record: Record, notes: Vec<(Digest, Arc<str>)>, claim: Option<Claim>) {
        let Some(writer) = &self.writer else { return };
        let record = Arc::new(record);
        let new = self.index.remember(&record);
        writer.queue(Message::Record {
            record,
            notes,
            claim,
            new,
        });
    }

    /// Forgets the record of `signature`, whose output turned out missing or damaged. At once for this
    /// process, for others when it is written.
    pub fn discard(&self, signature: &Signature) {
        self.index.hide(signature);
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

    /// The record of the node's last signature in this pipeline, as [`Store::finish_run`] was told it.
    pub fn latest(&self, pipeline: &str, node: &str) -> Option<Arc<Record>> {
        match self.find(&self.latest_signature(pipeline, node)?) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent | Lookup::Damaged(_) => None,
        }
    }

    /// The node's last signature in this pipeline.
    pub fn latest_signature(&self, pipeline: &str, node: &str) -> Option<Signature> {
        self.await_runs();
        self.index
            .ask(|database| database.latest(pipeline, node))
            .ok()?
    }

    /// The last signature of every node of this pipeline.
    pub fn latest_signatures(&self, pipeline: &str) -> Vec<(Arc<str>, Signature)> {
        self.await_runs();
        self.index
            .ask(|database| database.all_latest(pipeline))
            .unwrap_or_default()
    }

    /// The state that the pipeline's last run was said to have left.
    pub fn state(&self, pipeline: &str) -> Option<Digest> {
        self.await_runs();
        self.index.ask(|database| database.state(pipeline)).ok()?
    }

    /// Waits for runs that are queued; records that are queued are found anyhow.
    fn await_runs(&self) {
        if self.runs_queued.swap(false, Ordering::AcqRel) {
            self.flush();
        }
    }

    /// Says whether this pipeline was ever run here.
    pub fn has_latest(&self, pipeline: &str) -> bool {
        self.await_runs();
        self.index
            .ask(|database| database.has_latest(pipeline))
            .unwrap_or(false)
    }

    /// Queues a row of the run history, the last signatures of those nodes of its pipeline that have
    /// new ones, and a digest that stands for the state it left: a later run that finds the same state
    /// has no new signatures to tell.
    pub fn finish_run(&self, run: RunEntry, latest: Vec<(Arc<str>, Signature)>, state: Digest) {
        if let Some(writer) = &self.writer {
            writer.queue(Message::Run(run, latest, state));
            self.runs_queued.store(true, Ordering::Release);
        }
    }

    /// Writes the pipeline's section of `metadata.json` from the records of `nodes`; the sections of
    /// other pipelines are kept. Nodes without a record are left out.
    pub fn snapshot(
        &self,
        pipeline: &str,
        nodes: &mut dyn Iterator<Item = (Arc<str>, Signature)>,
    ) -> Result<(), StoreError> {
        let (Some(writer), Some(locks)) = (&self.writer, self.index.locks()) else {
            return match self.problem() {
                Some(problem) => Err(StoreError::Known(problem)),
                None => Ok(()),
            };
        };
        writer.flush();
        // Nodes of the same signature share a record.
        let mut names: FxHashMap<Signature, Vec<Arc<str>>> = FxHashMap::default();
        for (node, signature) in nodes {
            names.entry(signature).or_default().push(node);
        }
        let nodes = |visit: &mut Visit<'_>| {
            self.index.each(&names, |names, record| {
                names.iter().for_each(|name| visit(name, record));
            });
        };
        let _alone = locks.alone(Alone::Snapshot);
        let others = match snapshot::read(&self.root) {
            Standing::Nothing => Default::default(),
            Standing::Sections(sections, _) => sections,
            Standing::Newer(found) => {
                let problem = snapshot::newer(&self.root, found);
                return Err(StoreError::Known(self.index.set_problem(problem)));
            }
        };
        let note = |digest: &Digest| self.note(digest);
        let identity = snapshot::write(&self.root, &others, pipeline, nodes, note)
            .map_err(|error| StoreError::Known(self.index.set_problem(error)))?;
        let names = others.into_keys().chain([pipeline.to_owned()]);
        self.know_snapshot(format!("{identity:?}"), names.collect());
        Ok(())
    }

    /// Says whether `metadata.json` is missing, damaged or lacks the pipeline. False where it could not
    /// be written anyway.
    pub fn needs_snapshot(&self, pipeline: &str) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let Ok(Some(identity)) = self.root.regular(snapshot::FILE) else {
            return true;
        };
        let state = format!("{identity:?}");
        if let Some(known) = &*self.snapshot.lock()
            && known.state == state
        {
            return !known.pipelines.contains(pipeline);
        }
        let fact = self.index.ask(|database| database.fact(SNAPSHOT_FACT));
        if let Ok(Some(text)) = fact
            && let Ok(known) = serde_json::from_str::<Known>(&text)
            && known.state == state
        {
            return !self
                .snapshot
                .lock()
                .insert(known)
                .pipelines
                .contains(pipeline);
        }
        match snapshot::read(&self.root) {
            Standing::Nothing => true,
            Standing::Newer(_) => false,
            Standing::Sections(sections, identity) => {
                let needed = !sections.contains_key(pipeline);
                self.know_snapshot(format!("{identity:?}"), sections.into_keys().collect());
                needed
            }
        }
    }

    /// The newest rows of the run history, newest first.
    pub fn runs(&self, limit: usize) -> Vec<RunEntry> {
        self.flush();
        self.index
            .ask(|database| database.runs(limit))
            .unwrap_or_default()
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

    fn know_snapshot(&self, state: String, pipelines: BTreeSet<String>) {
        let known = Known { state, pipelines };
        if let (Some(writer), Ok(text)) = (&self.writer, serde_json::to_string(&known)) {
            writer.queue(Message::Fact(SNAPSHOT_FACT, text));
        }
        *self.snapshot.lock() = Some(known);
    }
}

/// Makes the directory ready for writing; an error means that it cannot be.
fn prepare(root: &Root) -> io::Result<Arc<Locks>> {
    if matches!(root.regular(LOCKS), Err(ref error) if error.kind() == io::ErrorKind::InvalidInput)
    {
        root.remove(LOCKS)?;
    }
    let locks = Locks::new(root, root.read_write(LOCKS)?);
    let marks = MARKS
        .iter()
        .try_for_each(|(name, text)| match root.stat(name)? {
            Some(_) => Ok(()),
            None => root
                .replace(root, name, 0o644, |file| file.write_all(text.as_bytes()))
                .map(drop),
        });
    if let Err(error) = marks.and_then(|()| root.sweep(SystemTime::now())) {
        debug!(%error, "the cache directory is not tidy");
    }
    Ok(locks)
}

fn inline_size(output: &Output, bytes: &[u8]) -> Result<(), Damage> {
    match bytes.len() as u64 == output.size {
        true => Ok(()),
        false => Err(Damage::Corrupt(format!(
            "the record keeps {} bytes instead of {}",
            bytes.len(),
            output.size
        ))),
    }
}
