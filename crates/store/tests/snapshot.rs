//! `metadata.json`: with the blobs a whole cache, whatever became of the rest.

mod common;

use common::*;
use std::time::Duration;

use refrain_store::{Digest, Lookup, Record, Store, StoreError};

#[test]
fn snapshot_and_blobs_are_a_whole_cache() {
    let cache = Cache::new();
    let store = cache.open();
    let small = commit(&store, "small", b"\0\xff");
    let mut big = record(&store, "big", &large("b"));
    big.log = Some(Digest::of(b"printed"));
    let printed = vec![(Digest::of(b"printed"), "printed".into())];
    store.commit(big.clone(), printed, None);
    let mut renamed = record(&store, "made as", b"");
    renamed.parts = Default::default();
    store.commit(renamed.clone(), vec![], None);
    let nodes = [
        ("small", &small),
        ("big", &big),
        ("\"quoted\"\né", &renamed),
    ];
    let latest = || {
        nodes
            .iter()
            .map(|(name, record)| ((*name).into(), record.signature))
    };
    store.finish_run(
        run("p \"é\"", "1"),
        nodes
            .iter()
            .map(|(name, record)| change(name, record.signature))
            .collect(),
        Digest::of(b"state"),
    );
    store.snapshot("p \"é\"", &mut latest()).expect("snapshot");
    drop(store);

    let copy = Cache::new();
    std::fs::create_dir_all(copy.file("blobs")).expect("mkdir");
    std::fs::copy(cache.file("metadata.json"), copy.file("metadata.json")).expect("copy");
    std::fs::copy(
        cache.blob(&big.output.digest),
        copy.blob(&big.output.digest),
    )
    .expect("copy");
    let store = copy.open();
    for (name, record) in nodes {
        assert_eq!(store.latest("p \"é\"", name).as_deref(), Some(record));
        assert_eq!(
            store.find_resolved(&record.resolved),
            Lookup::Hit(record.clone().into())
        );
    }
    assert_eq!(store.load(&big.output).expect("load"), large("b"));
    assert_eq!(store.load(&small.output).expect("load"), b"\0\xff");
    assert_eq!(store.note(&notes()[0].0).as_deref(), Some("fn it() {}"));
    let log = big.log.expect("log");
    assert_eq!(store.note(&log).as_deref(), Some("printed"));
    assert!(!store.needs_snapshot("p \"é\""));
}

#[test]
fn other_pipelines_keep_their_sections() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"a");
    commit(&store, "b", b"b");
    finish(&store, "p", &["a"]);
    assert!(!store.needs_snapshot("p") && store.needs_snapshot("q"));
    finish(&store, "q", &["b"]);
    assert!(!store.needs_snapshot("p") && !store.needs_snapshot("q"));
    // The section of p is replaced and not added to.
    finish(&store, "p", &["b"]);
    drop(store);
    cache.remove_records();
    let store = cache.open();
    assert!(store.latest("q", "b").is_some());
    assert!(store.latest("p", "b").is_some());
    assert!(store.latest("p", "a").is_none());
    assert!(!is_hit(&store, "a"));
}

#[test]
fn it_is_plain_json() {
    let cache = Cache::new();
    let store = cache.open();
    let record = commit(&store, "a", b"abc");
    finish(&store, "p", &["a"]);
    let text = std::fs::read_to_string(cache.file("metadata.json")).expect("read");
    let json: serde_json::Value = serde_json::from_str(&text).expect("json");
    assert_eq!(json["format"], 1);
    let section = &json["pipelines"]["p"];
    let node = &section["nodes"]["a"];
    assert_eq!(node["signature"], record.signature.to_string());
    assert_eq!(node["resolved"], record.resolved.to_string());
    let code = record.parts.code.expect("code").hash.to_string();
    assert_eq!(node["code_hash"], code);
    assert_eq!(node["inputs_hash"], serde_json::Value::Null);
    assert_eq!(node["deps"][0]["name"], "left");
    assert_eq!(node["output"]["digest"], record.output.digest.to_string());
    assert_eq!(node["output"]["size"], 3);
    assert_eq!(node["output"]["codec"], 1);
    assert_eq!(node["output"]["inline"], "YWJj");
    assert_eq!(node["created_ms"], -5);
    assert_eq!(node["elapsed_us"], 1234);
    assert_eq!(section["parts"][&code][0]["name"], "fn it");
    let (digest, note) = &notes()[0];
    assert_eq!(section["notes"][digest.to_string()], **note);
}

#[test]
fn nodes_without_a_record_are_left_out() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"a");
    finish(&store, "p", &["a", "never made"]);
    drop(store);
    cache.remove_records();
    let store = cache.open();
    assert!(store.latest("p", "a").is_some());
    assert!(store.latest("p", "never made").is_none());
}

#[test]
fn a_few_of_many_records_are_written_as_well() {
    let cache = Cache::new();
    let store = cache.open();
    for number in 0..200 {
        commit(&store, &format!("{number}"), b"x");
    }
    finish(&store, "p", &["7", "8"]);
    drop(store);
    cache.remove_records();
    let store = cache.open();
    assert!(is_hit(&store, "7") && is_hit(&store, "8") && !is_hit(&store, "9"));
}

#[test]
fn a_damaged_snapshot_is_noticed_and_replaced() {
    for (how, damage) in [
        (
            "truncated",
            (|bytes| bytes[..bytes.len() / 2].to_vec()) as fn(&[u8]) -> Vec<u8>,
        ),
        ("empty", |_| Vec::new()),
        ("garbage", |bytes| vec![0xff; bytes.len()]),
        ("another json", |_| b"[1, 2]".to_vec()),
        ("another format", |_| {
            br#"{"format":0,"pipelines":{}}"#.to_vec()
        }),
        ("no pipelines", |_| br#"{"format":1}"#.to_vec()),
    ] {
        let cache = Cache::new();
        let store = cache.open();
        commit(&store, "a", b"a");
        finish(&store, "p", &["a"]);
        let bytes = std::fs::read(cache.file("metadata.json")).expect("read");
        std::fs::write(cache.file("metadata.json"), damage(&bytes)).expect("damage");
        assert!(store.needs_snapshot("p"), "{how}");
        // The records do not need it.
        let store = {
            drop(store);
            cache.open()
        };
        assert!(is_hit(&store, "a"), "{how}");
        assert!(store.needs_snapshot("p"), "{how}");
        finish(&store, "p", &["a"]);
        assert!(!store.needs_snapshot("p"), "{how}");
        assert!(store.problem().is_none(), "{how}");
    }
}

#[test]
fn a_damaged_byte_gives_the_record_or_none() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"abc");
    finish(&store, "p", &["a"]);
    drop(store);
    let healthy = std::fs::read(cache.file("metadata.json")).expect("read");
    // Every fifth byte: each costs the creation of a database.
    for at in (0..healthy.len()).step_by(5) {
        let mut bytes = healthy.clone();
        bytes[at] ^= 1;
        cache.remove_records();
        std::fs::write(cache.file("metadata.json"), &bytes).expect("damage");
        let store = cache.open();
        assert!(store.problem().is_none(), "byte {at}");
        if let Lookup::Hit(record) = store.find(&signature("a"))
            && let Ok(bytes) = store.load(&record.output)
        {
            assert_eq!(bytes, b"abc", "byte {at}");
        }
    }
}

#[test]
fn a_newer_snapshot_is_neither_read_nor_written() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"a");
    finish(&store, "p", &["a"]);
    let newer = br#"{"format":2,"pipelines":"in another way"}"#;
    std::fs::write(cache.file("metadata.json"), newer).expect("write");
    assert!(!store.needs_snapshot("p"));
    let error = store
        .snapshot("p", &mut std::iter::empty())
        .expect_err("newer");
    assert!(
        error.to_string().contains("format 2 is newer than 1"),
        "{error}"
    );
    assert!(matches!(
        *store.problem().expect("problem"),
        StoreError::Newer { found: 2, .. }
    ));
    drop(store);
    cache.remove_records();
    let store = cache.open();
    assert_eq!(store.find(&signature("a")), Lookup::Absent);
    commit(&store, "a", b"a");
    assert_eq!(
        std::fs::read(cache.file("metadata.json")).expect("read"),
        newer
    );
}

#[test]
fn the_example_of_the_format_page_is_a_whole_cache() {
    let page = include_str!("../../../docs/storage-format.md");
    let (_, example) = page.split_once("```json\n").expect("example");
    let (example, _) = example.split_once("```").expect("end of the example");
    let cache = Cache::new();
    std::fs::create_dir(cache.path()).expect("mkdir");
    std::fs::write(cache.file("metadata.json"), example).expect("write");
    let store = cache.open();
    let record = store.latest("retrieval", "tokens").expect("record");
    assert_eq!(store.load(&record.output).expect("load"), b"abc");
    let code = record.parts.code.as_ref().expect("code");
    assert_eq!(&*code.leaves[0].name, "fn tokens");
    assert!(!store.needs_snapshot("retrieval"));
}

/// A node of the record of a word, and what is written of it where it changes.
fn with_note(store: &Store, node: &str, word: &str, note: &str) {
    let mut changed = record(store, word, word.as_bytes());
    changed.node = node.into();
    let digest = Digest::of(note.as_bytes());
    changed.log = Some(digest);
    store.commit(changed, vec![(digest, note.into())], None);
}

/// Writes the section of these nodes, each with the word that its record is of.
fn write(store: &Store, nodes: &[(String, String)]) {
    let mut latest = nodes
        .iter()
        .map(|(node, word)| (node.as_str().into(), signature(word)));
    store.snapshot("p", &mut latest).expect("snapshot");
}

#[test]
fn a_few_changes_are_put_into_the_section_that_stands() {
    let cache = Cache::new();
    let store = cache.open();
    let mut nodes: Vec<(String, String)> = (0..100)
        .map(|n| (format!("n{n}"), format!("w{n}")))
        .collect();
    for (node, word) in &nodes {
        commit(&store, word, b"");
        with_note(&store, node, word, &format!("note of {node}."));
    }
    write(&store, &nodes);
    drop(store);
    let text = || std::fs::read_to_string(cache.file("metadata.json")).expect("text");
    let before = text();

    let store = cache.open();
    nodes.remove(8);
    nodes[7].1 = "changed".into();
    with_note(&store, "n7", "changed", "a new \"note\"\n");
    // The same work, executed again.
    let again = Record {
        elapsed: Duration::from_secs(9),
        ..(*hit(&store, "w3")).clone()
    };
    store.commit(again, vec![], None);
    write(&store, &nodes);
    drop(store);
    let after = text();
    let kept = before.lines().filter(|line| {
        line.starts_with("\"n") && after.contains(line.trim_end_matches([',', '}']))
    });
    assert_eq!(kept.count(), 97 + 1, "all but three, and the notes");
    assert!(
        after.contains("note of n7."),
        "what nobody refers to any more stays for a while"
    );

    cache.remove_records();
    let store = cache.open();
    for (node, word) in &nodes {
        let record = store.latest("p", node).expect("a record");
        assert_eq!(record.signature, signature(word));
        assert_eq!(record.elapsed.as_secs(), if word == "w3" { 9 } else { 0 });
        assert_eq!(record.parts, hit(&store, word).parts);
    }
    assert!(store.latest("p", "n8").is_none());
    let note = store.note(&Digest::of(b"a new \"note\"\n"));
    assert_eq!(note.as_deref(), Some("a new \"note\"\n"));

    // It does not grow for ever.
    let old = "note of n7.";
    for round in 0..100 {
        nodes[7].1 = format!("changed {round}");
        with_note(&store, "n7", &nodes[7].1, &format!("{round:2000}"));
        write(&store, &nodes);
        if !text().contains(old) {
            return;
        }
    }
    panic!("what nobody refers to stays");
}
