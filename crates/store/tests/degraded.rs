//! Directories that cannot be used as they should: hits where there are any, else a clear word.

mod common;

use std::process::Command;

use common::*;
use refrain_store::{Claimed, Codec, Digest, Lookup, Store, StoreError};

#[test]
fn a_path_that_cannot_be_a_directory_is_an_error_that_says_what_to_do() {
    let file = tempfile::NamedTempFile::new().expect("file");
    for path in [file.path().to_owned(), file.path().join("cache")] {
        let error = Store::open(&path).expect_err("not a directory");
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(text.contains("choose another cache directory"), "{text}");
    }
}

/// Without a lock file that can be opened nothing is written, which permission bits cannot bring about
/// where the tests run as root.
fn hinder(cache: &Cache) {
    std::fs::remove_file(cache.file("claims.lock")).expect("remove");
    std::fs::create_dir(cache.file("claims.lock")).expect("mkdir");
}

/// What a directory that cannot be written must still do, when it has the record "a".
fn serves_hits(store: &Store) {
    let problem = store.problem().expect("problem");
    assert!(
        matches!(*problem, StoreError::ReadOnly { .. }),
        "{problem:?}"
    );
    assert!(is_hit(store, "a"));
    assert!(store.latest("p", "a").is_some());
    let record = hit(store, "a");
    assert_eq!(store.load(&record.output).expect("load"), large("a"));
    assert!(matches!(store.claim(&signature("b")), Claimed::Mine(_)));
    assert!(store.write(&large("b"), Codec::BYTES).is_err());
    store
        .write(b"b", Codec::BYTES)
        .expect("inline needs no file");
    // What needs a place has one, outside.
    let scratch = store.scratch().expect("scratch");
    let path = scratch.path().join("output");
    std::fs::write(&path, large("c")).expect("write");
    assert!(store.adopt_file(&path).is_err());
    assert!(path.exists(), "it was not taken over");
    std::fs::write(&path, b"c").expect("write");
    let small = store.adopt_file(&path).expect("inline needs no file");
    let placed = store.place(&small).expect("place");
    assert_eq!(std::fs::read(placed).expect("read"), b"c");
    commit(store, "b", b"b");
    store.finish_run(run("p", "2"), vec![], Digest::of(b"state"));
    store.flush();
    assert_eq!(store.find(&signature("b")), Lookup::Absent);
    store.discard(&signature("a"));
    assert_eq!(store.find(&signature("a")), Lookup::Absent);
    assert!(!store.needs_snapshot("q"));
    assert!(store.snapshot("p", &mut std::iter::empty()).is_err());
}

fn filled() -> Cache {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", &large("a"));
    finish(&store, "p", &["a"]);
    cache
}

#[test]
fn a_directory_that_cannot_be_written_serves_hits() {
    let cache = filled();
    hinder(&cache);
    let before = std::fs::read(cache.file("records.db")).expect("read");
    serves_hits(&cache.open());
    assert_eq!(
        std::fs::read(cache.file("records.db")).expect("read"),
        before
    );
}

#[test]
fn a_directory_that_cannot_be_written_serves_its_snapshot() {
    for damage in [None, Some(b"garbage")] {
        let cache = filled();
        hinder(&cache);
        cache.remove_records();
        if let Some(bytes) = damage {
            std::fs::write(cache.file("records.db"), bytes).expect("damage");
        }
        serves_hits(&cache.open());
        assert_eq!(cache.file("records.db").exists(), damage.is_some());
    }
}

#[test]
fn trees_of_a_directory_that_cannot_be_written_are_placed_outside() {
    let cache = Cache::new();
    let store = cache.open();
    let scratch = store.scratch().expect("scratch");
    std::fs::create_dir(scratch.path().join("in")).expect("mkdir");
    std::fs::write(scratch.path().join("in/file"), large("a")).expect("write");
    let output = store.adopt_tree(scratch.path()).expect("adopt");
    drop((store, scratch));
    hinder(&cache);
    let store = cache.open();
    assert_eq!(store.present(&output), Ok(()));
    let path = store.place(&output).expect("place");
    assert!(!path.starts_with(cache.path()));
    assert_eq!(
        std::fs::read(path.join("in/file")).expect("read"),
        large("a")
    );
    assert_eq!(store.place(&output).expect("place"), path);
    drop(store);
    assert!(!path.exists(), "it was left behind");
}

#[test]
fn a_directory_that_can_neither_be_written_nor_has_records_is_an_error() {
    let cache = filled();
    hinder(&cache);
    cache.remove_records();
    std::fs::remove_file(cache.file("metadata.json")).expect("remove");
    let text = Store::open(&cache.path())
        .expect_err("nothing to read")
        .to_string();
    assert!(text.contains(&cache.path().display().to_string()), "{text}");
}

#[test]
fn a_read_only_file_system_serves_hits() {
    if let Some(dir) = std::env::var_os(OTHER) {
        serves_hits(&Store::open(dir.as_ref()).expect("open"));
        return;
    }
    let cache = filled();
    let mount =
        format!("mount --bind \"${OTHER}\" \"${OTHER}\" && mount -o remount,bind,ro \"${OTHER}\"");
    let probe = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount])
        .env(OTHER, cache.path())
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system lets the test mount nothing read-only");
        return;
    }
    let script = format!("exec unshare -rm sh -c '{mount} && exec \"$@\"' sh \"$@\"");
    let output = by_shell(&script, "a_read_only_file_system_serves_hits", &cache);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_full_disk_costs_the_caching_and_leaves_nothing_half_written() {
    if let Some(dir) = std::env::var_os(OTHER) {
        // No file may grow beyond 1 MiB here: the records still fit.
        let store = Store::open(dir.as_ref()).expect("open");
        let too_large = vec![1; 3 << 20];
        let error = store
            .write(&too_large, Codec::BYTES)
            .expect_err("too large");
        assert!(error.to_string().contains("write "), "{error}");
        // A file with two names is copied and not renamed.
        let path = std::path::Path::new(&dir).with_file_name("two names");
        let error = store.adopt_file(&path).expect_err("too large");
        assert!(error.to_string().contains("take over "), "{error}");
        assert!(path.exists());
        assert!(store.problem().is_some());
        // What fits is written as if nothing had been.
        commit(&store, "small", &large("small"));
        assert!(is_hit(&store, "small"));
        return;
    }
    let cache = Cache::new();
    let path = cache.path().with_file_name("two names");
    std::fs::write(&path, vec![2; 3 << 20]).expect("write");
    std::fs::hard_link(&path, path.with_file_name("another")).expect("link");
    // The limit is in blocks of 512 bytes, by POSIX; the signal would end the process.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let name = "a_full_disk_costs_the_caching_and_leaves_nothing_half_written";
    let output = by_shell(script, name, &cache);
    assert!(output.status.success(), "{output:?}");
    let store = cache.open();
    assert_eq!(
        store.load(&hit(&store, "small").output).expect("load"),
        large("small")
    );
    for directory in [cache.path(), cache.file("blobs")] {
        for entry in std::fs::read_dir(directory).expect("list") {
            let name = entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name");
            assert!(!name.starts_with(".tmp-"), "{name}");
        }
    }
    assert_eq!(
        std::fs::read_dir(cache.file("blobs"))
            .expect("list")
            .count(),
        1
    );
}

#[test]
fn full_records_cost_the_caching_and_are_whole_afterwards() {
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        for number in 0..2000 {
            commit(&store, &format!("{number}"), &[7; 4000]);
            if number % 50 == 0 {
                store.flush();
            }
        }
        store.flush();
        assert!(matches!(
            store.problem().as_deref(),
            Some(StoreError::Database { .. })
        ));
        return;
    }
    let cache = Cache::new();
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$@\"";
    let name = "full_records_cost_the_caching_and_are_whole_afterwards";
    let output = by_shell(script, name, &cache);
    assert!(output.status.success(), "{output:?}");
    let store = cache.open();
    assert!(is_hit(&store, "0") && !is_hit(&store, "1999"));
    for number in 0..2000 {
        assert!(!matches!(
            store.find(&signature(&format!("{number}"))),
            Lookup::Damaged(_)
        ));
    }
    commit(&store, "next", b"next");
    drop(store);
    assert!(is_hit(&cache.open(), "next"));
}
