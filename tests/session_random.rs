//! Random edits of a live pipeline, against an evaluator that knows nothing of caching: outputs equal its outputs, and
//! what executes is what was never executed before on the same values, and needed.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;
use refrain::{Args, CacheConfig, Inputs, Node, Param, Pipeline, Runner, file};
use support::{Counter, cache};

const NODES: usize = 8;
const VALUES: usize = 3;
const FILES: usize = 2;

const NODE_NAMES: [&str; NODES] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"];
const VALUE_NAMES: [&str; VALUES] = ["v0", "v1", "v2"];
const FILE_NAMES: [&str; FILES] = ["f0", "f1"];

/// A pipeline as its author sees it, with what its inputs are.
#[derive(Clone, Debug)]
struct Desk {
    nodes: BTreeMap<usize, Design>,
    values: [i64; VALUES],
    files: [i64; FILES],
}

/// A node: it multiplies what it reads into a small number, so that different inputs often give the same.
#[derive(Clone, Debug, Hash)]
struct Design {
    version: u8,
    /// Which of all earlier nodes, values and files it reads, if they are there.
    reads: u16,
}

#[derive(Clone, Debug)]
enum Edit {
    Value(usize, i64),
    File(usize, i64),
    Version(usize, u8),
    Rewire(usize, u16),
    Add(usize, u16),
    Remove(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0..VALUES, 0..4i64).prop_map(|(at, value)| Edit::Value(at, value)),
        3 => (0..FILES, 0..4i64).prop_map(|(at, value)| Edit::File(at, value)),
        2 => (0..NODES, 0..3u8).prop_map(|(at, version)| Edit::Version(at, version)),
        2 => (0..NODES, any::<u16>()).prop_map(|(at, reads)| Edit::Rewire(at, reads)),
        1 => (0..NODES, any::<u16>()).prop_map(|(at, reads)| Edit::Add(at, reads)),
        1 => (0..NODES).prop_map(Edit::Remove),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Read {
    Node(usize),
    Value(usize),
    File(usize),
}

impl Desk {
    fn new() -> Self {
        let design = |at: usize| Design {
            version: 0,
            reads: 0x0303 << (at % 3),
        };
        Desk {
            nodes: (0..5).map(|at| (at, design(at))).collect(),
            values: [1; VALUES],
            files: [1; FILES],
        }
    }

    fn is_cached(&self, node: usize) -> bool {
        self.nodes[&node].reads & 0x8000 == 0
    }

    fn reads(&self, node: usize) -> Vec<Read> {
        let mask = self.nodes[&node].reads;
        let nodes = self.nodes.range(..node).map(|(at, _)| Read::Node(*at));
        let values = (0..VALUES).map(Read::Value);
        let all = nodes.chain(values).chain((0..FILES).map(Read::File));
        let bit = |read: &Read| match read {
            Read::Node(at) | Read::Value(at) => *at,
            Read::File(at) => 8 + at,
        };
        all.filter(|read| mask & (1 << bit(read)) != 0).collect()
    }

    /// Whether the edit is one of the structure.
    fn apply(&mut self, edit: &Edit) -> bool {
        match *edit {
            Edit::Value(at, value) => self.values[at] = value,
            Edit::File(at, value) => self.files[at] = value,
            Edit::Version(at, version) => {
                if let Some(node) = self.nodes.get_mut(&at) {
                    node.version = version;
                }
            }
            Edit::Rewire(at, reads) => drop(self.nodes.get_mut(&at).map(|node| node.reads = reads)),
            Edit::Add(at, reads) => drop(self.nodes.insert(at, Design { version: 0, reads })),
            Edit::Remove(at) if self.nodes.len() > 1 => drop(self.nodes.remove(&at)),
            Edit::Remove(_) => {}
        }
        !matches!(edit, Edit::Value(..) | Edit::File(..))
    }

    fn value(&self, node: usize) -> i64 {
        let of = |read: &Read| match read {
            Read::Node(at) => self.value(*at),
            Read::Value(at) => self.values[*at],
            Read::File(at) => self.files[*at],
        };
        product(self.nodes[&node].version, self.reads(node).iter().map(of))
    }

    fn targets(&self) -> Vec<usize> {
        let read: HashSet<Read> = self
            .nodes
            .keys()
            .flat_map(|node| self.reads(*node))
            .collect();
        self.nodes
            .keys()
            .copied()
            .filter(|node| !read.contains(&Read::Node(*node)))
            .collect()
    }

    fn pipeline(&self, counter: &Counter, pause: bool) -> Pipeline {
        let node = |node: &usize| {
            let (at, version, counter) = (*node, self.nodes[node].version, counter.clone());
            let reads = self.reads(at);
            let declared =
                reads
                    .iter()
                    .fold(Node::named(NODE_NAMES[at]), |node, read| match read {
                        Read::Node(at) => node.param(Param::of::<i64>(NODE_NAMES[*at])),
                        Read::Value(at) => node.param(Param::of::<i64>(VALUE_NAMES[*at])),
                        Read::File(at) => node.param(Param::new::<PathBuf>(FILE_NAMES[*at])),
                    });
            let action = move |args: &Args| {
                counter.count(NODE_NAMES[at]);
                if pause {
                    (0..at * 50).for_each(|_| thread::yield_now());
                }
                let of = |(place, read): (usize, &Read)| match read {
                    Read::File(_) => number(args.get::<PathBuf>(place)),
                    _ => *args.get::<i64>(place),
                };
                Ok(product(version, reads.iter().enumerate().map(of)))
            };
            let declared = declared.version(&version.to_string());
            match self.is_cached(at) {
                true => declared.cached(action),
                false => declared.uncached(action),
            }
        };
        Pipeline::new(self.nodes.keys().map(node).collect())
            .unwrap()
            .named("random")
    }

    fn inputs(&self, dir: &Path) -> Inputs {
        let read: BTreeSet<(usize, bool)> = self
            .nodes
            .keys()
            .flat_map(|node| self.reads(*node))
            .filter_map(|read| match read {
                Read::Node(_) => None,
                Read::Value(at) => Some((at, false)),
                Read::File(at) => Some((at, true)),
            })
            .collect();
        read.into_iter()
            .fold(Inputs::new(), |inputs, (at, is_file)| match is_file {
                true => inputs.with(FILE_NAMES[at], file(dir.join(FILE_NAMES[at]))),
                false => inputs.with(VALUE_NAMES[at], self.values[at]),
            })
    }

    fn write(&self, dir: &Path, at: usize) {
        fs::write(dir.join(FILE_NAMES[at]), self.files[at].to_string()).unwrap();
    }
}

fn product(version: u8, values: impl Iterator<Item = i64>) -> i64 {
    values.fold(i64::from(version) + 1, |product, value| {
        (product * (value + 1)) % 7
    })
}

fn number(path: &Path) -> i64 {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// What a cache knows that never forgets, what only memory has, and what a revision would execute.
#[derive(Default)]
struct Oracle {
    signatures: HashSet<u64>,
    resolved: HashSet<u64>,
    /// What each node that is not cached was known by when it was executed last.
    memory: HashMap<usize, u64>,
}

impl Oracle {
    fn run(&mut self, desk: &Desk) -> Vec<&'static str> {
        let uncached = |node: &usize| desk.nodes.contains_key(node) && !desk.is_cached(*node);
        self.memory.retain(|node, _| uncached(node));
        let (mut executed, mut looked) = (Vec::new(), HashSet::new());
        let targets = desk.targets();
        for target in &targets {
            self.need(desk, *target, &targets, &mut looked, &mut executed);
        }
        executed.sort_unstable();
        executed
    }

    fn need(
        &mut self,
        desk: &Desk,
        node: usize,
        targets: &[usize],
        looked: &mut HashSet<usize>,
        executed: &mut Vec<&'static str>,
    ) {
        let cached = desk.is_cached(node);
        if !looked.insert(node) || cached && self.signatures.contains(&signature(desk, node)) {
            return;
        }
        for read in desk.reads(node) {
            if let Read::Node(parent) = read {
                self.need(desk, parent, targets, looked, executed);
            }
        }
        if cached {
            self.signatures.insert(signature(desk, node));
            if self.resolved.insert(resolved(desk, node)) {
                self.execute(desk, node, executed);
            }
        } else if targets.contains(&node) {
            self.want(desk, node, executed);
        }
    }

    /// The value of a node that is not cached is called for.
    fn want(&mut self, desk: &Desk, node: usize, executed: &mut Vec<&'static str>) {
        let resolved = resolved(desk, node);
        if self.memory.insert(node, resolved) != Some(resolved) {
            self.execute(desk, node, executed);
        }
    }

    fn execute(&mut self, desk: &Desk, node: usize, executed: &mut Vec<&'static str>) {
        executed.push(NODE_NAMES[node]);
        for read in desk.reads(node) {
            match read {
                Read::Node(parent) if !desk.is_cached(parent) => self.want(desk, parent, executed),
                _ => {}
            }
        }
    }
}

/// What a node is known by before anything above it is.
fn signature(desk: &Desk, node: usize) -> u64 {
    hash(desk, node, |parent| signature(desk, parent))
}

/// What a node is known by when everything above it is.
fn resolved(desk: &Desk, node: usize) -> u64 {
    hash(desk, node, |parent| match desk.is_cached(parent) {
        true => desk.value(parent) as u64,
        false => resolved(desk, parent),
    })
}

fn hash(desk: &Desk, node: usize, parent: impl Fn(usize) -> u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (node, desk.nodes[&node].version).hash(&mut hasher);
    for read in desk.reads(node) {
        let value = match read {
            Read::Node(at) => parent(at),
            Read::Value(at) => desk.values[at] as u64,
            Read::File(at) => desk.files[at] as u64,
        };
        (read, value).hash(&mut hasher);
    }
    hasher.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_revision_is_right_and_executes_what_it_must(
        rounds in prop::collection::vec(prop::collection::vec(edit(), 1..4), 100)
    ) {
        let (cache, dir, counter) = (cache(), tempfile::tempdir().unwrap(), Counter::default());
        let (mut desk, mut oracle) = (Desk::new(), Oracle::default());
        (0..FILES).for_each(|at| desk.write(dir.path(), at));
        let runner = Runner::new(CacheConfig::new(cache.path())).unwrap().jobs(2);
        let session = runner.session(&desk.pipeline(&counter, false), desk.inputs(dir.path())).unwrap();
        for edits in rounds {
            for edit in &edits {
                let structure = desk.apply(edit);
                match edit {
                    Edit::File(at, _) => {
                        desk.write(dir.path(), *at);
                        session.refresh_paths([dir.path().join(FILE_NAMES[*at])]);
                    }
                    // An input that nothing takes is refused.
                    Edit::Value(at, value) => drop(session.set_input(VALUE_NAMES[*at], *value)),
                    _ => {}
                }
                if structure {
                    session.set_pipeline(&desk.pipeline(&counter, false), desk.inputs(dir.path())).unwrap();
                }
            }
            let run = session.run().unwrap();
            for target in desk.targets() {
                prop_assert_eq!(*run.get::<i64>(NODE_NAMES[target]).unwrap(), desk.value(target), "{:?}", desk);
            }
            let mut executed = counter.take();
            executed.sort_unstable();
            prop_assert_eq!(executed, oracle.run(&desk), "{:?}", desk);
        }
    }
}

#[test]
fn edits_at_any_moment_of_a_run_never_mix_revisions() {
    let (cache, dir, counter) = (cache(), tempfile::tempdir().unwrap(), Counter::default());
    let desk = Desk::new();
    (0..FILES).for_each(|at| desk.write(dir.path(), at));
    let runner = Runner::new(CacheConfig::new(cache.path())).unwrap().jobs(3);
    let session = runner
        .session(&desk.pipeline(&counter, true), desk.inputs(dir.path()))
        .unwrap();
    let history = Arc::new(Mutex::new(vec![desk]));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..400usize {
                let mut history = history.lock().unwrap();
                let mut desk = history.last().unwrap().clone();
                let edit = match number % 9 {
                    0 => Edit::Rewire(number % NODES, (number * 0x9E37) as u16),
                    4 => Edit::Version(number % NODES, (number % 3) as u8),
                    7 if number % 2 == 0 => Edit::Add(5 + number % 3, (number * 0x51ED) as u16),
                    7 => Edit::Remove(5 + number % 3),
                    _ => Edit::Value(number % VALUES, (number * 31 % 1000) as i64),
                };
                let structure = desk.apply(&edit);
                match edit {
                    Edit::Value(at, value) if !structure => {
                        drop(session.set_input(VALUE_NAMES[at], value))
                    }
                    _ => session
                        .set_pipeline(&desk.pipeline(&counter, true), desk.inputs(dir.path()))
                        .unwrap(),
                }
                history.push(desk);
                drop(history);
                (0..number % 40 * 20).for_each(|_| thread::yield_now());
            }
            over.store(true, Ordering::SeqCst);
        });
        let mut runs = HashMap::<usize, usize>::new();
        loop {
            let last = over.load(Ordering::SeqCst);
            let begun = history.lock().unwrap().len();
            let run = session.run().unwrap();
            let history = history.lock().unwrap().clone();
            let fits = |desk: &&Desk| {
                desk.targets().iter().all(|target| {
                    let value = run.get::<i64>(NODE_NAMES[*target]);
                    value.is_ok_and(|value| *value == desk.value(*target))
                })
            };
            let possible = &history[begun - 1..];
            let revision = possible.iter().rev().find(fits);
            assert!(
                revision.is_some(),
                "no revision of {} since {begun} fits",
                history.len()
            );
            *runs.entry(history.len() - begun).or_default() += 1;
            if last {
                let now = history.last().unwrap();
                assert!(fits(&now), "the last one");
                break;
            }
        }
        assert!(
            runs.keys().any(|edits| *edits > 0),
            "some edit came in the middle of a run: {runs:?}"
        );
    });
}
