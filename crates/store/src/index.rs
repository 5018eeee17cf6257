//! All records: those in the database, those on their way there, and those known to be absent.
//!
//! What is queued is found at once, and a key that is nowhere is answered from memory. Unaware of blobs
//! and of what a claim protects.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::warn;

use crate::ahead::Ahead;
use crate::claim::Locks;
use crate::database::{Database, Key};
use crate::digest::Signature;
use crate::error::StoreError;
use crate::opening;
use crate::record::{Lookup, Record};
use crate::root::Root;
use crate::snapshot;

/// The prefixes of all keys are loaded when the misses would have paid for it: a scan reads about this
/// many rows in the time of one lookup.
const SCAN_SPEED: i64 = 16;

/// Rows read under one lock when many are.
const SCAN_ROWS: i64 = 4096;

/// What may be done with the directory.
pub(crate) enum Access {
    /// Everything.
    Write(Arc<Locks>),
    /// Nothing is written: the directory cannot be, or its records are of a newer format.
    Read,
}

/// The records of one cache directory.
pub(crate) struct Index {
    pub(crate) root: Arc<Root>,
    access: Access,
    /// Lock order: this one, then `recent`.
    database: Mutex<Open>,
    recent: Mutex<Recent>,
    /// SQLite met contents that cannot be; the writer opens anew before it writes again.
    suspect: AtomicBool,
    /// The file was checked as a whole, which is done once.
    checked: AtomicBool,
    problem: OnceLock<Arc<StoreError>>,
}

/// The database, and which file it is: another process may have put another one in its place.
struct Open {
    database: Database,
    file: Option<(u64, u64)>,
    /// Rows up to this id are in the set of prefixes, once that is loaded.
    last_id: i64,
}

#[derive(Default)]
struct Recent {
    by_signature: FxHashMap<Signature, Arc<Record>>,
    by_resolved: FxHashMap<Signature, Arc<Record>>,
    /// Discarded, with the row still there.
    discarded: FxHashSet<Signature>,
    /// The first eight bytes of every key in the database, of both kinds. A key that is not in it is
    /// absent. `None`: not loaded yet.
    prefixes: Option<FxHashSet<u64>>,
    misses: i64,
    /// Rows that are likely to be asked for next.
    ahead: Ahead,
}

impl Index {
    /// Opens the records below `root` for what `access` allows.
    pub(crate) fn open(
        root: Arc<Root>,
        access: Access,
        problem: Option<StoreError>,
    ) -> Result<Self, StoreError> {
        let (access, database, problem) = match access {
            Access::Write(locks) => match open_writable(&root, &locks, false) {
                Ok(database) => (Access::Write(locks), database, problem),
                Err(error @ StoreError::Newer { .. }) => {
                    (Access::Read, in_memory(&root, |_| Ok(()))?, Some(error))
                }
                Err(error) => match readable(&root) {
                    Ok(Some(database)) => (Access::Read, database, Some(error)),
                    _ => return Err(error),
                },
            },
            Access::Read => match readable(&root) {
                Ok(Some(database)) => (Access::Read, database, problem),
                Ok(None) => return Err(problem.unwrap_or_else(|| unreadable(&root))),
                Err(error @ StoreError::Newer { .. }) => {
                    (Access::Read, in_memory(&root, |_| Ok(()))?, Some(error))
                }
                Err(error) => return Err(error),
            },
        };
        let index = Self {
            database: Mutex::new(Open {
                database,
                file: file_of(&root),
                last_id: 0,
            }),
            root,
            access,
            recent: Mutex::default(),
            suspect: AtomicBool::new(false),
            checked: AtomicBool::new(false),
            problem: OnceLock::new(),
        };
        if let Some(problem) = problem {
            index.set_problem(problem);
        }
        index.start_over(&mut index.database.lock());
        Ok(index)
    }

    pub(crate) fn locks(&self) -> Option<&Arc<Locks>> {
        match &self.access {
            Access::Write(locks) => Some(locks),
            Access::Read => None,
        }
    }

    pub(crate) fn problem(&self) -> Option<Arc<StoreError>> {
        self.problem.get().cloned()
    }

    /// Keeps the first problem with writing, for one warning.
    pub(crate) fn set_problem(&self, problem: StoreError) -> Arc<StoreError> {
        let problem = Arc::new(problem);
        if self.problem.set(Arc::clone(&problem)).is_ok() {
            warn!(%problem, "caching is impaired");
        }
        problem
    }

    pub(crate) fn find(&self, by: Key, key: &Signature) -> Lookup {
        {
            let mut recent = self.recent.lock();
            let pending = match by {
                Key::Signature => recent.by_signature.get(key),
                Key::Resolved => recent.by_resolved.get(key),
            };
            if let Some(record) = pending {
                return Lookup::Hit(Arc::clone(record));
            }
            let absent = recent
                .prefixes
                .as_ref()
                .is_some_and(|prefixes| !prefixes.contains(&key.prefix()));
            if absent || recent.discarded.contains(key) {
                return Lookup::Absent;
            }
            if by == Key::Signature
                && let Some(record) = recent.ahead.get(key)
            {
                return Lookup::Hit(record);
            }
        }
        let found = self.ask(|database| match database.find(by, key)? {
            None => Ok(None),
            Some((id, record)) => {
                if by == Key::Signature && record.is_ok() {
                    self.read_on(database, id)?;
                }
                Ok(Some(record))
            }
        });
        match found {
            Ok(Some(Ok(record))) => {
                match self.recent.lock().discarded.contains(&record.signature) {
                    true => Lookup::Absent,
                    false => Lookup::Hit(Arc::new(record)),
                }
            }
            Ok(Some(Err(reason))) => {
                warn!(%key, reason, "a record is damaged");
                Lookup::Damaged(reason)
            }
            Ok(None) => {
                let known = self.recent.lock().prefixes.is_some();
                match by {
                    _ if !known => self.count_miss(),
                    Key::Signature => self.check(),
                    // The record may have been discarded, by its signature.
                    Key::Resolved => {}
                }
                Lookup::Absent
            }
            Err(reason) => Lookup::Damaged(reason),
        }
    }

    /// Reads the rows after `id`, where they are likely to be asked for next.
    fn read_on(&self, database: &mut Database, id: i64) -> rusqlite::Result<()> {
        let Some(limit) = self.recent.lock().ahead.plan(id) else {
            return Ok(());
        };
        let mut records = Vec::new();
        let end = database.scan(id, limit, |_| true, |record| records.push(record))?;
        let mut recent = self.recent.lock();
        let recent = &mut *recent;
        let (pending, discarded) = (&recent.by_signature, &recent.discarded);
        let current = records.into_iter().filter(|record| {
            let key = &record.signature;
            !pending.contains_key(key) && !discarded.contains(key)
        });
        recent.ahead.fill(current, end.unwrap_or(id));
        Ok(())
    }

    /// Looks for damage that SQLite does not notice by itself, when a key that was seen is not found.
    ///
    /// A record that another process discarded has the same look, so this is done once.
    fn check(&self) {
        if !self.checked.swap(true, Ordering::Relaxed)
            && let Ok(false) = self.ask(Database::is_sound)
            && !self.suspect.swap(true, Ordering::Relaxed)
        {
            warn!(path = %self.root.path(opening::FILE).display(), "records are damaged");
        }
    }

    /// Hands out the records of the signatures in `wanted`; damaged ones are left out. Where there are
    /// several of one signature the newest comes last.
    pub(crate) fn each<T>(
        &self,
        wanted: &FxHashMap<Signature, T>,
        mut visit: impl FnMut(&T, &Record),
    ) {
        let rows = self.ask(Database::last_id).unwrap_or(0);
        let few = i64::try_from(wanted.len()).is_ok_and(|wanted| wanted < rows / SCAN_SPEED);
        if few {
            for (signature, what) in wanted {
                if let Lookup::Hit(record) = self.find(Key::Signature, signature) {
                    visit(what, &record);
                }
            }
            return;
        }
        let discarded = self.recent.lock().discarded.clone();
        let mut after = 0;
        loop {
            // In pieces, so that others have their turn.
            let scanned = self.ask(|database| {
                let wants = |signature: &Signature| {
                    wanted.contains_key(signature) && !discarded.contains(signature)
                };
                database.scan(after, SCAN_ROWS, wants, |record| {
                    if let Some(what) = wanted.get(&record.signature) {
                        visit(what, &record);
                    }
                })
            });
            match scanned {
                Ok(Some(last)) => after = last,
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// Asks the database; the error is a sentence, and contents that cannot be are remembered.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&mut Database) -> rusqlite::Result<T>,
    ) -> Result<T, String> {
        question(&mut self.database.lock().database).map_err(|error| self.read_error(&error))
    }

    /// Makes `record` findable; says whether its signature was surely absent so far.
    pub(crate) fn remember(&self, record: &Arc<Record>) -> bool {
        let mut recent = self.recent.lock();
        let recent = &mut *recent;
        let mut new = !recent.by_signature.contains_key(&record.signature);
        if !recent.discarded.is_empty() {
            recent.discarded.remove(&record.signature);
        }
        recent.ahead.forget(&record.signature);
        match &mut recent.prefixes {
            Some(prefixes) => {
                new &= prefixes.insert(record.signature.prefix());
                prefixes.insert(record.resolved.prefix());
            }
            None => new = false,
        }
        recent
            .by_signature
            .insert(record.signature, Arc::clone(record));
        recent
            .by_resolved
            .insert(record.resolved, Arc::clone(record));
        new
    }

    /// Lets go of a record that is in the database now, or will never be.
    pub(crate) fn let_go<'a>(&self, records: impl Iterator<Item = &'a Arc<Record>>) {
        let mut recent = self.recent.lock();
        for record in records {
            remove_same(&mut recent.by_signature, &record.signature, record);
            remove_same(&mut recent.by_resolved, &record.resolved, record);
        }
    }

    /// Hides the record of `signature` until [`Index::discarded`] says that it is gone.
    pub(crate) fn hide(&self, signature: &Signature) {
        let mut recent = self.recent.lock();
        if let Some(record) = recent.by_signature.remove(signature) {
            remove_same(&mut recent.by_resolved, &record.resolved, &record);
        }
        recent.ahead.forget(signature);
        recent.discarded.insert(*signature);
    }

    /// Lets go of a discarded record whose row is gone; one that was made again meanwhile stays known.
    pub(crate) fn discarded(&self, signature: &Signature) {
        let mut recent = self.recent.lock();
        if recent.discarded.remove(signature)
            && let Some(prefixes) = &mut recent.prefixes
        {
            prefixes.remove(&signature.prefix());
        }
    }

    /// Learns what other processes committed since this was last asked.
    pub(crate) fn refresh(&self) {
        let mut open = self.database.lock();
        let open = &mut *open;
        let changed = open.database.changed_elsewhere();
        let learned = changed.and_then(|changed| match changed {
            true => self.learn(open),
            false => Ok(()),
        });
        if let Err(error) = learned {
            // What is not known cannot be told absent.
            self.recent.lock().prefixes = None;
            self.read_error(&error);
        }
    }

    /// Does `steps` steps in one transaction, all or none; they are done again where the file had to be
    /// replaced under them. Other threads read between two steps.
    pub(crate) fn transaction(
        &self,
        steps: usize,
        mut step: impl FnMut(&mut Database, usize) -> rusqlite::Result<()>,
    ) -> Result<(), Arc<StoreError>> {
        let Access::Write(locks) = &self.access else {
            return Err(self
                .problem()
                .unwrap_or_else(|| Arc::new(unreadable(&self.root))));
        };
        let mut open = self.database.lock();
        for attempt in 0.. {
            let suspect = self.suspect.load(Ordering::Relaxed);
            if suspect || open.file != file_of(&self.root) {
                self.reopen(&mut open, locks, suspect)?;
            }
            let Err(error) = try_transaction(&mut open, steps, &mut step) else {
                return Ok(());
            };
            open.database.roll_back();
            // A row that was taken back may have been counted as seen, and its id is given out again.
            self.recent.lock().prefixes = None;
            if attempt == 0 && opening::is_corruption(&error) {
                self.suspect.store(true, Ordering::Relaxed);
                continue;
            }
            return Err(self.set_problem(StoreError::Database {
                operation: "write",
                path: self.root.path(opening::FILE),
                source: error,
            }));
        }
        unreachable!("the second attempt returns")
    }

    /// Opens the file that stands there now, after moving it aside when it is the suspect one.
    fn reopen(
        &self,
        open: &mut Open,
        locks: &Arc<Locks>,
        suspect: bool,
    ) -> Result<(), Arc<StoreError>> {
        // Another process may have replaced the suspect already; then what stands there is fine.
        let suspect = suspect && open.file == file_of(&self.root);
        match open_writable(&self.root, locks, suspect) {
            Ok(database) => open.database = database,
            Err(error) => return Err(self.set_problem(error)),
        }
        open.file = file_of(&self.root);
        self.suspect.store(false, Ordering::Relaxed);
        self.checked.store(false, Ordering::Relaxed);
        self.start_over(open);
        Ok(())
    }

    /// Forgets what is known of the file's keys; an empty file is known at once.
    fn start_over(&self, open: &mut Open) {
        open.last_id = 0;
        let empty = open
            .database
            .changed_elsewhere()
            .and_then(|_| open.database.last_id())
            .is_ok_and(|last| last == 0);
        let mut recent = self.recent.lock();
        recent.misses = 0;
        recent.ahead = Ahead::default();
        recent.prefixes = empty.then(FxHashSet::default);
        add_pending(&mut recent);
    }

    fn count_miss(&self) {
        let misses = {
            let mut recent = self.recent.lock();
            recent.misses += 1;
            recent.misses
        };
        if misses % SCAN_SPEED != 0 {
            return;
        }
        let mut open = self.database.lock();
        if self.recent.lock().prefixes.is_some() {
            return;
        }
        let due = open.database.last_id();
        if due.is_ok_and(|rows| misses > rows / SCAN_SPEED)
            && let Err(error) = self.learn(&mut open)
        {
            self.read_error(&error);
        }
    }

    /// Adds the keys of rows not seen yet to the set of prefixes.
    fn learn(&self, open: &mut Open) -> rusqlite::Result<()> {
        let mut prefixes = match self.recent.lock().prefixes.take() {
            Some(prefixes) => prefixes,
            None => {
                open.last_id = 0;
                FxHashSet::default()
            }
        };
        let last_id = open.database.last_id()?;
        open.database.prefixes(open.last_id, |prefix| {
            prefixes.insert(prefix);
        })?;
        open.last_id = last_id;
        let mut recent = self.recent.lock();
        recent.prefixes = Some(prefixes);
        // What was remembered while the set was away is in neither.
        add_pending(&mut recent);
        Ok(())
    }

    fn read_error(&self, error: &rusqlite::Error) -> String {
        if opening::is_corruption(error) && !self.suspect.swap(true, Ordering::Relaxed) {
            warn!(%error, path = %self.root.path(opening::FILE).display(), "records are damaged");
        }
        format!("records cannot be read: {error}")
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

fn try_transaction(
    open: &mut MutexGuard<'_, Open>,
    steps: usize,
    step: &mut impl FnMut(&mut Database, usize) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    open.database.begin()?;
    for number in 0..steps {
        step(&mut open.database, number)?;
        // What a reader finds meanwhile of this transaction is this process's own.
        MutexGuard::bump(open);
    }
    open.database.commit()
}

fn add_pending(recent: &mut Recent) {
    if let Some(prefixes) = &mut recent.prefixes {
        for record in recent.by_signature.values() {
            prefixes.insert(record.signature.prefix());
            prefixes.insert(record.resolved.prefix());
        }
    }
}

fn remove_same(
    records: &mut FxHashMap<Signature, Arc<Record>>,
    key: &Signature,
    record: &Arc<Record>,
) {
    if records
        .get(key)
        .is_some_and(|found| Arc::ptr_eq(found, record))
    {
        records.remove(key);
    }
}

/// Device and number of `records.db`.
fn file_of(root: &Root) -> Option<(u64, u64)> {
    let identity = root.regular(opening::FILE).ok()??;
    Some((identity.dev, identity.ino))
}

fn open_writable(root: &Root, locks: &Arc<Locks>, suspect: bool) -> Result<Database, StoreError> {
    opening::open(root, locks, suspect, |database| {
        snapshot::restore(root, database)
    })
}

/// What can be read where nothing can be written: the records, else the snapshot.
fn readable(root: &Root) -> Result<Option<Database>, StoreError> {
    if let Some(database) = opening::open_read_only(root)? {
        return Ok(Some(database));
    }
    match root.regular(snapshot::FILE) {
        Ok(Some(_)) => in_memory(root, |database| snapshot::restore(root, database)).map(Some),
        _ => Ok(None),
    }
}

fn in_memory(
    root: &Root,
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> Result<Database, StoreError> {
    opening::open_in_memory(fill).map_err(|source| StoreError::Database {
        operation: "open",
        path: root.path(opening::FILE),
        source,
    })
}

fn unreadable(root: &Root) -> StoreError {
    StoreError::Unusable {
        operation: "read",
        path: root.own_path().to_owned(),
        source: std::io::ErrorKind::PermissionDenied.into(),
        advice: "make it writable or choose another cache directory",
    }
}
