//! From saving a file to the first process of its node, in a real `refrain watch`. Figures are printed as
//! measured; nothing is asserted.
//!
//! `cargo bench --bench watch -- [nodes ...]` (default 1000 10000). Of the time, 50 ms are the quiet period.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

const EDITS: usize = 31;

fn main() {
    let args = std::env::args().skip(1);
    let mut sizes: Vec<usize> = args.filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000];
    }
    for nodes in sizes {
        let scratch = tempfile::tempdir().expect("a directory");
        project(nodes, scratch.path());
        let mut watch = Watch::start(scratch.path());
        let mut edits: Vec<Edit> = (0..EDITS).map(|number| watch.edit(number)).collect();
        watch.end();
        edits.sort_by_key(|edit| edit.started);
        let (median, last) = (&edits[EDITS / 2], &edits[EDITS - 1]);
        let told = edits.iter().map(|edit| edit.told).max();
        println!(
            "{nodes:>7} commands: {:.1?} from saving a file to the first process of its node, {:.1?} at most; \
             the revision is told after {:.1?} at most",
            median.started,
            last.started,
            told.unwrap_or_default()
        );
    }
}

/// So many commands that each copy a file, and one that says on a pipe that it has started.
fn project(nodes: usize, dir: &Path) {
    let mut manifest = "inputs.x = { file = \"x\" }\n".to_owned();
    for node in 0..nodes {
        let _ = writeln!(manifest, "inputs.s{node} = {{ file = \"s/{node}\" }}");
    }
    manifest += "[nodes.edited]\nrun = \"echo > started; cat {x}\"\n";
    for node in 0..nodes {
        let _ = writeln!(
            manifest,
            "[nodes.n{node}]\nrun = [\"cat\", \"{{s{node}}}\"]"
        );
    }
    fs::create_dir(dir.join("s")).expect("a directory");
    for node in 0..nodes {
        fs::write(dir.join(format!("s/{node}")), format!("{node}\n")).expect("a file");
    }
    fs::write(dir.join("refrain.toml"), manifest).expect("a file");
    fs::write(dir.join("x"), "first").expect("a file");
    mkfifo(&dir.join("started"), Mode::S_IRWXU).expect("a pipe");
}

/// A `refrain watch` that runs.
struct Watch<'a> {
    dir: &'a Path,
    child: Child,
    revisions: Lines<BufReader<ChildStdout>>,
    started: File,
}

/// What an edit took: until its node started, and until its revision was told.
struct Edit {
    started: Duration,
    told: Duration,
}

impl<'a> Watch<'a> {
    /// Starts it and waits until everything is current.
    fn start(dir: &'a Path) -> Self {
        // Open to write as well, so that opening waits for nobody.
        let started = dir.join("started");
        let started = File::options().read(true).write(true).open(started);
        let mut child = Command::new(env!("CARGO_BIN_EXE_refrain"))
            .args(["watch", "--json", "-q"])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("refrain starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut watch = Watch {
            dir,
            child,
            revisions: BufReader::new(stdout).lines(),
            started: started.expect("a pipe"),
        };
        watch.await_start();
        watch.await_revision();
        watch
    }

    fn edit(&mut self, number: usize) -> Edit {
        fs::write(self.dir.join("x"), number.to_string()).expect("a file");
        let saved = Instant::now();
        self.await_start();
        let started = saved.elapsed();
        self.await_revision();
        Edit {
            started,
            told: saved.elapsed(),
        }
    }

    fn await_start(&mut self) {
        self.started.read_exact(&mut [0]).expect("a byte");
    }

    fn await_revision(&mut self) {
        self.revisions.next().expect("a revision").expect("a line");
    }

    fn end(mut self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT);
        let _ = self.child.wait();
    }
}
