//! Cache directories that somebody made to do harm: nothing outside of them is read or written, nothing hangs, nothing
//! is executed, and the store works in the end.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use common::*;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use refrain_store::{Codec, Damage, Digest, Limits, Lookup, Output, Record, Signature, Store};
use rusqlite::Connection;

/// Long enough for a busy machine; only what hangs takes longer.
const HANGS: Duration = Duration::from_secs(120);

/// Does `work`, which must come to an end.
fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match wait.recv_timeout(HANGS) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it sends before it ends"),
        },
    }
}

/// Everything that a process does with a cache directory. Failures are fine; what is committed must be found then.
fn use_all(dir: &Path) {
    let limits = Limits {
        max_size: Some(1 << 20),
        max_age: Some(Duration::from_secs(1)),
        ..Limits::default()
    };
    let Ok(store) = Store::open(dir) else {
        return;
    };
    let _ = store.find(&signature("made"));
    let scratch = store.scratch();
    let output = store.write(&large("made"), Codec::BYTES);
    if let Ok(output) = &output {
        let mut made = record(&store, "made", b"");
        made.output = output.clone();
        store.commit(made, notes(), None);
        store.flush();
        if store.problem().is_none() {
            assert!(is_hit(&store, "made"));
            if let Ok(bytes) = store.load(output) {
                assert_eq!(bytes, large("made"));
            }
        }
        let _ = store.place(output);
    }
    if let Ok(scratch) = scratch {
        let tree = scratch.path().join("tree");
        fs::create_dir_all(tree.join("deep")).expect("mkdir");
        fs::write(tree.join("deep/file"), large("file")).expect("write");
        if let Ok(tree) = store.adopt_tree(&tree) {
            let _ = store.place(&tree);
        }
    }
    let _ = store.claim(&signature("claimed"));
    store.finish_run(run("p", "id"), vec![], Digest::of(b"state"));
    let _ = store.snapshot("p", &mut [("made".into(), signature("made"))].into_iter());
    let _ = store.needs_snapshot("p");
    store.verify(&mut |_| ());
    store.usage();
    let _ = store.keep_limits(SystemTime::now());
    let _ = store.gc(&limits, SystemTime::now(), true);
    let _ = store.gc(&limits, SystemTime::now(), false);
    drop(store);
    let _ = Store::open(dir).map(|store| store.runs(9));
    let _ = Store::clear(dir);
}

/// What stands below a directory: kinds, modes, contents.
fn state(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("list") {
        let path = entry.expect("entry").path();
        let metadata = path.symlink_metadata().expect("metadata");
        if metadata.is_dir() {
            found.extend(state(&path));
        }
        let bytes = match metadata.is_file() {
            true => fs::read(&path).expect("read"),
            false => Vec::new(),
        };
        found.insert(path, (metadata.mode(), bytes));
    }
    found
}

/// A directory beside the cache that nothing may touch.
fn outside(cache: &Cache) -> PathBuf {
    let dir = cache.path().with_file_name("outside");
    fs::create_dir_all(dir.join("deep")).expect("mkdir");
    fs::write(dir.join("file"), "precious").expect("write");
    fs::write(dir.join("deep/file"), "precious too").expect("write");
    dir
}

/// A cache with something of everything, closed.
fn filled() -> (Cache, PathBuf) {
    let cache = Cache::new();
    let outside = outside(&cache);
    let store = cache.open();
    commit(&store, "small", b"x");
    commit(&store, "made", &large("made"));
    finish(&store, "p", &["small", "made"]);
    drop(store);
    (cache, outside)
}

const NAMES: [&str; 13] = [
    "records.db",
    "records.db-wal",
    "records.db-shm",
    "records.db-journal",
    "records.db.damaged",
    "metadata.json",
    "blobs",
    "trees",
    "scratch",
    "claims",
    "claims.lock",
    "CACHEDIR.TAG",
    ".tmp-1-1",
];

/// Puts something in the place of a name.
type Plant = fn(&Path, &Path) -> std::io::Result<()>;

#[test]
fn whatever_stands_in_the_place_of_a_name_leads_nowhere() {
    let plants: [(&str, Plant); 7] = [
        ("link to a file", |at, outside| {
            symlink(outside.join("file"), at)
        }),
        ("link to a directory", |at, outside| symlink(outside, at)),
        ("link to nothing", |at, outside| {
            symlink(outside.join("new"), at)
        }),
        ("link upwards", |at, _| symlink("..", at)),
        ("further name of a file", |at, outside| {
            fs::hard_link(outside.join("file"), at)
        }),
        ("pipe", |at, _| Ok(mkfifo(at, Mode::S_IRWXU)?)),
        ("device", |at, _| {
            // Only root may make one.
            match mknod(at, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)) {
                Ok(()) => Ok(()),
                Err(_) => fs::create_dir(at),
            }
        }),
    ];
    for name in NAMES {
        for (what, plant) in plants {
            let (cache, outside) = filled();
            let before = state(&outside);
            let at = cache.file(name);
            let _ = fs::remove_dir_all(&at);
            let _ = fs::remove_file(&at);
            plant(&at, &outside).expect(what);
            let dir = cache.path();
            in_time(&format!("{what} as {name}"), move || use_all(&dir));
            assert_eq!(state(&outside), before, "{what} as {name}");
        }
    }
}

#[test]
fn links_below_the_directories_lead_nowhere_either() {
    let digest = Digest::of(&large("made"));
    for name in ["blobs", "trees", "claims", "scratch"] {
        let (cache, outside) = filled();
        let before = state(&outside);
        let dir = cache.file(name);
        fs::create_dir_all(&dir).expect("mkdir");
        let claims = (0..64).map(|number| format!("{number:02x}"));
        for name in claims.chain([digest.to_string(), "0".into(), "1".into()]) {
            let _ = fs::remove_file(dir.join(&name));
            let _ = symlink(&outside, dir.join(&name));
        }
        let dir = cache.path();
        in_time(name, move || use_all(&dir));
        assert_eq!(state(&outside), before, "{name}");
    }
}

/// `records.db` as somebody made it, with these statements after ours.
fn with_statements(statements: &str) -> Cache {
    let (cache, _) = filled();
    let connection = Connection::open(cache.file("records.db")).expect("open");
    connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .expect("journal");
    connection.execute_batch(statements).expect(statements);
    cache
}

#[test]
fn a_database_has_no_say_in_what_is_done() {
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";
    for statements in [
        format!("DROP TABLE notes; CREATE VIEW notes AS {endless} SELECT x AS digest, x AS text FROM n"),
        format!("DROP TABLE pipelines; CREATE VIEW pipelines AS {endless} SELECT x AS id, x AS name FROM n"),
        "CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM notes; DELETE FROM parts; END".into(),
        format!(
            "CREATE TRIGGER t BEFORE INSERT ON records BEGIN {}; END",
            "INSERT INTO notes SELECT randomblob(32), a.text FROM notes a, notes b, notes c"
        ),
        "DROP TABLE files; CREATE TABLE files (path BLOB PRIMARY KEY, body AS (zeroblob(900000000)))".into(),
        "CREATE INDEX i ON records (hex(hex(hex(body))))  WHERE length(body) > 1".into(),
        "DROP TABLE facts; CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT CHECK(length(hex(zeroblob(99999999)))))".into(),
        "CREATE VIRTUAL TABLE t USING fts5(a)".into(),
    ] {
        let cache = with_statements(&statements);
        let dir = cache.path();
        in_time(&statements, move || {
            let store = Store::open(&dir).expect("open");
            commit(&store, "new", &large("new"));
            store.verify(&mut |_| ());
            store.flush();
            assert!(store.problem().is_none(), "{:?}", store.problem());
            // It was put aside, and what the snapshot has is there.
            assert!(is_hit(&store, "made") && is_hit(&store, "new"));
            assert!(dir.join("records.db.damaged").exists());
        });
    }
}

#[test]
fn rows_of_other_types_and_sizes_are_damage() {
    for statements in [
        "UPDATE records SET body = 'text'",
        "UPDATE records SET body = zeroblob(100000000)",
        "UPDATE records SET body = 1.5, used_ms = 'never'",
        "UPDATE parts SET hash = x'00', body = 7 WHERE id = 1",
        "UPDATE notes SET text = x'ff00ff'",
        "UPDATE latest SET signature = 'short'",
        "UPDATE pipelines SET name = x'ff'",
        "UPDATE runs SET changes = 'x', counts = zeroblob(1000), elapsed_us = -9223372036854775808",
        "UPDATE facts SET value = x'ff'",
        "UPDATE records SET id = 9223372036854775807 WHERE id = 1",
        "UPDATE records SET uses = 9223372036854775807, clock = 1e308, origin = -1",
    ] {
        let cache = with_statements(statements);
        let dir = cache.path();
        in_time(statements, move || use_all(&dir));
    }
}

#[test]
fn a_journal_that_names_another_file_does_not_remove_it() {
    let cache = with_statements("");
    // Newer versions of SQLite believe only names like this, and only files that name the journal.
    let victim = outside(&cache).join("file-mj0123459AB");
    let journal = cache.path().canonicalize().expect("path");
    let precious = format!("{}\0precious", journal.join("records.db-journal").display());
    fs::write(&victim, &precious).expect("write");
    let name = victim.to_str().expect("text").as_bytes();
    let number = |number: usize| u32::try_from(number).expect("small").to_be_bytes();
    let sum = name.iter().map(|byte| usize::from(*byte)).sum();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    // What SQLite leaves when it dies in a transaction over several databases.
    let journal = [
        &[1; 512][..],
        name,
        &number(name.len()),
        &number(sum),
        &magic,
    ];
    fs::write(cache.file("records.db-journal"), journal.concat()).expect("write");
    let dir = cache.path();
    in_time("a journal", move || use_all(&dir));
    assert_eq!(fs::read_to_string(victim).expect("still there"), precious);
}

#[test]
fn sizes_are_not_believed() {
    let (cache, _) = filled();
    // Files with holes, which take no place on disk.
    let big = |path: &Path| {
        let _ = fs::remove_file(path);
        let file = fs::File::create(path).expect("create");
        file.set_len(1 << 42).expect("holes");
    };
    big(&cache.blob(&Digest::of(&large("made"))));
    big(&cache.file("metadata.json"));
    big(&cache.file("records.db-wal"));
    big(&cache.file("blobs/x"));
    let dir = cache.path();
    in_time("holes", move || {
        let store = Store::open(&dir).expect("open");
        let made = hit(&store, "made");
        assert!(matches!(store.load(&made.output), Err(Damage::Corrupt(_))));
        assert!(store.needs_snapshot("p"));
        drop(store);
        use_all(&dir);
    });
    // Records that promise more than there is room for.
    let cache = Cache::new();
    let store = cache.open();
    for size in [u64::MAX, u64::MAX >> 1, 1 << 62, (1 << 32) + 4097] {
        let word = format!("of {size}");
        let mut record = record(&store, &word, &large(&word));
        record.output.size = size;
        assert!(store.load(&record.output).is_err());
        assert!(store.place(&record.output).is_err());
        store.commit(record.clone(), vec![], None);
        let _ = store.write_list_of([("a", &record.output), ("b", &record.output)].into_iter());
    }
    drop(store);
    let dir = cache.path();
    in_time("promises", move || use_all(&dir));
}

#[test]
fn records_may_say_anything() {
    let cache = Cache::new();
    let store = cache.open();
    let names = [
        "",
        "../../x",
        "/etc/passwd",
        "a\0b",
        "\u{1b}]0;x\u{7}",
        "\u{202e}txt",
    ];
    for (number, name) in names.into_iter().enumerate() {
        for created_ms in [i64::MIN, -1, i64::MAX] {
            let word = format!("{number} {created_ms}");
            let mut said: Record = record(&store, &word, &large(name));
            said.node = name.into();
            said.created_ms = created_ms;
            said.elapsed = Duration::MAX;
            said.output.codec = Codec(u16::MAX);
            said.log = Some(Digest::of(name.as_bytes()));
            store.commit(said, vec![], None);
        }
        let mut nodes = [(name.into(), signature(&format!("{number} -1")))].into_iter();
        store.snapshot(name, &mut nodes).expect("snapshot");
    }
    drop(store);
    cache.remove_records();
    let store = cache.open();
    assert!(is_hit(&store, "1 -1"), "from the snapshot");
    drop(store);
    let dir = cache.path();
    in_time("sayings", move || use_all(&dir));
}

#[test]
fn listings_lead_nowhere() {
    let cache = Cache::new();
    let store = cache.open();
    let outside = outside(&cache);
    let before = state(&outside);
    let file = store.write(&large("file"), Codec::FILE).expect("write");
    let target = outside.join("new");
    let target = target.to_str().expect("text");
    let listing = |kind: u8, path: &str, rest: &[u8]| {
        let length = u8::try_from(path.len()).expect("short");
        [&[1, 1, kind, length], path.as_bytes(), rest].concat()
    };
    let content = [&[0x81, 0x20][..], file.digest.as_bytes()].concat();
    let link = |path: &str, to: &str| {
        let length = u8::try_from(to.len()).expect("short");
        listing(3, path, &[&[length], to.as_bytes()].concat())
    };
    let trees = [
        listing(1, "../new", &content),
        listing(1, target, &content),
        listing(1, "a/../../new", &content),
        listing(1, ".", &content),
        listing(0, "..", &[]),
        link("out", ".."),
        link("out", target),
        link("out", "a/../../x"),
        link("out", "out"),
    ];
    for tree in trees {
        let output = store.write(&tree, Codec::TREE).expect("write");
        assert!(store.place(&output).is_err(), "{tree:?}");
        let to = cache.path().with_file_name("exported");
        assert!(store.export(&output, &to).is_err(), "{tree:?}");
        assert!(!to.exists());
        let mut made = record(&store, "tree", b"");
        made.output = output;
        store.commit(made, vec![], None);
    }
    assert_eq!(state(&outside), before);
    // Lists of lists, deeper than any stack.
    let mut list = store.write(b"x", Codec::BYTES).expect("write");
    for _ in 0..10_000 {
        list = Output {
            codec: Codec::LIST,
            ..store
                .write_list_of([("a", &list)].into_iter())
                .expect("list")
        };
    }
    let mut made = record(&store, "list", b"");
    made.output = list;
    store.commit(made, vec![], None);
    drop(store);
    let dir = cache.path();
    in_time("listings", move || use_all(&dir));
}

#[test]
fn a_directory_that_others_own_and_write_to_is_used_and_kept_as_it_is() {
    let (cache, _) = filled();
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o1777)).expect("mode");
    let give_away = |path: &Path| std::os::unix::fs::lchown(path, Some(65_534), Some(65_534));
    let mut paths: Vec<PathBuf> = state(&cache.path()).into_keys().collect();
    paths.push(cache.path());
    if paths.iter().any(|path| give_away(path).is_err()) {
        eprintln!("NOT TRIED HERE: files of another user");
    }
    let dir = cache.path();
    let found = in_time("files of another user", move || {
        let store = Store::open(&dir).expect("open");
        commit(&store, "new", b"new");
        store.flush();
        store.find(&Signature::from_bytes(*signature("made").as_bytes()))
    });
    assert!(matches!(found, Lookup::Hit(_)));
    let mode = fs::metadata(cache.path()).expect("metadata").mode();
    assert_eq!(mode & 0o7777, 0o1777);
}

#[test]
fn a_clock_that_jumps_costs_at_most_what_it_says_is_old() {
    let day = Duration::from_secs(86_400);
    let cache = Cache::new();
    let store = cache.open();
    for (word, created_ms) in [("long ago", i64::MIN), ("made", 0), ("to come", i64::MAX)] {
        let mut made = record(&store, word, &large(word));
        made.created_ms = created_ms;
        store.commit(made, notes(), None);
    }
    finish(&store, "p", &["made"]);
    let limits = Limits {
        max_age: Some(day),
        ..Limits::default()
    };
    let now = SystemTime::now();
    // Before everything was made, and at the beginning of time: nothing is old.
    for then in [now - 9999 * day, SystemTime::UNIX_EPOCH, now] {
        store.gc(&limits, then, false).expect("collect");
        for word in ["long ago", "made", "to come"] {
            assert!(is_hit(&store, word), "{word}");
        }
    }
    // Long after: what was used last stays good until it goes, and is made again.
    store.gc(&limits, now + 9999 * day, false).expect("collect");
    commit(&store, "made", &large("made"));
    drop(store);
    let store = cache.open();
    assert_eq!(
        store.load(&hit(&store, "made").output).expect("load"),
        large("made")
    );
    assert_eq!(store.verify(&mut |_| ()).findings, []);
}
