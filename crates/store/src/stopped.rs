//! What a store does while another process is stopped that has locked something: it ends in bounded time.
//!
//! The other process is another set of locks in this one, which shows no signs of life.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::claim::{Alone, Locks};
use crate::root::Root;
use crate::{
    Claimed, Codec, Digest, Limits, Lookup, Options, Parts, Record, Signature, Store, StoreError,
};

/// Long enough for nobody who is at work to be taken for stopped by these tests: they have no other process.
const PATIENCE: Duration = Duration::from_millis(50);

fn other(dir: &Path) -> Arc<Locks> {
    let root = Root::open(dir).expect("open");
    let file = root.read_write("claims.lock").expect("lock file");
    Locks::new(&root, file, PATIENCE)
}

fn open(dir: &Path) -> Store {
    Store::open_with(dir, &Options::default().patience(PATIENCE)).expect("it opens")
}

fn signature(word: &str) -> Signature {
    Signature::from_bytes(*Digest::of(word.as_bytes()).as_bytes())
}

fn commit(store: &Store, word: &str) {
    let record = Record {
        node: word.into(),
        signature: signature(word),
        resolved: signature(word),
        parts: Parts::default(),
        output: store
            .write(word.as_bytes(), Codec::BYTES)
            .expect("it is inline"),
        created_ms: 0,
        elapsed: Duration::ZERO,
        log: None,
        seal: None,
    };
    store.commit(record, Vec::new(), None);
    store.flush();
}

fn is_hit(store: &Store, word: &str) -> bool {
    matches!(store.find(&signature(word)), Lookup::Hit(_))
}

#[test]
fn records_that_are_being_opened_forever_are_read_and_not_written() {
    let dir = tempfile::tempdir().expect("tempdir");
    commit(&open(dir.path()), "a");
    let other = other(dir.path());
    let opening = other.alone(Alone::Opening).expect("nobody has it");
    let store = open(dir.path());
    assert!(is_hit(&store, "a"));
    let problem = store.problem().expect("nothing is written");
    assert!(matches!(*problem, StoreError::Frozen { .. }), "{problem}");
    drop(opening);
    assert!(open(dir.path()).problem().is_none());
}

#[test]
fn what_is_kept_from_others_forever_has_to_wait() {
    let dir = tempfile::tempdir().expect("tempdir");
    let other = other(dir.path());
    let held = [Alone::Snapshot, Alone::Collect].map(|what| other.alone(what));
    let store = open(dir.path());
    commit(&store, "a");
    let mut nodes = [("a".into(), signature("a"))].into_iter();
    let snapshot = store.snapshot("p", &mut nodes);
    assert!(snapshot.is_err_and(|error| error.to_string().contains("no sign of life")));
    let collected = store.gc(&Limits::default(), SystemTime::now(), false);
    assert!(matches!(collected, Err(StoreError::Frozen { .. })));
    drop(held);
    assert!(
        store
            .gc(&Limits::default(), SystemTime::now(), false)
            .is_ok()
    );
}

#[test]
fn a_directory_that_is_being_cleared_forever_is_read() {
    let dir = tempfile::tempdir().expect("tempdir");
    commit(&open(dir.path()), "a");
    let other = other(dir.path());
    assert!(other.close());
    let store = open(dir.path());
    assert!(is_hit(&store, "a"));
    let problem = store.problem().expect("nothing is written");
    assert!(problem.to_string().contains("no sign of life"), "{problem}");
}

#[test]
fn a_transaction_that_never_ends_costs_the_caching_and_is_waited_for_once() {
    let dir = tempfile::tempdir().expect("tempdir");
    let store = open(dir.path());
    commit(&store, "a");
    let other = rusqlite::Connection::open(dir.path().join("records.db")).expect("open");
    other.execute_batch("BEGIN IMMEDIATE").expect("begin");
    commit(&store, "b");
    let problem = store.problem().expect("it could not be written");
    assert!(matches!(*problem, StoreError::Database { .. }), "{problem}");
    assert!(is_hit(&store, "a"));
    assert!(!is_hit(&store, "b"));
    other.execute_batch("ROLLBACK").expect("roll back");
    commit(&store, "c");
    assert!(is_hit(&open(dir.path()), "c"));
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn one_other_takes_the_work_of_a_stopped_process_over() {
    let dir = tempfile::tempdir().expect("tempdir");
    let [stopped, second, third] = [(); 3].map(|()| other(dir.path()));
    let key = signature("a");
    let claim = stopped.claim(&key);
    assert!(matches!(claim, Claimed::Mine(_)));
    stopped.stop_showing_life();
    assert!(matches!(second.claim(&key), Claimed::Busy));
    let taken_over = loop {
        match second.claim(&key) {
            Claimed::Mine(claim) => break claim,
            Claimed::Busy => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    assert!(matches!(third.claim(&key), Claimed::Busy));
    drop(taken_over);
    drop(claim);
    assert!(matches!(third.claim(&key), Claimed::Mine(_)));
}
