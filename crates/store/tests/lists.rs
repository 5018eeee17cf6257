//! Outputs of mapped nodes: one listing for all items.

mod common;

use common::*;
use refrain_store::{Codec, Damage, Digest, ListEntry, Output, Store};

fn entry(key: &str, output: Output) -> ListEntry {
    ListEntry {
        key: key.into(),
        output,
    }
}

/// A list with an entry of every kind, and its entries.
fn filled(store: &Store) -> (Output, Vec<ListEntry>) {
    let scratch = store.scratch().expect("scratch");
    std::fs::write(scratch.path().join("file"), large("file")).expect("write");
    let entries = vec![
        entry("b", store.write(b"", Codec::TEXT).expect("write")),
        entry("a\n", store.write(&[7; 256], Codec::FILE).expect("write")),
        entry("c", store.write(&[7; 257], Codec::FILE).expect("write")),
        entry("d", store.write(&[7; 300], Codec::PROGRAM).expect("write")),
        entry(
            "large",
            store.write(&large("x"), Codec::BINCODE).expect("write"),
        ),
        entry("tree", store.adopt_tree(scratch.path()).expect("adopt")),
    ];
    (store.write_list(&entries).expect("write"), entries)
}

#[test]
fn a_list_is_loaded_as_it_was_written() {
    let cache = Cache::new();
    let (output, entries) = filled(&cache.open());
    assert_eq!(output.codec, Codec::LIST);
    let store = cache.open();
    assert_eq!(store.present(&output), Ok(()));
    let loaded = store.load_list(&output).expect("load");
    assert_eq!(loaded.len(), entries.len());
    for (loaded, written) in loaded.iter().zip(&entries) {
        assert_eq!(loaded.key, written.key);
        let (found, wanted) = (&loaded.output, &written.output);
        assert_eq!((found.digest, found.size), (wanted.digest, wanted.size));
        assert_eq!(found.codec, wanted.codec);
        // Only few bytes stand in the list; the others are found all the same.
        assert_eq!(found.inline.is_some(), wanted.size <= 256);
        assert_eq!(
            store.load(found).expect("load"),
            store.load(wanted).expect("load")
        );
    }
    assert_eq!(store.write_list(&loaded).expect("write"), output);
    let empty = store.write_list(&[]).expect("write");
    assert_eq!(store.load_list(&empty), Ok(vec![]));
}

#[test]
fn a_list_without_one_of_its_outputs_is_not_present() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, entries) = filled(&store);
    let inner = Digest::of(&large("file"));
    for digest in [entries[2].output.digest, entries[4].output.digest, inner] {
        let (path, aside) = (cache.blob(&digest), cache.file("aside"));
        std::fs::rename(&path, &aside).expect("move");
        assert!(matches!(store.present(&output), Err(Damage::Missing(_))));
        assert!(matches!(store.load(&output), Err(Damage::Missing(_))));
        std::fs::rename(&aside, &path).expect("move");
        assert_eq!(store.present(&output), Ok(()));
    }
}

#[test]
fn what_is_no_list_is_refused() {
    let cache = Cache::new();
    let store = cache.open();
    for bytes in [
        &b""[..],
        b"\x02\x00",
        b"\x01\x01",
        b"garbage",
        &large("garbage"),
    ] {
        let output = store.write(bytes, Codec::LIST).expect("write");
        assert!(matches!(store.load_list(&output), Err(Damage::Corrupt(_))));
        assert!(matches!(store.present(&output), Err(Damage::Corrupt(_))));
    }
    let (mut output, _) = filled(&store);
    output.digest = Digest::of(b"another");
    assert!(store.load_list(&output).is_err());
}

/// By docs/storage-format.md, byte for byte.
#[test]
fn the_bytes_of_a_list_are_those_of_the_format_page() {
    let cache = Cache::new();
    let store = cache.open();
    let large = store.write(&large("x"), Codec::FILE).expect("write");
    let list = store.write_list(&[
        entry("a", store.write(b"abc", Codec::TEXT).expect("write")),
        entry("é", large.clone()),
    ]);
    let mut bytes = vec![1, 2, 1, b'a'];
    bytes.extend_from_slice(&[2, 3 << 1 | 1, b'a', b'b', b'c', 2, 0xc3, 0xa9]);
    // Twice 4097, in seven bits a byte.
    bytes.extend_from_slice(&[4, 0x82, 0x40]);
    bytes.extend_from_slice(large.digest.as_bytes());
    assert_eq!(list.expect("write").inline.as_deref(), Some(&bytes[..]));
}

#[test]
fn a_long_list_is_one_blob() {
    let cache = Cache::new();
    let store = cache.open();
    let entries: Vec<ListEntry> = (0..100_000)
        .map(|number| {
            let key = format!("docs/{number:06}.txt");
            let bytes = store.write(key.as_bytes(), Codec::FILE).expect("write");
            ListEntry {
                key: key.into(),
                output: bytes,
            }
        })
        .collect();
    let output = store.write_list(&entries).expect("write");
    assert!(store.load_list(&output).expect("load") == entries);
    assert_eq!(store.present(&output), Ok(()));
    assert_eq!(
        std::fs::read_dir(cache.file("blobs"))
            .expect("list")
            .count(),
        1
    );
}
