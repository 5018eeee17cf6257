//! Archives: what goes in comes out elsewhere, and whatever a file says, nothing is written but what its records stand
//! on.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Cache, commit, hit, is_hit, large, record, signature};
use refrain_store::{Codec, Digest, ListEntry, Options, SealKey, Signature, Store};
use tar::{EntryType, Header};

const LIMIT: u64 = 1 << 30;

/// An archive of the records of "a", which is inline, and "b", which is a blob.
fn exported(store: &Store, dir: &Path) -> PathBuf {
    commit(store, "a", b"small");
    commit(store, "b", &large("b"));
    let to = dir.join("archive");
    let keys = ["a", "b", "nothing"].map(signature);
    let carried = store.export_archive(&keys, &to).expect("export");
    assert_eq!((carried.records, carried.blobs), (2, 1));
    to
}

/// The entries of an archive: names and bytes.
fn entries(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = zstd::decode_all(fs::File::open(archive).expect("open")).expect("zstd");
    let mut archive = tar::Archive::new(&bytes[..]);
    let entries = archive.entries().expect("tar").map(|entry| {
        let mut entry = entry.expect("entry");
        let name = entry.path().expect("path").display().to_string();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).expect("read");
        (name, bytes)
    });
    entries.collect()
}

fn write(to: &Path, entries: &[(String, Vec<u8>)], kind: EntryType) {
    let mut builder = tar::Builder::new(Vec::new());
    for (at, (name, bytes)) in entries.iter().enumerate() {
        let mut header = Header::new_ustar();
        header.set_entry_type(if at == 0 { EntryType::Regular } else { kind });
        header.set_size(bytes.len() as u64);
        // Past the checks of whoever writes archives in good faith.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, &bytes[..]).expect("append");
    }
    let tar = builder.into_inner().expect("tar");
    fs::write(to, zstd::encode_all(&tar[..], 1).expect("zstd")).expect("write");
}

#[test]
fn what_goes_in_comes_out_elsewhere() {
    let (made, read, dir) = (
        Cache::new(),
        Cache::new(),
        tempfile::tempdir().expect("dir"),
    );
    let store = made.open();
    let item = store.write(&large("item"), Codec::BYTES).expect("write");
    let entry = |key: &str| ListEntry {
        key: key.into(),
        output: item.clone(),
    };
    let mut list = record(&store, "list", b"");
    list.output = store.write_list(&[entry("x"), entry("y")]).expect("list");
    store.commit(list.clone(), common::notes(), None);
    let to = dir.path().join("list");
    store
        .export_archive(&[list.signature], &to)
        .expect("export");

    let other = read.open();
    let carried = other.import_archive(&to, LIMIT).expect("import");
    assert_eq!(
        (carried.records, carried.blobs, carried.refused.len()),
        (1, 1, 0)
    );
    let output = &hit(&other, "list").output;
    assert_eq!(other.present(output), Ok(()));
    assert_eq!(other.load_list(output).expect("list").len(), 2);
    let notes = common::notes();
    assert_eq!(other.note(&notes[0].0).as_ref(), Some(&notes[0].1));
    // Once more brings nothing new.
    assert_eq!(other.import_archive(&to, LIMIT).expect("import").blobs, 0);
}

#[test]
fn an_entry_that_is_nothing_of_ours_ends_the_reading() {
    let (made, dir) = (Cache::new(), tempfile::tempdir().expect("dir"));
    let archive = exported(&made.open(), dir.path());
    let good = entries(&archive);
    let digest = Digest::of(b"x");
    for (name, kind) in [
        ("../evil".to_owned(), EntryType::Regular),
        ("/tmp/evil".to_owned(), EntryType::Regular),
        (format!("blobs/../{digest}"), EntryType::Regular),
        (format!("blobs/{digest}"), EntryType::Symlink),
        (format!("blobs/{digest}"), EntryType::Directory),
        (format!("blobs/{digest}"), EntryType::Link),
        (format!("records/{digest}"), EntryType::GNULongName),
        (format!("records/{digest}"), EntryType::XHeader),
    ] {
        let all = [good[0].clone(), (name.clone(), b"evil".to_vec())];
        write(&archive, &all, kind);
        let cache = Cache::new();
        let store = cache.open();
        let refused = store.import_archive(&archive, LIMIT);
        assert!(refused.is_err(), "{name} {kind:?}");
        assert!(!cache.path().join("../evil").exists() && !Path::new("/tmp/evil").exists());
    }
}

#[test]
fn what_no_record_stands_on_is_not_written() {
    let (made, dir) = (Cache::new(), tempfile::tempdir().expect("dir"));
    let archive = exported(&made.open(), dir.path());
    let mut all = entries(&archive);
    let zeros = vec![0; 8 << 20];
    all.push((format!("blobs/{}", Digest::of(&zeros)), zeros));
    let wrong = all
        .iter()
        .position(|(name, _)| name.starts_with("blobs/"))
        .expect("blob");
    all[wrong].1[7] ^= 1;
    write(&archive, &all, EntryType::Regular);
    let cache = Cache::new();
    let store = cache.open();
    let carried = store.import_archive(&archive, LIMIT).expect("import");
    assert_eq!((carried.records, carried.blobs), (1, 0));
    assert_eq!(carried.refused.len(), 3, "{:?}", carried.refused);
    assert!(is_hit(&store, "a") && !is_hit(&store, "b"));
    let blobs = fs::read_dir(cache.path().join("blobs"));
    assert_eq!(blobs.map_or(0, Iterator::count), 0);
}

#[test]
fn no_more_is_written_than_is_allowed() {
    let (made, dir) = (Cache::new(), tempfile::tempdir().expect("dir"));
    let archive = exported(&made.open(), dir.path());
    let cache = Cache::new();
    let store = cache.open();
    let refused = store.import_archive(&archive, 100).expect_err("refused");
    assert!(
        refused.to_string().contains("more than may be taken in"),
        "{refused}"
    );
    assert!(is_hit(&store, "a") && !is_hit(&store, "b"));
}

#[test]
fn a_record_under_another_name_is_left_out() {
    let (made, dir) = (Cache::new(), tempfile::tempdir().expect("dir"));
    let archive = exported(&made.open(), dir.path());
    let mut all = entries(&archive);
    for (name, _) in all
        .iter_mut()
        .filter(|(name, _)| name.starts_with("records/"))
    {
        *name = format!("records/{}", Signature::from_bytes([3; 32]));
    }
    write(&archive, &all, EntryType::Regular);
    let cache = Cache::new();
    let carried = cache
        .open()
        .import_archive(&archive, LIMIT)
        .expect("import");
    assert_eq!((carried.records, carried.blobs), (0, 0));
}

#[test]
fn with_a_key_only_sealed_records_are_taken_in() {
    let dir = tempfile::tempdir().expect("dir");
    let open = |cache: &Cache, byte: u8| {
        let options = Options::default().key(SealKey::new(&[byte; 32]));
        Store::open_with(&cache.path(), &options).expect("open")
    };
    let (plain, sealed) = (Cache::new(), Cache::new());
    fs::create_dir(dir.path().join("plain")).expect("mkdir");
    let unsigned = exported(&plain.open(), &dir.path().join("plain"));
    let signed = exported(&open(&sealed, 1), dir.path());
    for (archive, byte, records) in [(&unsigned, 1, 0), (&signed, 2, 0), (&signed, 1, 2)] {
        let cache = Cache::new();
        let store = open(&cache, byte);
        let carried = store.import_archive(archive, LIMIT).expect("import");
        assert_eq!(carried.records, records);
        assert_eq!(is_hit(&store, "b"), records > 0);
        assert!(records > 0 || carried.refused[0].contains("signed"));
    }
}
