//! Measures the store: `cargo run --release -p refrain-store --example measure-store -- [nodes]`.
//!
//! The shape is that of a layered graph: every node has three parents, an output of eight bytes, a code
//! part shared by a hundred nodes and one environment part for all.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use refrain_store::{
    Claimed, Codec, Digest, Leaf, Limits, ListEntry, Lookup, NodeChange, Part, Parts, Record,
    RunEntry, Signature, Store, codec,
};

fn main() {
    let nodes = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("cache");
    let records: Vec<Record> = (0..nodes).map(record).collect();
    println!("{nodes} nodes");

    let store = Store::open(&path).expect("open");
    let start = Instant::now();
    for record in &records {
        std::hint::black_box(record.clone());
    }
    let cloning = start.elapsed();
    let mut committing = Duration::ZERO;
    let mut committed = 0;
    let start = Instant::now();
    for (number, record) in records.iter().enumerate() {
        let begin = Instant::now();
        store.commit(record.clone(), Vec::new(), None);
        // Only the first ones: later ones wait for the writer when the queue is full.
        if number < 10_000 {
            committing += begin.elapsed();
            committed += 1;
        }
    }
    store.flush();
    each("write, to the database", start.elapsed() - cloning, nodes);
    each(
        "commit(), on the caller, with a clone",
        committing,
        committed,
    );
    each("  of which the clone", cloning, nodes);
    let latest = records
        .iter()
        .map(|r| NodeChange {
            node: r.node.clone(),
            signature: r.signature,
            before: None,
            outcome: "executed".into(),
            reason: "first run".into(),
            elapsed: r.elapsed,
            log: None,
        })
        .collect();
    let start = Instant::now();
    store.finish_run(run(), latest, digest("state", 0));
    store.flush();
    each("latest, one row", start.elapsed(), nodes);
    let start = Instant::now();
    let mut all = records.iter().map(|r| (r.node.clone(), r.signature));
    store.snapshot("p", &mut all).expect("snapshot");
    println!("{:<42} {:>9.1?}", "snapshot()", start.elapsed());
    let start = Instant::now();
    drop(store);
    println!(
        "{:<42} {:>9.1?}",
        "close, with a checkpoint",
        start.elapsed()
    );
    let size = |name: &str| std::fs::metadata(path.join(name)).map_or(0, |m| m.len());
    println!(
        "{:<42} {:>9}",
        "bytes a node in records.db",
        size("records.db") / nodes
    );
    println!(
        "{:<42} {:>9}",
        "bytes a node in metadata.json",
        size("metadata.json") / nodes
    );

    let start = Instant::now();
    let store = Store::open(&path).expect("open");
    println!("{:<42} {:>9.1?}", "open", start.elapsed());
    let start = Instant::now();
    assert!(!store.needs_snapshot("p"));
    println!("{:<42} {:>9.1?}", "needs_snapshot()", start.elapsed());
    for what in [
        "find(), present, in order of commit",
        "find(), present, again",
    ] {
        let start = Instant::now();
        for record in &records {
            assert!(matches!(store.find(&record.signature), Lookup::Hit(_)));
        }
        each(what, start.elapsed(), nodes);
    }
    let absent: Vec<Signature> = (0..nodes).map(|n| signature("absent", n)).collect();
    for what in ["find(), absent, first time", "find(), absent, again"] {
        let start = Instant::now();
        for key in &absent {
            assert_eq!(store.find(key), Lookup::Absent);
        }
        each(what, start.elapsed(), nodes);
    }
    let start = Instant::now();
    for key in &absent {
        assert!(matches!(store.claim(key), Claimed::Mine(_)));
    }
    each("claim() and release", start.elapsed(), nodes);
    drop(store);
    measure_uses(&path, &records);

    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = std::fs::remove_file(path.join(name));
    }
    let start = Instant::now();
    let store = Store::open(&path).expect("open");
    println!(
        "{:<42} {:>9.1?}",
        "open, rebuilding from metadata.json",
        start.elapsed()
    );
    large(&store);
    files(&store);
    collecting(store);
    encoding();
}

/// A list of 100,000 files, some 100 of which are large, and a tree of them.
fn files(store: &Store) {
    const FILES: usize = 100_000;
    let scratch = store.scratch().expect("scratch");
    for number in 0..FILES {
        let size = if number % 1000 == 0 { 10_000 } else { 20 };
        let text = format!("{number:size$}");
        std::fs::write(scratch.path().join(number.to_string()), text).expect("write");
    }
    let timed = |what: &str, start: Instant| {
        println!("100,000 files: {what} {:.1?}", start.elapsed());
    };
    let start = Instant::now();
    let entries: Vec<ListEntry> = (0..FILES)
        .map(|number| ListEntry {
            key: format!("docs/{number}.txt").into(),
            output: store
                .adopt_file(&scratch.path().join(number.to_string()))
                .expect("adopt"),
        })
        .collect();
    timed("adopt_file()", start);
    let start = Instant::now();
    let list = store.write_list(&entries).expect("write");
    timed("write_list()", start);
    let start = Instant::now();
    let entries = store.load_list(&list).expect("load");
    timed("load_list()", start);
    let start = Instant::now();
    store.present(&list).expect("present");
    timed("present(), of the list", start);
    let dir = scratch.path().join("all");
    std::fs::create_dir(&dir).expect("mkdir");
    for what in ["place()", "place(), again"] {
        let start = Instant::now();
        for (number, entry) in entries.iter().enumerate() {
            let path = store.place(&entry.output).expect("place");
            std::fs::hard_link(&path, dir.join(number.to_string())).ok();
        }
        timed(what, start);
    }
    let start = Instant::now();
    let tree = store.adopt_tree(&dir).expect("adopt");
    timed("adopt_tree(), of copies", start);
    for what in ["place(), of the tree", "place(), of the tree, again"] {
        let start = Instant::now();
        store.place(&tree).expect("place");
        timed(what, start);
    }
}

fn collecting(store: Store) {
    let start = Instant::now();
    let found = store.verify(&mut |_| ());
    println!(
        "verify(), {} records, {} blobs: {:.1?}",
        found.records,
        found.blobs,
        start.elapsed()
    );
    let limits = Limits {
        max_size: Some(0),
        ..Limits::default()
    };
    for dry_run in [true, false] {
        let start = Instant::now();
        let gone = store.gc(&limits, SystemTime::now(), dry_run).expect("gc");
        println!(
            "gc() of {} records, {} blobs, dry run {dry_run}: {:.1?}",
            gone.records,
            gone.blobs,
            start.elapsed()
        );
    }
}

fn large(store: &Store) {
    const SIZE: usize = 100 << 20;
    let bytes: Vec<u8> = (0..SIZE / 8)
        .flat_map(|n: usize| (n * 0x9e37_79b9).to_le_bytes())
        .collect();
    let start = Instant::now();
    std::hint::black_box(Digest::of(&bytes));
    let hash = start.elapsed();
    let file = tempfile::NamedTempFile::new().expect("file");
    let start = Instant::now();
    std::fs::write(file.path(), &bytes).expect("write");
    let write = start.elapsed();
    let start = Instant::now();
    std::hint::black_box(std::fs::read(file.path()).expect("read"));
    let read = start.elapsed();
    println!("100 MiB: hash {hash:.1?}, raw write {write:.1?}, raw read {read:.1?}");
    let start = Instant::now();
    let output = store.write(&bytes, Codec::BYTES).expect("write");
    println!("  write() {:.1?}", start.elapsed());
    for what in ["load(), written by this process", "load(), again"] {
        let start = Instant::now();
        std::hint::black_box(store.load(&output).expect("load"));
        println!("  {what} {:.1?}", start.elapsed());
    }
}

fn encoding() {
    let floats: Vec<f32> = (0..10_000_000).map(|n| n as f32).collect();
    let options: Vec<Option<u32>> = (0..10_000_000).map(Some).collect();
    let start = Instant::now();
    let (codec, bytes) = codec::encode(&floats).expect("encode");
    println!("10 M f32: encode {:.1?}", start.elapsed());
    let start = Instant::now();
    std::hint::black_box(codec::decode::<Vec<f32>>(codec, bytes).expect("decode"));
    println!("10 M f32: decode {:.1?}", start.elapsed());
    let start = Instant::now();
    let (codec, bytes) = codec::encode(&options).expect("encode");
    println!("10 M Option<u32>: encode {:.1?}", start.elapsed());
    let start = Instant::now();
    std::hint::black_box(codec::decode::<Vec<Option<u32>>>(codec, bytes).expect("decode"));
    println!("10 M Option<u32>: decode {:.1?}", start.elapsed());
}

/// What it takes to note that records were used that had not been for days, beside finding them.
fn measure_uses(path: &Path, records: &[Record]) {
    let nodes = records.len() as u64;
    for (what, days) in [
        ("find(), used today", 0),
        ("find(), with a use to note", 2_i64),
    ] {
        let connection = rusqlite::Connection::open(path.join("records.db")).expect("open");
        connection
            .execute(
                "UPDATE records SET used_ms = used_ms - ?1",
                [days * 86_400_000],
            )
            .expect("update");
        drop(connection);
        let store = Store::open(path).expect("open");
        let start = Instant::now();
        for record in records {
            assert!(matches!(store.find(&record.signature), Lookup::Hit(_)));
        }
        each(what, start.elapsed(), nodes);
        let start = Instant::now();
        drop(store);
        each("  writing it down in the end", start.elapsed(), nodes);
    }
}

fn each(what: &str, took: Duration, times: u64) {
    println!(
        "{what:<42} {:>9.0} ns",
        took.as_nanos() as f64 / times as f64
    );
}

fn record(number: u64) -> Record {
    let bytes = number.to_le_bytes();
    let leaf = |name: &str, digest| Leaf {
        name: name.into(),
        digest,
        note: None,
    };
    let part = |what: &str, number, leaves| {
        Some(Arc::new(Part {
            hash: digest(what, number),
            leaves,
        }))
    };
    Record {
        node: format!("layer{}_{}", number / 1000, number % 1000).into(),
        signature: signature("signature", number),
        resolved: signature("resolved", number),
        parts: Parts {
            code: part(
                "code",
                number / 100,
                vec![leaf("function", digest("code", number / 100))],
            ),
            env: part("env", 0, vec![leaf("env_hash", digest("env", 0))]),
            inputs: None,
            deps: part(
                "deps",
                number,
                (0..3)
                    .map(|p| {
                        leaf(
                            ["left", "middle", "right"][p as usize],
                            digest("dep", number + p),
                        )
                    })
                    .collect(),
            ),
        },
        output: refrain_store::Output {
            digest: Digest::of(&bytes),
            size: 8,
            codec: Codec::BINCODE,
            inline: Some(bytes[..].into()),
        },
        created_ms: 1_790_000_000_000,
        elapsed: Duration::from_micros(12),
        log: None,
        seal: None,
    }
}

fn digest(what: &str, number: u64) -> Digest {
    Digest::of(format!("{what}{number}").as_bytes())
}

fn signature(what: &str, number: u64) -> Signature {
    Signature::from_bytes(*digest(what, number).as_bytes())
}

fn run() -> RunEntry {
    RunEntry {
        id: "r".into(),
        pipeline: "p".into(),
        started_ms: 0,
        elapsed: Duration::ZERO,
        status: "ok".into(),
        counts: "{}".into(),
    }
}
