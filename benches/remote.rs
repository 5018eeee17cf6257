//! Tiers, side by side with what a plain client takes for the same bytes. Figures are printed as measured; nothing is
//! asserted. Redis is started for it and keeps nothing.
//!
//! `cargo bench --bench remote -- [records] [megabytes]` (default 10000 1000).

#[path = "../tests/support/redis.rs"]
mod server;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use refrain_remote::{Options, open};
use refrain_store::{Digest, Name, Signature, Tier};
use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a record.
const RECORD: usize = 600;

/// Megabytes of a blob.
const BLOB: usize = 10;

/// Both sides take turns; the medians of so many rounds are told.
const ROUNDS: usize = 9;

/// What a record may have at most, so that a tier has to expect it.
const LIMIT: u64 = 4 << 20;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let records = numbers.first().copied().unwrap_or(10_000);
    let megabytes = numbers.get(1).copied().unwrap_or(1000);
    let scratch = tempfile::tempdir().expect("a directory");
    let redis = Server::start(&[]);
    let url = redis.url();
    small(&url, records);
    let tier = open(&url, Options::default()).expect("a tier");
    large("Redis", &*tier, scratch.path(), megabytes / 4);
    drop(redis);
    let url = format!("dir:{}", scratch.path().join("shared").display());
    let tier = open(&url, Options::default()).expect("a tier");
    large("directory", &*tier, scratch.path(), megabytes);
}

/// Many small records out of Redis, all at once.
fn small(url: &str, count: usize) {
    let tier = open(url, Options::default()).expect("a tier");
    let things: Vec<(Name, Vec<u8>)> = (0..count)
        .map(|n| {
            let signature = Signature::from_bytes(*Digest::of(&n.to_le_bytes()).as_bytes());
            (Name::Record(signature), bytes(n, RECORD))
        })
        .collect();
    let names: Vec<Name> = things.iter().map(|(name, _)| *name).collect();
    let keys: Vec<String> = names.iter().map(|name| format!("plain:{name}")).collect();
    let plain = redis::Client::open(url)
        .and_then(|client| client.get_connection())
        .expect("a connection");

    let plain = RefCell::new(plain);
    let write = || tier.write_many(&things).expect("it is written");
    let write_plainly = || {
        let mut pipe = redis::pipe();
        for (key, (_, bytes)) in keys.iter().zip(&things) {
            pipe.set(key, bytes).ignore();
        }
        pipe.exec(&mut *plain.borrow_mut()).expect("it is written");
    };
    side_by_side(
        &format!("write {count} records to Redis"),
        "plain pipeline",
        write,
        write_plainly,
    );

    let read = || {
        let mut read = 0;
        tier.read_many(&names, LIMIT, &mut |_, found| {
            read += found.expect("it is read").map_or(0, |bytes| bytes.len());
        });
        assert_eq!(read, count * RECORD);
    };
    let read_plainly = || {
        let mut pipe = redis::pipe();
        for key in &keys {
            pipe.get(key);
        }
        let found: Vec<Vec<u8>> = pipe.query(&mut *plain.borrow_mut()).expect("it is read");
        assert_eq!(found.len(), count);
    };
    side_by_side(
        &format!("read {count} records from Redis"),
        "plain pipeline",
        read,
        read_plainly,
    );
}

/// Large blobs out of a tier into files, each hashed on its way.
fn large(what: &str, tier: &dyn Tier, scratch: &Path, megabytes: usize) {
    let count = megabytes / BLOB;
    let (from, to) = (scratch.join("from"), scratch.join("to"));
    fs::create_dir_all(&from).expect("a directory");
    fs::create_dir_all(&to).expect("a directory");
    let mut written = Duration::ZERO;
    let names: Vec<Name> = (0..count)
        .map(|n| {
            let bytes = bytes(n, BLOB << 20);
            let name = Name::Blob(Digest::of(&bytes));
            fs::write(from.join(n.to_string()), &bytes).expect("it is written");
            let begun = Instant::now();
            tier.write(&name, bytes.len() as u64, &mut &bytes[..])
                .expect("it is written");
            written += begun.elapsed();
            name
        })
        .collect();
    println!(
        "{:<44} {written:>10.2?}",
        format!("write {megabytes} MB to {what}")
    );
    let read = || {
        for name in &names {
            let mut into = hashing(&to.join("blob"));
            let size = tier.read(name, u64::MAX, &mut into).expect("it is read");
            assert_eq!(size, Some((BLOB << 20) as u64));
            let digest = Digest::from_bytes(into.1.finalize().into());
            assert_eq!(Name::Blob(digest), *name);
        }
    };
    let read_plainly = || {
        let mut buffer = vec![0; 256 * 1024];
        for n in 0..count {
            let mut file = File::open(from.join(n.to_string())).expect("it is there");
            let mut into = hashing(&to.join("blob"));
            loop {
                match file.read(&mut buffer).expect("it is read") {
                    0 => break,
                    read => into.write_all(&buffer[..read]).expect("it is written"),
                }
            }
        }
    };
    side_by_side(
        &format!("read {megabytes} MB from {what}, hashed"),
        "plain copy and hash",
        read,
        read_plainly,
    );
    fs::remove_dir_all(from).expect("it was there");
}

/// A file, and the digest of what goes into it.
struct Hashing(File, blake3::Hasher);

fn hashing(path: &Path) -> Hashing {
    Hashing(File::create(path).expect("a file"), blake3::Hasher::new())
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.update(bytes);
        self.0.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes that no two numbers share and that do not compress.
fn bytes(number: usize, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut out);
    out
}

/// Takes both in turns, and tells the medians.
fn side_by_side(what: &str, plainly: &str, ours: impl Fn(), plain: impl Fn()) {
    let timed = |work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let rounds = (0..ROUNDS).map(|_| (timed(&ours), timed(&plain)));
    let (ours, plain): (Vec<_>, Vec<_>) = rounds.unzip();
    let (ours, plain) = (median(ours), median(plain));
    let ratio = ours.as_secs_f64() / plain.as_secs_f64();
    println!("{what:<44} {ours:>10.2?}   {plainly} {plain:.2?}: {ratio:.2} times that");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
