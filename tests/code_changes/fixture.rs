//! A workspace of two packages that is edited, compiled and run.
//!
//! Its sources are the directories `app` and `kit` beside this file. They are
//! compiled by the cargo of this test, from the packages that this repository
//! locks, into one directory that is kept, so that only the first test of a
//! checkout builds what they stand on.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

const SOURCES: [&str; 6] = [
    "app/src/main.rs",
    "app/src/helpers.rs",
    "app/src/deep.rs",
    "app/src/title.txt",
    "kit/src/lib.rs",
    "kit/src/scale.rs",
];

const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["app", "kit"]

[profile.dev]
debug = 0
"#;

const APP: &str = r#"[package]
name = "app"
version = "0.1.0"
edition = "2024"

[features]
fast = []
fine = ["kit/fine"]

[dependencies]
kit = { path = "../kit" }
refrain = { path = ENGINE }
serde = { version = "1", features = ["derive"] }
"#;

const KIT: &str = r#"[package]
name = "kit"
version = "0.1.0"
edition = "2024"

[features]
fine = []
"#;

/// How much newer a source is than what was compiled before it, at least: cargo
/// compares the times, and some file systems keep whole seconds, or two of them.
const APART: Duration = Duration::from_secs(2);

/// One workspace at a time: it is at one place, so that cargo knows it again.
static TURN: Mutex<()> = Mutex::new(());

/// The workspace with its sources as they are kept here.
pub struct Fixture {
    root: PathBuf,
    sources: BTreeMap<&'static str, String>,
    /// When something was last compiled.
    compiled: Cell<SystemTime>,
    _process: File,
    _turn: MutexGuard<'static, ()>,
}

/// A program compiled from the workspace, kept apart from what is compiled later.
pub struct Program {
    path: PathBuf,
    _dir: TempDir,
}

/// What one run of a program printed.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    pub executed: Vec<String>,
    pub cutoff: Vec<String>,
    pub why: Vec<String>,
    /// The outputs that are not what the code gives now.
    pub stale: Vec<String>,
}

impl Fixture {
    pub fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code_changes");
        fs::create_dir_all(&root).unwrap();
        let process = File::create(root.join("turn")).unwrap();
        process.lock().unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let repository = repository.canonicalize().unwrap();
        let kept = repository.join("tests/code_changes");
        let read = |name| (name, fs::read_to_string(kept.join(name)).unwrap());
        let fixture = Fixture {
            root,
            sources: SOURCES.map(read).into(),
            compiled: Cell::new(SystemTime::now()),
            _process: process,
            _turn: turn,
        };
        let engine = format!("{:?}", repository.join("crates/engine"));
        fixture.write("Cargo.toml", WORKSPACE);
        fixture.write("app/Cargo.toml", &APP.replace("ENGINE", &engine));
        fixture.write("kit/Cargo.toml", KIT);
        let lock = fs::read_to_string(repository.join("Cargo.lock")).unwrap();
        fixture.write("Cargo.lock", &lock);
        fixture.restore();
        fixture
    }

    /// The sources as they are kept.
    pub fn restore(&self) {
        for (name, text) in &self.sources {
            self.write(name, text);
        }
    }

    /// Replaces the one place where `from` stands in a source.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {name}");
        self.write(name, &text.replace(from, to));
    }

    /// The present text of a source.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join("workspace").join(name)
    }

    /// The names of the Rust sources.
    pub fn rust(&self) -> impl Iterator<Item = &'static str> {
        SOURCES.into_iter().filter(|name| name.ends_with(".rs"))
    }

    /// Writes a file that is surely newer than what was compiled before.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let time = SystemTime::now().max(self.compiled.get() + APART);
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    pub fn build(&self) -> Program {
        self.build_with(&[], &[])
    }

    /// Compiles with more arguments and variables.
    pub fn build_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        let target = self.root.join("target");
        let output = Command::new(env!("CARGO"))
            .current_dir(self.path("app"))
            .args(["build", "--quiet", "--offline", "--target-dir"])
            .arg(&target)
            .args(arguments)
            .env_remove("FIXTURE_MARK")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        self.compiled.set(SystemTime::now());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let dir = tempfile::tempdir_in(&self.root).unwrap();
        let name = format!("app{}", std::env::consts::EXE_SUFFIX);
        let path = dir.path().join(&name);
        fs::copy(target.join("debug").join(&name), &path).unwrap();
        Program { path, _dir: dir }
    }
}

impl Program {
    /// Runs it with a cache at a depth, and asks why these nodes ran.
    #[track_caller]
    pub fn run(&self, cache: &Path, depth: usize, why: &[&str]) -> Seen {
        let output = Command::new(&self.path)
            .arg(cache)
            .arg(depth.to_string())
            .args(why)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}", output.status);
        let mut seen = Seen::default();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (kind, rest) = line.split_once(' ').unwrap();
            match kind {
                "executed" => seen.executed.push(rest.to_owned()),
                "cutoff" => seen.cutoff.push(rest.to_owned()),
                "why" => seen.why.push(rest.to_owned()),
                "stale" => seen.stale.push(rest.to_owned()),
                _ => panic!("{line}"),
            }
        }
        seen
    }
}
