//! Damage of every file: a miss with a reason, healed by making things again, never wrong bytes.

mod common;

use std::os::unix::fs::symlink;

use common::*;
use refrain_store::{Codec, Damage, Lookup, Store, StoreError};

/// Ways to damage a file's bytes.
fn damages(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut flipped = bytes.to_vec();
    let middle = bytes.len() / 2;
    flipped[middle] ^= 0x10;
    vec![
        ("truncated", bytes[..bytes.len() - 1].to_vec()),
        ("cut in half", bytes[..bytes.len() / 2].to_vec()),
        ("flipped", flipped),
        ("empty", Vec::new()),
        ("longer", [bytes, b"x"].concat()),
        ("garbage", vec![0xa5; bytes.len()]),
    ]
}

#[test]
fn a_damaged_blob_is_not_loaded_and_healed_by_writing_it_again() {
    let cache = Cache::new();
    // Below and above the size from which a blob is verified once.
    for len in [Store::INLINE + 1, (1 << 20) + 1] {
        let bytes: Vec<u8> = (0..len).map(|n| (n * 31 % 251) as u8).collect();
        let store = cache.open();
        let output = store.write(&bytes, Codec::BYTES).expect("write");
        let path = cache.blob(&output.digest);
        for (how, damaged) in damages(&bytes) {
            overwrite(&path, &damaged);
            assert_eq!(
                store.present(&output).is_err(),
                damaged.len() != len,
                "{how}"
            );
            assert!(
                matches!(store.load(&output), Err(Damage::Corrupt(_))),
                "{how}"
            );
            // It was read meanwhile.
            assert!(store.present(&output).is_err(), "{how}");
            store.write(&bytes, Codec::BYTES).expect("heal");
            assert_eq!(store.load(&output).expect("load"), bytes, "{how}");
        }
        std::fs::remove_file(&path).expect("remove");
        assert!(matches!(store.load(&output), Err(Damage::Missing(_))));
        assert!(matches!(store.present(&output), Err(Damage::Missing(_))));
        std::fs::remove_dir_all(cache.file("blobs")).expect("remove");
        assert!(matches!(store.load(&output), Err(Damage::Missing(_))));
        store.write(&bytes, Codec::BYTES).expect("heal");
        assert_eq!(store.load(&output).expect("load"), bytes);
    }
}

#[test]
fn a_link_in_place_of_a_blob_is_never_followed() {
    let cache = Cache::new();
    let store = cache.open();
    let bytes = large("a");
    let output = store.write(&bytes, Codec::BYTES).expect("write");
    let path = cache.blob(&output.digest);
    let outside = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(outside.path(), &bytes).expect("write");
    let inside = cache.file("inside");
    std::fs::write(&inside, &bytes).expect("write");
    // The bytes behind both links are the right ones: it is the link that is refused.
    for target in [outside.path(), &inside] {
        std::fs::remove_file(&path).expect("remove");
        symlink(target, &path).expect("link");
        assert!(matches!(store.load(&output), Err(Damage::Corrupt(_))));
        assert!(matches!(store.present(&output), Err(Damage::Corrupt(_))));
        std::fs::write(target, b"not to be overwritten").expect("write");
        store.write(&bytes, Codec::BYTES).expect("heal");
        assert_eq!(
            std::fs::read(target).expect("target"),
            b"not to be overwritten"
        );
        assert!(std::fs::symlink_metadata(&path).expect("blob").is_file());
        assert_eq!(store.load(&output).expect("load"), bytes);
        std::fs::write(target, &bytes).expect("write");
    }
}

#[test]
fn a_link_in_place_of_blobs_is_never_followed() {
    let cache = Cache::new();
    let bytes = large("a");
    let output = cache.open().write(&bytes, Codec::BYTES).expect("write");
    let elsewhere = tempfile::tempdir().expect("tempdir");
    std::fs::rename(cache.file("blobs"), elsewhere.path().join("blobs")).expect("move");
    symlink(elsewhere.path().join("blobs"), cache.file("blobs")).expect("link");
    let store = cache.open();
    assert!(store.present(&output).is_err());
    assert!(store.load(&output).is_err());
    let other = store.write(&large("b"), Codec::BYTES).expect("write");
    assert!(
        std::fs::symlink_metadata(cache.file("blobs"))
            .expect("blobs")
            .is_dir()
    );
    assert_eq!(store.load(&other).expect("load"), large("b"));
    assert_eq!(
        std::fs::read_dir(elsewhere.path().join("blobs"))
            .expect("list")
            .count(),
        1
    );
}

#[test]
fn a_directory_or_pipe_in_place_of_a_blob_is_healed() {
    let cache = Cache::new();
    let store = cache.open();
    let bytes = large("a");
    let output = store.write(&bytes, Codec::BYTES).expect("write");
    let path = cache.blob(&output.digest);
    std::fs::remove_file(&path).expect("remove");
    std::fs::create_dir_all(path.join("sub")).expect("mkdir");
    assert!(matches!(store.load(&output), Err(Damage::Corrupt(_))));
    store.write(&bytes, Codec::BYTES).expect("heal");
    assert_eq!(store.load(&output).expect("load"), bytes);
    std::fs::remove_file(&path).expect("remove");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).expect("mkfifo");
    assert!(matches!(store.load(&output), Err(Damage::Corrupt(_))));
    store.write(&bytes, Codec::BYTES).expect("heal");
    assert_eq!(store.load(&output).expect("load"), bytes);
}

/// A directory with the records "kept" (in the snapshot) and "late" (not in it).
fn filled() -> Cache {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "kept", b"kept");
    finish(&store, "p", &["kept"]);
    commit(&store, "late", b"late");
    cache
}

/// What must hold of a directory from [`filled`] whose records were lost.
fn rebuilt(cache: &Cache, how: &str) {
    let store = cache.open();
    assert!(store.problem().is_none(), "{how}");
    assert_eq!(
        store.load(&hit(&store, "kept").output).expect("load"),
        b"kept",
        "{how}"
    );
    assert!(store.latest("p", "kept").is_some(), "{how}");
    assert_eq!(
        store.note(&notes()[0].0).as_deref(),
        Some("fn it() {}"),
        "{how}"
    );
    assert_eq!(store.find(&signature("late")), Lookup::Absent, "{how}");
    commit(&store, "late", b"late");
    drop(store);
    assert!(is_hit(&cache.open(), "late"), "{how}");
}

#[test]
fn records_that_are_no_database_are_rebuilt_from_the_snapshot() {
    let empty: &[u8] = b"";
    for (how, bytes) in [
        ("empty", empty),
        ("short", b"SQLite format 3\0"),
        ("garbage", &[0xa5; 5000]),
    ] {
        let cache = filled();
        std::fs::write(cache.file("records.db"), bytes).expect("damage");
        rebuilt(&cache, how);
    }
}

#[test]
fn missing_records_are_rebuilt_from_the_snapshot() {
    let cache = filled();
    cache.remove_records();
    rebuilt(&cache, "removed");
}

#[test]
fn records_of_another_application_are_put_aside() {
    let cache = filled();
    cache.remove_records();
    let other = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    other
        .execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1")
        .expect("create");
    drop(other);
    rebuilt(&cache, "another application");
    assert!(cache.file("records.db.damaged").exists());
}

#[test]
fn records_in_other_tables_are_put_aside() {
    let cache = filled();
    let changed = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    changed
        .execute_batch("ALTER TABLE records DROP COLUMN used_ms")
        .expect("alter");
    drop(changed);
    rebuilt(&cache, "other tables");
    assert!(cache.file("records.db.damaged").exists());
}

#[test]
fn a_link_in_place_of_records_is_not_followed() {
    let cache = filled();
    let elsewhere = tempfile::tempdir().expect("tempdir");
    let target = elsewhere.path().join("records.db");
    std::fs::rename(cache.file("records.db"), &target).expect("move");
    let before = std::fs::read(&target).expect("read");
    symlink(&target, cache.file("records.db")).expect("link");
    rebuilt(&cache, "linked");
    assert_eq!(std::fs::read(&target).expect("read"), before);
}

#[test]
fn damage_anywhere_in_records_costs_at_most_records() {
    // Enough records for several pages of every table.
    let cache = Cache::new();
    let store = cache.open();
    let words: Vec<String> = (0..60).map(|number| format!("node {number}")).collect();
    for word in &words {
        commit(&store, word, word.as_bytes());
    }
    let names: Vec<&str> = words.iter().map(String::as_str).collect();
    finish(&store, "p", &names);
    drop(store);
    let healthy = std::fs::read(cache.file("records.db")).expect("read");
    for start in (0..healthy.len()).step_by(1024) {
        for (how, fill) in [("zeroed", 0), ("garbage", 0xa5)] {
            let mut damaged = healthy.clone();
            damaged[start..start + 1024].fill(fill);
            cache.remove_records();
            std::fs::write(cache.file("records.db"), &damaged).expect("damage");
            let store = match Store::open(&cache.path()) {
                Ok(store) => store,
                // A header that says "newer" may come out of this as well.
                Err(error) => panic!("{how} at {start}: {error}"),
            };
            if matches!(store.problem().as_deref(), Some(StoreError::Newer { .. })) {
                continue;
            }
            for word in &words {
                // A miss with or without a reason, or the true record.
                if let Lookup::Hit(record) = store.find(&signature(word)) {
                    assert_eq!(*record.node, **word);
                    assert_eq!(store.load(&record.output).expect("load"), word.as_bytes());
                }
                let _ = store.latest("p", word);
            }
            // Whatever was found, what is made again stays.
            for word in &words {
                commit(&store, word, word.as_bytes());
            }
            commit(&store, "new", b"new");
            drop(store);
            let store = cache.open();
            assert!(
                is_hit(&store, "new"),
                "{how} at {start}: {:?}",
                store.problem()
            );
        }
    }
}

#[test]
fn truncated_records_cost_at_most_records() {
    let cache = filled();
    let store = cache.open();
    for number in 0..60 {
        commit(&store, &format!("{number}"), b"x");
    }
    drop(store);
    let healthy = std::fs::read(cache.file("records.db")).expect("read");
    for len in (0..healthy.len()).step_by(4096 / 2) {
        cache.remove_records();
        std::fs::write(cache.file("records.db"), &healthy[..len]).expect("damage");
        let store = cache.open();
        for number in 0..60 {
            let _ = store.find(&signature(&format!("{number}")));
        }
        commit(&store, "new", b"new");
        store.flush();
        if !is_hit(&store, "new") {
            // It went into a part that was sound, and is looked for through one that is not; that was
            // noticed just now, and the next write heals it.
            commit(&store, "new", b"new");
            store.flush();
        }
        assert!(
            is_hit(&store, "new"),
            "at {len}: {:?} {:?}",
            store.problem(),
            store.find(&signature("new"))
        );
        drop(store);
        assert!(is_hit(&cache.open(), "new"), "at {len}");
    }
}

#[test]
fn records_removed_under_an_open_store_are_made_anew() {
    let cache = filled();
    let store = cache.open();
    assert!(is_hit(&store, "late"));
    cache.remove_records();
    commit(&store, "next", b"next");
    store.flush();
    assert!(is_hit(&store, "next"));
    drop(store);
    let store = cache.open();
    assert!(is_hit(&store, "next") && is_hit(&store, "kept"));
}
