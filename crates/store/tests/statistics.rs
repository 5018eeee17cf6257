//! What the history adds up to, whatever stands in it.

mod common;

use std::time::Duration;

use common::*;
use refrain_store::{Codec, Digest, NodeChange, RunEntry, Statistics, Store};

fn changed(node: &str, before: Option<&str>, now: &str, reason: &str) -> NodeChange {
    NodeChange {
        before: before.map(signature),
        outcome: "executed".into(),
        reason: reason.into(),
        elapsed: Duration::from_millis(3),
        ..change(node, signature(now))
    }
}

fn finish(store: &Store, id: &str, counts: &str, started_ms: i64, changes: Vec<NodeChange>) {
    let entry = RunEntry {
        counts: counts.to_owned(),
        started_ms,
        ..run("p", id)
    };
    store.finish_run(entry, changes, Digest::of(id.as_bytes()));
}

#[test]
fn runs_add_up_and_executions_tell_their_reasons() {
    let cache = Cache::new();
    let store = cache.open();
    let mut old = record(&store, "old", &[7; 6000]);
    old.node = "a".into();
    let mut new = record(&store, "new", b"small");
    new.node = "a".into();
    let mut item = record(&store, "item", &[8; 5000]);
    item.node = "a[k]".into();
    for record in [old, new, item] {
        store.commit(record, Vec::new(), None);
    }
    let first = r#"{"executed": 2, "hit": 0, "saved_ms": 0}"#;
    let executed = |node, reason| changed(node, None, "old", reason);
    finish(
        &store,
        "1",
        first,
        50,
        vec![executed("a", "first-run"), executed("b", "")],
    );
    let changes = vec![
        changed("a", Some("old"), "new", ""),
        changed("b", Some("lost"), "old", ""),
        changed("c", Some("old"), "old", "missing: blob x is not there"),
    ];
    let second =
        r#"{"executed": 3, "hit": 4, "cutoff": 1, "saved_ms": 1500.5, "from": {"team": 2}}"#;
    finish(&store, "2", second, 40, changes);
    store.finish_run(run("q", "3"), vec![executed("z", "")], Digest::of(b"3"));
    for store in [store, cache.open()] {
        let stats = store.statistics(Some("p"));
        assert_eq!(
            (stats.runs, stats.damaged, stats.since_ms),
            (2, 0, Some(40))
        );
        assert_eq!(stats.hit_rate(), Some(0.5));
        let reasons: Vec<_> = stats
            .reasons
            .iter()
            .map(|(name, count)| (&**name, *count))
            .collect();
        assert_eq!(
            reasons,
            [
                ("changed", 1),
                ("dependency", 1),
                ("first-run", 2),
                ("missing", 1)
            ]
        );
        assert_eq!(stats.tiers.get("team"), Some(&2));
        assert_eq!(stats.saved, Duration::from_micros(1_500_500));
        assert_eq!(stats.spent, Duration::from_millis(15));
        let nodes: Vec<_> = stats
            .nodes
            .iter()
            .map(|node| (&*node.node, node.executed))
            .collect();
        assert_eq!(nodes, [("a", 2), ("b", 2), ("c", 1)]);
        assert_eq!(stats.nodes[0].records, 3, "with that of the item");
        assert!(
            (11_000..14_000).contains(&stats.nodes[0].bytes),
            "{stats:?}"
        );
        assert_eq!(stats.codecs.len(), 1);
        assert_eq!(
            (stats.codecs[0].codec, stats.codecs[0].records),
            (Codec::BYTES, 3)
        );
        assert_eq!(stats.bytes(), stats.nodes[0].bytes);
        let sizes: Vec<_> = stats.growth.iter().map(|growth| &*growth.run).collect();
        assert_eq!(sizes, ["1", "2"], "as recorded, whatever the clock said");
        assert_eq!(store.statistics(None).runs, 3);
    }
}

#[test]
fn rows_that_make_no_sense_are_counted_and_nothing_else() {
    let cache = Cache::new();
    let store = cache.open();
    finish(
        &store,
        "1",
        r#"{"hit": 1}"#,
        1,
        vec![changed("a", None, "x", "")],
    );
    drop(store);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    let rows = [
        "('2', 1, x'00', 'much', 'ok', x'7b7d', 'text', -5)",
        "('3', 1, 9223372036854775807, 9223372036854775807, 'ok', '{\"saved_ms\": 1e300}', x'ffff', 1e9)",
        "(x'34', 1, -9223372036854775807, -1, 'ok', '[[[[', zeroblob(1000), 'big')",
    ];
    for row in rows {
        let columns = "name, pipeline, started_ms, elapsed_us, status, counts, changes, size";
        let sql = format!("INSERT INTO runs ({columns}) VALUES {row}");
        database.execute(&sql, []).expect("insert");
    }
    drop(database);
    let stats = cache.open().statistics(None);
    assert_eq!((stats.runs, stats.damaged), (4, 3));
    assert_eq!((stats.count("hit"), stats.nodes.len()), (1, 1));
}

#[test]
fn ten_thousand_runs_are_one_query() {
    let cache = Cache::new();
    let store = cache.open();
    for at in 0..10_000 {
        let word = format!("{}", at % 7);
        let before = format!("{}", (at + 6) % 7);
        let changes = vec![changed("a", Some(&before), &word, "")];
        // The clock goes backwards all the time.
        finish(
            &store,
            &at.to_string(),
            r#"{"executed": 1, "hit": 3}"#,
            -at,
            changes,
        );
    }
    let stats = store.statistics(Some("p"));
    assert_eq!(
        (stats.runs, stats.count("hit"), stats.since_ms),
        (10_000, 30_000, Some(-9_999))
    );
    assert_eq!(stats.reasons.get("changed"), Some(&10_000));
    assert_eq!(stats.nodes[0].spent, Duration::from_secs(30));
    assert_eq!(stats.growth.len(), Statistics::GROWTH);
    assert_eq!(stats.growth.last().map(|last| &*last.run), Some("9999"));
}
