//! The tables of `records.db`, by version, and how an older file comes to have those of today.
//!
//! Unaware of files, of who else has one open, and of what a row means.

use rusqlite::Connection;

/// `PRAGMA user_version` of the files this version writes.
pub(crate) const FORMAT: i64 = 2;

/// The first version that anybody was given.
pub(crate) const OLDEST: i64 = 1;

/// `PRAGMA application_id`: "rfrn".
pub(crate) const APPLICATION: i64 = 0x7266_726e;

/// What a new file is made of.
pub(crate) const TABLES: &str = "
CREATE TABLE records (
    id INTEGER PRIMARY KEY, signature INTEGER NOT NULL, resolved INTEGER NOT NULL, used_ms INTEGER NOT NULL,
    body BLOB NOT NULL, uses INTEGER NOT NULL DEFAULT 1, clock REAL NOT NULL DEFAULT 0,
    origin INTEGER NOT NULL DEFAULT 0);
CREATE INDEX records_by_signature ON records (signature);
CREATE INDEX records_by_resolved ON records (resolved);
CREATE TABLE parts (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE notes (digest BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pipelines (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE latest (
    pipeline INTEGER NOT NULL, node TEXT NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (pipeline, node)) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, pipeline INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    elapsed_us INTEGER NOT NULL, status TEXT NOT NULL, counts TEXT NOT NULL, changes BLOB NOT NULL,
    size INTEGER);
CREATE TABLE files (path BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE origins (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
";

/// What makes a file of each version, from the oldest on, one of the next. Columns are only added, with a default: a
/// process of the older version that has the file open goes on as before.
const STEPS: [&str; (FORMAT - OLDEST) as usize] = ["
ALTER TABLE records ADD COLUMN uses INTEGER NOT NULL DEFAULT 1;
ALTER TABLE records ADD COLUMN clock REAL NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN size INTEGER;
CREATE TABLE origins (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
"];

/// What every version since the oldest has: enough to read it.
const READ: [&str; 7] = [
    "SELECT id, signature, resolved, used_ms, body FROM records",
    "SELECT id, hash, body FROM parts",
    "SELECT digest, text FROM notes",
    "SELECT id, name, pipeline, node, signature FROM latest JOIN pipelines ON id = pipeline",
    "SELECT id, name, pipeline, started_ms, elapsed_us, status, counts, changes FROM runs",
    "SELECT path, body FROM files",
    "SELECT name, value FROM facts",
];

/// What tells the tables of this version from others: one statement, for it is asked at every opening.
const PRESENT: &str =
    "SELECT signature, resolved, used_ms, body, uses, clock, origin, changes, size, origins.name
                       FROM records, runs, origins";

/// Finds what a file that was made by somebody else may have to be obeyed: views, triggers, and expressions that are
/// worked out whenever a row is read or written. No version has any.
const RULES: &str = "
SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')
OR upper(sql) GLOB '*[^A-Z_]AS[^A-Z_]*' OR upper(sql) GLOB '*[^A-Z_]CHECK[^A-Z_]*'
OR upper(sql) GLOB '*[^A-Z_]WHERE[^A-Z_]*' OR upper(sql) GLOB '*[^A-Z_]VIRTUAL[^A-Z_]*'";

/// The two numbers in the file's header that say what it is.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Says whether the tables have what is read, whatever the version.
pub(crate) fn is_readable(connection: &Connection) -> bool {
    READ.iter().all(|sql| connection.prepare(sql).is_ok())
}

/// Says whether the tables look as this version makes them: those of a version that nobody was given do not.
pub(crate) fn is_present(connection: &Connection) -> bool {
    connection.prepare(PRESENT).is_ok()
}

/// Says whether the tables only keep what is put into them.
pub(crate) fn is_plain(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(RULES, [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// Makes the tables of a new file, in the transaction that is open.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORMAT)
}

/// Brings the tables of an older version to this one, in the transaction that is open. Nothing that is there changes.
pub(crate) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let (_, found) = version(connection)?;
    let done = usize::try_from(found - OLDEST).unwrap_or(STEPS.len());
    for step in STEPS.iter().skip(done) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", FORMAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_page_has_the_tables_as_they_are() {
        let page = include_str!("../../../docs/storage-format.md");
        assert!(page.contains(TABLES.trim()));
    }

    #[test]
    fn a_new_file_has_what_is_looked_for() {
        let connection = Connection::open_in_memory().expect("open");
        create(&connection).expect("create");
        assert!(is_present(&connection) && is_readable(&connection));
        assert!(is_plain(&connection).expect("asked"));
        assert_eq!(
            version(&connection).expect("version"),
            (APPLICATION, FORMAT)
        );
    }

    #[test]
    fn a_file_with_rules_of_its_own_is_not_plain() {
        for rule in [
            "CREATE VIEW v AS SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON parts BEGIN DELETE FROM records; END",
            "CREATE TABLE t (a, b AS(a + 1))",
            "CREATE TABLE t (a, b generated always as\n(a) virtual)",
            "CREATE TABLE t (a CHECK(a > 1))",
            "CREATE INDEX i ON records (id) WHERE length(body) > 1",
        ] {
            let connection = Connection::open_in_memory().expect("open");
            create(&connection).expect("create");
            connection.execute_batch(rule).expect(rule);
            assert!(!is_plain(&connection).expect("asked"), "{rule}");
        }
    }
}
