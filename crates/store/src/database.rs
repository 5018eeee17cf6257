//! The tables of `records.db` as Rust calls, over one connection: records here, the rest in rooms of their own.
//!
//! Knows statements and rows. Unaware of threads, queues and of what is not yet written.

mod beside;
mod collect;
mod history;
mod size;
mod statistics;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::body;
use crate::digest::{Digest, Signature};
use crate::record::{Part, Record};
use crate::root::{Change, Disk};
use crate::schema;

pub(crate) use collect::{Latest, Shared};
pub(crate) use size::{Collection, Use};

/// Which of its two keys a record is looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Signature,
    Resolved,
}

/// A record as it stands in its row.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    /// When it was last used, in milliseconds since 1970, to within a day.
    pub(crate) used_ms: i64,
    /// The bytes of its body.
    pub(crate) bytes: u64,
    pub(crate) record: Record,
}

/// What a row that was looked for turned out to be: a record or a reason why it cannot be used.
pub(crate) type Found = Option<Result<Stored, String>>;

/// The last use of a record is known to within this many milliseconds, a day: a hit rarely writes.
pub(crate) const USED_WITHIN: i64 = 86_400_000;

/// One connection and what is known about its file.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    disk: &'static dyn Disk,
    /// Parts by row number, as read.
    parts: FxHashMap<u64, Arc<Part>>,
    /// Row numbers of parts and digests of notes that are in the file until somebody collects.
    part_ids: FxHashMap<Digest, u64>,
    notes: FxHashSet<Digest>,
    /// The same for what the open transaction wrote; forgotten when it fails.
    new_part_ids: FxHashMap<Digest, u64>,
    new_notes: Vec<Digest>,
    pipelines: FxHashMap<Arc<str>, i64>,
    /// The fact that changes when somebody collected.
    collected: Option<String>,
    /// The clock of evictions, as it stood then.
    clock: f64,
    /// How many bytes the open transaction added to the records.
    grown: i64,
    /// `PRAGMA data_version` when last asked: it changes when another process committed.
    version: i64,
}

impl Database {
    /// Takes a connection; `disk` is told of changes.
    pub(crate) fn new(connection: Connection, disk: &'static dyn Disk) -> Self {
        Self {
            connection,
            disk,
            parts: FxHashMap::default(),
            part_ids: FxHashMap::default(),
            notes: FxHashSet::default(),
            new_part_ids: FxHashMap::default(),
            new_notes: Vec::new(),
            pipelines: FxHashMap::default(),
            collected: None,
            clock: 0.0,
            grown: 0,
            version: 0,
        }
    }

    pub(crate) fn begin(&mut self) -> rusqlite::Result<()> {
        tell(self.disk, Change::Begin)?;
        self.execute("BEGIN IMMEDIATE")
    }

    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        tell(self.disk, Change::Commit)?;
        self.execute("COMMIT")?;
        self.part_ids.extend(self.new_part_ids.drain());
        self.notes.extend(self.new_notes.drain(..));
        Ok(())
    }

    /// Brings the tables to this version, in the transaction that is open.
    pub(crate) fn migrate(&mut self) -> rusqlite::Result<()> {
        schema::migrate(&self.connection)
    }

    /// Moves what is in the write-ahead log into the file, as far as nobody is in the way.
    pub(crate) fn move_log(&mut self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Sets how long a statement waits for another process's transaction.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        // It cannot fail on an open connection; else it stays as it was.
        let _ = self.connection.busy_timeout(patience);
    }

    /// Leaves what is in the write-ahead log there when the connection closes.
    pub(crate) fn leave_log(&mut self) -> rusqlite::Result<()> {
        self.connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map(drop)
    }

    /// Takes back what the open transaction did, where there is one.
    pub(crate) fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // SQLite has rolled back on its own where this fails.
            let _ = self.execute("ROLLBACK");
        }
        self.new_part_ids.clear();
        self.new_notes.clear();
        self.pipelines.clear();
        self.parts.clear();
        self.grown = 0;
    }

    /// Finds the newest row with all bits of `key` that can be read and is `accepted`; else why the newest is not.
    pub(crate) fn find(
        &mut self,
        by: Key,
        key: &Signature,
        accepted: impl Fn(&Record) -> Result<(), String>,
    ) -> rusqlite::Result<Found> {
        let Self {
            connection, parts, ..
        } = self;
        let mut statement = connection.prepare_cached(match by {
            Key::Signature => {
                "SELECT id, signature, resolved, used_ms, body FROM records
                 WHERE signature = ?1 ORDER BY id DESC"
            }
            Key::Resolved => {
                "SELECT id, signature, resolved, used_ms, body FROM records
                 WHERE resolved = ?1 ORDER BY id DESC"
            }
        })?;
        let mut rows = statement.query([key.prefix().cast_signed()])?;
        let mut refused = None;
        while let Some(row) = rows.next()? {
            let signature = row.get::<_, i64>(1)?.cast_unsigned();
            let resolved = row.get::<_, i64>(2)?.cast_unsigned();
            let body = row.get_ref(4)?.as_blob()?;
            let is_it = match by {
                Key::Signature => body::signature_of(signature, body),
                Key::Resolved => body::resolved_of(resolved, body),
            };
            // A body too short to have a key may have been the one.
            if is_it.is_none_or(|found| found == *key) {
                let mut shared = |id| part(connection, parts, id);
                let read = body::decode(signature, resolved, body, &mut shared);
                match read.and_then(|record| accepted(&record).map(|()| record)) {
                    Ok(record) => {
                        return Ok(Some(Ok(Stored {
                            id: row.get(0)?,
                            used_ms: row.get(3)?,
                            bytes: body.len() as u64,
                            record,
                        })));
                    }
                    Err(reason) => refused = refused.or(Some(Err(reason))),
                }
            }
        }
        Ok(refused)
    }

    /// Hands out what each row with an id above `after` turns out to be, at most `limit` rows; the last id seen.
    /// A row too short for a signature is wanted as `None`.
    pub(crate) fn scan(
        &mut self,
        after: i64,
        limit: i64,
        wanted: impl Fn(Option<&Signature>) -> bool,
        mut each: impl FnMut(Result<Stored, String>),
    ) -> rusqlite::Result<Option<i64>> {
        let Self {
            connection, parts, ..
        } = self;
        let mut statement = connection.prepare_cached(
            "SELECT id, signature, resolved, used_ms, body FROM records
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query([after, limit])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            last = Some(id);
            let signature = row.get::<_, i64>(1)?.cast_unsigned();
            let resolved = row.get::<_, i64>(2)?.cast_unsigned();
            let body = row.get_ref(4)?.as_blob()?;
            let discarded = signature == 0 && body.iter().all(|byte| *byte == 0);
            if !discarded && wanted(body::signature_of(signature, body).as_ref()) {
                let mut shared = |id| part(connection, parts, id);
                let record = body::decode(signature, resolved, body, &mut shared);
                let (used_ms, bytes) = (row.get(3)?, body.len() as u64);
                each(record.map(|record| Stored {
                    id,
                    used_ms,
                    bytes,
                    record,
                }));
            }
        }
        Ok(last)
    }

    /// Writes a record with its parts and notes, used at the time `now`. `new`: no other row has its signature.
    /// `origin` names where it came from, if it was not made here.
    pub(crate) fn insert(
        &mut self,
        record: &Record,
        notes: &[(Digest, Arc<str>)],
        new: bool,
        origin: Option<&Arc<str>>,
        now_ms: i64,
    ) -> rusqlite::Result<()> {
        let shared = body::Shared {
            code: self.part_id(record.parts.code.as_deref())?,
            env: self.part_id(record.parts.env.as_deref())?,
        };
        let origin = self.origin_id(origin)?;
        let row = body::encode(record, shared);
        let bytes = row.body.len() as i64;
        self.connection
            .prepare_cached(
                "INSERT INTO records (signature, resolved, used_ms, body, clock, origin)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.signature.cast_signed(),
                row.resolved.cast_signed(),
                now_ms,
                row.body,
                self.clock,
                origin
            ])?;
        self.grown += bytes;
        if !new {
            // The new row is in before the old ones go: the highest id is never given out twice, which
            // is how other processes see what is new.
            let id = self.connection.last_insert_rowid();
            self.delete(&record.signature, Some(id))?;
        }
        for (digest, text) in notes {
            self.insert_note(digest, text)?;
        }
        Ok(())
    }

    /// Removes the record of `signature`.
    pub(crate) fn discard(&mut self, signature: &Signature) -> rusqlite::Result<()> {
        self.delete(signature, None)
    }

    /// Notes that the record with this id was used at a time, once for as long as [`USED_WITHIN`]. A last use that is
    /// yet to come was told by a clock that was wrong.
    pub(crate) fn set_used(&mut self, id: i64, now_ms: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE records SET used_ms = ?2, uses = uses + 1, clock = ?4
                 WHERE id = ?1 AND used_ms NOT BETWEEN ?2 - ?3 AND ?2 + ?3",
            )?
            .execute(params![id, now_ms, USED_WITHIN, self.clock])
            .map(drop)
    }

    /// Says whether the file's pages make sense. Reads all of them.
    pub(crate) fn is_sound(&mut self) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare("PRAGMA quick_check(1)")?;
        statement.query_row([], |row| Ok(row.get_ref(0)?.as_str()? == "ok"))
    }

    /// Says whether another connection committed since this was last asked.
    pub(crate) fn changed_elsewhere(&mut self) -> rusqlite::Result<bool> {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        let changed = std::mem::replace(&mut self.version, version) != version;
        if changed {
            self.notice_collection()?;
        }
        Ok(changed)
    }

    /// The highest id of a record; 0 when there is none. An upper bound of their number.
    pub(crate) fn last_id(&mut self) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("SELECT coalesce(max(id), 0) FROM records")?
            .query_row([], |row| row.get(0))
    }

    /// Hands out the prefixes of both keys of every record with an id above `after`.
    pub(crate) fn prefixes(
        &mut self,
        after: i64,
        mut each: impl FnMut(u64),
    ) -> rusqlite::Result<()> {
        // From the beginning, the two indexes are a tenth of what the table is.
        let sql: &[&str] = match after {
            0 => &[
                "SELECT signature FROM records",
                "SELECT resolved FROM records",
            ],
            _ => &[
                "SELECT signature FROM records WHERE id > ?1",
                "SELECT resolved FROM records WHERE id > ?1",
            ],
        };
        for sql in sql {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = match after {
                0 => statement.query([])?,
                _ => statement.query([after])?,
            };
            while let Some(row) = rows.next()? {
                each(row.get::<_, i64>(0)?.cast_unsigned());
            }
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Removes rows of `signature` other than `but`.
    fn delete(&mut self, signature: &Signature, but: Option<i64>) -> rusqlite::Result<()> {
        let (mut ids, mut gone) = (Vec::new(), 0);
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, body FROM records WHERE signature = ?1")?;
        let mut rows = statement.query([signature.prefix().cast_signed()])?;
        while let Some(row) = rows.next()? {
            let found = body::signature_of(signature.prefix(), row.get_ref(1)?.as_blob()?);
            let id = row.get::<_, i64>(0)?;
            if Some(id) != but && found.is_none_or(|found| found == *signature) {
                ids.push(id);
                gone += row.get_ref(1)?.as_blob()?.len() as i64;
            }
        }
        drop(rows);
        drop(statement);
        self.grown -= gone;
        let sql = match but {
            Some(_) => "DELETE FROM records WHERE id = ?1",
            // Its id stays taken, see `insert`. No key has the prefix 0 but with a chance of 2^-64, and
            // then the full comparison tells them apart.
            None => {
                "UPDATE records SET signature = 0, resolved = 0, body = zeroblob(50) WHERE id = ?1"
            }
        };
        for id in ids {
            self.connection.prepare_cached(sql)?.execute([id])?;
        }
        Ok(())
    }

    fn part_id(&mut self, part: Option<&Part>) -> rusqlite::Result<Option<u64>> {
        let Some(part) = part else { return Ok(None) };
        let hash = &part.hash;
        if let Some(id) = self
            .part_ids
            .get(hash)
            .or_else(|| self.new_part_ids.get(hash))
        {
            return Ok(Some(*id));
        }
        // A number is never given out twice, so that in a record it means one part for good. One whose
        // bytes were damaged is written anew.
        let id: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO parts (hash, body) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET body = excluded.body RETURNING id",
            )?
            .query_row(params![hash.as_bytes(), body::encode_part(part)], |row| {
                row.get(0)
            })?;
        let id = id.cast_unsigned();
        self.new_part_ids.insert(*hash, id);
        Ok(Some(id))
    }
}

/// Tells of a change to the database's file.
pub(crate) fn tell(disk: &dyn Disk, change: Change) -> rusqlite::Result<()> {
    disk.before(change, Path::new("")).map_err(|error| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
    })
}

/// The part of a row number; `None` when it is missing or damaged.
fn part(
    connection: &Connection,
    parts: &mut FxHashMap<u64, Arc<Part>>,
    id: u64,
) -> Option<Arc<Part>> {
    if let Some(part) = parts.get(&id) {
        return Some(Arc::clone(part));
    }
    let part = connection
        .prepare_cached("SELECT hash, body FROM parts WHERE id = ?1")
        .and_then(|mut statement| {
            statement.query_row([id.cast_signed()], |row| {
                let hash = Digest::from_bytes(row.get(0)?);
                Ok(body::decode_part(hash, row.get_ref(1)?.as_blob()?))
            })
        })
        .ok()??;
    let part = Arc::new(part);
    parts.insert(id, Arc::clone(&part));
    Some(part)
}
