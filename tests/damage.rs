//! Damage to the cache is a miss, never an error and never a wrong answer: of
//! blobs, of the index, of the snapshot, of the directory.

#[path = "support/large.rs"]
mod large;
mod support;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use large::{big_and_size, runner};
use refrain::{ReasonKind, inputs};
use support::{Counter, cache};

#[test]
fn an_unusable_cache_directory_costs_the_caching_and_not_the_run() {
    let dir = cache();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let counter = Counter::default();
    for _ in 0..2 {
        let run = runner(&file.join("cache"))
            .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
            .unwrap();
        assert_eq!(*run.get::<usize>("size").unwrap(), 200_000);
        assert_eq!(run.report().warnings().count(), 1);
        assert!(
            run.report()
                .warnings()
                .next()
                .unwrap()
                .contains("nothing is cached")
        );
    }
    assert_eq!(counter.take().len(), 4);
}

/// The blob of `big`, which is the only one.
fn only_blob(dir: &Path) -> PathBuf {
    let mut blobs: Vec<PathBuf> = fs::read_dir(dir.join("blobs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(blobs.len(), 1);
    blobs.remove(0)
}

fn overwrite(path: &Path, bytes: &[u8]) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_blob_is_made_again_never_served() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("truncated", |blob| overwrite(blob, &[1; 50_000])),
        ("flipped", |blob| {
            let mut bytes = fs::read(blob).unwrap();
            bytes[70_000] ^= 1;
            overwrite(blob, &bytes);
        }),
        ("emptied", |blob| overwrite(blob, &[])),
        ("deleted", |blob| fs::remove_file(blob).unwrap()),
        ("a link elsewhere", |blob| {
            let elsewhere = blob.parent().unwrap().parent().unwrap().join("elsewhere");
            fs::write(&elsewhere, [9; 100_000]).unwrap();
            fs::remove_file(blob).unwrap();
            symlink(&elsewhere, blob).unwrap();
        }),
        ("a directory", |blob| {
            fs::remove_file(blob).unwrap();
            fs::create_dir(blob).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let dir = cache();
        let counter = Counter::default();
        let pipeline = big_and_size(&counter);
        runner(dir.path())
            .run(&pipeline, inputs! { x: 1, scale: 2 })
            .unwrap();
        counter.take();
        damage(&only_blob(dir.path()));
        let run = runner(dir.path())
            .run(&big_and_size(&counter), inputs! { x: 1, scale: 3 })
            .unwrap();
        assert_eq!(*run.get::<usize>("size").unwrap(), 300_000, "{name}");
        assert_eq!(counter.take(), ["big", "size"], "{name}");
        let reason = run.report().node("big").unwrap().reason.unwrap();
        assert!(
            matches!(reason.kind, ReasonKind::Missing | ReasonKind::Damaged),
            "{name}: {reason}"
        );
        let run = runner(dir.path())
            .run(&big_and_size(&counter), inputs! { x: 1, scale: 4 })
            .unwrap();
        assert_eq!(*run.get::<usize>("size").unwrap(), 400_000);
        assert_eq!(counter.take(), ["size"], "{name}: healed");
    }
}

#[test]
fn a_target_damaged_after_its_run_is_made_again_when_asked_for() {
    let dir = cache();
    let counter = Counter::default();
    let only_big = big_and_size(&counter).subset(["big"]).unwrap();
    runner(dir.path()).run(&only_big, inputs! { x: 1 }).unwrap();
    let live = runner(dir.path());
    let run = live.run(&only_big, inputs! { x: 1 }).unwrap();
    assert_eq!(run.report().counts().hit, 1);
    counter.take();
    overwrite(&only_blob(dir.path()), b"garbage");
    assert_eq!(*run.get::<Vec<u8>>("big").unwrap(), vec![1; 100_000]);
    assert_eq!(counter.take(), ["big"]);
    let again = live.run(&only_big, inputs! { x: 1 }).unwrap();
    assert_eq!(*again.get::<Vec<u8>>("big").unwrap(), vec![1; 100_000]);
    assert!(counter.take().is_empty());
}

#[test]
fn blobs_lost_under_a_live_session_are_made_again() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = big_and_size(&counter);
    let live = runner(dir.path());
    live.run(&pipeline, inputs! { x: 1, scale: 2 }).unwrap();
    counter.take();
    fs::remove_file(only_blob(dir.path())).unwrap();
    let run = live.run(&pipeline, inputs! { x: 1, scale: 5 }).unwrap();
    assert_eq!(*run.get::<usize>("size").unwrap(), 500_000);
    assert_eq!(counter.take(), ["big", "size"]);
}

#[test]
fn damaged_indexes_are_rebuilt_or_replaced() {
    let damages: HashMap<&str, fn(&Path)> = HashMap::from([
        (
            "truncated db",
            (|dir| {
                let db = fs::read(dir.join("records.db")).unwrap();
                fs::write(dir.join("records.db"), &db[..db.len() / 2]).unwrap();
            }) as fn(&Path),
        ),
        ("garbage db", |dir| {
            fs::write(dir.join("records.db"), [0xa5; 8192]).unwrap()
        }),
        ("empty db", |dir| {
            fs::write(dir.join("records.db"), []).unwrap()
        }),
        ("no db", |dir| {
            fs::remove_file(dir.join("records.db")).unwrap()
        }),
        ("garbage snapshot", |dir| {
            fs::write(dir.join("metadata.json"), "{\"format\":").unwrap()
        }),
        ("no snapshot", |dir| {
            fs::remove_file(dir.join("metadata.json")).unwrap()
        }),
        ("neither", |dir| {
            fs::write(dir.join("metadata.json"), [0xff; 10]).unwrap();
            fs::write(dir.join("records.db"), "not a database").unwrap();
        }),
    ]);
    for (name, damage) in damages {
        let dir = cache();
        let counter = Counter::default();
        runner(dir.path())
            .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
            .unwrap();
        counter.take();
        damage(dir.path());
        for round in 0..2 {
            let run = runner(dir.path())
                .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
                .unwrap();
            assert_eq!(*run.get::<usize>("size").unwrap(), 200_000, "{name}");
            let executed = counter.take().len();
            let allowed = if name == "neither" && round == 0 {
                2
            } else {
                0
            };
            assert_eq!(executed, allowed, "{name}, round {round}");
        }
    }
}

#[test]
fn a_newer_cache_is_left_alone() {
    let dir = cache();
    let counter = Counter::default();
    runner(dir.path())
        .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
        .unwrap();
    counter.take();
    let metadata = "{\"format\": 999, \"pipelines\": 3}";
    fs::write(dir.path().join("metadata.json"), metadata).unwrap();
    // The user version of an SQLite database is at bytes 60..64 of its header.
    let mut db = fs::read(dir.path().join("records.db")).unwrap();
    db[60..64].copy_from_slice(&999u32.to_be_bytes());
    fs::write(dir.path().join("records.db"), &db).unwrap();
    let run = runner(dir.path())
        .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
        .unwrap();
    assert_eq!(*run.get::<usize>("size").unwrap(), 200_000);
    assert_eq!(run.report().warnings().count(), 1, "{}", run.report());
    assert_eq!(fs::read(dir.path().join("records.db")).unwrap(), db);
    assert_eq!(
        fs::read_to_string(dir.path().join("metadata.json")).unwrap(),
        metadata
    );
}

#[test]
fn metadata_and_blobs_alone_are_a_whole_cache() {
    let dir = cache();
    let counter = Counter::default();
    runner(dir.path())
        .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
        .unwrap();
    let moved = cache();
    fs::create_dir(moved.path().join("blobs")).unwrap();
    let blob = only_blob(dir.path());
    fs::copy(
        &blob,
        moved.path().join("blobs").join(blob.file_name().unwrap()),
    )
    .unwrap();
    fs::copy(
        dir.path().join("metadata.json"),
        moved.path().join("metadata.json"),
    )
    .unwrap();
    counter.take();
    let run = runner(moved.path())
        .run(&big_and_size(&counter), inputs! { x: 1, scale: 2 })
        .unwrap();
    assert_eq!(*run.get::<usize>("size").unwrap(), 200_000);
    let big = big_and_size(&counter).targets(["big"]).unwrap();
    runner(moved.path()).run(&big, inputs! { x: 1 }).unwrap();
    assert!(counter.take().is_empty());
    let run = runner(moved.path())
        .run(&big_and_size(&counter), inputs! { x: 2, scale: 2 })
        .unwrap();
    let reason = run.report().node("big").unwrap().reason.unwrap();
    assert_eq!(
        reason.to_string(),
        "inputs: x: 1 -> 2",
        "reasons move as well"
    );
}
