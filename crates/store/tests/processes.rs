//! Several processes on one directory. Two stores of one process are two as far as files and locks go;
//! where a process must die, the test binary runs itself.

mod common;

use std::sync::Barrier;

use common::*;
use refrain_store::{Claimed, Codec, Lookup, Store};

#[test]
fn two_stores_see_each_other() {
    let cache = Cache::new();
    let (one, two) = (cache.open(), cache.open());
    for number in 0..20 {
        let (a, b) = (format!("a{number}"), format!("b{number}"));
        // Both know by now that the keys are absent.
        assert_eq!(two.find(&signature(&a)), Lookup::Absent);
        assert_eq!(one.find(&signature(&b)), Lookup::Absent);
        commit(&one, &a, b"a");
        one.flush();
        commit(&two, &b, &large("b"));
        two.flush();
        let (Claimed::Mine(first), Claimed::Mine(second)) =
            (two.claim(&signature(&a)), one.claim(&signature(&b)))
        else {
            panic!("nobody has these")
        };
        assert_eq!(*hit(&two, &a), *hit(&one, &a));
        assert_eq!(one.load(&hit(&one, &b).output).expect("load"), large("b"));
        drop((first, second));
    }
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_claim_is_released_when_the_record_is_there() {
    let cache = Cache::new();
    let (one, two) = (cache.open(), cache.open());
    for number in 0..50 {
        let word = format!("{number}");
        let Claimed::Mine(claim) = one.claim(&signature(&word)) else {
            panic!("nobody has this")
        };
        assert!(matches!(two.claim(&signature(&word)), Claimed::Busy));
        assert_eq!(two.find(&signature(&word)), Lookup::Absent);
        one.commit(record(&one, &word, b"x"), notes(), Some(claim));
        // Granted only after the commit; then the record must be found.
        while let Claimed::Busy = two.claim(&signature(&word)) {
            std::thread::yield_now();
        }
        assert!(is_hit(&two, &word));
    }
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_claim_dropped_is_free_at_once() {
    let cache = Cache::new();
    let (one, two) = (cache.open(), cache.open());
    let claim = one.claim(&signature("a"));
    assert!(matches!(claim, Claimed::Mine(_)));
    assert!(matches!(two.claim(&signature("a")), Claimed::Busy));
    assert!(matches!(two.claim(&signature("b")), Claimed::Mine(_)));
    drop(claim);
    assert!(matches!(two.claim(&signature("a")), Claimed::Mine(_)));
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_killed_process_leaves_no_claim_and_keeps_what_it_finished() {
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        let _claim = store.claim(&signature("running"));
        for number in 0..100 {
            commit(&store, &format!("finished {number}"), &large("x"));
        }
        store.flush();
        say_and_wait("ready");
    }
    let cache = Cache::new();
    let store = cache.open();
    let name = "a_killed_process_leaves_no_claim_and_keeps_what_it_finished";
    let mut child = other_process(name, &cache);
    wait_for(&mut child, "ready");
    assert!(matches!(store.claim(&signature("running")), Claimed::Busy));
    child.kill().expect("kill");
    child.wait().expect("wait");
    let Claimed::Mine(_claim) = store.claim(&signature("running")) else {
        panic!("the kernel releases what a dead process had")
    };
    assert_eq!(store.find(&signature("running")), Lookup::Absent);
    for number in 0..100 {
        let record = hit(&store, &format!("finished {number}"));
        assert_eq!(store.load(&record.output).expect("load"), large("x"));
    }
}

#[test]
fn a_process_killed_while_it_writes_does_no_harm() {
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        for number in 0.. {
            let word = format!("{number}");
            commit(&store, &word, &large(&word));
            if number % 64 == 0 {
                finish(&store, "p", &[&word]);
            }
            if number == 1000 {
                println!("\nwriting");
            }
        }
    }
    let cache = Cache::new();
    let mut child = other_process("a_process_killed_while_it_writes_does_no_harm", &cache);
    wait_for(&mut child, "writing");
    child.kill().expect("kill");
    child.wait().expect("wait");
    let store = cache.open();
    assert!(store.problem().is_none());
    // What was said to be done before is there. Of the rest, what is there is right.
    let mut found = 0;
    for number in 0..100_000 {
        let word = format!("{number}");
        match store.find(&signature(&word)) {
            Lookup::Hit(record) => {
                assert_eq!(store.load(&record.output).expect("load"), large(&word));
                found += 1;
            }
            Lookup::Absent if number > 960 => break,
            other => panic!("{word}: {other:?}"),
        }
    }
    assert!(found > 960, "{found}");
    commit(&store, "next", b"next");
    finish(&store, "p", &["next"]);
    assert!(!store.needs_snapshot("p"));
    drop(store);
    assert!(is_hit(&cache.open(), "next"));
}

#[test]
fn eight_stores_open_fill_and_snapshot_at_once() {
    let cache = Cache::new();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (cache, start) = (&cache, &start);
            scope.spawn(move || {
                start.wait();
                let store = cache.open();
                assert!(store.problem().is_none());
                for number in 0..50 {
                    commit(&store, &format!("{thread} {number}"), b"own");
                    let shared = record(&store, "shared", b"shared");
                    store.commit(shared, notes(), None);
                }
                let output = store.write(&large("same"), Codec::BYTES).expect("write");
                assert_eq!(store.load(&output).expect("load"), large("same"));
                finish(
                    &store,
                    &format!("pipeline {thread}"),
                    &[&format!("{thread} 7")],
                );
                assert!(store.problem().is_none(), "{:?}", store.problem());
            });
        }
    });
    for rebuilt in [false, true] {
        if rebuilt {
            cache.remove_records();
        }
        let store = cache.open();
        for thread in 0..8 {
            let latest = store.latest(&format!("pipeline {thread}"), &format!("{thread} 7"));
            assert!(latest.is_some(), "{thread}");
            assert!(rebuilt || is_hit(&store, &format!("{thread} 49")));
        }
    }
}

#[test]
fn several_stores_rebuild_damaged_records_at_once() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "kept", b"kept");
    finish(&store, "p", &["kept"]);
    drop(store);
    std::fs::write(cache.file("records.db"), [0xa5; 10_000]).expect("damage");
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, start) = (&cache, &start);
            scope.spawn(move || {
                start.wait();
                let store = cache.open();
                assert!(is_hit(&store, "kept"));
                commit(&store, &format!("{thread}"), b"x");
            });
        }
    });
    let store = cache.open();
    for thread in 0..4 {
        assert!(is_hit(&store, &format!("{thread}")));
    }
}

#[test]
fn records_replaced_by_another_process_are_taken_up() {
    let cache = Cache::new();
    let one = cache.open();
    commit(&one, "a", b"a");
    finish(&one, "p", &["a"]);
    // Another process finds damage and replaces the file under this one.
    cache.remove_records();
    let two = cache.open();
    commit(&two, "b", b"b");
    two.flush();
    commit(&one, "c", b"c");
    one.flush();
    assert!(is_hit(&one, "a") && is_hit(&one, "b") && is_hit(&one, "c"));
    drop((one, two));
    let store = cache.open();
    assert!(is_hit(&store, "a") && is_hit(&store, "b") && is_hit(&store, "c"));
}
