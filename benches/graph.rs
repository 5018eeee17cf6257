//! Layered graphs of trivial functions, side by side with ninja where it is
//! installed. Figures are printed as measured; nothing is asserted.
//!
//! `cargo bench --bench graph -- [nodes ...]` (default 10000 100000; 1000000 adds
//! the memory of a large graph). With `--child` the program is one fresh process
//! of the measurement.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use std::sync::Arc;

use refrain::{CacheConfig, Inputs, Node, Param, Pipeline, Run, Runner};

// As in the released binary: an allocator is a program's choice.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nodes in a layer.
const WIDTH: usize = 1000;
/// Sources of the first layer.
const SOURCES: usize = 10;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--child", nodes, dir] => child(nodes.parse().expect("a number"), Path::new(dir)),
        _ => {
            let sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
            let sizes = if sizes.is_empty() {
                vec![10_000, 100_000]
            } else {
                sizes
            };
            sizes.into_iter().for_each(measure);
        }
    }
}

/// The parents of a node: three of the layer above, spread but fixed.
fn parents(node: usize) -> Vec<usize> {
    if node < WIDTH {
        return Vec::new();
    }
    let above = (node / WIDTH - 1) * WIDTH;
    let mut parents = [0, 1, 2]
        .map(|k| above + (node * 7 + k * k * 131) % WIDTH)
        .to_vec();
    parents.sort_unstable();
    parents.dedup();
    parents
}

fn name(node: usize) -> String {
    format!("n{node}")
}

fn source_of(node: usize) -> Option<usize> {
    (node < WIDTH).then_some(node % SOURCES)
}

/// One node of the last layer but ten reads the source `late`, so that an edit
/// of it reaches some hundred nodes.
fn reads_late(node: usize, nodes: usize) -> bool {
    nodes >= 10 * WIDTH && node == nodes - 4 * WIDTH + 7
}

fn pipeline(nodes: usize) -> Pipeline {
    let names: Vec<Arc<str>> = (0..nodes).map(|n| name(n).into()).collect();
    let node = |n: usize| {
        let mut node = Node::named(names[n].clone()).version("1");
        let parents = parents(n);
        let mut count = parents.len();
        for parent in parents {
            node = node.param(Param::of::<u64>(names[parent].clone()));
        }
        if let Some(source) = source_of(n) {
            node = node.param(Param::of::<u64>(format!("s{source}")));
            count += 1;
        }
        if reads_late(n, nodes) {
            node = node.param(Param::of::<u64>("late"));
            count += 1;
        }
        node.cached(move |args| {
            Ok((0..count).map(|p| args.get::<u64>(p)).sum::<u64>() % 1_000_003 + 1)
        })
    };
    Pipeline::new((0..nodes).map(node).collect()).expect("a sound graph")
}

fn inputs(nodes: usize, late: u64) -> Inputs {
    let mut inputs = Inputs::new();
    for source in 0..SOURCES {
        inputs = inputs.with(&format!("s{source}"), source as u64);
    }
    if nodes >= 10 * WIDTH {
        inputs = inputs.with("late", late);
    }
    inputs
}

/// A fresh process: everything a program does from start to end.
fn child(nodes: usize, dir: &Path) {
    let runner = Runner::new(CacheConfig::new(dir)).expect("a cache");
    let run = runner
        .run(&pipeline(nodes), inputs(nodes, 0))
        .expect("a run");
    assert_eq!(run.report().counts().failed, 0);
}

fn row(what: &str, figure: impl std::fmt::Display, remark: &str) {
    println!("{what:<52} {figure:>14}   {remark}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn per(time: Duration, count: usize) -> String {
    format!("{:.2} us", time.as_secs_f64() * 1e6 / count as f64)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}

fn measure(nodes: usize) {
    println!("\n{nodes} nodes in layers of {WIDTH}, three parents each");
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = scratch.path().join("cache");

    let fresh = |runs: usize| {
        let process = |_| {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--child", &nodes.to_string()]).arg(&cache);
            timed(|| assert!(command.status().expect("a process").success())).0
        };
        median((0..runs).map(process).collect())
    };
    let cold = fresh(1);
    row(
        "cold run, fresh process",
        ms(cold),
        &format!("{} a node, to the last byte on disk", per(cold, nodes)),
    );
    let noop = fresh(7);
    let ninja = ninja_noop(nodes, scratch.path());
    let ratio = ninja.map_or("no ninja here".to_owned(), |ninja| {
        format!(
            "ninja {}: {:.2} of it",
            ms(ninja),
            noop.as_secs_f64() / ninja.as_secs_f64()
        )
    });
    row("nothing changed, fresh process", ms(noop), &ratio);
    for (file, bytes) in disk(&cache) {
        row(
            &format!("disk: {file}"),
            format!("{} B", bytes / nodes as u64),
            "a node",
        );
    }
    in_process(nodes, &cache);
}

fn in_process(nodes: usize, cache: &Path) {
    let before = resident();
    let (build, all) = timed(|| pipeline(nodes));
    row("build the pipeline", ms(build), &per(build, nodes));
    let runner = Runner::new(CacheConfig::new(cache)).expect("a cache");
    let given = inputs(nodes, 0);
    let run = |pipeline: &Pipeline, inputs: &Inputs| -> Run {
        runner.run(pipeline, inputs.clone()).expect("a run")
    };
    let (first, _) = timed(|| run(&all, &given));
    row(
        "first run of the process, nothing changed",
        ms(first),
        &per(first, nodes),
    );
    let last = name(nodes - 1);
    let one = all.targets([last.as_str()]).expect("a node");
    run(&one, &given);
    let (again, _) = timed(|| (0..1000).for_each(|_| drop(run(&one, &given))));
    row(
        "again, one target, nothing changed",
        per(again, 1000),
        "in all",
    );
    let (again, _) = timed(|| run(&all, &given));
    row("again, all targets, nothing changed", ms(again), "");
    if nodes >= 10 * WIDTH {
        run(&all, &inputs(nodes, 1));
        let mut executed = 0;
        let edits = (2..9).map(|late| {
            let edited = inputs(nodes, late);
            let (time, run) = timed(|| run(&all, &edited));
            executed = run.report().counts().executed;
            time
        });
        let edit = median(edits.collect());
        row(
            "one source edited, live",
            ms(edit),
            &format!("{executed} executed"),
        );
        let hits = [2, 3, 2, 3].map(|late| timed(|| run(&all, &inputs(nodes, late))).0);
        row(
            "the same edit undone, live",
            ms(median(hits.to_vec())),
            "all hits",
        );
    }
    row(
        "memory",
        format!("{} B", (resident().saturating_sub(before)) / nodes as u64),
        "a node, after all of this",
    );
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}

fn disk(dir: &Path) -> Vec<(String, u64)> {
    let files = ["records.db", "records.db-wal", "metadata.json"];
    let size = |file: &str| std::fs::metadata(dir.join(file)).map_or(0, |meta| meta.len());
    files
        .iter()
        .map(|file| (file.to_string(), size(file)))
        .collect()
}

/// The time that ninja takes to find the same graph up to date.
fn ninja_noop(nodes: usize, scratch: &Path) -> Option<Duration> {
    let dir: PathBuf = scratch.join("ninja");
    std::fs::create_dir(&dir).ok()?;
    let mut file = String::from("rule touch\n  command = touch $out\n");
    for node in 0..nodes {
        write!(file, "build {}: touch", name(node)).ok()?;
        for parent in parents(node) {
            write!(file, " {}", name(parent)).ok()?;
        }
        if let Some(source) = source_of(node) {
            write!(file, " s{source}").ok()?;
        }
        file.push('\n');
    }
    std::fs::write(dir.join("build.ninja"), file).ok()?;
    // Outputs and log as a finished build leaves them, without running it:
    // `ninja -t restat` writes the log's times, `-t recompact` the log.
    for source in 0..SOURCES {
        std::fs::write(dir.join(format!("s{source}")), "").ok()?;
    }
    let ninja = |args: &[&str]| {
        let mut command = Command::new("ninja");
        command.current_dir(&dir).args(args);
        command
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    ninja(&["-j4"])?;
    let said = String::from_utf8_lossy(&ninja(&[])?.stdout).into_owned();
    assert!(said.contains("no work to do"), "{said}");
    let times = (0..7).map(|_| timed(|| ninja(&[])).0).collect();
    Some(median(times))
}
