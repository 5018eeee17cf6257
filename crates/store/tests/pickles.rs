//! Outputs in pickles: found by everybody, read by Python, and harmless whatever stands there.

mod common;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::*;
use proptest::prelude::*;
use refrain_store::codec::{decode, view_pickled};
use refrain_store::{Codec, Damage, Home, Limits, Lookup, Output, Store};
use serde_json::{Value, json};

/// Keeps an output of `node` under the signature of `word`.
fn keep(store: &Store, node: &str, word: &str, bytes: &[u8]) -> Output {
    let home = Home::Pickle(node.into());
    let mut record = record(store, word, b"");
    record.node = node.into();
    record.output = store.write_at(&home, bytes, Codec::BYTES).expect("write");
    store.commit_at(&home, record, Vec::new(), None)
}

fn found(store: &Store, word: &str) -> Result<Vec<u8>, Damage> {
    match store.find(&signature(word)) {
        Lookup::Hit(record) => store.load(&record.output),
        other => panic!("{word}: {other:?}"),
    }
}

fn files(cache: &Cache) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.file("cachier_blobs"))
        .into_iter()
        .flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    files
}

/// The values in a file, as Python sees them.
fn python(path: &Path) -> String {
    let script = "import pickle, sys
print(*(e['value'].decode() for e in pickle.load(open(sys.argv[1], 'rb')).values()))";
    let said = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .output();
    let said = said.expect("python3");
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{}: {error}", path.display());
    String::from_utf8(said.stdout)
        .expect("text")
        .trim_end()
        .to_owned()
}

#[test]
fn every_name_of_a_node_has_a_file_of_its_own() {
    let cache = Cache::new();
    let store = cache.open();
    let long = "n".repeat(5000);
    let nodes = [
        "a",
        "A",
        "../a",
        "/etc/passwd",
        "",
        ".",
        "..",
        "a b",
        "é",
        "a\nb",
        "x.pkl",
        &long,
    ];
    for node in nodes {
        keep(&store, node, node, node.as_bytes());
    }
    drop(store);
    let store = cache.open();
    for node in nodes {
        assert_eq!(found(&store, node), Ok(node.as_bytes().to_vec()), "{node}");
    }
    assert_eq!(files(&cache).len(), nodes.len());
    let outside = cache
        .path()
        .parent()
        .expect("parent")
        .read_dir()
        .expect("read");
    assert_eq!(outside.count(), 1);
    files(&cache).iter().for_each(|file| drop(python(file)));
}

#[test]
fn stores_add_in_turn_and_python_reads_in_between() {
    const EACH: usize = 100;
    let cache = Cache::new();
    let stores = [cache.open(), cache.open()];
    keep(&stores[0], "n", "first", b"first");
    stores[0].flush();
    let [file] = &files(&cache)[..] else {
        panic!("one file");
    };
    let script = format!(
        "import pickle, sys
seen = 0
while seen < {}:
    entries = pickle.load(open(sys.argv[1], 'rb'))
    assert seen <= len(entries), (seen, len(entries))
    seen = len(entries)",
        2 * EACH + 1
    );
    let mut reader = Command::new("python3");
    let reader = reader
        .args(["-c", &script])
        .arg(file)
        .stderr(Stdio::piped());
    let reader = reader.spawn().expect("python3");
    std::thread::scope(|scope| {
        for (number, store) in stores.iter().enumerate() {
            scope.spawn(move || {
                for at in 0..EACH {
                    let word = format!("{number} {at}");
                    keep(store, "n", &word, word.repeat(at).as_bytes());
                    store.flush();
                }
            });
        }
    });
    let said = reader.wait_with_output().expect("python3");
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    for store in &stores {
        for (number, at) in (0..2).flat_map(|number| (0..EACH).map(move |at| (number, at))) {
            let word = format!("{number} {at}");
            // Whoever claims sees what others committed.
            let _claim = store.claim(&signature(&word));
            assert_eq!(found(store, &word), Ok(word.repeat(at).into_bytes()));
        }
    }
}

#[test]
fn what_a_killed_process_left_behind_the_end_is_nobody_s() {
    let cache = Cache::new();
    let store = cache.open();
    keep(&store, "n", "one", b"one");
    store.flush();
    let file = &files(&cache)[0];
    let whole = fs::read(file).expect("read");
    for left in [&b"0"[..], b"0X\x40", &[b"0", &whole[3..]].concat()] {
        fs::write(file, [&whole, left].concat()).expect("write");
        assert_eq!(python(file), "one");
        let store = cache.open();
        assert_eq!(found(&store, "one"), Ok(b"one".to_vec()));
        keep(&store, "n", "two", b"two");
        drop(store);
        assert_eq!(python(file), "one two");
        assert_eq!(found(&cache.open(), "two"), Ok(b"two".to_vec()));
    }
}

#[test]
fn links_and_foreign_files_are_replaced_and_never_followed() {
    let cache = Cache::new();
    let outside = cache.path().with_file_name("outside");
    fs::write(&outside, b"cposix\nsystem\n(S'false'\ntR.").expect("write");
    let made: [fn(&Path, &Path); 3] = [
        |file, outside| std::os::unix::fs::symlink(outside, file).expect("link"),
        |file, outside| fs::copy(outside, file).map(drop).expect("copy"),
        |file, _| fs::create_dir(file).expect("directory"),
    ];
    for (number, make) in made.iter().enumerate() {
        let (store, node) = (cache.open(), format!("n{number}"));
        fs::create_dir_all(cache.file("cachier_blobs")).expect("directory");
        let file = cache.file("cachier_blobs").join(format!("{node}.pkl"));
        make(&file, &outside);
        keep(&store, &node, &node, b"mine");
        drop(store);
        assert_eq!(found(&cache.open(), &node), Ok(b"mine".to_vec()));
        assert_eq!(python(&file), "mine");
    }
    assert!(fs::read(&outside).expect("read").starts_with(b"cposix"));
    // A copy by hard links, which is another cache's.
    let file = cache.file("cachier_blobs/n0.pkl");
    let copy = cache.path().with_file_name("copy");
    fs::hard_link(&file, &copy).expect("link");
    keep(&cache.open(), "n0", "more", b"more");
    assert_eq!((&*python(&file), &*python(&copy)), ("mine more", "mine"));
}

#[test]
fn collecting_takes_entries_out_and_verifying_looks_at_all() {
    let cache = Cache::new();
    let store = cache.open();
    for (node, word) in [("n", "one"), ("n", "two"), ("gone", "three")] {
        keep(&store, node, word, word.repeat(3000).as_bytes());
    }
    // Another signature of the same output.
    keep(&store, "n", "same", "two".repeat(3000).as_bytes());
    store.flush();
    assert!(fs::metadata(&files(&cache)[1]).expect("file").len() < 20_000);
    assert_eq!(store.verify(&mut |_| ()).findings, []);
    for word in ["one", "two", "three"] {
        store.discard(&signature(word));
    }
    store.flush();
    let now = SystemTime::now();
    store.gc(&Limits::default(), now, false).expect("gc");
    let [file] = &files(&cache)[..] else {
        panic!("the file without entries is gone");
    };
    assert!(python(file) == "two".repeat(3000), "once");
    assert_eq!(found(&store, "same"), Ok("two".repeat(3000).into_bytes()));
    let mut bytes = fs::read(file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    overwrite(file, &bytes);
    drop(store);
    let store = cache.open();
    let findings = store.verify(&mut |_| ()).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (&findings[0].path, findings[0].node.as_deref()),
        (file, Some("n"))
    );
    assert!(matches!(found(&store, "same"), Err(Damage::Corrupt(_))));
    let limits = Limits {
        max_age: Some(Duration::ZERO),
        ..Limits::default()
    };
    store
        .gc(&limits, now + Duration::from_secs(90_000), false)
        .expect("gc");
    assert_eq!(files(&cache), [""; 0].map(PathBuf::from));
    drop(store);
    Store::clear(&cache.path()).expect("clear");
    assert!(!cache.file("cachier_blobs").exists());
}

#[test]
fn nothing_but_plain_data_is_read() {
    let hostile: [&[u8]; 14] = [
        b"\x80\x03cposix\nsystem\nX\x02\0\0\0ls\x85R.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93X\x02\0\0\0ls\x85R.",
        b"\x80\x02(iposix\nsystem\n.",
        b"\x80\x03](X\x01\0\0\0aq\0h\0h\0h\0e.",
        b"\x80\x03](X\xff\xff\xff\xffae.",
        b"\x80\x03B\xff\xff\xff\x7fa.",
        b"\x80\x03\x8a\xff\x01.",
        b"\x80\x03\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01.",
        b"\x80\x03](e",
        b"\x80\x03}(K\x01u.",
        b"\x80\x03NN.",
        b"\x80\x03N..",
        b"N.",
        b"",
    ];
    for bytes in hostile {
        assert!(
            decode::<Value>(Codec::PICKLE, bytes.to_vec()).is_err(),
            "{bytes:x?}"
        );
    }
    let deep = [&b"\x80\x03"[..], &b"](".repeat(1 << 20)].concat();
    assert!(decode::<Value>(Codec::PICKLE, deep).is_err());
    let nested = |depth: usize| (0..depth).fold(json!(1), |inside, _| json!([inside]));
    assert_eq!(view_pickled(&nested(128)).expect("view").0, Codec::PICKLE);
    assert_eq!(view_pickled(&nested(129)).expect("view").0, Codec::BINCODE);
}

#[test]
fn equal_maps_have_equal_pickles() {
    let map = |keys: &mut dyn Iterator<Item = u32>| -> HashMap<u32, Vec<u32>> {
        keys.map(|key| (key, vec![key; 3])).collect()
    };
    let (up, down) = (map(&mut (0..500)), map(&mut (0..500).rev()));
    assert_eq!(view_pickled(&up), view_pickled(&down));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(".*", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn values_come_back_as_they_were(value in values()) {
        let (codec, bytes) = view_pickled(&value).expect("view");
        prop_assert_eq!(codec, Codec::PICKLE);
        prop_assert_eq!(decode::<Value>(codec, bytes.into_owned()).expect("decode"), value);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(value in values(), at in any::<usize>(), to in any::<u8>()) {
        let (codec, bytes) = view_pickled(&value).expect("view");
        let mut bytes = bytes.into_owned();
        let at = at % bytes.len();
        let _ = decode::<Value>(codec, bytes[..at].to_vec());
        bytes[at] = to;
        let _ = decode::<Value>(codec, bytes);
    }
}

#[test]
fn numbers_of_any_width_come_back() {
    let numbers = [
        0,
        1,
        -1,
        127,
        -128,
        255,
        256,
        -32769,
        1 << 31,
        1 << 63,
        i128::MAX,
        i128::MIN,
    ];
    for number in numbers {
        let (codec, bytes) = view_pickled(&number).expect("view");
        assert_eq!(decode::<i128>(codec, bytes.into_owned()), Ok(number));
    }
    let (codec, bytes) = view_pickled(&u128::MAX).expect("view");
    assert_eq!(decode::<u128>(codec, bytes.into_owned()), Ok(u128::MAX));
    let node: Arc<str> = "n".into();
    assert_ne!(Home::Pickle(node), Home::default());
}

#[test]
fn a_damaged_blob_of_what_a_pickle_has_is_no_loss() {
    let cache = Cache::new();
    let store = cache.open();
    let bytes = large("a");
    let output = keep(&store, "node", "a", &bytes);
    store.flush();
    let path = store.place(&output).expect("place");
    drop(store);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("mode");
    fs::write(&path, vec![0; bytes.len()]).expect("write");
    let store = cache.open();
    assert_eq!(found(&store, "a"), Ok(bytes.clone()));
    assert!(store.verify(&mut |_| ()).findings.is_empty());
    let path = store.place(&output).expect("place");
    assert_eq!(fs::read(path).expect("read"), bytes);
}
