//! A mapped node over many values: one of them is edited, in a live runner and in a fresh process. Figures are
//! printed as measured; nothing is asserted.
//!
//! `cargo bench --bench mapped -- [items ...]` (default 10000 100000). With `--child` the program is one fresh
//! process of the measurement.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use refrain::{CacheConfig, Inputs, Node, Pipeline, Run, Runner, inputs};
use serde::{Deserialize, Serialize};

// As in the released binary: an allocator is a program's choice.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Serialize, Deserialize)]
struct Document {
    id: u32,
    title: String,
    text: String,
}

/// Edits of the live runner that are measured.
const EDITS: u32 = 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--child", items, edits, dir, ..] => {
            let number = |text: &str| text.parse().expect("a number");
            child(number(items), number(edits), Path::new(dir));
        }
        _ => {
            let sizes: Vec<u32> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
            let sizes = match sizes.is_empty() {
                true => vec![10_000, 100_000],
                false => sizes,
            };
            sizes.into_iter().for_each(measure);
        }
    }
}

/// Documents, the first `edits` of which were edited.
fn docs(items: u32, edits: u32) -> Vec<Document> {
    let doc = |id: u32| Document {
        id,
        title: format!("document {id}"),
        text: format!(
            "{} {}",
            "a text of some hundred bytes ".repeat(4),
            u32::from(id < edits)
        ),
    };
    (0..items).map(doc).collect()
}

fn pipeline() -> Pipeline {
    let lengths = Node::named("lengths")
        .version("1")
        .mapped()
        .over_keyed("docs", |doc: &Document| doc.id.to_string())
        .cached(|args| Ok(args.get::<Document>(0).text.len()));
    let halves = Node::named("halves")
        .version("1")
        .mapped()
        .over_items::<usize>("lengths")
        .cached(|args| Ok(args.get::<usize>(0) / 2));
    Pipeline::new(vec![lengths, halves]).expect("a pipeline")
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = what();
    (done, start.elapsed())
}

fn run(runner: &Runner, pipeline: &Pipeline, inputs: Inputs) -> (Run, Duration) {
    let (run, took) = timed(|| runner.run(pipeline, inputs));
    (run.expect("a run"), took)
}

fn measure(items: u32) {
    let dir = tempfile::tempdir().expect("a directory");
    let runner = Runner::new(CacheConfig::new(dir.path())).expect("a runner");
    let pipeline = pipeline();
    let (first, list) = timed(|| inputs! { docs: docs(items, 0) });
    let (_, cold) = run(&runner, &pipeline, first.clone());
    let (_, again) = run(&runner, &pipeline, first);
    println!("{items} items: list given {list:.1?}, cold {cold:.1?}, again {again:.1?}");
    let mut edits = Vec::new();
    for edit in 1..=EDITS {
        let inputs = inputs! { docs: docs(items, edit) };
        let (run, took) = run(&runner, &pipeline, inputs);
        let lengths = run.report().node("lengths").and_then(|node| node.items);
        assert_eq!(lengths.map(|items| items.executed), Some(1));
        edits.push(took);
    }
    edits.sort();
    let median = edits[edits.len() / 2];
    println!(
        "  one edited, live: {median:.1?} ({:.1?} to {:.1?})",
        edits[0],
        edits[edits.len() - 1]
    );
    runner.flush();
    drop(runner);
    let program = std::env::current_exe().expect("this program");
    for edit in [EDITS, EDITS + 1] {
        let mut child = Command::new(&program);
        child
            .args(["--child", &items.to_string(), &edit.to_string()])
            .arg(dir.path());
        let (status, whole) = timed(|| child.status().expect("a child"));
        assert!(status.success());
        println!("    the whole process {whole:.1?}");
    }
}

fn child(items: u32, edits: u32, dir: &Path) {
    let (inputs, list) = timed(|| inputs! { docs: docs(items, edits) });
    let (runner, opened) = timed(|| Runner::new(CacheConfig::new(dir)).expect("a runner"));
    let (run, took) = run(&runner, &pipeline(), inputs);
    let executed = run.report().counts().executed;
    println!(
        "  fresh, {executed} nodes execute: list given {list:.1?}, opened {opened:.1?}, run {took:.1?}"
    );
}
