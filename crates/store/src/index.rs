//! All records: those in the database, those on their way there, and those known to be absent.
//!
//! What is queued is found at once, and a key that is nowhere is answered from memory. Unaware of blobs
//! and of what a claim protects.

mod scan;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashSet;
use tracing::warn;

use crate::access::{self, Access};
use crate::claim::Locks;
use crate::database::{Database, Key, Stored};
use crate::digest::{Seal, Signature};
use crate::error::StoreError;
use crate::fields::millis;
use crate::opening;
use crate::recent::Recent;
use crate::record::{Lookup, Record};
use crate::root::Root;
use crate::seal::SealKey;

/// The prefixes of all keys are loaded when the misses would have paid for it: a scan reads about this
/// many rows in the time of one lookup.
const SCAN_SPEED: i64 = 16;

/// How long a statement waits for a process that was waited for in vain before.
const HURRIED: Duration = Duration::from_millis(5);

/// The records of one cache directory.
pub(crate) struct Index {
    /// Lock order: `transacting`, this one, `recent`. Closed before `access` gives the directory back: who clears it
    /// then is not to meet a log that is being removed.
    database: Mutex<Open>,
    pub(crate) root: Arc<Root>,
    access: Access,
    /// With it only records of its holders are found.
    key: Option<SealKey>,
    /// Held for as long as a transaction is open, for `database` is let go of between its steps.
    transacting: Mutex<()>,
    recent: Mutex<Recent>,
    /// SQLite met contents that cannot be; the writer opens anew before it writes again.
    suspect: AtomicBool,
    /// The file was checked as a whole, which is done once.
    checked: AtomicBool,
    problem: OnceLock<Arc<StoreError>>,
    /// Another process kept a transaction open for longer than one waits.
    hurried: AtomicBool,
    /// A transaction of this process is open, and what others committed before it is known.
    writing: AtomicBool,
    /// The bytes of blobs that came to be and were not counted yet.
    pub(crate) grown: Arc<AtomicU64>,
}

/// The database, and which file it is: another process may have put another one in its place.
struct Open {
    database: Database,
    file: Option<(u64, u64)>,
    /// Rows up to this id are in the set of prefixes, once that is loaded.
    last_id: i64,
}

impl Index {
    /// Opens the records below `root` for what `access` allows; with a key only those of its holders.
    pub(crate) fn open(
        root: Arc<Root>,
        access: Access,
        problem: Option<StoreError>,
        key: Option<SealKey>,
    ) -> Result<Self, StoreError> {
        let (access, database, problem) = access::open(&root, access, problem)?;
        let index = Self {
            database: Mutex::new(Open {
                database,
                file: access::file_of(&root),
                last_id: 0,
            }),
            root,
            access,
            key,
            transacting: Mutex::default(),
            recent: Mutex::default(),
            suspect: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            checked: AtomicBool::new(false),
            grown: Arc::default(),
            problem: OnceLock::new(),
            hurried: AtomicBool::new(false),
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
        if let Some(answer) = self.recent.lock().answer(by, key) {
            return answer;
        }
        let found = self.ask(|database| {
            let found = database.find(by, key, |record| self.accepts(record))?;
            if let (Key::Signature, Some(Ok(row))) = (by, &found) {
                self.read_on(database, row.id)?;
            }
            Ok(found)
        });
        match found {
            Ok(Some(Ok(row))) => {
                let mut recent = self.recent.lock();
                if recent.is_discarded(&row.record.signature) {
                    return Lookup::Absent;
                }
                recent.set_now(millis(SystemTime::now()));
                recent.note_use(row.id, row.used_ms);
                Lookup::Hit(Arc::new(row.record))
            }
            Ok(Some(Err(reason))) => {
                warn!(%key, reason, "a record cannot be used");
                Lookup::Damaged(reason)
            }
            Ok(None) => {
                let known = self.recent.lock().knows_absent();
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

    /// Says whether the record may be used; the error is a sentence.
    pub(crate) fn accepts(&self, record: &Record) -> Result<(), String> {
        self.key.as_ref().map_or(Ok(()), |key| key.accepts(record))
    }

    /// The seal of a record that is made here.
    pub(crate) fn seal(&self, record: &Record) -> Option<Seal> {
        self.key.as_ref().map(|key| key.seal(record))
    }

    /// Reads the rows after `id`, where they are likely to be asked for next.
    fn read_on(&self, database: &mut Database, id: i64) -> rusqlite::Result<()> {
        let Some(limit) = self.recent.lock().plan(id) else {
            return Ok(());
        };
        let mut rows = Vec::new();
        let accepted = |row: &Stored| self.accepts(&row.record).is_ok();
        let end = database.scan(
            id,
            limit,
            |_| true,
            |row| rows.extend(row.ok().filter(accepted)),
        )?;
        self.recent.lock().read_ahead(rows, end.unwrap_or(id));
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

    /// Forgets what was read ahead, and which keys are absent.
    pub(crate) fn start_afresh(&self) {
        self.recent.lock().start_over(false);
    }

    /// Asks the database; the error is a sentence, and contents that cannot be are remembered.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&mut Database) -> rusqlite::Result<T>,
    ) -> Result<T, String> {
        let mut open = self.database.lock();
        question(&mut open.database).map_err(|error| {
            self.hurry_after(&error, &mut open.database);
            self.read_error(&error)
        })
    }

    /// Makes `record` findable; says whether its signature was surely absent so far.
    pub(crate) fn remember(&self, record: &Arc<Record>) -> bool {
        self.recent.lock().remember(record)
    }

    /// Lets go of records that are in the database now, or will never be.
    pub(crate) fn let_go<'a>(&self, records: impl Iterator<Item = &'a Arc<Record>>) {
        let mut recent = self.recent.lock();
        records.for_each(|record| recent.let_go(record));
    }

    /// Hides the record of `signature` until [`Index::discarded`] says that it is gone.
    pub(crate) fn hide(&self, signature: &Signature) {
        self.recent.lock().hide(signature);
    }

    /// Lets go of a discarded record whose row is gone; one that was made again meanwhile stays known.
    pub(crate) fn discarded(&self, signature: &Signature) {
        self.recent.lock().gone(signature);
    }

    /// The rows whose last use is to be written down.
    pub(crate) fn take_used(&self) -> FxHashSet<i64> {
        self.recent.lock().take_used()
    }

    /// Learns what other processes committed since this was last asked.
    ///
    /// Does not wait for a transaction of this process: while it is open nobody else can commit, and
    /// what was committed before was learned when it began.
    pub(crate) fn refresh(&self) {
        if self.writing.load(Ordering::Acquire) {
            return;
        }
        let mut open = self.database.lock();
        let open = &mut *open;
        let changed = open.database.changed_elsewhere();
        let learned = changed.and_then(|changed| match changed {
            true => self.learn(open),
            false => Ok(()),
        });
        if let Err(error) = learned {
            // What is not known cannot be told absent.
            self.recent.lock().forget_prefixes();
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
                .unwrap_or_else(|| Arc::new(access::unreadable(&self.root))));
        };
        let _transacting = self.transacting.lock();
        let mut open = self.database.lock();
        for attempt in 0.. {
            let suspect = self.suspect.load(Ordering::Relaxed);
            if suspect || open.file != access::file_of(&self.root) {
                self.reopen(&mut open, locks, suspect)?;
            }
            let done = self.try_transaction(&mut open, steps, &mut step);
            self.writing.store(false, Ordering::Release);
            let Err(error) = done else {
                if self.hurried.swap(false, Ordering::Relaxed) {
                    open.database.set_patience(locks.patience());
                }
                return Ok(());
            };
            open.database.roll_back();
            self.hurry_after(&error, &mut open.database);
            // A row that was taken back may have been counted as seen, and its id is given out again.
            self.recent.lock().forget_prefixes();
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

    fn try_transaction(
        &self,
        open: &mut MutexGuard<'_, Open>,
        steps: usize,
        step: &mut impl FnMut(&mut Database, usize) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        open.database.begin()?;
        if open.database.changed_elsewhere()? {
            self.learn(open)?;
        }
        self.writing.store(true, Ordering::Release);
        for number in 0..steps {
            step(&mut open.database, number)?;
            // What a reader finds meanwhile of this transaction is this process's own.
            MutexGuard::bump(open);
        }
        self.writing.store(false, Ordering::Release);
        let grown = self.grown.load(Ordering::Relaxed);
        open.database.write_growth(grown)?;
        open.database.commit()?;
        self.grown.fetch_sub(grown, Ordering::Relaxed);
        Ok(())
    }

    /// Opens the file that stands there now, after moving it aside when it is the suspect one.
    fn reopen(
        &self,
        open: &mut Open,
        locks: &Arc<Locks>,
        suspect: bool,
    ) -> Result<(), Arc<StoreError>> {
        // Another process may have replaced the suspect already; then what stands there is fine.
        let suspect = suspect && open.file == access::file_of(&self.root);
        match access::open_writable(&self.root, locks, suspect) {
            Ok(database) => open.database = database,
            Err(error) => return Err(self.set_problem(error)),
        }
        open.file = access::file_of(&self.root);
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
        self.recent.lock().start_over(empty);
    }

    fn count_miss(&self) {
        let misses = self.recent.lock().count_miss();
        if misses % SCAN_SPEED != 0 {
            return;
        }
        let mut open = self.database.lock();
        if self.recent.lock().knows_absent() {
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
        let prefixes = match self.recent.lock().take_prefixes() {
            Some(prefixes) => prefixes,
            None => {
                open.last_id = 0;
                FxHashSet::default()
            }
        };
        let last_id = open.database.last_id()?;
        let mut new = FxHashSet::default();
        open.database.prefixes(open.last_id, |prefix| {
            new.insert(prefix);
        })?;
        open.last_id = last_id;
        self.recent.lock().add_prefixes(prefixes, &new);
        Ok(())
    }

    /// A process that kept its transaction open for so long may be stopped: it is waited for once, and not again for
    /// every statement.
    fn hurry_after(&self, error: &rusqlite::Error, database: &mut Database) {
        if opening::is_busy(error) && !self.hurried.swap(true, Ordering::Relaxed) {
            database.set_patience(HURRIED);
        }
    }

    fn read_error(&self, error: &rusqlite::Error) -> String {
        if opening::is_corruption(error) && !self.suspect.swap(true, Ordering::Relaxed) {
            warn!(%error, path = %self.root.path(opening::FILE).display(), "records are damaged");
        }
        format!("records cannot be read: {error}")
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        opening::before_closing(&self.root, &mut self.database.get_mut().database);
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
