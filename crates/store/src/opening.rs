//! How `records.db` comes to be open: created, read, put aside when damaged, left alone when newer.
//!
//! All of it is done by one process at a time. What a row means is `database`'s business, and what the tables of each
//! version are is `schema`'s; this knows the file.

mod file;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_IOERR_SHORT_READ;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::{info, warn};

use crate::blobs;
use crate::claim::{Alone, Locks, PATIENCE};
use crate::database::{Database, tell};
use crate::error::StoreError;
use crate::root::{Change, Plain, Root};
use crate::schema::{self, APPLICATION, FORMAT, OLDEST};

use file::{COMPANIONS, File, PAGE, inspect, make_own, put_aside, remove_companions};
pub(crate) use file::{FILE, FILES};

/// A write-ahead log of up to this many bytes stays when the last process closes: moving it into the database waits for
/// the disk several times, and reading it at the next open takes a millisecond.
const SHORT_LOG: u64 = 1 << 19;

/// The most bytes of a row: what a run of millions of nodes changed.
const LARGEST: i32 = 1 << 28;

/// Opens `records.db` for writing, creating it, and replacing it where it is damaged or `suspect`.
///
/// `fill` puts what the snapshot knows into a new file, in the transaction that creates its tables.
pub(crate) fn open(
    root: &Root,
    locks: &Arc<Locks>,
    suspect: bool,
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> Result<Database, StoreError> {
    let alone = locks.alone(Alone::Opening);
    let _alone = alone.map_err(|frozen| StoreError::frozen("open", root.path(FILE), frozen))?;
    let io_error = |operation| {
        let path = root.path(FILE);
        move |source| StoreError::Io {
            operation,
            path,
            source,
        }
    };
    let mut reason = suspect.then(|| "damage was found in it".to_owned());
    make_own(root).map_err(io_error("copy"))?;
    match inspect(root).map_err(io_error("read"))? {
        File::Good => {}
        File::Absent => remove_companions(root).map_err(io_error("clean up beside"))?,
        File::Damaged(found) => reason = Some(found),
        File::Newer(found) => return Err(newer(root, found)),
    }
    for attempt in 0.. {
        if let Some(reason) = reason.take() {
            warn!(path = %root.path(FILE).display(), reason, "records are damaged and rebuilt from the snapshot");
            put_aside(root).map_err(io_error("move aside"))?;
        }
        match open_tables(root, locks, &fill) {
            Ok(database) => return Ok(database),
            Err(Refusal::Newer(found)) => return Err(newer(root, found)),
            Err(Refusal::Stuck(found, source)) => {
                return Err(StoreError::Migrate {
                    path: root.path(FILE),
                    found,
                    known: FORMAT,
                    source,
                });
            }
            Err(Refusal::Damaged(found)) if attempt == 0 => reason = Some(found),
            Err(Refusal::Damaged(found)) => {
                return Err(io_error("rebuild")(io::Error::other(found)));
            }
            Err(Refusal::Failed(source)) => {
                return Err(StoreError::Database {
                    operation: "open",
                    path: root.path(FILE),
                    source,
                });
            }
        }
    }
    unreachable!("the second attempt returns")
}

/// Opens `records.db` where nothing can or may be written: a file of this version, an older one as it is, a newer one
/// if it has tables that this version can read. `None` when there is nothing to be read.
pub(crate) fn open_read_only(root: &Root) -> Option<Database> {
    match inspect(root) {
        Ok(File::Good | File::Newer(_)) => {}
        Ok(File::Absent | File::Damaged(_)) | Err(_) => return None,
    }
    let path = root.path(FILE);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI;
    // With its companions there and readable all of it is seen; else what is in the file itself, which
    // nobody can change either.
    for query in ["", "?immutable=1"] {
        let opened = Connection::open_with_flags(uri(&path, query), flags).and_then(|connection| {
            settle(&connection, PATIENCE)?;
            let (application, found) = schema::version(&connection)?;
            let known = application == APPLICATION && found >= OLDEST;
            // Shows whether the file can be read at all.
            connection.query_row("SELECT count(*) FROM pipelines", [], |_| Ok(()))?;
            let usable = schema::is_plain(&connection)? && schema::is_readable(&connection);
            Ok((known && usable).then_some(connection))
        });
        if let Ok(Some(connection)) = opened {
            let mut database = Database::new(connection, root.disk());
            // A newer program's log is not this one's to move.
            let _ = database.leave_log();
            return Some(database);
        }
    }
    None
}

/// Makes a database ready to be closed. What it was created with does not stay in the log, so that the file by itself
/// tells its format.
pub(crate) fn before_closing(root: &Root, database: &mut Database) {
    let size = |name| Some(root.regular(name).ok()??.size);
    let created = size(FILE).is_some_and(|size| size > PAGE);
    if created && size(COMPANIONS[0]).is_some_and(|size| size <= SHORT_LOG) {
        // Else closing takes longer.
        let _ = database.leave_log();
    }
    // Nobody can refuse it.
    let _ = tell(root.disk(), Change::Close);
}

/// Opens tables in memory, for a snapshot that can be read beside records that cannot.
pub(crate) fn open_in_memory(
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> rusqlite::Result<Database> {
    let connection = Connection::open_in_memory()?;
    schema::create(&connection)?;
    let mut database = Database::new(connection, &Plain);
    database.begin()?;
    fill(&mut database)?;
    database.commit()?;
    Ok(database)
}

/// Says whether the error means that the file's contents are wrong, and not that it could not be reached.
pub(crate) fn is_corruption(error: &rusqlite::Error) -> bool {
    let is_wrong = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    // A file whose end is missing, beside a log that knows of more.
    is_wrong || extended_code(error) == Some(SQLITE_IOERR_SHORT_READ)
}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// Says whether the error means that another process has a transaction open for longer than was waited.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

enum Refusal {
    Newer(i64),
    /// It has an older version, and cannot be given this one.
    Stuck(i64, rusqlite::Error),
    Damaged(String),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match is_corruption(&error) {
            true => Self::Damaged(error.to_string()),
            false => Self::Failed(error),
        }
    }
}

fn open_tables(
    root: &Root,
    locks: &Arc<Locks>,
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> Result<Database, Refusal> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(root.path(FILE), flags)?;
    settle(&connection, locks.patience())?;
    if !schema::is_plain(&connection)? {
        return Err(Refusal::Damaged(
            "its tables have rules of their own".into(),
        ));
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // 32 MiB between checkpoints: a checkpoint waits for the disk.
    connection.pragma_update(None, "wal_autocheckpoint", 8192)?;
    match schema::version(&connection)? {
        (APPLICATION, FORMAT) if schema::is_present(&connection) => {
            Ok(Database::new(connection, root.disk()))
        }
        (APPLICATION, found @ OLDEST..FORMAT) if schema::is_readable(&connection) => {
            let _alive = locks.show_life();
            migrate(root, connection, found)
        }
        (APPLICATION, OLDEST..=FORMAT) => Err(Refusal::Damaged("its tables are others".into())),
        (0, 0) => {
            let _alive = locks.show_life();
            create_tables(root, connection, fill)
        }
        (APPLICATION, found) if found > FORMAT => Err(Refusal::Newer(found)),
        (application, found) => Err(Refusal::Damaged(format!(
            "it is of application {application:#x}, version {found}"
        ))),
    }
}

/// Settings that every connection has.
fn settle(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "cache_size", -65536)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Else a statement is compiled again whenever another value is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The file may be anybody's: it has no say in what is done, and no row of it takes more memory than this.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    Ok(())
}

fn create_tables(
    root: &Root,
    connection: Connection,
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> Result<Database, Refusal> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables != 0 {
        return Err(Refusal::Damaged(
            "it is a database of another application".into(),
        ));
    }
    tell(root.disk(), Change::Begin)?;
    connection.pragma_update(None, "page_size", PAGE.cast_signed())?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // One transaction: a process that dies in it leaves a file that is created again.
    tell(root.disk(), Change::Begin)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    schema::create(&connection)?;
    let mut database = Database::new(connection, root.disk());
    // What is there already is counted when somebody has to know.
    if root
        .stat(blobs::DIRECTORY)
        .is_ok_and(|found| found.is_none())
    {
        database.set_size(0)?;
    }
    fill(&mut database)?;
    database.write_growth(0)?;
    database.commit()?;
    Ok(database)
}

/// Brings a file of an older version to this one, in one transaction: whoever dies in it leaves the older version.
fn migrate(root: &Root, connection: Connection, found: i64) -> Result<Database, Refusal> {
    let mut database = Database::new(connection, root.disk());
    let migrated = database.begin().and_then(|()| {
        database.migrate()?;
        database.commit()
    });
    match migrated {
        Ok(()) => {
            info!(path = %root.path(FILE).display(), found, known = FORMAT, "records were brought to the present format");
            // So that the file by itself tells its format; else the log does.
            let _ = database.move_log();
            Ok(database)
        }
        Err(error) if is_corruption(&error) => Err(Refusal::Damaged(error.to_string())),
        Err(error) => {
            database.roll_back();
            Err(Refusal::Stuck(found, error))
        }
    }
}

fn newer(root: &Root, found: i64) -> StoreError {
    StoreError::Newer {
        path: root.path(FILE),
        found,
        known: FORMAT,
    }
}

/// A `file:` URI; SQLite takes `?`, `#` and `%` in it for its own.
fn uri(path: &Path, query: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut uri = b"file:".to_vec();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'?' | b'#' | b'%' => uri.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => uri.push(byte),
        }
    }
    uri.extend_from_slice(query.as_bytes());
    std::ffi::OsString::from_vec(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_the_path_whatever_is_in_it() {
        assert_eq!(
            uri(Path::new("/a b/50%?#/é"), "?immutable=1"),
            "file:/a b/50%25%3F%23/é?immutable=1"
        );
    }
}
