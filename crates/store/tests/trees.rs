//! Outputs that are directories: taken over, placed, exported.

mod common;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use common::*;
use refrain_store::{Codec, Damage, Output, Scratch, Store, StoreError};

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Directory,
    File(Vec<u8>, bool),
    Link(PathBuf),
}

/// All that is in a directory, by its path from there.
fn things(dir: &Path) -> BTreeMap<PathBuf, Thing> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![dir.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in std::fs::read_dir(next).expect("list") {
            let path = entry.expect("entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let thing = if metadata.is_dir() {
                ahead.push(path.clone());
                Thing::Directory
            } else if metadata.is_symlink() {
                Thing::Link(path.read_link().expect("link"))
            } else {
                let bytes = std::fs::read(&path).expect("read");
                Thing::File(bytes, metadata.mode() & 0o111 != 0)
            };
            found.insert(path.strip_prefix(dir).expect("inside").to_owned(), thing);
        }
    }
    found
}

fn write(path: PathBuf, bytes: &[u8], mode: u32) {
    std::fs::write(&path, bytes).expect("write");
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&path, permissions).expect("permissions");
}

/// A directory with all that is kept, in a scratch directory.
fn made(store: &Store) -> (Scratch, PathBuf) {
    let scratch = store.scratch().expect("scratch");
    let dir = scratch.path().join("output");
    std::fs::create_dir_all(dir.join("deep/er")).expect("mkdir");
    std::fs::create_dir_all(dir.join("empty")).expect("mkdir");
    write(dir.join("small"), b"small", 0o644);
    write(dir.join("nothing"), b"", 0o600);
    write(dir.join("deep/large"), &large("x"), 0o644);
    write(dir.join("deep/er/same"), &large("x"), 0o644);
    write(dir.join("deep/program"), &large("x"), 0o755);
    write(dir.join("a \"name\"\nof\ttwo lines"), b"quoted", 0o644);
    write(dir.join(OsStr::from_bytes(b"\xff\xfe")), b"no text", 0o644);
    symlink("deep/large", dir.join("link")).expect("link");
    symlink("../../small", dir.join("deep/er/up")).expect("link");
    symlink("not/there", dir.join("dangling")).expect("link");
    (scratch, dir)
}

fn adopted(store: &Store) -> (Output, BTreeMap<PathBuf, Thing>) {
    let (_scratch, dir) = made(store);
    let things = things(&dir);
    (store.adopt_tree(&dir).expect("adopt"), things)
}

#[test]
fn a_directory_is_placed_as_it_was_taken_over() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, wanted) = adopted(&store);
    assert_eq!(output.codec, Codec::TREE);
    assert_eq!(store.present(&output), Ok(()));
    let path = store.place(&output).expect("place");
    assert!(path.is_absolute());
    assert_eq!(path, cache.file("trees").join(output.digest.to_string()));
    assert_eq!(things(&path), wanted);
    // Bytes that are there several times are kept once, for files and for programs.
    let blobs = std::fs::read_dir(cache.file("blobs")).expect("list");
    assert_eq!(blobs.count(), 6);
    let number = |path: PathBuf| std::fs::metadata(path).expect("metadata").ino();
    assert_eq!(
        number(path.join("deep/large")),
        number(path.join("deep/er/same"))
    );
    // Placed again, in this process and in another, it is the same directory.
    let before = number(path.clone());
    assert_eq!(store.place(&output).expect("place"), path);
    assert_eq!(cache.open().place(&output).expect("place"), path);
    assert_eq!(number(path), before);
}

#[test]
fn equal_directories_are_one_output() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, _) = adopted(&store);
    assert_eq!(adopted(&store).0, output);
    let (_scratch, dir) = made(&store);
    write(dir.join("small"), b"small", 0o755);
    assert_ne!(store.adopt_tree(&dir).expect("adopt").digest, output.digest);
    let (_scratch, dir) = made(&store);
    std::fs::remove_dir(dir.join("empty")).expect("remove");
    assert_ne!(store.adopt_tree(&dir).expect("adopt").digest, output.digest);
}

#[test]
fn an_empty_directory_is_an_output() {
    let cache = Cache::new();
    let store = cache.open();
    let scratch = store.scratch().expect("scratch");
    let output = store.adopt_tree(scratch.path()).expect("adopt");
    assert!(things(&store.place(&output).expect("place")).is_empty());
}

#[test]
fn a_directory_on_another_file_system_is_copied() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, wanted) = adopted(&store);
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: there is no other file system");
        return;
    };
    let copy = elsewhere.path().join("copy");
    store.export(&output, &copy).expect("export");
    let other = Cache::new();
    let store = other.open();
    assert_eq!(store.adopt_tree(&copy).expect("adopt"), output);
    assert_eq!(things(&store.place(&output).expect("place")), wanted);
}

#[test]
fn what_cannot_be_kept_is_refused_by_its_path_and_nothing_is_taken() {
    let cache = Cache::new();
    let store = cache.open();
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 5] = [
        ("deep/pipe", |path| {
            nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
        }),
        ("deep/socket", |path| {
            // The path of a socket is short: it is made beside and moved.
            let short = tempfile::tempdir().expect("tempdir");
            let at = short.path().join("s");
            drop(std::os::unix::net::UnixListener::bind(&at).expect("bind"));
            std::fs::rename(&at, path).expect("move");
        }),
        ("deep/out", |path| {
            symlink("../../other", path).expect("link")
        }),
        ("absolute", |path| {
            symlink("/etc/passwd", path).expect("link")
        }),
        ("round", |path| symlink("round", path).expect("link")),
    ];
    for (name, spoil) in spoils {
        let (_scratch, dir) = made(&store);
        spoil(&dir.join(name));
        let error = store.adopt_tree(&dir).expect_err(name);
        assert!(matches!(error, StoreError::Unfit { .. }), "{error:?}");
        let path = dir.join(name).display().to_string();
        assert!(error.to_string().contains(&path), "{error}");
        assert!(dir.join("deep/large").exists());
    }
    let (_scratch, dir) = made(&store);
    for (name, dir) in [
        ("absent", dir.join("absent")),
        ("a file", dir.join("small")),
        ("a link", dir.join("link")),
    ] {
        assert!(store.adopt_tree(&dir).is_err(), "{name}");
    }
    assert!(store.problem().is_none());
}

#[test]
fn a_placed_tree_that_was_changed_is_made_again() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, wanted) = adopted(&store);
    let path = store.place(&output).expect("place");
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 8] = [
        ("a file replaced by one of the same size", |path| {
            std::fs::remove_file(path.join("small")).expect("remove");
            write(path.join("small"), b"smell", 0o444);
        }),
        ("a file gone", |path| {
            std::fs::remove_file(path.join("nothing")).expect("remove");
        }),
        ("a file more", |path| {
            write(path.join("empty/more"), b"", 0o644)
        }),
        ("a program that is none", |path| {
            let mode = std::fs::Permissions::from_mode(0o444);
            std::fs::remove_file(path.join("deep/program")).expect("remove");
            std::fs::write(path.join("deep/program"), large("x")).expect("write");
            std::fs::set_permissions(path.join("deep/program"), mode).expect("mode");
        }),
        ("a link to something else", |path| {
            std::fs::remove_file(path.join("link")).expect("remove");
            symlink("small", path.join("link")).expect("link");
        }),
        ("a directory that is a link", |path| {
            std::fs::rename(path.join("deep"), path.join("empty/deep")).expect("move");
            symlink("empty/deep", path.join("deep")).expect("link");
        }),
        ("a file in its place", |path| {
            std::fs::remove_dir_all(path).expect("remove");
            std::fs::write(path, b"").expect("write");
        }),
        ("nothing in its place", |path| {
            std::fs::remove_dir_all(path).expect("remove");
        }),
    ];
    for (how, damage) in damages {
        for store in [&store, &cache.open()] {
            damage(&path);
            assert_eq!(store.place(&output).expect(how), path);
            assert_eq!(things(&path), wanted, "{how}");
        }
    }
}

#[test]
fn a_blob_written_through_a_placed_tree_is_noticed_and_healed_by_making_it_again() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, wanted) = adopted(&store);
    let path = store.place(&output).expect("place");
    overwrite(&path.join("small"), b"smell");
    for store in [&store, &cache.open()] {
        assert!(matches!(store.place(&output), Err(Damage::Corrupt(_))));
    }
    assert_eq!(adopted(&store).0, output);
    assert_eq!(things(&store.place(&output).expect("place")), wanted);
}

#[test]
fn a_tree_without_one_of_its_files_is_not_present() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, _) = adopted(&store);
    std::fs::remove_file(cache.blob(&refrain_store::Digest::of(b"small"))).expect("remove");
    assert!(matches!(store.present(&output), Err(Damage::Missing(_))));
    assert!(matches!(store.place(&output), Err(Damage::Missing(_))));
    assert!(!cache.file("trees").join(output.digest.to_string()).exists());
}

/// A listing of one thing, by docs/storage-format.md.
fn listing(kind: u8, path: &[u8], rest: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| u8::try_from(bytes.len()).expect("short");
    let mut bytes = vec![1, 1, kind, number(path)];
    bytes.extend_from_slice(path);
    if kind == 3 {
        bytes.push(number(rest));
    }
    bytes.extend_from_slice(rest);
    bytes
}

#[test]
fn a_hostile_listing_writes_nothing_outside() {
    let cache = Cache::new();
    let store = cache.open();
    let content = store.write(&large("evil"), Codec::BYTES).expect("write");
    let mut file = vec![0x81, 0x20];
    file.extend_from_slice(content.digest.as_bytes());
    // The same listing with a plain path is a tree.
    let fine = store
        .write(&listing(1, b"plain", &file), Codec::TREE)
        .expect("write");
    let placed = store.place(&fine).expect("place");
    assert_eq!(
        std::fs::read(placed.join("plain")).expect("read"),
        large("evil")
    );
    let outside = cache.file("outside");
    let absolute = outside.to_str().expect("text").as_bytes().to_owned();
    let mut refused = vec![
        listing(0, b"../outside", b""),
        listing(3, b"link", b"../../outside"),
        listing(3, b"link", &absolute),
        listing(3, b"link", b""),
        listing(9, b"plain", &file),
        listing(1, b"plain", &file[..9]),
        vec![1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        vec![2, 0],
        vec![],
    ];
    for path in [
        &b"../outside"[..],
        b"../../outside",
        &absolute,
        b"a/../../outside",
        b"",
        b".",
        b"in/side",
    ] {
        refused.push(listing(1, path, &file));
    }
    // A link, and a file behind it.
    let mut behind = listing(3, b"d", b".");
    behind[1] = 2;
    behind.extend_from_slice(&listing(1, b"d/outside", &file)[2..]);
    refused.push(behind);
    for bytes in refused {
        let output = store.write(&bytes, Codec::TREE).expect("write");
        assert!(
            matches!(store.place(&output), Err(Damage::Corrupt(_))),
            "{bytes:?}"
        );
        assert!(matches!(store.present(&output), Err(Damage::Corrupt(_))));
        assert!(store.export(&output, &cache.file("exported")).is_err());
        assert!(!cache.file("exported").exists());
    }
    assert!(!outside.exists() && !cache.file("trees/outside").exists());
}

#[test]
fn several_stores_place_one_tree_at_once() {
    let cache = Cache::new();
    let (output, wanted) = adopted(&cache.open());
    let path = cache.file("trees").join(output.digest.to_string());
    for damaged in [false, true] {
        if damaged {
            std::fs::remove_file(path.join("link")).expect("remove");
        }
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = cache.open();
                    start.wait();
                    for _ in 0..3 {
                        let placed = store.place(&output).expect("place");
                        assert_eq!(things(&placed), wanted);
                    }
                });
            }
        });
    }
    assert_eq!(
        std::fs::read_dir(cache.file("trees"))
            .expect("list")
            .count(),
        1
    );
    let scratch = std::fs::read_dir(cache.file("scratch")).expect("list");
    assert_eq!(scratch.count(), 0);
}

#[test]
fn an_exported_directory_is_a_copy_and_replaced_as_a_whole() {
    let cache = Cache::new();
    let store = cache.open();
    let (output, wanted) = adopted(&store);
    let outside = tempfile::tempdir().expect("tempdir");
    let to = outside.path().join("build/site");
    let number = || std::fs::metadata(&to).expect("metadata").ino();
    store.export(&output, &to).expect("export");
    assert_eq!(things(&to), wanted);
    let before = number();
    store.export(&output, &to).expect("export");
    assert_eq!(number(), before, "it was written again");
    std::fs::write(to.join("small"), b"changed").expect("it is nobody else's");
    std::fs::write(to.join("stale"), b"").expect("write");
    store.export(&output, &to).expect("export");
    assert_eq!(things(&to), wanted);
    assert_ne!(number(), before);
    // Also in place of something else.
    std::fs::remove_dir_all(&to).expect("remove");
    symlink(cache.path(), &to).expect("link");
    store.export(&output, &to).expect("export");
    assert_eq!(things(&to), wanted);
    assert!(cache.file("records.db").exists());
    let beside = std::fs::read_dir(to.parent().expect("parent")).expect("list");
    assert_eq!(beside.count(), 1);
    assert_eq!(things(&store.place(&output).expect("place")), wanted);
}
