//! Outputs that are files: taken over, placed, read and exported.

mod common;

use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::*;
use refrain_store::{Codec, Damage, Digest, Output, Store, StoreError};

/// A file with these bytes in a fresh scratch directory, and the directory.
fn made(store: &Store, bytes: &[u8], mode: u32) -> (refrain_store::Scratch, PathBuf) {
    let scratch = store.scratch().expect("scratch");
    let path = scratch.path().join("output");
    std::fs::write(&path, bytes).expect("write");
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(&path, permissions).expect("permissions");
    (scratch, path)
}

fn adopted(store: &Store, bytes: &[u8], mode: u32) -> Output {
    let (_scratch, path) = made(store, bytes, mode);
    let output = store.adopt_file(&path).expect("adopt");
    assert!(!path.exists());
    output
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).expect("metadata").mode() & 0o777
}

/// Bytes that are hashed only once a process.
fn huge(word: &str) -> Vec<u8> {
    word.bytes().cycle().take((1 << 20) + 1).collect()
}

#[test]
fn a_file_is_taken_over_by_its_name() {
    let cache = Cache::new();
    let store = cache.open();
    for (bytes, mode, codec) in [
        (large("file"), 0o644, Codec::FILE),
        (huge("program"), 0o755, Codec::PROGRAM),
    ] {
        let (_scratch, path) = made(&store, &bytes, mode);
        let number = std::fs::metadata(&path).expect("metadata").ino();
        let output = store.adopt_file(&path).expect("adopt");
        assert!(!path.exists());
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        assert_eq!((output.digest, output.size), (digest, size));
        assert_eq!((output.codec, &output.inline), (codec, &None));
        let placed = store.place(&output).expect("place");
        assert_eq!(std::fs::read(&placed).expect("read"), bytes);
        assert_eq!(mode_of(&placed), mode & 0o555);
        let found = std::fs::metadata(&placed).expect("metadata");
        assert_eq!(found.ino(), number, "it was copied");
        assert_eq!(store.load(&output).expect("load"), bytes);
        assert_eq!(store.present(&output), Ok(()));
        // Made again, it is the same file.
        assert_eq!(adopted(&store, &bytes, mode), output);
        assert_eq!(std::fs::metadata(&placed).expect("found").ino(), number);
    }
}

#[test]
fn a_small_file_stands_in_its_record_and_is_placed_on_demand() {
    let cache = Cache::new();
    let store = cache.open();
    for bytes in [&b""[..], b"abc", &[7; Store::INLINE]] {
        let plain = adopted(&store, bytes, 0o600);
        assert_eq!(plain.inline.as_deref(), Some(bytes));
        assert_eq!(plain.codec, Codec::FILE);
        let program = adopted(&store, bytes, 0o711);
        assert_eq!(program.codec, Codec::PROGRAM);
        assert!(!cache.blob(&plain.digest).exists());
        let paths = [&plain, &program].map(|output| store.place(output).expect("place"));
        // The same bytes with two modes are two files, and neither changes the other.
        assert_ne!(paths[0], paths[1]);
        assert_eq!(paths.each_ref().map(|path| mode_of(path)), [0o444, 0o555]);
        for path in &paths {
            assert!(path.is_absolute());
            assert_eq!(std::fs::read(path).expect("read"), bytes);
        }
        assert_eq!(store.place(&plain).expect("place"), paths[0]);
        std::fs::remove_file(&paths[0]).expect("remove");
        overwrite(&paths[1], b"something else");
        for (output, path) in [&plain, &program].into_iter().zip(&paths) {
            store.place(output).expect("place");
            assert_eq!(std::fs::read(path).expect("read"), bytes);
        }
    }
}

#[test]
fn what_only_its_owner_could_read_stays_so() {
    let cache = Cache::new();
    let store = cache.open();
    let output = adopted(&store, &large("secret"), 0o600);
    assert_eq!(mode_of(&store.place(&output).expect("place")), 0o400);
}

#[test]
fn a_file_on_another_file_system_is_copied() {
    let memory = Path::new("/dev/shm");
    let cache = Cache::new();
    let store = cache.open();
    let device = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.dev());
    if !memory.is_dir() || device(memory) == device(&cache.path()) {
        eprintln!("skipped: there is no other file system");
        return;
    }
    for bytes in [b"small".to_vec(), large("a"), huge("b")] {
        let elsewhere = tempfile::tempdir_in(memory).expect("tempdir");
        let path = elsewhere.path().join("output");
        std::fs::write(&path, &bytes).expect("write");
        let output = store.adopt_file(&path).expect("adopt");
        assert!(!path.exists());
        assert_eq!(store.load(&output).expect("load"), bytes);
        let placed = store.place(&output).expect("place");
        assert_eq!(mode_of(&placed), 0o444);
        let to = elsewhere.path().join("exported");
        store.export(&output, &to).expect("export");
        assert_eq!(std::fs::read(&to).expect("read"), bytes);
    }
}

#[test]
fn a_file_with_another_name_is_not_ours_to_keep() {
    let cache = Cache::new();
    let store = cache.open();
    let (scratch, path) = made(&store, &large("a"), 0o644);
    let other = scratch.path().join("other name");
    std::fs::hard_link(&path, &other).expect("link");
    let output = store.adopt_file(&path).expect("adopt");
    std::fs::write(&other, b"written through the other name").expect("write");
    assert_eq!(store.load(&output).expect("load"), large("a"));
}

#[test]
fn only_regular_files_are_taken_over() {
    let cache = Cache::new();
    let store = cache.open();
    let scratch = store.scratch().expect("scratch");
    let at = |name: &str| scratch.path().join(name);
    std::fs::write(at("target"), large("a")).expect("write");
    symlink("target", at("link")).expect("link");
    std::fs::create_dir(at("directory")).expect("mkdir");
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    for name in ["link", "directory", "pipe", "absent", ".."] {
        let error = store.adopt_file(&at(name)).expect_err(name);
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        let path = at(name).display().to_string();
        assert!(error.to_string().contains(&path), "{error}");
    }
    assert!(at("target").exists());
    assert!(store.problem().is_none());
}

#[test]
fn damage_of_a_blob_is_noticed_before_its_path_or_bytes_are_given() {
    let cache = Cache::new();
    for bytes in [large("a"), huge("a")] {
        let store = cache.open();
        let output = adopted(&store, &bytes, 0o644);
        let path = store.place(&output).expect("place");
        let mut damaged = bytes.clone();
        damaged[9] ^= 1;
        overwrite(&path, &damaged);
        assert!(matches!(store.place(&output), Err(Damage::Corrupt(_))));
        assert!(store.open_output(&output).is_err());
        let to = cache.file("exported");
        assert!(store.export(&output, &to).is_err());
        assert!(!to.exists());
        assert_eq!(adopted(&store, &bytes, 0o644), output);
        assert_eq!(store.place(&output).expect("place"), path);
        std::fs::remove_file(&path).expect("remove");
        assert!(matches!(store.place(&output), Err(Damage::Missing(_))));
    }
}

#[test]
fn an_output_is_read_as_a_stream() {
    let cache = Cache::new();
    let store = cache.open();
    for bytes in [b"abc".to_vec(), large("a"), huge("a")] {
        let output = adopted(&store, &bytes, 0o644);
        for _ in 0..2 {
            let mut read = Vec::new();
            let mut stream = store.open_output(&output).expect("open");
            stream.read_to_end(&mut read).expect("read");
            assert_eq!(read, bytes);
        }
    }
}

#[test]
fn an_export_is_a_copy_and_is_left_alone_when_it_is_equal() {
    let cache = Cache::new();
    let store = cache.open();
    let outside = tempfile::tempdir().expect("tempdir");
    let to = outside.path().join("build/deep/output");
    let number = || std::fs::metadata(&to).expect("metadata").ino();
    for (bytes, mode) in [
        (b"small".to_vec(), 0o644),
        (large("a"), 0o644),
        (large("a"), 0o755),
        (huge("a"), 0o755),
    ] {
        let output = adopted(&store, &bytes, mode);
        store.export(&output, &to).expect("export");
        assert_eq!(std::fs::read(&to).expect("read"), bytes);
        assert_eq!(mode_of(&to) & 0o700, mode & 0o700);
        let before = number();
        store.export(&output, &to).expect("export");
        assert_eq!(number(), before, "it was written again");
        // What is done to it stays its own.
        std::fs::write(&to, b"changed").expect("write");
        assert_eq!(store.load(&output).expect("load"), bytes);
        store.export(&output, &to).expect("export");
        assert_eq!(std::fs::read(&to).expect("read"), bytes);
    }
    let names = std::fs::read_dir(to.parent().expect("parent")).expect("list");
    assert_eq!(names.count(), 1, "something was left beside it");
}

#[test]
fn an_export_replaces_a_link_and_no_directory() {
    let cache = Cache::new();
    let store = cache.open();
    let outside = tempfile::tempdir().expect("tempdir");
    let (target, to) = (outside.path().join("target"), outside.path().join("to"));
    std::fs::write(&target, b"kept").expect("write");
    symlink(&target, &to).expect("link");
    let output = adopted(&store, b"new", 0o644);
    store.export(&output, &to).expect("export");
    assert_eq!(std::fs::read(&target).expect("read"), b"kept");
    assert!(to.symlink_metadata().expect("metadata").is_file());
    assert!(store.export(&output, outside.path()).is_err());
    assert!(target.exists());
}

#[test]
fn scratch_directories_are_fresh_and_go_when_dropped() {
    let cache = Cache::new();
    let store = cache.open();
    let (one, two) = (store.scratch().expect("one"), store.scratch().expect("two"));
    let paths = [one.path().to_owned(), two.path().to_owned()];
    assert_ne!(paths[0], paths[1]);
    for path in &paths {
        assert!(path.is_absolute() && path.is_dir());
        std::fs::create_dir_all(path.join("a/b")).expect("mkdir");
        std::fs::write(path.join("a/b/c"), b"x").expect("write");
        let read_only = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(path.join("a/b"), read_only).expect("permissions");
    }
    drop(one);
    assert!(!paths[0].exists() && paths[1].exists());
    // It may outlive the store.
    drop(store);
    drop(cache.open());
    assert!(paths[1].exists());
    drop(two);
    assert!(!paths[1].exists());
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn a_killed_process_leaves_no_scratch_directory_and_a_live_one_keeps_its_own() {
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        let scratch = store.scratch().expect("scratch");
        std::fs::write(scratch.path().join("half"), b"half").expect("write");
        let path = scratch.path().display();
        say_and_wait(&format!("{path}"));
    }
    let cache = Cache::new();
    let mine = cache.open();
    let kept = mine.scratch().expect("scratch");
    let name = "a_killed_process_leaves_no_scratch_directory_and_a_live_one_keeps_its_own";
    let mut child = other_process(name, &cache);
    wait_for(&mut child, "scratch/1/0");
    let left = cache.file("scratch/1/0");
    drop(cache.open());
    assert!(left.join("half").exists() && kept.path().exists());
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert!(left.exists());
    drop(cache.open());
    assert!(!left.exists() && kept.path().exists());
}

#[test]
#[cfg(target_os = "linux")]
fn the_bytes_of_a_file_are_never_in_memory_as_a_whole() {
    const SIZE: u64 = 1 << 30;
    if let Some(dir) = std::env::var_os(OTHER) {
        let store = Store::open(dir.as_ref()).expect("open");
        let scratch = store.scratch().expect("scratch");
        let path = scratch.path().join("output");
        let file = std::fs::File::create(&path).expect("create");
        file.set_len(SIZE).expect("a file of holes");
        let output = store.adopt_file(&path).expect("adopt");
        assert_eq!(output.size, SIZE);
        store.place(&output).expect("place");
        let mut stream = store.open_output(&output).expect("open");
        let copied = std::io::copy(&mut stream, &mut std::io::sink()).expect("read");
        assert_eq!(copied, SIZE);
        return;
    }
    let cache = Cache::new();
    // In KiB: less than the file has.
    let script = "ulimit -v 800000; exec \"$@\"";
    let name = "the_bytes_of_a_file_are_never_in_memory_as_a_whole";
    let output = by_shell(script, name, &cache);
    assert!(output.status.success(), "{output:?}");
}
