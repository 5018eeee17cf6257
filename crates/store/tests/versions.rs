//! Files of other versions: older ones are brought to this one whatever happens, newer ones are left as they are.

mod common;

use std::path::Path;

use common::*;
use refrain_store::{Codec, Digest, Lookup, Parts, Record, Store, StoreError};
use rusqlite::Connection;

#[path = "../../../tests/golden/contents.rs"]
#[allow(dead_code, reason = "an example makes what is looked for here")]
mod contents;

/// What the program does to a file of version 1, as the page on the format has it.
const STEPS: [&str; 6] = [
    "ALTER TABLE records ADD COLUMN uses INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE records ADD COLUMN clock REAL NOT NULL DEFAULT 0",
    "ALTER TABLE records ADD COLUMN origin INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN size INTEGER",
    "CREATE TABLE origins (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "PRAGMA user_version = 2",
];

/// A cache directory of version 1.
fn older() -> Cache {
    let cache = Cache::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/v1/store");
    for part in ["", "blobs"] {
        std::fs::create_dir_all(cache.file(part)).expect("create");
        copy_files(&golden.join(part), &cache.file(part));
    }
    cache
}

/// Copies the files of a directory, without those in directories below it.
fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("read") {
        let path = entry.expect("entry").path();
        if path.is_file() && path.extension().is_none_or(|it| it != "db-shm") {
            std::fs::copy(&path, to.join(path.file_name().expect("name"))).expect("copy");
        }
    }
}

fn connect(cache: &Cache) -> Connection {
    Connection::open(cache.file("records.db")).expect("open")
}

fn version(cache: &Cache) -> i64 {
    connect(cache)
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .expect("version")
}

/// Looks for everything that the directory had.
fn check(store: &Store) {
    let work = tempfile::tempdir().expect("directory");
    contents::check(store, work.path());
}

#[test]
fn a_migration_that_dies_anywhere_leaves_a_file_that_the_next_one_migrates() {
    for done in 0..=STEPS.len() {
        let cache = older();
        let dying = connect(&cache);
        // Every page goes to the log at once, committed or not.
        dying
            .execute_batch("PRAGMA cache_size = 0; BEGIN IMMEDIATE")
            .expect("begin");
        for step in &STEPS[..done] {
            dying.execute_batch(step).expect(step);
        }
        let left = Cache::new();
        std::fs::create_dir_all(left.file("blobs")).expect("create");
        copy_files(&cache.file("blobs"), &left.file("blobs"));
        copy_files(&cache.path(), &left.path());
        assert_eq!(version(&left), 1, "after {done} steps");
        let store = left.open();
        check(&store);
        assert!(store.problem().is_none(), "after {done} steps");
        drop(store);
        assert_eq!(version(&left), 2, "after {done} steps");
        assert!(!left.file("records.db.damaged").exists());
    }
}

#[test]
fn processes_that_are_killed_while_they_migrate_cost_nothing() {
    if std::env::var_os(OTHER).is_some() {
        let store = Store::open(Path::new(&std::env::var_os(OTHER).expect("set"))).expect("open");
        check(&store);
        return;
    }
    let cache = older();
    let name = "processes_that_are_killed_while_they_migrate_cost_nothing";
    // Some die before they begin, some in the middle, some afterwards.
    for _ in 0..3 {
        let mut doomed: Vec<_> = (0..3).map(|_| other_process(name, &cache)).collect();
        doomed[0].kill().expect("kill");
        std::thread::yield_now();
        doomed[1].kill().expect("kill");
        for mut child in doomed {
            child.wait().expect("wait");
        }
    }
    let together: Vec<_> = (0..4).map(|_| other_process(name, &cache)).collect();
    for child in together {
        let output = child.wait_with_output().expect("wait");
        assert!(output.status.success(), "{output:?}");
    }
    check(&cache.open());
    assert!(!cache.file("records.db.damaged").exists());
}

#[test]
fn a_process_of_the_older_version_goes_on_beside_the_newer_one() {
    let cache = older();
    let old = connect(&cache);
    let insert = "INSERT INTO records (signature, resolved, used_ms, body) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = old.prepare(insert).expect("a statement of version 1");
    let mut find = old
        .prepare("SELECT id, signature, resolved, used_ms, body FROM records WHERE signature = ?1")
        .expect("a statement of version 1");
    let store = cache.open();
    let bare = Record {
        parts: Parts::default(),
        ..record(&store, "new", &large("new"))
    };
    store.commit(bare, Vec::new(), None);
    store.flush();
    // The older one reads what the newer one wrote.
    let prefix = i64::from_le_bytes(*signature("new").as_bytes().first_chunk().expect("eight"));
    let (resolved, body): (i64, Vec<u8>) = find
        .query_row([prefix], |row| Ok((row.get(2)?, row.get(4)?)))
        .expect("the row");
    // And the newer one what the older one writes.
    store.discard(&signature("new"));
    store.flush();
    assert_eq!(store.find(&signature("new")), Lookup::Absent);
    insert
        .execute((prefix, resolved, 5, body))
        .expect("an insertion of version 1");
    drop(store.claim(&signature("new")));
    let found = hit(&store, "new");
    assert_eq!(store.load(&found.output).expect("load"), large("new"));
    check(&store);
}

#[test]
fn what_cannot_be_migrated_is_used_as_it_is_and_told() {
    let cache = older();
    connect(&cache)
        .execute_batch("CREATE TABLE origins (other INTEGER)")
        .expect("in the way");
    let before = std::fs::read(cache.file("records.db")).expect("read");
    let store = cache.open();
    let problem = store.problem().expect("problem");
    let told = matches!(
        *problem,
        StoreError::Migrate {
            found: 1,
            known: 2,
            ..
        }
    );
    assert!(told, "{problem}");
    check(&store);
    commit(&store, "new", b"new");
    assert!(!is_hit(&store, "new"));
    drop(store);
    let after = std::fs::read(cache.file("records.db")).expect("read");
    assert!(before == after, "the file changed");
    connect(&cache)
        .execute_batch("DROP TABLE origins")
        .expect("out of the way");
    let store = cache.open();
    assert!(store.problem().is_none());
    check(&store);
}

/// A file of the next version, which `change` was made to.
fn newer(change: &str) -> (Cache, Vec<u8>) {
    let cache = older();
    drop(cache.open());
    let connection = connect(&cache);
    connection
        .execute_batch(&format!("{change}; PRAGMA user_version = 3"))
        .expect("change");
    drop(connection);
    let bytes = std::fs::read(cache.file("records.db")).expect("read");
    (cache, bytes)
}

#[test]
fn a_newer_file_is_read_where_it_can_be_and_never_written() {
    let (cache, before) = newer(
        "ALTER TABLE records ADD COLUMN colour TEXT;
         UPDATE records SET body = zeroblob(60) WHERE id = (SELECT max(id) FROM records)",
    );
    let snapshot = std::fs::read(cache.file("metadata.json")).expect("read");
    let store = cache.open();
    let problem = store.problem().expect("problem");
    let told = matches!(
        *problem,
        StoreError::Newer {
            found: 3,
            known: 2,
            ..
        }
    );
    assert!(told, "{problem}");
    // The last one has no body that is known.
    let signature_of = |node: &str| {
        let text = format!("signature of {node}");
        refrain_store::Signature::from_bytes(*Digest::of(text.as_bytes()).as_bytes())
    };
    for node in ["inline", "blob", "tree", "list"] {
        let Lookup::Hit(record) = store.find(&signature_of(node)) else {
            panic!("{node} is not found");
        };
        store.load(&record.output).expect(node);
    }
    assert!(!matches!(
        store.find(&signature_of("elsewhere")),
        Lookup::Hit(_)
    ));
    assert!(store.write(&large("a"), Codec::BYTES).is_err());
    commit(&store, "new", b"new");
    assert!(!is_hit(&store, "new"));
    assert!(store.snapshot("p", &mut std::iter::empty()).is_err());
    assert!(!store.needs_snapshot("p"));
    drop(store);
    let after = std::fs::read(cache.file("records.db")).expect("read");
    assert!(before == after, "the file changed");
    let after = std::fs::read(cache.file("metadata.json")).expect("read");
    assert!(snapshot == after, "the snapshot changed");
}

#[test]
fn of_a_newer_file_with_other_tables_the_snapshot_is_used() {
    let (cache, before) = newer("ALTER TABLE records RENAME COLUMN body TO contents");
    let store = cache.open();
    assert!(matches!(
        store.problem().as_deref(),
        Some(StoreError::Newer { .. })
    ));
    let latest = store.latest("golden", "blob").expect("from the snapshot");
    assert_eq!(
        store.load(&latest.output).expect("load"),
        b"blob ".repeat(1000)
    );
    drop(store);
    let after = std::fs::read(cache.file("records.db")).expect("read");
    assert!(before == after, "the file changed");
}
