//! Large and small outputs, stored and loaded, side by side with the same
//! bytes written, read and hashed plainly. Figures are printed as measured;
//! nothing is asserted.
//!
//! `cargo bench --bench outputs -- [count] [megabytes]` (default 200 10).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use refrain::{CacheConfig, Digest, Node, Param, Pipeline, Runner, inputs};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let count = numbers.first().copied().unwrap_or(200);
    let megabytes = numbers.get(1).copied().unwrap_or(10);
    let scratch = tempfile::tempdir().expect("a directory");
    many(scratch.path(), count, megabytes << 20);
    one_hit(scratch.path(), "small value, 8 B", 8, 1000);
    one_hit(scratch.path(), "100 MB", 100 << 20, 5);
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

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}

fn row(what: &str, ours: Duration, plain: Duration, plainly: &str) {
    let ratio = plain.as_secs_f64() / ours.as_secs_f64();
    println!("{what:<40} {ours:>12.2?}   {plainly} {plain:.2?}: {ratio:.2} of its speed");
}

fn many(scratch: &Path, count: usize, size: usize) {
    println!("{count} outputs of {} MiB", size >> 20);
    let names: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
    // Each output is read by a node of its own, and then let go of.
    let nodes = (0..count).flat_map(|n| {
        let large = Node::named(names[n].as_str())
            .param(Param::of::<u64>("round"))
            .cached(move |_| Ok(bytes(n, size)));
        let read = Node::named(format!("size of {n}"))
            .param(Param::new::<Vec<u8>>(names[n].as_str()))
            .cached(|args| Ok(args.get::<Vec<u8>>(0).len()));
        [large, read]
    });
    let pipeline = Pipeline::new(nodes.collect()).expect("a sound graph");
    let cache = scratch.join("many");

    // Making the bytes is the nodes' own work: on both sides, and taken off both.
    let (made, _) = timed(|| (0..count).for_each(|n| drop(bytes(n, size))));
    let plain_dir = scratch.join("plain");
    fs::create_dir(&plain_dir).expect("a directory");
    let (plain_write, _) = timed(|| {
        for (n, name) in names.iter().enumerate() {
            let bytes = bytes(n, size);
            fs::write(plain_dir.join(name), &bytes).expect("room on the disk");
            std::hint::black_box(Digest::of(&bytes));
        }
    });
    let (store, _) = timed(|| {
        let runner = Runner::new(CacheConfig::new(&cache))
            .expect("a cache")
            .jobs(1);
        runner.run(&pipeline, inputs! { round: 1 }).expect("a run");
    });
    row(
        "store, one job",
        store.saturating_sub(made),
        plain_write.saturating_sub(made),
        "write and hash",
    );

    let (plain_read, _) = timed(|| {
        for name in &names {
            let bytes = fs::read(plain_dir.join(name)).expect("written above");
            std::hint::black_box(Digest::of(&bytes));
        }
    });
    let (load, _) = timed(|| {
        let runner = Runner::new(CacheConfig::new(&cache))
            .expect("a cache")
            .jobs(1);
        for name in &names {
            let parts = pipeline.targets([name.as_str()]).expect("a node");
            let one = runner.run(&parts, inputs! { round: 1 }).expect("a run");
            assert_eq!(one.report().counts().hit, 1);
            std::hint::black_box(one.get::<Vec<u8>>(name).expect("an output"));
        }
    });
    row("load, fresh process", load, plain_read, "read and hash");
}

fn one_hit(scratch: &Path, what: &str, size: usize, times: u32) {
    let node = Node::named("value")
        .param(Param::of::<u64>("x"))
        .cached(move |_| Ok(bytes(7, size)));
    let pipeline = Pipeline::new(vec![node]).expect("a sound graph");
    let cache = scratch.join(format!("one-{size}"));
    let call = |runner: &Runner| {
        let run = runner.run(&pipeline, inputs! { x: 1 }).expect("a run");
        std::hint::black_box(run.get::<Vec<u8>>("value").expect("an output"));
    };
    call(&Runner::new(CacheConfig::new(&cache)).expect("a cache"));
    let file = scratch.join("plain-one");
    fs::write(&file, bytes(7, size)).expect("room on the disk");
    let (plain, _) = timed(|| {
        for _ in 0..times {
            let bytes = fs::read(&file).expect("written above");
            std::hint::black_box(Digest::of(&bytes));
        }
    });
    // In a warm process the call, not the opening of the cache, is what counts.
    let warm = Runner::new(CacheConfig::new(&cache)).expect("a cache");
    call(&warm);
    let (hit, _) = timed(|| (0..times).for_each(|_| call(&warm)));
    row(
        &format!("call hit, {what}"),
        hit / times,
        plain / times,
        "read and hash",
    );
}
