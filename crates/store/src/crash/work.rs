//! What the process that dies was doing: runs of a small pipeline whose nodes give outputs of every kind.
//!
//! A run does what the engine does: it takes what it finds, and makes and commits what it does not. Unaware of how
//! and when it ends.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Promises;
use crate::root::Disk;
use crate::{
    Codec, Digest, Home, Leaf, Limits, ListEntry, Lookup, NodeChange, Options, Output, Part, Parts,
    Record, RunEntry, Signature, Store, StoreError,
};

/// The nodes of a pipeline; a word says what kind of output it has.
pub(super) const FIRST: [&str; 12] = [
    "inline 1",
    "blob 1",
    "file 1",
    "small file 1",
    "program 1",
    "tree 1",
    "list 1",
    "inline 2",
    "blob 2",
    "pickled 1",
    "pickles 1",
    "pickled 2",
];
/// The same after an edit: some are others.
pub(super) const EDITED: [&str; 9] = [
    "inline 1",
    "blob 3",
    "file 1",
    "tree 2",
    "list 2",
    "inline 2",
    "blob 2",
    "pickled 3",
    "pickles 1",
];
/// Another pipeline, some nodes of which are the same.
pub(super) const OTHER: [&str; 4] = ["blob 1", "inline 4", "program 1", "pickled 1"];

/// What nobody has made before.
pub(super) const ADDED: [&str; 1] = ["pickled 9"];

/// All words.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let all: std::collections::BTreeSet<_> = FIRST.into_iter().chain(EDITED).chain(OTHER).collect();
    all.into_iter()
}

pub(super) fn signature(word: &str) -> Signature {
    Signature::from_bytes(*Digest::of(format!("signature of {word}").as_bytes()).as_bytes())
}

/// All that is done: `promises` hears of what is finished, and of what may go from then on.
pub(super) fn work(
    disk: &'static dyn Disk,
    dir: &Path,
    promises: &Promises,
) -> Result<(), StoreError> {
    let store = Store::open_on(disk, dir, &Options::default())?;
    run(&store, "first", &FIRST, promises);
    run(&store, "other", &OTHER, promises);
    run(&store, "first", &EDITED, promises);
    drop(store);
    // Found damaged, forgotten, and made again.
    let store = Store::open_on(disk, dir, &Options::default())?;
    promises.withdraw(["blob 2", "inline 2", "pickles 1"]);
    store.discard(&signature("blob 2"));
    store.discard(&signature("pickles 1"));
    store.discard(&signature("inline 2"));
    store.flush();
    run(&store, "first", &EDITED, promises);
    promises.withdraw(words());
    let limits = Limits {
        max_size: Some(20_000),
        ..Limits::default()
    };
    let _ = store.gc(
        &limits,
        SystemTime::now() + Duration::from_secs(7200),
        false,
    );
    run(&store, "first", &FIRST, promises);
    // So much that the log is moved into the database in the end.
    for number in 0..150 {
        let word = format!("inline many {number}");
        let Ok(output) = store.write(&bytes_of(&word), Codec::BYTES) else {
            continue;
        };
        store.commit(record(&word, output), notes(), None);
    }
    drop(store);
    let store = Store::open_on(disk, dir, &Options::default())?;
    run(&store, "other", &OTHER, promises);
    drop(store);
    promises.withdraw(words());
    Store::clear_on(disk, dir)?;
    let store = Store::open_on(disk, dir, &Options::default())?;
    run(&store, "other", &OTHER, promises);
    Ok(())
}

/// One run of a pipeline.
pub(super) fn run(store: &Store, pipeline: &str, words: &[&'static str], promises: &Promises) {
    let mut changes = Vec::new();
    for word in words {
        if is_right(store, word) {
            continue;
        }
        store.discard(&signature(word));
        let Ok(output) = make(store, word) else {
            continue;
        };
        store.commit_at(&home(word), record(word, output), notes(), None);
        changes.push(change(word));
    }
    store.flush();
    if store.problem().is_none() {
        promises.give(words.iter().copied());
    }
    let signatures: Vec<_> = words.iter().map(|word| signature(word)).collect();
    let state = Digest::of(
        signatures
            .iter()
            .flat_map(Signature::as_bytes)
            .copied()
            .collect::<Vec<_>>()
            .as_slice(),
    );
    let new = !changes.is_empty() || store.state(pipeline) != Some(state);
    if new || store.needs_snapshot(pipeline) {
        let entry = RunEntry {
            id: format!("{pipeline} {}", words.len()),
            pipeline: pipeline.into(),
            started_ms: 77,
            elapsed: Duration::from_micros(99),
            status: "ok".into(),
            counts: "{}".into(),
        };
        store.finish_run(entry, changes, state);
        let mut nodes = words.iter().map(|word| ((*word).into(), signature(word)));
        // Refused by the disk, or done.
        let _ = store.snapshot(pipeline, &mut nodes);
    }
}

/// Says whether the word's output is found. One that is found must be right.
pub(super) fn is_right(store: &Store, word: &str) -> bool {
    let Lookup::Hit(record) = store.find(&signature(word)) else {
        return false;
    };
    if store.present(&record.output).is_err() {
        return false;
    }
    if kind(word) == "tree" {
        let Ok(path) = store.place(&record.output) else {
            return false;
        };
        assert_eq!(files_below(&path), tree_of(word), "{word}");
        // Where it stands its blobs are not read; for this they are.
        let outside = super::directory();
        let to = outside.path().join("exported");
        return store.export(&record.output, &to).is_ok_and(|()| {
            assert_eq!(files_below(&to), tree_of(word), "{word}");
            true
        });
    }
    let Ok(bytes) = store.load(&record.output) else {
        return false;
    };
    if matches!(kind(word), "list" | "pickles") {
        let entries = store.load_list(&record.output).expect("it was loaded");
        let loaded = entries
            .iter()
            .map(|entry| Some((entry.key.to_string(), store.load(&entry.output).ok()?)));
        let loaded: Option<BTreeMap<_, _>> = loaded.collect();
        return loaded.is_some_and(|loaded| {
            assert_eq!(loaded, tree_of(word), "{word}");
            true
        });
    }
    assert_eq!(bytes, bytes_of(word), "{word}");
    // The path that is given leads to the same.
    if let Ok(path) = store.place(&record.output) {
        assert_eq!(std::fs::read(path).expect("placed"), bytes, "{word}");
    }
    true
}

fn make(store: &Store, word: &str) -> Result<Output, StoreError> {
    let scratch = store.scratch()?;
    let at = scratch.path().join("made");
    let file = |mode| {
        std::fs::write(&at, bytes_of(word)).expect("write");
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(mode)).expect("mode");
        store.adopt_file(&at)
    };
    match kind(word) {
        "file" | "small" => file(0o644),
        "program" => file(0o755),
        "tree" => {
            for (name, bytes) in tree_of(word) {
                let path = at.join(name);
                std::fs::create_dir_all(path.parent().expect("inside")).expect("mkdir");
                std::fs::write(path, bytes).expect("write");
            }
            store.adopt_tree(&at)
        }
        "list" | "pickles" => {
            let entry = |(key, bytes): (String, Vec<u8>)| {
                let output = store.write_at(&home(word), &bytes, Codec::BYTES)?;
                Ok(ListEntry {
                    key: key.into(),
                    output,
                })
            };
            let entries: Result<Vec<_>, StoreError> =
                tree_of(word).into_iter().map(entry).collect();
            let entries = entries?;
            let entries = entries.iter().map(|entry| (&*entry.key, &entry.output));
            store.write_list_at(&home(word), entries)
        }
        _ => store.write_at(&home(word), &bytes_of(word), Codec::BYTES),
    }
}

/// All that is kept in pickles is added to one.
fn home(word: &str) -> Home {
    match kind(word) {
        "pickled" | "pickles" => Home::Pickle("pickled".into()),
        _ => Home::Blobs,
    }
}

fn kind(word: &str) -> &str {
    word.split(' ').next().expect("a word")
}

fn bytes_of(word: &str) -> Vec<u8> {
    let size = match kind(word) {
        "inline" => 4000,
        "small" => 100,
        _ => 5000,
    };
    word.bytes().cycle().take(size).collect()
}

/// The files of a tree, or the items of a list.
fn tree_of(word: &str) -> BTreeMap<String, Vec<u8>> {
    let names = ["a", "b/c", "b/d"]
        .into_iter()
        .zip(["inline a", "blob b", "small c"]);
    names
        .map(|(name, of)| (name.to_owned(), bytes_of(&format!("{of} of {word}"))))
        .collect()
}

fn files_below(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    super::files_below(dir)
        .into_iter()
        .map(|name| {
            (
                name.display().to_string(),
                std::fs::read(dir.join(&name)).expect("read"),
            )
        })
        .collect()
}

fn record(word: &str, output: Output) -> Record {
    let part = |what: &str, note: Option<&str>| {
        let leaf = Leaf {
            name: what.into(),
            digest: Digest::of(what.as_bytes()),
            note: note.map(|text| Digest::of(text.as_bytes())),
        };
        Some(Arc::new(Part {
            hash: Digest::of(what.as_bytes()),
            leaves: vec![leaf],
        }))
    };
    Record {
        node: word.into(),
        signature: signature(word),
        resolved: Signature::from_bytes(*Digest::of(word.as_bytes()).as_bytes()),
        parts: Parts {
            code: part("code", Some("fn it() {}")),
            env: None,
            inputs: None,
            deps: part(word, None),
        },
        output,
        created_ms: 5,
        elapsed: Duration::from_micros(1234),
        log: None,
        seal: None,
    }
}

fn notes() -> Vec<(Digest, Arc<str>)> {
    vec![(Digest::of(b"fn it() {}"), "fn it() {}".into())]
}

fn change(word: &str) -> NodeChange {
    NodeChange {
        node: word.into(),
        signature: signature(word),
        before: None,
        outcome: "executed".into(),
        reason: "first run".into(),
        elapsed: Duration::from_micros(5),
        log: None,
    }
}
