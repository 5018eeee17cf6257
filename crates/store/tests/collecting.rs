//! Directories made smaller: what goes first, what stays, and what others notice of it.

mod common;

use std::time::{Duration, SystemTime};

use common::*;
use refrain_store::{
    Claimed, Codec, Collected, Damage, Digest, Eviction, Leaf, Limits, ListEntry, Lookup, Part,
    Record, Store,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY_MS: i64 = 86_400_000;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

/// A time by which what nothing refers to is old.
fn later() -> SystemTime {
    SystemTime::now() + 2 * HOUR
}

fn at_most(max_size: u64) -> Limits {
    Limits {
        max_size: Some(max_size),
        max_age: None,
        eviction: Eviction::Lru,
    }
}

fn gc(store: &Store, limits: &Limits) -> Collected {
    store.gc(limits, SystemTime::now(), false).expect("gc")
}

fn sql(cache: &Cache) -> rusqlite::Connection {
    rusqlite::Connection::open(cache.file("records.db")).expect("open")
}

/// Says that the records of these words, in this order, were last used one day after the other, the last one today.
fn use_in_order(cache: &Cache, words: &[&str]) {
    let today = now_ms();
    for (number, word) in words.iter().rev().enumerate() {
        let key = i64::from_le_bytes(signature(word).as_bytes()[..8].try_into().expect("eight"));
        let rows = sql(cache).execute(
            "UPDATE records SET used_ms = ?2 WHERE signature = ?1",
            [key, today - DAY_MS * number as i64],
        );
        assert_eq!(rows, Ok(1), "{word}");
    }
}

fn used_ms(cache: &Cache, word: &str) -> i64 {
    let key = i64::from_le_bytes(signature(word).as_bytes()[..8].try_into().expect("eight"));
    sql(cache)
        .query_row(
            "SELECT used_ms FROM records WHERE signature = ?1",
            [key],
            |row| row.get(0),
        )
        .expect("row")
}

fn blobs(cache: &Cache) -> usize {
    std::fs::read_dir(cache.file("blobs"))
        .expect("list")
        .count()
}

fn words(store: &Store, words: &[&str]) -> Vec<bool> {
    words.iter().map(|word| is_hit(store, word)).collect()
}

#[test]
fn the_least_recently_used_go_first_and_their_blobs_with_them() {
    let cache = Cache::new();
    let store = cache.open();
    for word in ["a", "b", "c", "d"] {
        commit(&store, word, &large(word));
    }
    store.flush();
    use_in_order(&cache, &["c", "a", "d", "b"]);
    let all = gc(&store, &Limits::default());
    assert_eq!((all.records, all.blobs, all.bytes), (0, 0, 0));
    let limits = at_most(all.left - 5000);
    let planned = store.gc(&limits, SystemTime::now(), true).expect("plan");
    assert_eq!((blobs(&cache), store.usage().len()), (4, 4));
    let collected = gc(&store, &limits);
    assert_eq!(collected, planned);
    assert_eq!((collected.records, collected.blobs), (2, 2));
    assert_eq!(collected.bytes + collected.left, all.left);
    assert!(collected.left <= all.left - 5000);
    let names: Vec<&str> = collected.nodes.iter().map(|node| &*node.node).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(collected.elapsed, Duration::from_micros(2 * 1234));
    assert_eq!(
        collected.nodes.iter().map(|node| node.bytes).sum::<u64>(),
        collected.bytes
    );
    for store in [&store, &cache.open()] {
        assert_eq!(
            words(store, &["a", "b", "c", "d"]),
            [false, true, false, true]
        );
    }
    assert_eq!(blobs(&cache), 2);
    assert!(store.load(&hit(&store, "b").output).is_ok());
    // What went can be made again.
    commit(&store, "a", &large("a"));
    assert!(is_hit(&store, "a"));
    assert_eq!(gc(&store, &at_most(0)).left, 0);
    assert_eq!(blobs(&cache), 0);
}

#[test]
fn what_the_last_runs_stand_on_goes_last() {
    let cache = Cache::new();
    let store = cache.open();
    for word in ["latest", "old", "new"] {
        commit(&store, word, &large(word));
    }
    finish(&store, "p", &["latest"]);
    store.flush();
    use_in_order(&cache, &["latest", "old", "new"]);
    let all = gc(&store, &Limits::default()).left;
    for (limit, left) in [
        (all - 1, [true, false, true]),
        (all - 5000, [true, false, false]),
        (0, [false; 3]),
    ] {
        gc(&store, &at_most(limit));
        assert_eq!(words(&store, &["latest", "old", "new"]), left, "{limit}");
    }
}

#[test]
fn what_was_not_used_for_long_goes_unless_its_pipeline_ran() {
    let cache = Cache::new();
    let store = cache.open();
    for word in [
        "stale",
        "young",
        "of a stale pipeline",
        "of a live pipeline",
    ] {
        commit(&store, word, b"x");
    }
    let entry = |pipeline: &str, started_ms| refrain_store::RunEntry {
        started_ms,
        ..run(pipeline, pipeline)
    };
    let latest = |word| vec![change(word, signature(word))];
    let state = Digest::of(b"state");
    let long_ago = now_ms() - 90 * DAY_MS;
    store.finish_run(
        entry("stale", long_ago),
        latest("of a stale pipeline"),
        state,
    );
    store.finish_run(entry("live", long_ago), latest("of a live pipeline"), state);
    store.finish_run(entry("live", now_ms()), vec![], state);
    store.flush();
    sql(&cache)
        .execute("UPDATE records SET used_ms = ?1", [long_ago])
        .expect("update");
    use_in_order(&cache, &["young"]);
    let limits = Limits {
        max_age: Some(30 * 24 * HOUR),
        ..Limits::default()
    };
    assert_eq!(gc(&store, &limits).records, 2);
    assert_eq!(
        words(
            &store,
            &[
                "stale",
                "young",
                "of a stale pipeline",
                "of a live pipeline"
            ]
        ),
        [false, true, false, true]
    );
}

/// A tree of one file and a list of a file and the tree, as the outputs of "tree" and "list".
fn commit_listings(store: &Store) {
    let scratch = store.scratch().expect("scratch");
    std::fs::write(scratch.path().join("file"), large("in the tree")).expect("write");
    let mut tree = record(store, "tree", b"");
    tree.output = store.adopt_tree(scratch.path()).expect("adopt");
    let file = store
        .write(&large("in the list"), Codec::FILE)
        .expect("write");
    let entry = |key: &str, output: &refrain_store::Output| ListEntry {
        key: key.into(),
        output: output.clone(),
    };
    let entries = [entry("file", &file), entry("tree", &tree.output)];
    let mut list = record(store, "list", b"");
    list.output = store.write_list(&entries).expect("write");
    store.commit(tree, vec![], None);
    store.commit(list, vec![], None);
}

#[test]
fn what_trees_and_lists_refer_to_stays_as_long_as_they_do() {
    let cache = Cache::new();
    let store = cache.open();
    commit_listings(&store);
    let (tree, list) = (hit(&store, "tree"), hit(&store, "list"));
    let placed = cache.open().place(&tree.output).expect("place");
    store.flush();
    use_in_order(&cache, &["tree", "list"]);
    let all = store.gc(&Limits::default(), later(), false).expect("gc");
    assert_eq!((all.blobs, all.trees), (0, 0));
    assert_eq!(store.present(&list.output), Ok(()));
    // The list refers to the tree.
    let one = store
        .gc(&at_most(all.left - 1), later(), false)
        .expect("gc");
    assert_eq!((one.records, one.blobs, one.trees), (1, 0, 0));
    assert_eq!(words(&store, &["tree", "list"]), [false, true]);
    assert!(placed.exists());
    assert_eq!(store.present(&list.output), Ok(()));
    let both = store.gc(&at_most(0), later(), false).expect("gc");
    assert_eq!((both.records, both.blobs, both.trees), (1, 2, 1));
    assert!(!placed.exists());
    assert_eq!(blobs(&cache), 0);
}

#[test]
fn the_items_of_a_list_that_stays_go_late_with_what_is_kept_beside_them() {
    let cache = Cache::new();
    let store = cache.open();
    let mut entries = Vec::new();
    for word in ["item", "former item", "beside", "mapped", "elsewhere"] {
        let mut record = record(&store, word, word.as_bytes());
        record.node = if word == "elsewhere" { word } else { "mapped" }.into();
        match word {
            "item" => entries.push(ListEntry {
                key: word.into(),
                output: record.output.clone(),
            }),
            "beside" => record.parts = Default::default(),
            "mapped" => record.output = store.write_list(&entries).expect("write"),
            _ => {}
        }
        store.commit(record, vec![], None);
    }
    store.finish_run(
        run("p", "1"),
        vec![change("mapped", signature("mapped"))],
        Digest::of(b""),
    );
    store.flush();
    use_in_order(
        &cache,
        &["item", "beside", "mapped", "elsewhere", "former item"],
    );
    let mut left = vec!["item", "former item", "beside", "mapped", "elsewhere"];
    let mut went = Vec::new();
    while !left.is_empty() {
        let all = gc(&store, &Limits::default()).left;
        gc(&store, &at_most(all - 1));
        left.retain(|word| {
            let stays = is_hit(&store, word);
            if !stays {
                went.push(*word);
            }
            stays
        });
    }
    // These two are no part of what the last run stands on.
    assert_eq!(went[..2], ["elsewhere", "former item"]);
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_blob_that_may_be_on_its_way_into_a_record_stays() {
    let cache = Cache::new();
    let (store, other) = (cache.open(), cache.open());
    commit(&store, "old", &large("again"));
    // Written again by the other one, and not recorded yet.
    let again = other.write(&large("again"), Codec::BYTES).expect("write");
    let output = other.write(&large("new"), Codec::BYTES).expect("write");
    let collected = gc(&store, &at_most(0));
    assert_eq!((collected.records, collected.blobs), (0, 0));
    for output in [&again, &output] {
        assert_eq!(other.present(output), Ok(()));
    }
    // Nobody takes an hour for that.
    let collected = store.gc(&Limits::default(), later(), false).expect("gc");
    assert_eq!((collected.records, collected.blobs), (0, 1));
    assert!(matches!(other.present(&output), Err(Damage::Missing(_))));
    let output = other.write(&large("new"), Codec::BYTES).expect("write");
    drop(other);
    assert_eq!(gc(&store, &at_most(0)).blobs, 2);
    assert!(store.present(&output).is_err());
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn what_a_live_process_has_placed_stays_there() {
    let cache = Cache::new();
    let (store, other) = (cache.open(), cache.open());
    commit(&store, "large", &large("x"));
    commit(&store, "small", b"x");
    commit_listings(&store);
    store.flush();
    let outputs = ["large", "small", "tree"].map(|word| hit(&store, word).output.clone());
    let paths = outputs
        .each_ref()
        .map(|output| other.place(output).expect("place"));
    for store in [&store, &other] {
        store.gc(&at_most(0), later(), false).expect("gc");
        assert!(paths.iter().all(|path| path.exists()));
        assert!(!is_hit(store, "large"));
    }
    assert_eq!(std::fs::read(&paths[0]).expect("read"), large("x"));
    drop(other);
    store.gc(&at_most(0), later(), false).expect("gc");
    assert!(!paths.iter().any(|path| path.exists()));
}

#[test]
fn texts_and_parts_go_with_the_last_record_that_names_them() {
    let cache = Cache::new();
    let (store, other) = (cache.open(), cache.open());
    let text: std::sync::Arc<str> = "the text of a file".into();
    let file = format!("@{} path", Digest::of(text.as_bytes()));
    let of = |text: &str| Digest::of(text.as_bytes());
    let mut with_file = record(&store, "file", b"x");
    with_file.log = Some(of("printed"));
    with_file.parts.code = Some(
        Part {
            hash: of("another part"),
            leaves: vec![Leaf {
                name: "file".into(),
                digest: of("leaf"),
                note: Some(of(&file)),
            }],
        }
        .into(),
    );
    let texts = [&*text, &file, "printed"].map(|text| (of(text), text.into()));
    let remember = |store: &Store| store.commit(with_file.clone(), texts.to_vec(), None);
    remember(&store);
    commit(&store, "item", b"x");
    let failed = refrain_store::NodeChange {
        outcome: "failed".into(),
        log: Some("of a failure".into()),
        ..change("node", signature("x"))
    };
    store.finish_run(run("p", "1"), vec![failed], of("state"));
    // The other one knows by now that all these are there.
    store.flush();
    remember(&other);
    other.flush();
    let known = |store: &Store| {
        let mut texts: Vec<&str> = vec![&text, &file, "printed", "fn it() {}", "of a failure"];
        texts.retain(|text| store.note(&of(text)).is_some());
        texts.len()
    };
    let parts = || -> i64 {
        let count = sql(&cache).query_row("SELECT count(*) FROM parts", [], |row| row.get(0));
        count.expect("count")
    };
    store.gc(&Limits::default(), later(), false).expect("gc");
    assert_eq!((known(&store), parts()), (5, 3));
    store.discard(&signature("file"));
    store.flush();
    store.gc(&Limits::default(), later(), false).expect("gc");
    assert_eq!(known(&store), 2);
    assert!(parts() < 3);
    // Who thought that they were there writes them again.
    remember(&other);
    other.flush();
    for store in [&other, &cache.open()] {
        assert_eq!(known(store), 5);
        assert_eq!(*hit(store, "file"), with_file);
    }
}

#[test]
fn the_snapshot_names_nothing_that_went() {
    let cache = Cache::new();
    let store = cache.open();
    for word in ["a", "b"] {
        commit(&store, word, &large(word));
    }
    finish(&store, "p", &["a", "b"]);
    store.flush();
    let all = gc(&store, &Limits::default()).left;
    gc(&store, &at_most(all - 1));
    assert_eq!(store.verify(&mut |_| ()).findings, []);
    drop(store);
    cache.remove_records();
    assert_eq!(words(&cache.open(), &["a", "b"]), [false, true]);
}

#[test]
fn a_hit_is_written_down_once_a_day() {
    let cache = Cache::new();
    let store = cache.open();
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for name in &names {
        commit(&store, name, b"x");
    }
    drop(store);
    let set = |to: i64| {
        sql(&cache)
            .execute("UPDATE records SET used_ms = ?1", [to])
            .expect("update");
    };
    let find_all = || {
        let store = cache.open();
        assert!(names.iter().all(|name| is_hit(&store, name)));
        store.finish_run(run("p", "1"), vec![], Digest::of(b"state"));
        assert!(names.iter().all(|name| is_hit(&store, name)));
    };
    let begun = now_ms();
    set(begun - DAY_MS - 1);
    find_all();
    assert!(names.iter().all(|name| used_ms(&cache, name) >= begun));
    let recently = begun - DAY_MS / 2;
    set(recently);
    find_all();
    assert!(names.iter().all(|name| used_ms(&cache, name) == recently));
}

#[test]
fn what_is_used_while_a_collection_runs_stays() {
    // What evicts compares the last use: a record used since the records were read is another then.
    let cache = Cache::new();
    let (store, other) = (cache.open(), cache.open());
    commit(&store, "a", &large("a"));
    store.flush();
    std::thread::scope(|scope| {
        let collecting = scope.spawn(|| {
            for _ in 0..20 {
                gc(&store, &at_most(0));
            }
        });
        while !collecting.is_finished() {
            let record = commit(&other, "a", &large("a"));
            // Absent or whole, as the other one sees it.
            match store.find(&record.signature) {
                Lookup::Hit(found) => assert_eq!(found.output, record.output),
                Lookup::Absent => {}
                Lookup::Damaged(reason) => panic!("{reason}"),
            }
        }
    });
    commit(&other, "a", &large("a"));
    other.flush();
    assert!(other.load(&hit(&other, "a").output).is_ok());
}

#[test]
fn a_process_that_writes_beside_a_collection_is_not_disturbed() {
    const ROUNDS: usize = 300;
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        println!("\nwriting");
        for round in 0..ROUNDS {
            // Some are made again and again.
            let word = format!("{}", round % 50);
            let Claimed::Mine(claim) = store.claim(&signature(&word)) else {
                panic!("nobody else makes this")
            };
            let scratch = store.scratch().expect("scratch");
            let path = scratch.path().join("output");
            std::fs::write(&path, large(&word)).expect("write");
            let mut made = record(&store, &word, b"");
            made.output = store.adopt_file(&path).expect("adopt");
            store.commit(made.clone(), notes(), Some(claim));
            match store.place(&made.output) {
                Ok(path) => assert_eq!(std::fs::read(path).expect("placed"), large(&word)),
                // The race was lost, which is a miss.
                Err(Damage::Missing(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert!(store.problem().is_none(), "{:?}", store.problem());
        drop(store);
        // Nobody listens to what the test would say.
        std::process::exit(0);
    }
    let cache = Cache::new();
    let store = cache.open();
    let name = "a_process_that_writes_beside_a_collection_is_not_disturbed";
    let mut child = other_process(name, &cache);
    wait_for(&mut child, "writing");
    let mut rounds = 0;
    while child.try_wait().expect("wait").is_none() {
        // To the second of these all that is there is old.
        let now = [SystemTime::now(), later()][rounds % 2];
        let limits = at_most(rounds as u64 % 3 * 20_000);
        store.gc(&limits, now, false).expect("gc");
        rounds += 1;
    }
    assert!(child.wait().expect("wait").success());
    for number in 0..50 {
        let word = number.to_string();
        match store.find(&signature(&word)) {
            Lookup::Hit(record) => {
                if let Ok(bytes) = store.load(&record.output) {
                    assert_eq!(bytes, large(&word));
                }
            }
            Lookup::Absent => {}
            Lookup::Damaged(reason) => panic!("{reason}"),
        }
    }
    assert!(store.problem().is_none());
}

#[test]
fn usage_adds_up_what_each_node_takes() {
    let cache = Cache::new();
    let store = cache.open();
    let commit_as = |node: &str, word: &str, bytes: &[u8]| {
        let mut record: Record = record(&store, word, bytes);
        record.node = node.into();
        store.commit(record, vec![], None);
    };
    commit_as("one", "a", &large("same"));
    commit_as("one", "b", &large("same"));
    commit_as("other", "c", &large("same"));
    commit_as("other", "d", b"small");
    let usage = store.usage();
    let all: Vec<(&str, u64)> = usage
        .iter()
        .map(|node| (&*node.node, node.records))
        .collect();
    assert_eq!(all, [("one", 2), ("other", 2)]);
    let blob = large("same").len() as u64;
    let rows: i64 = sql(&cache)
        .query_row("SELECT sum(length(body)) FROM records", [], |row| {
            row.get(0)
        })
        .expect("sum");
    let bytes: u64 = usage.iter().map(|node| node.bytes).sum();
    assert_eq!(bytes, 2 * blob + rows as u64);
    assert!(
        usage
            .iter()
            .all(|node| node.elapsed == Duration::from_micros(2 * 1234))
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_not_collected() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", &large("a"));
    drop(store);
    std::fs::remove_file(cache.file("claims.lock")).expect("remove");
    std::fs::create_dir(cache.file("claims.lock")).expect("mkdir");
    let store = cache.open();
    assert!(store.gc(&at_most(0), later(), false).is_err());
    assert!(is_hit(&store, "a"));
    assert_eq!(blobs(&cache), 1);
    assert_eq!(store.usage().len(), 1);
    assert_eq!(store.verify(&mut |_| ()).findings, []);
}
