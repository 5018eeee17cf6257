//! Cache directories of every format that anybody was given: they open with all their hits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use refrain_store::Store;

#[path = "golden/contents.rs"]
#[allow(dead_code, reason = "an example makes what is looked for here")]
mod contents;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

/// The directories of all formats.
fn formats() -> Vec<PathBuf> {
    let names = fs::read_dir(golden()).expect("golden directories");
    let mut formats: Vec<PathBuf> = names.map(|entry| entry.expect("entry").path()).collect();
    formats.retain(|path| path.is_dir());
    formats.sort();
    assert!(!formats.is_empty());
    formats
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create");
    for entry in fs::read_dir(from).expect("read") {
        let entry = entry.expect("entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("type").is_dir() {
            true => copy(&entry.path(), &to),
            false => fs::copy(entry.path(), to).map(drop).expect("copy"),
        }
    }
}

fn open(cache: &Path) -> Store {
    let store = Store::open(cache).expect("open");
    assert!(store.problem().is_none(), "{:?}", store.problem());
    store
}

#[test]
fn every_record_of_every_format_is_a_hit_with_its_output() {
    for format in formats() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = dir.path().join("cache");
        copy(&format.join("store"), &cache);
        // As it was left, and as the first opening leaves it.
        for how in ["first", "again"] {
            contents::check(&open(&cache), &dir.path().join(how));
            assert!(!cache.join("records.db.damaged").exists(), "{format:?}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_gives_its_hits_whatever_its_format() {
    for format in formats() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = dir.path().join("cache");
        copy(&format.join("store"), &cache);
        // Even where permissions are not asked: a lock file that cannot be opened for writing.
        fs::create_dir(cache.join("claims.lock")).expect("in the way");
        fs::write(cache.join("claims.lock/full"), "").expect("in the way");
        let before = fs::read(cache.join("records.db")).expect("read");
        let store = Store::open(&cache).expect("open");
        assert!(store.problem().is_some());
        contents::check(&store, &dir.path().join("work"));
        drop(store);
        assert_eq!(fs::read(cache.join("records.db")).expect("read"), before);
    }
}

#[test]
fn a_project_of_every_format_executes_nothing_and_gives_the_same() {
    for format in formats() {
        let dir = tempfile::tempdir().expect("a directory");
        let project = dir.path().join("moved");
        copy(&format.join("project"), &project);
        let refrain = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_refrain"));
            let output = command.args(arguments).current_dir(&project).output();
            let output = output.expect("refrain");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{format:?}: {told}");
            (String::from_utf8(output.stdout).expect("text"), told)
        };
        for greeting in ["hello", "hi"] {
            let greeting = format!("greeting={greeting}");
            let nodes = [
                "small", "large", "script", "doubled", "counts", "folder", "json", "all",
            ];
            let arguments = [&["run", "--json", "--set", &greeting], &nodes[..]].concat();
            let (report, told) = refrain(&arguments);
            assert!(report.contains("\"executed\":0,\"hit\":8"), "{report}");
            assert!(!told.contains("warning"), "{told}");
        }
        let (all, _) = refrain(&["get", "all"]);
        let lines: Vec<&str> = all.lines().collect();
        let json = r#"{"a":null,"b":[1,2]}"#;
        assert_eq!(lines, ["hello", "8", "17786", "16", "one", json, "1000"]);
        refrain(&["verify"]);
    }
}
