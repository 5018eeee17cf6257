//! What a golden cache directory has: one of everything that the store keeps.
//!
//! `fill` makes it and `check` looks for it. What `fill` makes is never changed, only added to under another name.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{
    Codec, Digest, Leaf, ListEntry, Lookup, NodeChange, Output, Part, Parts, Record, RunEntry,
    Signature, Store,
};

/// The pipeline of all nodes but `elsewhere`.
const PIPELINE: &str = "golden";

/// Makes the contents, with the store just opened on a new directory. `work` is a directory on the same file system.
pub fn fill(store: &Store, work: &Path) {
    let mut records = Vec::new();
    for (node, bytes, codec) in plain() {
        let output = store.write(&bytes, codec).expect("write");
        records.push(record(node, output));
    }
    records.push(record("tree", tree(store, work)));
    let (list, items) = list(store);
    records.push(record("list", list));
    for (key, output) in items {
        records.push(record(&format!("list[{key}]"), output));
    }
    let mut bare = record("without parts", records[0].output.clone());
    bare.parts = Parts::default();
    bare.log = None;
    records.push(bare);
    let elsewhere = record("elsewhere", records[1].output.clone());
    for record in records.iter().chain([&elsewhere]) {
        let notes = NOTES.map(|text| (Digest::of(text.as_bytes()), text.into()));
        store.commit(record.clone(), notes.to_vec(), None);
    }
    finish(store, PIPELINE, "01GOLDEN0000000000000000A", &records);
    finish(
        store,
        "another",
        "01GOLDEN0000000000000000B",
        std::slice::from_ref(&elsewhere),
    );
    store.flush();
}

/// Looks for all of it: every record a hit with its output right, and what stands beside them.
pub fn check(store: &Store, work: &Path) {
    for (node, bytes, codec) in plain() {
        let found = hit(store, node);
        assert_eq!(found.output.codec, codec, "{node}");
        assert_eq!(store.load(&found.output).expect(node), bytes, "{node}");
        assert_eq!(*found, record(node, found.output.clone()), "{node}");
        let resolved = store.find_resolved(&found.resolved);
        assert_eq!(resolved, Lookup::Hit(Arc::clone(&found)), "{node}");
    }
    let tree = work.join("tree");
    store
        .export(&hit(store, "tree").output, &tree)
        .expect("export");
    let text = |name: &str| fs::read_to_string(tree.join(name)).expect(name);
    assert_eq!((text("a"), text("sub/link")), ("a".into(), "a".into()));
    let mode = tree.join("sub/program").metadata().expect("metadata");
    assert_ne!(mode.permissions().mode() & 0o111, 0);
    let entries = store
        .load_list(&hit(store, "list").output)
        .expect("the list");
    let keys: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["one", "two"]);
    for entry in &entries {
        let item = hit(store, &format!("list[{}]", entry.key));
        assert_eq!(item.output.digest, entry.output.digest);
        assert_eq!(
            store.load(&item.output).expect("item"),
            item_bytes(&entry.key)
        );
    }
    hit(store, "without parts");
    for text in NOTES {
        let note = store.note(&Digest::of(text.as_bytes()));
        assert_eq!(note.as_deref(), Some(text));
    }
    check_history(store);
}

fn check_history(store: &Store) {
    let latest = store.latest(PIPELINE, "inline").expect("latest");
    assert_eq!(latest.signature, signature("inline"));
    let elsewhere = store.latest_signature("another", "elsewhere");
    assert_eq!(elsewhere, Some(signature("elsewhere")));
    let run = store.run("01GOLDEN0000000000000000A").expect("a run");
    assert_eq!(run, entry(PIPELINE, "01GOLDEN0000000000000000A"));
    let changes = store.changes(&run.id);
    let change = changes.iter().find(|change| &*change.node == "inline");
    assert_eq!(change, Some(&changed("inline")));
    let (failed, change) = store.failed(PIPELINE, "broken").expect("a failure");
    assert_eq!((failed, change), (run.id, broken()));
    assert_eq!(store.state(PIPELINE), Some(Digest::of(PIPELINE.as_bytes())));
}

/// Nodes whose outputs are bytes, one for each codec of bytes, inline and as blobs.
fn plain() -> Vec<(&'static str, Vec<u8>, Codec)> {
    vec![
        ("inline", b"abc".to_vec(), Codec::BYTES),
        ("blob", b"blob ".repeat(1000), Codec::BYTES),
        ("empty", Vec::new(), Codec::BYTES),
        ("text", "a text, é".into(), Codec::TEXT),
        ("value", vec![3, 1, 2, 251, 0, 1], Codec::BINCODE),
        ("file", b"file ".repeat(1000), Codec::FILE),
        ("program", b"#!/bin/sh\n".repeat(500), Codec::PROGRAM),
    ]
}

fn tree(store: &Store, work: &Path) -> Output {
    let top = work.join("made");
    fs::create_dir_all(top.join("sub")).expect("directories");
    fs::write(top.join("a"), "a").expect("a file");
    fs::write(top.join("sub/program"), "#!/bin/sh\n").expect("a program");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(top.join("sub/program"), executable).expect("a mode");
    symlink("../a", top.join("sub/link")).expect("a link");
    store.adopt_tree(&top).expect("a tree")
}

fn list(store: &Store) -> (Output, Vec<(String, Output)>) {
    let write = |key: &str| store.write(&item_bytes(key), Codec::BYTES).expect("write");
    let items: Vec<(String, Output)> = ["one", "two"].map(|key| (key.into(), write(key))).into();
    let entries = items.iter().map(|(key, output)| ListEntry {
        key: key.as_str().into(),
        output: output.clone(),
    });
    let list = store.write_list(&entries.collect::<Vec<_>>());
    (list.expect("a list"), items)
}

/// A small item and one that is a blob.
fn item_bytes(key: &str) -> Vec<u8> {
    match key {
        "one" => b"first".to_vec(),
        _ => b"second ".repeat(1000),
    }
}

/// Texts that leaves and logs name.
const NOTES: [&str; 2] = ["fn golden() {}", "it said this\n"];

fn record(node: &str, output: Output) -> Record {
    let leaf = |name: &str, note: Option<&str>| Leaf {
        name: name.into(),
        digest: Digest::of(name.as_bytes()),
        note: note.map(|text| Digest::of(text.as_bytes())),
    };
    let part = |what: &str, leaves| {
        let hash = Digest::of(what.as_bytes());
        Some(Arc::new(Part { hash, leaves }))
    };
    Record {
        node: node.into(),
        signature: signature(node),
        resolved: key("resolved", node),
        parts: Parts {
            code: part("code", vec![leaf("fn golden", Some(NOTES[0]))]),
            env: part("env", vec![leaf("KEY", None)]),
            inputs: part("inputs", vec![leaf("x", Some(NOTES[0]))]),
            deps: part(node, vec![leaf("left", None), leaf("right \"é\"", None)]),
        },
        output,
        created_ms: 1_790_000_000_000,
        elapsed: Duration::from_micros(1_234_567),
        log: Some(Digest::of(NOTES[1].as_bytes())),
        seal: None,
    }
}

fn finish(store: &Store, pipeline: &str, id: &str, records: &[Record]) {
    let mut changes: Vec<NodeChange> = records.iter().map(|it| changed(&it.node)).collect();
    changes.push(broken());
    let state = Digest::of(pipeline.as_bytes());
    store.finish_run(entry(pipeline, id), changes, state);
    let latest = records.iter().map(|it| (it.node.clone(), it.signature));
    store.snapshot(pipeline, &mut { latest }).expect("snapshot");
}

fn entry(pipeline: &str, id: &str) -> RunEntry {
    RunEntry {
        id: id.into(),
        pipeline: pipeline.into(),
        started_ms: 1_790_000_000_000,
        elapsed: Duration::from_micros(99),
        status: "failed".into(),
        counts: r#"{"executed":1}"#.into(),
    }
}

fn changed(node: &str) -> NodeChange {
    NodeChange {
        node: node.into(),
        signature: signature(node),
        before: Some(signature("before")),
        outcome: "executed".into(),
        reason: "first run".into(),
        elapsed: Duration::from_micros(5),
        log: None,
    }
}

fn broken() -> NodeChange {
    NodeChange {
        outcome: "failed".into(),
        log: Some("why it failed".into()),
        ..changed("broken")
    }
}

fn hit(store: &Store, node: &str) -> Arc<Record> {
    match store.find(&signature(node)) {
        Lookup::Hit(record) => record,
        other => panic!("{node}: {other:?}"),
    }
}

fn signature(node: &str) -> Signature {
    key("signature", node)
}

fn key(of: &str, node: &str) -> Signature {
    Signature::from_bytes(*Digest::of(format!("{of} of {node}").as_bytes()).as_bytes())
}
