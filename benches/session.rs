//! Live pipelines that are edited: what an edit costs until its first node starts and until all is up to date. Figures
//! are printed as measured; nothing is asserted.
//!
//! `cargo bench --bench session -- [nodes ...]` (default 100000; 1000000 takes minutes).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use refrain::{CacheConfig, Inputs, Node, Param, Pipeline, RunEvent, Runner, Session, file};

// As in the released binary: an allocator is a program's choice.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many nodes a node of the layered graph reads, and how many stand in its first layer for each of the next.
const FAN: usize = 10;
/// Edits that are measured.
const EDITS: usize = 21;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100_000]
    } else {
        sizes
    };
    for nodes in sizes {
        measure(
            "chain",
            nodes,
            &chain(nodes),
            Inputs::new().with("first", 0u64).with("x0", 0u64),
        );
        measure("layers", nodes, &layers(nodes, value), values(nodes));
        files(nodes.min(100_000));
    }
    idle();
}

/// Each node reads the one before it; the last hundred stand on another input as well.
fn chain(nodes: usize) -> Pipeline {
    let node = |at: usize| {
        let parent = if at == 0 {
            "first".to_owned()
        } else {
            format!("n{}", at - 1)
        };
        let node = Node::named(format!("n{at}"))
            .param(Param::of::<u64>(parent))
            .version("1");
        match at + 100 == nodes {
            true => node
                .param(Param::of::<u64>("x0"))
                .uncached(|args| Ok(args.get::<u64>(0) + args.get::<u64>(1))),
            false => node.uncached(|args| Ok(args.get::<u64>(0) + 1)),
        }
    };
    Pipeline::new((0..nodes).map(node).collect()).expect("a sound graph")
}

/// Nine of ten nodes are these leaves, the others join ten of those before, down to one.
fn layers(nodes: usize, leaf: impl Fn(usize) -> Node) -> Pipeline {
    let leaves = leaves(nodes);
    let mut made: Vec<Node> = (0..leaves).map(leaf).collect();
    let mut level = 0..leaves;
    while level.len() > 1 {
        let first = made.len();
        for at in 0..level.len().div_ceil(FAN) {
            let read = level.start + at * FAN..level.end.min(level.start + (at + 1) * FAN);
            let count = read.len();
            let node = read.fold(Node::named(format!("n{}", first + at)), |node, parent| {
                node.param(Param::of::<u64>(format!("n{parent}")))
            });
            made.push(node.version("1").uncached(move |args| {
                Ok((0..count).map(|param| *args.get::<u64>(param)).sum::<u64>())
            }));
        }
        level = first..made.len();
    }
    Pipeline::new(made).expect("a sound graph")
}

/// A node that reads an input of its own.
fn value(at: usize) -> Node {
    let node = Node::named(format!("n{at}")).param(Param::of::<u64>(format!("x{at}")));
    node.version("1")
        .uncached(|args| Ok(args.get::<u64>(0) / 2))
}

fn leaves(nodes: usize) -> usize {
    nodes * (FAN - 1) / FAN
}

fn values(nodes: usize) -> Inputs {
    (0..leaves(nodes)).fold(Inputs::new(), |inputs, at| {
        inputs.with(&format!("x{at}"), 1000u64)
    })
}

fn measure(what: &str, nodes: usize, pipeline: &Pipeline, inputs: Inputs) {
    let before = resident();
    let runner = Runner::new(CacheConfig::default())
        .expect("a runner")
        .jobs(2);
    let begun = Instant::now();
    let session = runner.session(pipeline, inputs).expect("a session");
    let built = begun.elapsed();
    let begun = Instant::now();
    session.run().expect("a run");
    let first = begun.elapsed();
    println!(
        "{what}, {nodes} nodes: built in {}, first run {}",
        ms(built),
        ms(first)
    );
    println!(
        "    memory a node: {} B",
        (resident() - before) / nodes as u64
    );
    let mut edits = (0..EDITS).map(|edit| {
        let begun = Instant::now();
        let edited = session.set_input("x0", 1001 + (edit as u64) * 2);
        edited.expect("an input");
        let run = session.run().expect("a run");
        (begun.elapsed(), run.report().counts().executed)
    });
    let (took, executed) = edits.next().expect("an edit");
    println!(
        "    first edit of an input: {} ({executed} executed)",
        ms(took)
    );
    let (took, executed): (Vec<Duration>, Vec<usize>) = edits.unzip();
    println!(
        "    later edits of it: {} ({} executed)",
        ms(median(took)),
        executed[0]
    );
    let begun = Instant::now();
    session.run().expect("a run");
    println!("    nothing edited: {}", ms(begun.elapsed()));
}

/// Layers of which the first reads a file each: from the word that one has changed to the start of its node.
fn files(nodes: usize) {
    let desk = tempfile::tempdir().expect("a directory");
    let path = |at: usize| {
        desk.path()
            .join(format!("{}", at % 1000))
            .join(at.to_string())
    };
    for at in 0..leaves(nodes) {
        let path = path(at);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, "1").expect("a file");
    }
    let reads = |at: usize| {
        let node = Node::named(format!("n{at}")).param(Param::new::<PathBuf>(format!("x{at}")));
        node.version("1")
            .cached(|args| Ok(fs::read(args.get::<PathBuf>(0)).expect("a file").len() as u64))
    };
    let pipeline = layers(nodes, reads);
    let given = (0..leaves(nodes)).map(|at| (format!("x{at}"), file(path(at))));
    let inputs = given.fold(Inputs::new(), |inputs, (name, file)| {
        inputs.with(&name, file)
    });
    let runner = Runner::new(CacheConfig::new(desk.path().join("cache")))
        .expect("a runner")
        .jobs(2);
    let session = runner.session(&pipeline, inputs).expect("a session");
    session.run().expect("a run");
    let events = session.subscribe();
    let mut starts: Vec<Duration> = (0..EDITS)
        .map(|edit| start_of(&session, &path(7), edit, &events))
        .collect();
    println!(
        "{nodes} nodes, nine of ten of which read a file: from a saved file to the start of its node:"
    );
    println!("    first: {}", ms(starts.remove(0)));
    println!("    later: {}", ms(median(starts)));
}

fn start_of(
    session: &Session,
    path: &Path,
    edit: usize,
    events: &crossbeam::channel::Receiver<RunEvent>,
) -> Duration {
    while events.try_recv().is_ok() {}
    fs::write(path, "1".repeat(edit + 2)).expect("a file");
    let begun = Instant::now();
    session.refresh_paths([path]);
    let live = session.clone();
    let run = std::thread::spawn(move || live.run().expect("a run"));
    let started = events
        .iter()
        .find(|event| matches!(event, RunEvent::NodeStarted { .. }));
    assert!(started.is_some(), "its node starts");
    let took = begun.elapsed();
    drop::<Arc<_>>(run.join().expect("a thread"));
    took
}

/// What a session that nobody edits costs.
fn idle() {
    let runner = Runner::new(CacheConfig::default()).expect("a runner");
    let session = runner
        .session(&layers(1000, value), values(1000))
        .expect("a session");
    session.run().expect("a run");
    let before = processor();
    std::thread::sleep(Duration::from_secs(5));
    println!(
        "idle for 5 s: {} of processor time",
        ms(processor() - before)
    );
}

fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text
        .split(' ')
        .nth(1)
        .expect("a field")
        .parse()
        .expect("a number");
    pages * 4096
}

fn processor() -> Duration {
    let text = fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let ns: u64 = text
        .split(' ')
        .next()
        .expect("a field")
        .parse()
        .expect("a number");
    Duration::from_nanos(ns)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
