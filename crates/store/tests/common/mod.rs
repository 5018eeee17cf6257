//! What the tests of the store share: records made from a word, and a directory to break.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{
    Codec, Digest, Leaf, Lookup, NodeChange, Part, Parts, Record, RunEntry, Signature, Store,
};

/// A cache directory, removed in the end.
pub struct Cache {
    dir: tempfile::TempDir,
}

impl Cache {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("temporary directory"),
        }
    }

    /// The directory; the store creates it.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.path().join("blobs").join(digest.to_string())
    }

    pub fn open(&self) -> Store {
        Store::open(&self.path()).expect("open")
    }

    /// Removes `records.db` and what SQLite keeps beside it.
    pub fn remove_records(&self) {
        for name in ["records.db", "records.db-wal", "records.db-shm"] {
            let _ = std::fs::remove_file(self.file(name));
        }
    }
}

/// Replaces a file's bytes, read-only or not, in place.
pub fn overwrite(path: &Path, bytes: &[u8]) {
    let mut permissions = std::fs::metadata(path).expect("metadata").permissions();
    #[allow(
        clippy::permissions_set_readonly_false,
        reason = "a file that is removed in the end"
    )]
    permissions.set_readonly(false);
    std::fs::set_permissions(path, permissions).expect("permissions");
    std::fs::write(path, bytes).expect("overwrite");
}

pub fn signature(word: &str) -> Signature {
    Signature::from_bytes(*Digest::of(format!("signature of {word}").as_bytes()).as_bytes())
}

pub fn resolved(word: &str) -> Signature {
    Signature::from_bytes(*Digest::of(format!("resolved {word}").as_bytes()).as_bytes())
}

/// A record of the node `word`, whose output is `bytes`, stored.
pub fn record(store: &Store, word: &str, bytes: &[u8]) -> Record {
    let part = |what: &str, leaves| {
        Some(Arc::new(Part {
            hash: Digest::of(what.as_bytes()),
            leaves,
        }))
    };
    let leaf = |name: &str, note: Option<&str>| Leaf {
        name: name.into(),
        digest: Digest::of(name.as_bytes()),
        note: note.map(|text| Digest::of(text.as_bytes())),
    };
    Record {
        node: word.into(),
        signature: signature(word),
        resolved: resolved(word),
        parts: Parts {
            code: part("code", vec![leaf("fn it", Some("fn it() {}"))]),
            env: part("env", vec![leaf("KEY", None)]),
            inputs: None,
            deps: part(word, vec![leaf("left", None), leaf("right \"é\"", None)]),
        },
        output: store.write(bytes, Codec::BYTES).expect("write"),
        created_ms: -5,
        elapsed: Duration::from_micros(1234),
        log: None,
        seal: None,
    }
}

/// The notes that the leaves of [`record`] name.
pub fn notes() -> Vec<(Digest, Arc<str>)> {
    vec![(Digest::of(b"fn it() {}"), "fn it() {}".into())]
}

/// Stores and commits the record of `word`.
pub fn commit(store: &Store, word: &str, bytes: &[u8]) -> Record {
    let record = record(store, word, bytes);
    store.commit(record.clone(), notes(), None);
    record
}

/// Bytes too many to be inline.
pub fn large(word: &str) -> Vec<u8> {
    word.bytes().cycle().take(Store::INLINE + 1).collect()
}

/// The record under the signature of `word`; what is found must be a hit.
pub fn hit(store: &Store, word: &str) -> Arc<Record> {
    match store.find(&signature(word)) {
        Lookup::Hit(record) => record,
        other => panic!("{word}: {other:?}"),
    }
}

pub fn is_hit(store: &Store, word: &str) -> bool {
    matches!(store.find(&signature(word)), Lookup::Hit(_))
}

pub fn run(pipeline: &str, id: &str) -> RunEntry {
    RunEntry {
        id: id.into(),
        pipeline: pipeline.into(),
        started_ms: 77,
        elapsed: Duration::from_micros(99),
        status: "succeeded".into(),
        counts: r#"{"executed":1}"#.into(),
    }
}

/// An execution of `node`.
pub fn change(node: &str, signature: Signature) -> NodeChange {
    NodeChange {
        node: node.into(),
        signature,
        before: None,
        outcome: "executed".into(),
        reason: "first run".into(),
        elapsed: Duration::from_micros(5),
        log: None,
    }
}

/// Ends a run of `pipeline` in which the nodes `words` have their signatures, and writes its section.
pub fn finish(store: &Store, pipeline: &str, words: &[&str]) {
    let latest = |word: &&str| ((*word).into(), signature(word));
    let executed = |word: &&str| change(word, signature(word));
    store.finish_run(
        run(pipeline, "run"),
        words.iter().map(executed).collect(),
        Digest::of(b"state"),
    );
    store
        .snapshot(pipeline, &mut words.iter().map(latest))
        .expect("snapshot");
}

/// Set for the other process: the cache directory.
pub const OTHER: &str = "REFRAIN_STORE_TEST_DIRECTORY";

/// Runs the test `name` of this binary in another process, where [`OTHER`] is set.
pub fn other_process(name: &str, cache: &Cache) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(OTHER, cache.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn")
}

/// Waits for the other process to say `word`.
pub fn wait_for(child: &mut Child, word: &str) {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    assert!(
        lines.any(|line| line.expect("line").ends_with(word)),
        "the other process ended early"
    );
}

/// Says `word`, and waits to be killed.
pub fn say_and_wait(word: &str) -> ! {
    println!("\n{word}");
    std::io::stdout().flush().expect("flush");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("read");
    // The parent is gone: so is the test.
    std::process::exit(0)
}

/// Runs the test `name` of this binary by `script`, a shell script in which `"$@"` runs it.
pub fn by_shell(script: &str, name: &str, cache: &Cache) -> std::process::Output {
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().expect("this binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(OTHER, cache.path())
        .stdin(Stdio::null())
        .output()
        .expect("sh")
}
