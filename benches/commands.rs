//! Manifests of commands, run by the real program as people run it, side by side with ninja, and with DVC and
//! Snakemake where they are installed. Figures are printed as measured; nothing is asserted.
//!
//! `cargo bench --bench commands -- [nodes ...]` (default 1000 10000). DVC and Snakemake take minutes, and are
//! measured at 1,000 nodes alone.

mod peers;
#[path = "../tests/support/redis.rs"]
mod server;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use peers::slow_peers;
use server::Server;

const REFRAIN: &str = env!("CARGO_BIN_EXE_refrain");
/// What the slow ones are measured with.
const SMALL: usize = 1000;
/// How many outputs a node joins.
const FAN: usize = 10;
/// For all of them, as their defaults differ.
const JOBS: &str = "2";

fn main() {
    let args = std::env::args().skip(1);
    let sizes: Vec<usize> = args.filter_map(|arg| arg.parse().ok()).collect();
    start_up();
    let sizes = if sizes.is_empty() {
        vec![SMALL, 10 * SMALL]
    } else {
        sizes
    };
    for nodes in sizes {
        let scratch = tempfile::tempdir().expect("a directory");
        nothing_changed(nodes, scratch.path());
        beside_a_remote(nodes, scratch.path());
        mapped(nodes, scratch.path());
        if nodes == SMALL {
            cold(scratch.path());
            slow_peers(scratch.path());
        }
    }
}

/// A tree of commands: nine of ten copy a source each, the others join ten of those before, down to one.
#[derive(Clone, Copy)]
struct Tree {
    nodes: usize,
}

impl Tree {
    /// The nodes of each level, the copies first.
    fn levels(self) -> Vec<std::ops::Range<usize>> {
        let whole = |leaves: usize| {
            let sizes =
                std::iter::successors(Some(leaves), |size| (*size > 1).then(|| size.div_ceil(FAN)));
            sizes.sum::<usize>()
        };
        let leaves = (1..=self.nodes)
            .rev()
            .find(|leaves| whole(*leaves) <= self.nodes);
        let mut level = 0..leaves.expect("at least one node");
        let mut levels = vec![level.clone()];
        while level.len() > 1 {
            level = level.end..level.end + level.len().div_ceil(FAN);
            levels.push(level.clone());
        }
        levels
    }

    /// Each node that joins, and what it joins.
    fn joins(self) -> Vec<(usize, std::ops::Range<usize>)> {
        let levels = self.levels();
        let pairs = levels.windows(2).flat_map(|pair| {
            let (above, level) = (pair[0].clone(), pair[1].clone());
            level.clone().map(move |node| {
                let first = above.start + (node - level.start) * FAN;
                (node, first..above.end.min(first + FAN))
            })
        });
        pairs.collect()
    }

    fn leaves(self) -> usize {
        self.levels()[0].len()
    }

    fn last(self) -> usize {
        self.levels().last().expect("a level").start
    }
}

/// A project for one of the programs.
struct Project {
    dir: PathBuf,
    command: Vec<String>,
}

impl Project {
    fn new(dir: PathBuf, command: &[&str]) -> Self {
        fs::create_dir_all(&dir).expect("a directory");
        let command = command.iter().map(|word| word.to_string()).collect();
        Project { dir, command }
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.dir.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn sources(&self, count: usize) {
        for source in 0..count {
            self.write(&format!("s/{source}"), &format!("the text of {source}\n"));
        }
    }

    /// How long a run takes, from the start of its process to the end.
    fn run(&self) -> Duration {
        let begun = Instant::now();
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.dir);
        let output = command.stdin(Stdio::null()).output().expect("a process");
        let took = begun.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}: {said}", self.command);
        took
    }

    fn remove(&self, names: &[&str]) {
        for name in names {
            let path = self.dir.join(name);
            match path.is_dir() {
                true => fs::remove_dir_all(path).expect("a directory that goes"),
                false => drop(fs::remove_file(path)),
            }
        }
    }
}

fn refrain(dir: &Path, manifest: &str) -> Project {
    let project = Project::new(dir.join("refrain"), &[REFRAIN, "run", "-q", "-j", JOBS]);
    project.write("refrain.toml", manifest);
    project
}

fn ninja(dir: &Path, rules: &str) -> Option<Project> {
    let project = Project::new(dir.join("ninja"), &["ninja", "--quiet", "-j", JOBS]);
    project.write("build.ninja", rules);
    is_there("ninja").then_some(project)
}

fn is_there(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").output();
    tried.is_ok_and(|output| output.status.success())
}

fn tree_manifest(tree: Tree) -> String {
    let mut text = String::from("[inputs]\n");
    for leaf in 0..tree.leaves() {
        writeln!(text, "s{leaf} = {{ file = \"s/{leaf}\" }}").expect("memory");
    }
    for leaf in 0..tree.leaves() {
        writeln!(text, "[nodes.n{leaf}]\nrun = \"cp {{s{leaf}}} {{output}}\"").expect("memory");
    }
    for (node, joined) in tree.joins() {
        let names: Vec<String> = joined.map(|n| format!("{{n{n}}}")).collect();
        let names = names.join(" ");
        writeln!(text, "[nodes.n{node}]\nrun = \"cat {names} > {{output}}\"").expect("memory");
    }
    text
}

fn tree_rules(tree: Tree) -> String {
    let mut text =
        String::from("rule copy\n  command = cp $in $out\nrule join\n  command = cat $in > $out\n");
    for leaf in 0..tree.leaves() {
        writeln!(text, "build n/{leaf}: copy s/{leaf}").expect("memory");
    }
    for (node, joined) in tree.joins() {
        let names: Vec<String> = joined.map(|n| format!("n/{n}")).collect();
        writeln!(text, "build n/{node}: join {}", names.join(" ")).expect("memory");
    }
    text
}

/// A tree that is built, and built again: unchanged, and with one source edited.
fn nothing_changed(nodes: usize, scratch: &Path) {
    println!("\n{nodes} nodes, each a command");
    let tree = Tree { nodes };
    let dir = scratch.join("tree");
    let ours = refrain(&dir, &tree_manifest(tree));
    let ninjas = ninja(&dir, &tree_rules(tree));
    let projects = || std::iter::once(&ours).chain(&ninjas);
    projects().for_each(|project| project.sources(tree.leaves()));
    let first: Vec<Duration> = projects().map(Project::run).collect();
    row("everything executed, once", first[0], first.get(1).copied());

    let (mine, theirs) = side_by_side(&ours, ninjas.as_ref(), 11, |_, _| {});
    row("nothing changed", mine, theirs);
    let edit = |project: &Project, round: usize| project.write("s/7", &format!("edited {round}\n"));
    let (edited, their_edited) = side_by_side(&ours, ninjas.as_ref(), 11, edit);
    row("one source edited", edited, their_edited);
    if let Some(theirs) = theirs {
        let cone = their_edited.expect("ninja ran").saturating_sub(theirs);
        println!(
            "    its cone: {} here, {} with ninja",
            ms(edited.saturating_sub(mine)),
            ms(cone)
        );
    }
}

/// The tree that is built, as it is and with a Redis configured that is never asked.
fn beside_a_remote(nodes: usize, scratch: &Path) {
    let tree = Tree { nodes };
    if !is_there(&server::program()) {
        return;
    }
    let redis = Server::start(&[]);
    let alone = refrain(&scratch.join("tree"), &tree_manifest(tree));
    let mut beside = refrain(&scratch.join("tree"), &tree_manifest(tree));
    beside.command.extend(["--remote".to_owned(), redis.url()]);
    let (without, with) = side_by_side(&alone, Some(&beside), 21, |_, _| {});
    let with = with.expect("it ran");
    println!(
        "nothing changed, beside a remote that is idle      {:>11}   without {:>10}: {:.2} of it",
        ms(with),
        ms(without),
        with.as_secs_f64() / without.as_secs_f64()
    );
}

/// The same number of sources, over which one node is mapped.
fn mapped(nodes: usize, scratch: &Path) {
    let manifest = "[inputs]\nsources = { files = \"s/*\" }\n\
                    [nodes.copies]\nmap = { source = \"sources\" }\nrun = \"cp {source} {output}\"\n";
    let ours = refrain(&scratch.join("mapped"), manifest);
    ours.sources(nodes);
    row(
        "one node mapped over as many files: executed",
        ours.run(),
        None,
    );
    let (mine, _) = side_by_side(&ours, None, 11, |_, _| {});
    row("one node mapped over as many files: unchanged", mine, None);
}

/// Commands that do nothing, for what it costs to execute one.
fn cold(scratch: &Path) {
    let (mut manifest, mut rules) = (String::from("[inputs]\n"), String::new());
    for node in 0..SMALL {
        writeln!(manifest, "s{node} = {{ file = \"s/{node}\" }}").expect("memory");
    }
    rules += "rule nothing\n  command = true $in > $out\n";
    for node in 0..SMALL {
        writeln!(
            manifest,
            "[nodes.n{node}]\nrun = \"true {{s{node}}} > {{output}}\""
        )
        .expect("memory");
        writeln!(rules, "build n/{node}: nothing s/{node}").expect("memory");
    }
    let dir = scratch.join("cold");
    let (ours, ninjas) = (refrain(&dir, &manifest), ninja(&dir, &rules));
    for project in std::iter::once(&ours).chain(&ninjas) {
        project.sources(SMALL);
    }
    let clean =
        |project: &Project, _| project.remove(&[".cache", "n", ".ninja_log", ".ninja_deps"]);
    let (mine, theirs) = side_by_side(&ours, ninjas.as_ref(), 7, clean);
    row("1000 commands that do nothing, cold", mine, theirs);
}

/// What a process costs that does nothing, and how large the program is.
fn start_up() {
    let start = |program: &str, argument: &str| {
        let run = |_| {
            let begun = Instant::now();
            let mut command = Command::new(program);
            command
                .arg(argument)
                .stdout(Stdio::null())
                .status()
                .expect("a process");
            begun.elapsed()
        };
        median((0..200).map(run).collect())
    };
    println!(
        "refrain --help: {}; true: {}",
        ms(start(REFRAIN, "--help")),
        ms(start("true", "--help"))
    );
    let size = fs::metadata(REFRAIN).expect("the program").len();
    println!("the program: {:.1} MB", size as f64 / 1e6);
}

/// The medians of runs in turns, each after its preparation.
fn side_by_side(
    ours: &Project,
    theirs: Option<&Project>,
    rounds: usize,
    prepare: impl Fn(&Project, usize),
) -> (Duration, Option<Duration>) {
    let timed = |project: &Project, round: usize| {
        prepare(project, round);
        project.run()
    };
    let round = |round| {
        (
            timed(ours, round),
            theirs.map(|theirs| timed(theirs, round)),
        )
    };
    let (mine, theirs): (Vec<_>, Vec<_>) = (0..rounds).map(round).unzip();
    let theirs: Option<Vec<Duration>> = theirs.into_iter().collect();
    (median(mine), theirs.map(median))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn row(what: &str, ours: Duration, theirs: Option<Duration>) {
    let beside = theirs.map(|theirs| {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        format!("ninja {:>10}: {ratio:.2} of it", ms(theirs))
    });
    println!(
        "{what:<48} {:>11}   {}",
        ms(ours),
        beside.unwrap_or_default()
    );
}
