//! Records and outputs in a healthy directory.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::*;
use refrain_store::{Claimed, Codec, Damage, Digest, Lookup, Signature, Store};

#[test]
fn a_record_is_found_at_once_after_flush_and_after_reopening() {
    let cache = Cache::new();
    let store = cache.open();
    let small = commit(&store, "small", b"abc");
    let big = commit(&store, "big", &large("x"));
    for when in ["queued", "written", "reopened"] {
        let reopened;
        let store = match when {
            "queued" => &store,
            "written" => {
                store.flush();
                &store
            }
            _ => {
                reopened = cache.open();
                &reopened
            }
        };
        for record in [&small, &big] {
            assert_eq!(*hit(store, &record.node), *record, "{when}");
            assert_eq!(
                store.find_resolved(&record.resolved),
                Lookup::Hit(record.clone().into()),
                "{when}"
            );
            assert_eq!(store.present(&record.output), Ok(()));
        }
        assert_eq!(store.load(&small.output).expect("load"), b"abc");
        assert_eq!(store.load(&big.output).expect("load"), large("x"));
        assert_eq!(
            store.note(&notes()[0].0).as_deref(),
            Some("fn it() {}"),
            "{when}"
        );
        assert_eq!(store.find(&signature("other")), Lookup::Absent);
    }
}

#[test]
fn the_directory_has_the_files_of_the_format_and_no_others() {
    let cache = Cache::new();
    let store = cache.open();
    let record = commit(&store, "a", &large("a"));
    finish(&store, "p", &["a"]);
    drop(store);
    let mut names: Vec<_> = std::fs::read_dir(cache.path())
        .expect("list")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name")
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ".gitignore",
            "CACHEDIR.TAG",
            "blobs",
            "claims",
            "claims.lock",
            "metadata.json",
            "records.db"
        ]
    );
    let tag = std::fs::read_to_string(cache.file("CACHEDIR.TAG")).expect("tag");
    assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
    assert_eq!(
        std::fs::read_to_string(cache.file(".gitignore")).expect("ignore"),
        "*\n"
    );
    let blob = cache.blob(&record.output.digest);
    assert_eq!(std::fs::read(&blob).expect("blob"), large("a"));
    assert_eq!(
        std::fs::metadata(&blob).expect("blob").permissions().mode() & 0o777,
        0o444
    );
}

#[test]
fn the_size_decides_what_is_inline() {
    let cache = Cache::new();
    let store = cache.open();
    for (len, inline) in [(0, true), (Store::INLINE, true), (Store::INLINE + 1, false)] {
        let bytes = vec![7; len];
        let output = store.write(&bytes, Codec::BYTES).expect("write");
        assert_eq!(output.inline.is_some(), inline);
        assert_eq!(cache.blob(&output.digest).exists(), !inline);
        assert_eq!(
            (output.size, output.digest),
            (len as u64, Digest::of(&bytes))
        );
        assert_eq!(store.load(&output).expect("load"), bytes);
    }
}

#[test]
fn a_blob_that_is_there_is_not_written_again() {
    use std::os::unix::fs::MetadataExt;
    let cache = Cache::new();
    let store = cache.open();
    let output = store.write(&large("a"), Codec::BYTES).expect("write");
    let number = || {
        std::fs::metadata(cache.blob(&output.digest))
            .expect("blob")
            .ino()
    };
    let before = number();
    store.write(&large("a"), Codec::BYTES).expect("write");
    assert_eq!(number(), before);
}

#[test]
fn a_node_has_many_records() {
    let cache = Cache::new();
    let store = cache.open();
    let mut first = record(&store, "x=5", b"5");
    let mut second = record(&store, "x=10", b"10");
    first.node = "node".into();
    second.node = "node".into();
    store.commit(first.clone(), vec![], None);
    store.commit(second.clone(), vec![], None);
    let store = {
        drop(store);
        cache.open()
    };
    assert_eq!(*hit(&store, "x=5"), first);
    assert_eq!(*hit(&store, "x=10"), second);
}

#[test]
fn keys_that_share_a_prefix_are_told_apart() {
    let cache = Cache::new();
    let store = cache.open();
    let mut twins = Vec::new();
    for last in 0..3 {
        let mut bytes = [9; 32];
        bytes[31] = last;
        let mut twin = record(&store, "twin", &[last]);
        twin.signature = Signature::from_bytes(bytes);
        twin.resolved = twin.signature;
        store.commit(twin.clone(), vec![], None);
        twins.push(twin);
    }
    let store = {
        drop(store);
        cache.open()
    };
    for twin in twins {
        assert_eq!(
            store.find(&twin.signature),
            Lookup::Hit(twin.clone().into())
        );
        assert_eq!(
            store.find_resolved(&twin.resolved),
            Lookup::Hit(twin.into())
        );
    }
    let mut other = [9; 32];
    other[31] = 77;
    assert_eq!(store.find(&Signature::from_bytes(other)), Lookup::Absent);
}

#[test]
fn a_record_committed_again_replaces_the_first() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"first");
    store.flush();
    let second = commit(&store, "a", b"second");
    assert_eq!(*hit(&store, "a"), second);
    drop(store);
    assert_eq!(*hit(&cache.open(), "a"), second);
}

#[test]
fn a_discarded_record_is_gone_and_can_be_made_again() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"a");
    commit(&store, "b", b"b");
    store.flush();
    for flush in [false, true] {
        store.discard(&signature("a"));
        if flush {
            store.flush();
        }
        assert_eq!(store.find(&signature("a")), Lookup::Absent);
        assert_eq!(store.find_resolved(&resolved("a")), Lookup::Absent);
        let again = commit(&store, "a", b"again");
        assert_eq!(*hit(&store, "a"), again);
    }
    store.discard(&signature("a"));
    let store = {
        drop(store);
        cache.open()
    };
    assert_eq!(store.find(&signature("a")), Lookup::Absent);
    assert!(is_hit(&store, "b"));
}

#[test]
fn a_record_queued_and_discarded_is_gone() {
    let cache = Cache::new();
    let store = cache.open();
    commit(&store, "a", b"a");
    store.discard(&signature("a"));
    assert_eq!(store.find(&signature("a")), Lookup::Absent);
    assert_eq!(store.find_resolved(&resolved("a")), Lookup::Absent);
    drop(store);
    assert_eq!(cache.open().find(&signature("a")), Lookup::Absent);
}

#[test]
fn many_absent_keys_among_many_records() {
    let cache = Cache::new();
    let store = cache.open();
    for number in 0..300 {
        commit(&store, &format!("there {number}"), b"x");
    }
    let store = {
        drop(store);
        cache.open()
    };
    for number in 0..300 {
        assert_eq!(
            store.find(&signature(&format!("absent {number}"))),
            Lookup::Absent
        );
        assert!(is_hit(&store, &format!("there {number}")));
        // Known absent by now; and must be found once it is there.
        commit(&store, &format!("absent {number}"), b"x");
        assert!(is_hit(&store, &format!("absent {number}")));
    }
    store.flush();
    for number in 0..300 {
        assert!(is_hit(&store, &format!("absent {number}")));
    }
}

#[test]
fn latest_follows_the_runs_of_its_own_pipeline() {
    let cache = Cache::new();
    let store = cache.open();
    assert!(!store.has_latest("p"));
    let old = commit(&store, "old", b"old");
    let new = commit(&store, "new", b"new");
    store.finish_run(
        run("p", "1"),
        vec![
            change("node", old.signature),
            change("other", new.signature),
        ],
        Digest::of(b"p before"),
    );
    assert_eq!(store.latest("p", "node").as_deref(), Some(&old));
    store.finish_run(
        run("q", "2"),
        vec![change("node", old.signature)],
        Digest::of(b"q"),
    );
    store.finish_run(
        run("p", "3"),
        vec![change("node", new.signature)],
        Digest::of(b"p"),
    );
    let store = {
        drop(store);
        cache.open()
    };
    assert_eq!(store.latest("p", "node").as_deref(), Some(&new));
    assert_eq!(store.latest("p", "other").as_deref(), Some(&new));
    assert_eq!(store.latest("q", "node").as_deref(), Some(&old));
    assert_eq!(store.latest("r", "node"), None);
    let mut all = store.latest_signatures("p");
    all.sort();
    assert_eq!(
        all,
        [
            ("node".into(), new.signature),
            ("other".into(), new.signature)
        ]
    );
    assert_eq!(store.latest_signature("q", "node"), Some(old.signature));
    assert!(store.latest_signatures("r").is_empty());
    let state = ["p", "q", "r"].map(|pipeline| store.state(pipeline));
    assert_eq!(
        state,
        [Some(Digest::of(b"p")), Some(Digest::of(b"q")), None]
    );
    assert!(store.has_latest("p") && !store.has_latest("r"));
    let ids: Vec<_> = store.runs(2).into_iter().map(|run| run.id).collect();
    assert_eq!(ids, ["3", "2"]);
    assert_eq!(store.runs(9).pop(), Some(run("p", "1")));
}

/// By docs/storage-format.md, byte for byte.
#[test]
fn the_bytes_of_a_record_are_those_of_the_format_page() {
    let cache = Cache::new();
    let store = cache.open();
    let mut written = record(&store, "é", &large("x"));
    written.log = Some(Digest::of(b"printed"));
    store.commit(written.clone(), notes(), None);
    drop(store);
    assert_eq!(*hit(&cache.open(), "é"), written);
    let mut body = vec![1, 1 | 2 | 8 | 32];
    body.extend_from_slice(&written.signature.as_bytes()[8..]);
    body.extend_from_slice(&written.resolved.as_bytes()[8..]);
    // The name, the codec, 4097 bytes.
    body.extend_from_slice(&[2, 0xc3, 0xa9, 1, 0x81, 0x20]);
    body.extend_from_slice(written.output.digest.as_bytes());
    // Zigzag of -5; 1234; the rows of the two parts.
    body.extend_from_slice(&[9, 0xd2, 0x09, 1, 2]);
    body.extend_from_slice(Digest::of("é".as_bytes()).as_bytes());
    body.push(2);
    for name in ["left", "right \"é\""] {
        body.push(u8::try_from(name.len()).expect("short") * 2);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(Digest::of(name.as_bytes()).as_bytes());
    }
    body.extend_from_slice(Digest::of(b"printed").as_bytes());
    let keys = [written.signature, written.resolved].map(|key| *key.as_bytes());
    let check = Digest::of(&[&keys[0][..8], &keys[1][..8], &body].concat());
    body.extend_from_slice(&check.as_bytes()[..8]);
    let database = rusqlite::Connection::open(cache.file("records.db")).expect("open");
    let found: Vec<u8> = database
        .query_row("SELECT body FROM records", [], |row| row.get(0))
        .expect("row");
    assert_eq!(found, body);
}

#[test]
fn a_source_file_is_digested_by_content() {
    let cache = Cache::new();
    let store = cache.open();
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), b"one").expect("write");
    assert_eq!(
        store.file_digest(file.path()).expect("digest"),
        (Digest::of(b"one"), 3)
    );
    std::fs::write(file.path(), b"two").expect("write");
    assert_eq!(
        store.file_digest(file.path()).expect("digest"),
        (Digest::of(b"two"), 3)
    );
    assert!(store.file_digest(&cache.path()).is_err());
}

#[test]
fn threads_share_a_store() {
    let cache = Cache::new();
    let store = cache.open();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..200 {
                    let word = format!("{thread} {number}");
                    let Claimed::Mine(claim) = store.claim(&signature(&word)) else {
                        panic!("nobody else claims {word}")
                    };
                    let bytes = if number % 9 == 0 {
                        large(&word)
                    } else {
                        word.clone().into_bytes()
                    };
                    let record = record(store, &word, &bytes);
                    store.commit(record, notes(), Some(claim));
                    assert!(is_hit(store, &word));
                    // The same bytes, written by all threads at once.
                    let output = store.write(&large("same"), Codec::BYTES).expect("write");
                    assert_eq!(store.load(&output).expect("load"), large("same"));
                }
            });
        }
    });
    let store = {
        drop(store);
        cache.open()
    };
    for thread in 0..8 {
        for number in 0..200 {
            let record = hit(&store, &format!("{thread} {number}"));
            store.load(&record.output).expect("load");
        }
    }
}

#[test]
fn an_output_that_contradicts_itself_is_not_loaded() {
    let cache = Cache::new();
    let store = cache.open();
    let mut output = store.write(b"abc", Codec::BYTES).expect("write");
    output.inline = Some(b"abd"[..].into());
    assert!(matches!(store.load(&output), Err(Damage::Corrupt(_))));
    output.inline = Some(b"ab"[..].into());
    assert!(matches!(store.load(&output), Err(Damage::Corrupt(_))));
    assert!(matches!(store.present(&output), Err(Damage::Corrupt(_))));
}

#[test]
fn records_read_ahead_are_the_current_ones() {
    let cache = Cache::new();
    let store = cache.open();
    let words: Vec<String> = (0..400).map(|number| format!("{number}")).collect();
    for word in &words {
        commit(&store, word, word.as_bytes());
    }
    let store = {
        drop(store);
        cache.open()
    };
    // In order, so that the store reads ahead; some are replaced or discarded just before their turn.
    for (number, word) in words.iter().enumerate() {
        match number % 50 {
            17 => {
                store.discard(&signature(word));
                store.flush();
                assert_eq!(store.find(&signature(word)), Lookup::Absent);
            }
            23 => {
                commit(&store, word, b"replaced");
                store.flush();
                assert_eq!(
                    store.load(&hit(&store, word).output).expect("load"),
                    b"replaced"
                );
            }
            _ => assert_eq!(
                store.load(&hit(&store, word).output).expect("load"),
                word.as_bytes()
            ),
        }
    }
    for word in words.iter().rev().filter(|word| word.ends_with('9')) {
        assert_eq!(*hit(&store, word).node, **word);
    }
}

#[test]
fn a_short_log_stays_and_is_read_again() {
    let cache = Cache::new();
    let log = || std::fs::metadata(cache.file("records.db-wal")).is_ok_and(|log| log.len() > 0);
    commit(&cache.open(), "created", b"");
    assert!(!log(), "the file tells its format by itself");
    commit(&cache.open(), "small", b"");
    assert!(log());
    let store = cache.open();
    assert!(is_hit(&store, "small"));
    for number in 0..2000 {
        commit(&store, &format!("record {number}"), &[7; 512]);
    }
    drop(store);
    assert!(!log(), "a long one does not");
    assert!(is_hit(&cache.open(), "record 1999"));
}
