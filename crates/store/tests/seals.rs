//! With a key, only what its holders wrote counts; without one, everything.

mod common;

use common::*;
use refrain_store::{Lookup, Options, SealKey, Store};

const SECRET: [u8; 32] = *b"thirty-two bytes nobody is told.";

fn holder(cache: &Cache) -> Store {
    with_key(cache, &SECRET)
}

fn with_key(cache: &Cache, secret: &[u8; 32]) -> Store {
    let options = Options::default().key(SealKey::new(secret));
    Store::open_with(&cache.path(), &options).expect("open")
}

/// Why the record of `word` is not used.
fn refusal(store: &Store, word: &str) -> String {
    match store.find(&signature(word)) {
        Lookup::Damaged(reason) => reason,
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn records_of_holders_count_and_others_are_misses_with_a_reason() {
    let cache = Cache::new();
    commit(&holder(&cache), "theirs", b"good");
    commit(&cache.open(), "anybody's", b"bad");

    let store = holder(&cache);
    assert!(is_hit(&store, "theirs"));
    assert!(matches!(
        store.find_resolved(&resolved("theirs")),
        Lookup::Hit(_)
    ));
    let reason = refusal(&store, "anybody's");
    assert!(reason.contains("not signed"), "{reason}");
    assert!(matches!(
        store.find_resolved(&resolved("anybody's")),
        Lookup::Damaged(_)
    ));
    // Made again by a holder, it counts.
    commit(&store, "anybody's", b"good");
    assert!(is_hit(&store, "anybody's"));
    drop(store);
    assert!(is_hit(&holder(&cache), "anybody's"));

    let other = with_key(&cache, &[1; 32]);
    let reason = refusal(&other, "theirs");
    assert_eq!(reason, "the record is not signed by a holder of the key");
    let nobody = cache.open();
    assert!(is_hit(&nobody, "theirs") && is_hit(&nobody, "anybody's"));
}

#[test]
fn records_read_ahead_are_looked_at_as_well() {
    let cache = Cache::new();
    let word = |number: usize| format!("w{number}");
    for number in 0..40 {
        let store = match number % 2 {
            0 => holder(&cache),
            _ => cache.open(),
        };
        commit(&store, &word(number), b"x");
    }
    let store = holder(&cache);
    for number in 0..40 {
        assert_eq!(is_hit(&store, &word(number)), number % 2 == 0, "{number}");
    }
}

#[test]
fn a_later_record_of_a_stranger_hides_no_equal_work_of_a_holder() {
    let cache = Cache::new();
    let made = commit(&holder(&cache), "made", b"good");
    let stranger = cache.open();
    let mut again = record(&stranger, "again", b"bad");
    again.resolved = made.resolved;
    stranger.commit(again, notes(), None);
    drop(stranger);

    let Lookup::Hit(found) = holder(&cache).find_resolved(&made.resolved) else {
        panic!("the holder's is there");
    };
    assert_eq!(found.signature, made.signature);
}

#[test]
fn a_copy_with_another_signature_does_not_keep_the_seal() {
    let cache = Cache::new();
    commit(&holder(&cache), "made", b"good");
    let stranger = cache.open();
    let mut copy = (*hit(&stranger, "made")).clone();
    copy.signature = signature("copy");
    stranger.commit(copy, notes(), None);
    drop(stranger);
    let reason = refusal(&holder(&cache), "copy");
    assert!(reason.starts_with("the record is not signed,"), "{reason}");
}

#[test]
fn seals_survive_a_snapshot_and_whoever_reads_it() {
    let cache = Cache::new();
    let store = holder(&cache);
    let made = commit(&store, "made", &large("x"));
    commit(&store, "small", b"\0");
    finish(&store, "p", &["made", "small"]);
    drop(store);
    cache.remove_records();
    // A stranger rebuilds the records, and writes a snapshot with some of their own.
    let stranger = cache.open();
    commit(&stranger, "strange", b"");
    finish(&stranger, "p", &["made", "small", "strange"]);
    drop(stranger);
    cache.remove_records();

    let store = holder(&cache);
    assert_eq!(
        store.load(&hit(&store, "made").output).expect("load"),
        large("x")
    );
    assert!(is_hit(&store, "small"));
    let sealed = hit(&store, "made");
    assert_eq!(sealed.seal, Some(SealKey::new(&SECRET).seal(&made)));
    refusal(&store, "strange");
}

#[test]
fn a_snapshot_that_was_written_into_is_refused() {
    let cache = Cache::new();
    let store = holder(&cache);
    commit(&store, "made", b"x");
    finish(&store, "p", &["made"]);
    drop(store);
    let path = cache.file("metadata.json");
    let text = std::fs::read_to_string(&path).expect("read");
    for (from, to) in [
        ("1234", "1235"),
        ("\"right ", "\"wrong "),
        ("\"seal\"", "\"veal\""),
    ] {
        assert!(text.contains(from), "{text}");
        cache.remove_records();
        std::fs::write(&path, text.replace(from, to)).expect("write");
        refusal(&holder(&cache), "made");
    }
    cache.remove_records();
    std::fs::write(&path, text).expect("write");
    assert!(is_hit(&holder(&cache), "made"));
}

#[test]
fn a_record_from_elsewhere_is_received_with_its_seal_or_refused() {
    let (here, there) = (Cache::new(), Cache::new());
    let store = holder(&there);
    commit(&store, "made", b"x");
    let made = (*hit(&store, "made")).clone();
    // Somebody without a key hands it on.
    let between = here.open();
    between
        .receive(made.clone(), notes(), None)
        .expect("received");
    drop(between);
    let store = holder(&here);
    assert!(is_hit(&store, "made"));
    let mut forged = made;
    forged.node = "other".into();
    store.receive(forged, notes(), None).expect_err("refused");
}

#[test]
fn the_key_is_nowhere_in_the_cache() {
    let cache = Cache::new();
    let store = holder(&cache);
    commit(&store, "made", &large("x"));
    finish(&store, "p", &["made"]);
    let source = cache.path().with_file_name("source");
    std::fs::write(&source, "text").expect("write");
    store.file_digest(&source).expect("digest");
    assert!(!format!("{store:?}").contains("thirty-two"));
    drop(store);
    let hex: String = SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut files = 0;
    for dir in [cache.path(), cache.file("blobs")] {
        for entry in std::fs::read_dir(dir).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_file() {
                let bytes = std::fs::read(&path).expect("read");
                let has = |secret: &[u8]| bytes.windows(secret.len()).any(|it| it == secret);
                assert!(!has(&SECRET) && !has(hex.as_bytes()), "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 5, "{files}");
}
