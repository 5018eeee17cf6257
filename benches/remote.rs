//! Tiers, side by side with what a plain client takes for the same bytes. Figures are printed as measured; nothing is
//! asserted. Redis is started for it and keeps nothing.
//!
//! `cargo bench --bench remote -- [records] [megabytes]` (default 10000 1000).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use refrain_remote::{Options, open};
use refrain_store::{Digest, Name, Signature, Tier};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a record.
const RECORD: usize = 600;

/// Megabytes of a blob.
const BLOB: usize = 10;

/// The best of so many is told.
const ROUNDS: usize = 5;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let records = numbers.first().copied().unwrap_or(10_000);
    let megabytes = numbers.get(1).copied().unwrap_or(1000);
    let scratch = tempfile::tempdir().expect("a directory");
    let socket = scratch.path().join("socket");
    let mut redis = redis_server(&socket);
    let url = format!("redis+unix://{}", socket.display());
    small(&url, records);
    let tier = open(&url, Options::default()).expect("a tier");
    large("Redis", &*tier, scratch.path(), megabytes / 4);
    redis.kill().expect("it was running");
    redis.wait().expect("it has ended");
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
    let mut plain = redis::Client::open(url)
        .and_then(|client| client.get_connection())
        .expect("a connection");

    let (ours, ()) = best(|| tier.write_many(&things).expect("it is written"));
    let (theirs, ()) = best(|| {
        let mut pipe = redis::pipe();
        for (key, (_, bytes)) in keys.iter().zip(&things) {
            pipe.set(key, bytes).ignore();
        }
        pipe.exec(&mut plain).expect("it is written");
    });
    row(
        &format!("write {count} records to Redis"),
        ours,
        theirs,
        "plain pipeline",
    );

    let (ours, read) = best(|| {
        let mut read = 0;
        tier.read_many(&names, 1 << 20, &mut |_, found| {
            read += found.expect("it is read").map_or(0, |bytes| bytes.len());
        });
        read
    });
    assert_eq!(read, count * RECORD);
    let (theirs, found) = best(|| {
        let mut pipe = redis::pipe();
        for key in &keys {
            pipe.get(key);
        }
        let found: Vec<Vec<u8>> = pipe.query(&mut plain).expect("it is read");
        found.len()
    });
    assert_eq!(found, count);
    row(
        &format!("read {count} records from Redis"),
        ours,
        theirs,
        "plain pipeline",
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
    let (ours, ()) = best(|| {
        for name in &names {
            let mut into = hashing(&to.join("blob"));
            let size = tier.read(name, u64::MAX, &mut into).expect("it is read");
            assert_eq!(size, Some((BLOB << 20) as u64));
            assert_eq!(
                Name::Blob(Digest::from_bytes(into.1.finalize().into())),
                *name
            );
        }
    });
    let (theirs, ()) = best(|| {
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
    });
    row(
        &format!("read {megabytes} MB from {what}, hashed"),
        ours,
        theirs,
        "plain copy and hash",
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

fn best<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let rounds = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        let result = work();
        (begun.elapsed(), result)
    });
    rounds
        .min_by_key(|(elapsed, _)| *elapsed)
        .expect("there are rounds")
}

fn row(what: &str, ours: Duration, plain: Duration, plainly: &str) {
    let ratio = ours.as_secs_f64() / plain.as_secs_f64();
    println!("{what:<44} {ours:>10.2?}   {plainly} {plain:.2?}: {ratio:.2} times that");
}

fn redis_server(socket: &Path) -> Child {
    let mut child = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .arg("--unixsocket")
        .arg(socket)
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server, which crates/remote/tests/servers.sh installs");
    let said = child.stdout.take().expect("it is piped");
    let mut said = BufReader::new(said).lines().map_while(Result::ok);
    said.find(|line| line.contains("ready to accept"))
        .expect("it says that it listens");
    std::thread::spawn(move || said.for_each(drop));
    child
}
