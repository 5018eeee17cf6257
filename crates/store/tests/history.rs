//! Past runs: what each of them did, and what the nodes were then.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::*;
use refrain_store::{Digest, NodeChange, Signature, Store};

fn finish_with(store: &Store, pipeline: &str, id: &str, changes: Vec<NodeChange>) {
    store.finish_run(run(pipeline, id), changes, Digest::of(id.as_bytes()));
}

fn changed(node: &str, from: Option<&str>, to: &str, outcome: &str) -> NodeChange {
    NodeChange {
        before: from.map(signature),
        outcome: outcome.into(),
        reason: format!("{node} is another").into(),
        ..change(node, signature(to))
    }
}

fn failed(node: &str, from: Option<&str>, to: &str, log: &str) -> NodeChange {
    NodeChange {
        log: Some(log.into()),
        ..changed(node, from, to, "failed")
    }
}

/// The nodes with the words that their signatures are made from.
fn signatures(nodes: &[(&str, &str)]) -> BTreeMap<Arc<str>, Signature> {
    nodes
        .iter()
        .map(|(node, word)| ((*node).into(), signature(word)))
        .collect()
}

/// Four runs of the pipeline "p", with one of another between.
fn filled(store: &Store) -> Vec<(&'static str, Vec<NodeChange>)> {
    let runs = vec![
        (
            "01AB",
            vec![
                changed("a", None, "a1", "executed"),
                changed("b", None, "b1", "executed"),
            ],
        ),
        ("01AC", vec![]),
        (
            "01AD",
            vec![
                changed("a", Some("a1"), "a2", "hit"),
                failed("b", Some("b1"), "b2", "line 7:\nno such thing\n"),
                changed("c", None, "c1", "unneeded"),
            ],
        ),
        ("01BD", vec![changed("b", Some("b1"), "b3", "cutoff")]),
    ];
    for (id, changes) in &runs {
        finish_with(store, "p", id, changes.clone());
        let other = changed("a", None, "other", "executed");
        finish_with(store, "q", &format!("q{id}"), vec![other]);
    }
    runs
}

#[test]
fn a_run_tells_what_it_changed_and_what_was_the_case_then() {
    let cache = Cache::new();
    let store = cache.open();
    let runs = filled(&store);
    for store in [store, cache.open()] {
        for (id, changes) in &runs {
            assert_eq!(store.changes(id), *changes);
            assert_eq!(store.run(id), Some(run("p", id)));
        }
        let then = [
            &[("a", "a1"), ("b", "b1")][..],
            &[("a", "a1"), ("b", "b1")],
            &[("a", "a2"), ("b", "b1"), ("c", "c1")],
            &[("a", "a2"), ("b", "b3"), ("c", "c1")],
        ];
        for ((id, _), nodes) in runs.iter().zip(then) {
            assert_eq!(store.signatures_at(id), signatures(nodes), "{id}");
        }
        let latest = store.latest_signatures("p").into_iter().collect();
        assert_eq!(store.signatures_at("01BD"), latest);
        assert_eq!(store.changes("absent"), vec![]);
        assert_eq!(store.signatures_at("absent"), BTreeMap::new());
    }
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id_if_that_is_its_own() {
    let cache = Cache::new();
    let store = cache.open();
    filled(&store);
    finish_with(&store, "p", "01A", vec![]);
    let found = |id| store.run(id).map(|run| run.id);
    assert_eq!(found("01B").as_deref(), Some("01BD"));
    assert_eq!(found("01b").as_deref(), Some("01BD"));
    // The whole id of one, and the beginning of others.
    assert_eq!(found("01A").as_deref(), Some("01A"));
    for id in ["01", "", "01BDX", "1B", "%", "01_D"] {
        assert_eq!(found(id), None, "{id}");
    }
}

#[test]
fn a_failed_node_keeps_its_last_signature_and_its_log() {
    let cache = Cache::new();
    let store = cache.open();
    finish_with(&store, "p", "1", vec![changed("b", None, "b1", "executed")]);
    finish_with(&store, "p", "2", vec![failed("b", Some("b1"), "b2", "one")]);
    finish_with(&store, "p", "3", vec![failed("b", Some("b1"), "b3", "two")]);
    finish_with(&store, "p", "4", vec![changed("a", None, "a1", "executed")]);
    assert_eq!(store.latest_signature("p", "b"), Some(signature("b1")));
    let last = failed("b", Some("b1"), "b3", "two");
    assert_eq!(store.failed("p", "b"), Some(("3".into(), last)));
    assert_eq!(store.failed("p", "a"), None);
    assert_eq!(store.failed("q", "b"), None);
    assert_eq!(store.note(&Digest::of(b"two")).as_deref(), Some("two"));
}

#[test]
fn a_run_that_changed_nothing_adds_only_its_row() {
    let cache = Cache::new();
    let store = cache.open();
    filled(&store);
    drop(store);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    let bytes: i64 = database
        .query_row(
            "SELECT length(changes) FROM runs WHERE name = '01AC'",
            [],
            |row| row.get(0),
        )
        .expect("row");
    assert_eq!(bytes, 0);
}

#[test]
fn damaged_changes_are_left_out() {
    let cache = Cache::new();
    let store = cache.open();
    let runs = filled(&store);
    drop(store);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    for garbage in [&b"garbage"[..], b"", &[1; 60]] {
        database
            .execute(
                "UPDATE runs SET changes = ?1 WHERE name = '01AD'",
                [garbage],
            )
            .expect("damage");
        let store = cache.open();
        assert_eq!(store.changes("01AD"), vec![]);
        assert_eq!(store.changes("01BD"), runs[3].1);
        assert_eq!(
            store.signatures_at("01BD"),
            signatures(&[("a", "a1"), ("b", "b3")])
        );
        assert_eq!(store.failed("p", "b"), None);
    }
}

/// By docs/storage-format.md, byte for byte.
#[test]
fn the_bytes_of_changes_are_those_of_the_format_page() {
    let cache = Cache::new();
    let store = cache.open();
    let changes = vec![
        failed("é", Some("b"), "a", "log"),
        changed("n", None, "c", "hit"),
    ];
    finish_with(&store, "p", "id", changes);
    drop(store);
    let mut bytes = vec![1, 2, 3, 2, 0xc3, 0xa9];
    bytes.extend_from_slice(signature("a").as_bytes());
    bytes.extend_from_slice(signature("b").as_bytes());
    bytes.extend_from_slice(b"\x06failed\x0d\xc3\xa9 is another\x05");
    bytes.extend_from_slice(Digest::of(b"log").as_bytes());
    bytes.extend_from_slice(&[0, 1, b'n']);
    bytes.extend_from_slice(signature("c").as_bytes());
    bytes.extend_from_slice(b"\x03hit\x0cn is another\x05");
    let check = Digest::of(&[&bytes[..], b"id"].concat());
    bytes.extend_from_slice(&check.as_bytes()[..8]);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    let found: Vec<u8> = database
        .query_row("SELECT changes FROM runs", [], |row| row.get(0))
        .expect("row");
    assert_eq!(found, bytes);
}
