//! Damage found before it is met, and directories cleared.

mod common;

use std::path::{Path, PathBuf};

use common::*;
use refrain_store::{Codec, Finding, ListEntry, Store, StoreError};

/// One record of every kind, and a snapshot; the digest of the tree.
fn filled(cache: &Cache) -> refrain_store::Digest {
    let store = cache.open();
    commit(&store, "small", b"small");
    commit(&store, "large", &large("large"));
    let scratch = store.scratch().expect("scratch");
    std::fs::write(scratch.path().join("file"), large("file")).expect("write");
    let mut tree = record(&store, "tree", b"");
    tree.output = store.adopt_tree(scratch.path()).expect("adopt");
    store.place(&tree.output).expect("place");
    let entries: Vec<ListEntry> = (0..200)
        .map(|number| ListEntry {
            key: number.to_string().into(),
            output: hit(&store, "large").output.clone(),
        })
        .collect();
    let mut list = record(&store, "list", b"");
    list.output = store.write_list(&entries).expect("write");
    let digest = tree.output.digest;
    store.commit(tree, vec![], None);
    store.commit(list, vec![], None);
    store
        .write(&large("of nobody"), Codec::BYTES)
        .expect("write");
    finish(&store, "p", &["small", "large", "tree", "list"]);
    digest
}

/// What is found, with the paths from the cache directory.
fn found(cache: &Cache) -> Vec<(PathBuf, Option<String>)> {
    let before = listing(&cache.path());
    let store = cache.open();
    let mut last = None;
    let verified = store.verify(&mut |progress| {
        assert!(progress.bytes <= progress.total);
        last = Some(progress);
    });
    let last = last.expect("progress");
    assert_eq!((last.bytes, last.total), (verified.bytes, verified.bytes));
    let place = |finding: Finding| {
        let path = finding
            .path
            .strip_prefix(cache.path().canonicalize().expect("path"));
        let node = finding.node.map(|node| node.to_string());
        (path.expect("inside").to_owned(), node)
    };
    let mut found: Vec<_> = verified.findings.into_iter().map(place).collect();
    found.sort();
    drop(store);
    assert_eq!(listing(&cache.path()), before);
    found
}

/// Every file but SQLite's, with its bytes.
fn listing(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut ahead = vec![dir.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in std::fs::read_dir(next).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                ahead.push(path);
            } else if !path.display().to_string().contains("records.db-") {
                let bytes = std::fs::read(&path).unwrap_or_default();
                files.push((path, bytes));
            }
        }
    }
    files.sort();
    files
}

fn blob(word: &str) -> PathBuf {
    let digest = refrain_store::Digest::of(&large(word));
    Path::new("blobs").join(digest.to_string())
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    overwrite(path, &bytes);
}

#[test]
fn a_healthy_directory_has_no_findings() {
    let cache = Cache::new();
    filled(&cache);
    assert_eq!(found(&cache), []);
    let verified = cache.open().verify(&mut |_| ());
    assert_eq!((verified.records, verified.blobs), (4, 4));
}

#[test]
fn damaged_and_missing_blobs_are_found_for_each_of_their_nodes() {
    let cache = Cache::new();
    filled(&cache);
    flip(&cache.file(blob("large").to_str().expect("text")));
    flip(&cache.file(blob("of nobody").to_str().expect("text")));
    let mut wanted = vec![
        (blob("large"), Some("large".into())),
        (blob("large"), Some("list".into())),
        (blob("of nobody"), None),
    ];
    wanted.sort();
    assert_eq!(found(&cache), wanted);
    for word in ["large", "of nobody"] {
        std::fs::remove_file(cache.path().join(blob(word))).expect("remove");
    }
    let paths: Vec<PathBuf> = found(&cache).into_iter().map(|(path, _)| path).collect();
    assert!(paths.contains(&blob("large")) && !paths.contains(&blob("of nobody")));
    // The snapshot names what is not there.
    assert!(paths.contains(&PathBuf::from("metadata.json")));
}

#[test]
fn damaged_listings_and_trees_are_found() {
    let cache = Cache::new();
    let digest = filled(&cache);
    let tree = Path::new("trees").join(digest.to_string());
    std::fs::write(cache.path().join(&tree).join("more"), b"").expect("write");
    assert_eq!(found(&cache), [(tree, Some("tree".into()))]);
    let list = hit(&cache.open(), "list").output.digest;
    flip(&cache.blob(&list));
    let list = Path::new("blobs").join(list.to_string());
    assert!(found(&cache).contains(&(list, Some("list".into()))));
}

#[test]
fn damaged_records_notes_and_snapshots_are_found() {
    let cache = Cache::new();
    filled(&cache);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    database
        .execute("UPDATE notes SET text = 'another'", [])
        .expect("damage");
    let records = PathBuf::from("records.db");
    assert_eq!(found(&cache), [(records.clone(), None)]);
    database.execute("DELETE FROM notes", []).expect("remove");
    assert_eq!(found(&cache), []);
    database
        .execute("UPDATE records SET body = x'0102' WHERE id = 1", [])
        .expect("damage");
    assert_eq!(found(&cache), [(records, None)]);
    database
        .execute("DELETE FROM records WHERE id = 1", [])
        .expect("remove");
    drop(database);
    let snapshot = PathBuf::from("metadata.json");
    let text = std::fs::read_to_string(cache.file("metadata.json")).expect("read");
    for (damaged, node) in [
        ("{".to_owned(), None),
        (
            text.replace("c21hbGw=", "c21lbGw="),
            Some("small".to_owned()),
        ),
    ] {
        std::fs::write(cache.file("metadata.json"), damaged).expect("damage");
        assert_eq!(found(&cache), [(snapshot.clone(), node)]);
    }
}

#[test]
fn clearing_leaves_the_directory_and_what_is_not_ours() {
    let cache = Cache::new();
    filled(&cache);
    for name in [
        "mine.txt",
        "blobs/mine.txt",
        ".tmp-1-1",
        "records.db.damaged",
    ] {
        std::fs::write(cache.file(name), b"mine").expect("write");
    }
    std::fs::write(cache.file(".gitignore"), b"mine\n").expect("write");
    std::fs::create_dir_all(cache.file("scratch/7/0")).expect("mkdir");
    Store::clear(&cache.path()).expect("clear");
    let left: Vec<PathBuf> = listing(&cache.path())
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    let mine = [".gitignore", "blobs/mine.txt", "mine.txt"];
    assert_eq!(left, mine.map(|name| cache.file(name)));
    // It is as good as new, and clearing nothing is fine.
    Store::clear(&cache.path()).expect("clear");
    Store::clear(&cache.file("absent")).expect("clear");
    let store = cache.open();
    assert!(!is_hit(&store, "small"));
    commit(&store, "small", b"small");
    drop(store);
    assert!(is_hit(&cache.open(), "small"));
}

#[test]
fn a_directory_in_any_state_can_be_cleared() {
    let cache = Cache::new();
    filled(&cache);
    std::fs::write(cache.file("records.db"), b"garbage").expect("damage");
    std::fs::write(cache.file("metadata.json"), b"garbage").expect("damage");
    std::fs::remove_file(cache.file("claims.lock")).expect("remove");
    Store::clear(&cache.path()).expect("clear");
    assert_eq!(listing(&cache.path()), []);
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_directory_that_is_open_is_not_cleared() {
    let cache = Cache::new();
    filled(&cache);
    let (one, two) = (cache.open(), cache.open());
    for store in [one, two] {
        let error = Store::clear(&cache.path()).expect_err("in use");
        assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
        let path = cache.path().display().to_string();
        assert!(error.to_string().contains(&path), "{error}");
        assert!(is_hit(&store, "small"));
    }
    Store::clear(&cache.path()).expect("clear");
}

#[test]
fn stores_opened_while_it_is_cleared_are_whole() {
    let cache = Cache::new();
    filled(&cache);
    std::thread::scope(|scope| {
        let clearing = scope.spawn(|| {
            (0..50)
                .filter(|_| Store::clear(&cache.path()).is_ok())
                .count()
        });
        while !clearing.is_finished() {
            let store = cache.open();
            commit(&store, "a", &large("a"));
            store.flush();
            assert!(store.load(&hit(&store, "a").output).is_ok());
            assert!(store.problem().is_none(), "{:?}", store.problem());
        }
    });
    let store = cache.open();
    commit(&store, "a", &large("a"));
    drop(store);
    assert!(is_hit(&cache.open(), "a"));
}
