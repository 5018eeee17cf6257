//! Limits that are kept by themselves, and what goes first under each policy.

mod common;

use std::path::Path;
use std::time::{Duration, SystemTime};

use common::*;
use refrain_store::{Collected, Eviction, Limits, Options, Record, Store};

const DAY: Duration = Duration::from_secs(86_400);

fn open(cache: &Cache, max_size: u64, eviction: Eviction) -> Store {
    let limits = Limits {
        max_size: Some(max_size),
        max_age: None,
        eviction,
    };
    Store::open_with(&cache.path(), &Options::default().limits(limits)).expect("open")
}

/// A record with a blob of 4097 bytes that took so many seconds.
fn commit_for(store: &Store, word: &str, seconds: u64) {
    let record = Record {
        elapsed: Duration::from_secs(seconds),
        ..record(store, word, &large(word))
    };
    store.commit(record, notes(), None);
    store.flush();
}

fn keep(store: &Store) -> Option<Collected> {
    store.keep_limits(SystemTime::now()).expect("keep limits")
}

fn collect_nothing(store: &Store) -> Collected {
    store
        .gc(&Limits::default(), SystemTime::now(), false)
        .expect("gc")
}

fn fact(cache: &Cache, name: &str) -> Option<String> {
    let connection = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    connection
        .query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .ok()
}

/// Says of a record that it was last used some days from now.
fn used_in(cache: &Cache, word: &str, days: i64) {
    let connection = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    let key = i64::from_le_bytes(*signature(word).as_bytes().first_chunk().expect("eight"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let used = now.expect("after 1970").as_millis() as i64 + days * 86_400_000;
    let rows = connection.execute(
        "UPDATE records SET used_ms = ?2 WHERE signature = ?1",
        [key, used],
    );
    assert_eq!(rows, Ok(1));
}

fn left(store: &Store, words: &[&str]) -> String {
    let hits = words.iter().filter(|word| is_hit(store, word));
    hits.copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_counted_is_what_is_there() {
    let cache = Cache::new();
    let store = cache.open();
    let counted = || fact(&cache, "size").map(|text| text.parse::<u64>().expect("a number"));
    for word in ["a", "b", "c"] {
        commit(&store, word, &large(word));
        commit(&store, word, &large(word));
    }
    commit(&store, "small", b"small");
    store.place(&hit(&store, "small").output).expect("place");
    commit(&store, "d", &large("a"));
    store.discard(&signature("c"));
    store.flush();
    let before = counted().expect("counted from the beginning");
    let left = collect_nothing(&store).left;
    // The blob of what was discarded is still there before, and so is the row.
    assert!(before >= left && before < left + 5000, "{before} {left}");
    assert_eq!(counted(), Some(left));
    drop(store);
    // Who finds blobs beside no records has to look first.
    cache.remove_records();
    let store = cache.open();
    assert_eq!(counted(), None);
    let left = collect_nothing(&store).left;
    assert_eq!(counted(), Some(left));
}

#[test]
fn nothing_is_collected_before_there_is_too_much_and_some_room_is_made_then() {
    let cache = Cache::new();
    let store = open(&cache, 46_000, Eviction::Lru);
    let words: Vec<String> = (10..21).map(|number| format!("word{number}")).collect();
    let (last, words) = words.split_last().expect("words");
    for word in words {
        commit_for(&store, word, 1);
        assert_eq!(keep(&store), None, "{word}");
    }
    commit_for(&store, last, 1);
    let collected = keep(&store).expect("too much");
    assert!(collected.left <= 41_400 && collected.left > 35_000);
    assert!(!is_hit(&store, "word10") && is_hit(&store, last));
    assert_eq!(keep(&store), None);
}

#[test]
fn who_stays_is_in_nobodys_way_between_runs() {
    let cache = Cache::new();
    let [staying, other] = [0, 1].map(|_| open(&cache, 46_000, Eviction::Lru));
    for word in ["a", "b", "c", "d", "e"] {
        commit_for(&staying, word, 1);
    }
    // In the middle of its run: what it has just written may be of use to it.
    for word in ["f", "g", "h", "i", "j", "k"] {
        commit_for(&other, word, 1);
    }
    assert!(keep(&other).expect("too much").left > 46_000);
    assert_eq!(keep(&other), None, "nor would it help so soon");
    // It has ended.
    keep(&staying);
    let later = SystemTime::now() + Duration::from_secs(120);
    let collected = other.keep_limits(later).expect("keep limits");
    assert!(collected.expect("too much").left <= 41_400);
    // And writes again.
    for word in ["l", "m", "n"] {
        commit_for(&staying, word, 1);
    }
    assert!(keep(&other).expect("too much").left > 46_000);
}

#[test]
fn what_the_last_runs_stand_on_stays_and_is_not_looked_at_for_ever() {
    let cache = Cache::new();
    let store = open(&cache, 10_000, Eviction::Cost);
    let words = ["a", "b", "c", "d"];
    for word in words {
        commit_for(&store, word, 1);
    }
    commit_for(&store, "old", 1_000_000);
    finish(&store, "p", &words);
    let collected = keep(&store).expect("too much");
    assert_eq!(collected.records, 1);
    assert_eq!(left(&store, &words), "a b c d");
    assert_eq!(keep(&store), None, "there is still too much, and no more");
    commit_for(&store, "new", 1);
    assert_eq!(keep(&store).map(|it| it.records), Some(1));
    // Whoever asks for it by name gets it.
    let limits = Limits {
        max_size: Some(0),
        ..Limits::default()
    };
    let collected = store.gc(&limits, SystemTime::now(), false).expect("gc");
    assert_eq!(collected.left, 0);
}

#[test]
fn the_cheap_go_before_the_recent_where_cost_counts() {
    for (eviction, stays) in [
        (Eviction::Lru, "recent cheap"),
        (Eviction::Cost, "dear used"),
    ] {
        let cache = Cache::new();
        let store = open(&cache, 10_000, eviction);
        commit_for(&store, "dear", 600);
        commit_for(&store, "used", 300);
        drop(store);
        // On three days, with one process each.
        for _ in 0..3 {
            used_in(&cache, "used", -2);
            let store = open(&cache, 10_000, eviction);
            hit(&store, "used");
        }
        used_in(&cache, "dear", -5);
        used_in(&cache, "used", -1);
        let store = open(&cache, 10_000, eviction);
        commit_for(&store, "recent", 60);
        commit_for(&store, "cheap", 1);
        keep(&store).expect("too much");
        let words = ["dear", "used", "recent", "cheap"];
        assert_eq!(left(&store, &words), stays, "{eviction:?}");
    }
}

#[test]
fn what_was_dear_goes_in_the_end_when_it_is_not_used_any_more() {
    let cache = Cache::new();
    let store = open(&cache, 15_000, Eviction::Cost);
    commit_for(&store, "dear", 10);
    let mut rounds = 0;
    while is_hit(&store, "dear") {
        rounds += 1;
        assert!(rounds < 100, "it never goes");
        commit_for(&store, &format!("round {rounds}"), 3);
        keep(&store);
    }
    assert!(
        rounds > 4,
        "it outlives cheaper ones, and not only {rounds}"
    );
}

#[test]
fn a_last_use_that_is_yet_to_come_does_no_harm() {
    let cache = Cache::new();
    let store = open(&cache, 15_000, Eviction::Lru);
    for word in ["a", "b"] {
        commit_for(&store, word, 1);
    }
    used_in(&cache, "a", 1000);
    used_in(&cache, "b", -1000);
    drop(store);
    let aged = Limits {
        max_age: Some(10 * DAY),
        ..Limits::default()
    };
    let store = Store::open_with(&cache.path(), &Options::default().limits(aged)).expect("open");
    let collected = keep(&store).expect("nobody has looked yet");
    assert_eq!((collected.records, is_hit(&store, "a")), (1, true));
    assert_eq!(keep(&store), None, "once a day is enough");
    // It was used now, and so it counts.
    drop(store);
    let store = Store::open_with(&cache.path(), &Options::default().limits(aged)).expect("open");
    let later = SystemTime::now() + 11 * DAY;
    let collected = store
        .keep_limits(later)
        .expect("keep")
        .expect("a day passed");
    assert_eq!((collected.records, is_hit(&store, "a")), (1, false));
}

#[test]
fn processes_that_write_and_collect_at_once_find_what_they_wrote_or_nothing() {
    const NAME: &str = "processes_that_write_and_collect_at_once_find_what_they_wrote_or_nothing";
    if let Some(dir) = std::env::var_os(OTHER) {
        let limits = Limits {
            max_size: Some(60_000),
            ..Limits::default()
        };
        let options = Options::default().limits(limits);
        let store = Store::open_with(Path::new(&dir), &options).expect("open");
        let me = std::process::id();
        for number in 0..40 {
            // Some are the others' as well.
            let word = match number % 3 {
                0 => format!("all {number}"),
                _ => format!("{me} {number}"),
            };
            let bytes = large(&word);
            commit(&store, &word, &bytes);
            if let refrain_store::Lookup::Hit(record) = store.find(&signature(&word))
                && let Ok(loaded) = store.load(&record.output)
            {
                assert!(loaded == bytes, "{word}");
            }
            store.keep_limits(SystemTime::now()).expect("keep limits");
        }
        assert!(store.problem().is_none(), "{:?}", store.problem());
        return;
    }
    let cache = Cache::new();
    let others: Vec<_> = (0..3).map(|_| other_process(NAME, &cache)).collect();
    for child in others {
        let output = child.wait_with_output().expect("wait");
        assert!(output.status.success(), "{output:?}");
    }
    let store = open(&cache, 60_000, Eviction::Cost);
    // The others were in each other's way.
    let later = SystemTime::now() + Duration::from_secs(120);
    store.keep_limits(later).expect("keep limits");
    let verified = collect_nothing(&store);
    assert!(verified.left <= 60_000, "{verified:?}");
    assert!(!cache.file("records.db.damaged").exists());
}
