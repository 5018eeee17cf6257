//! Programs as people start them, each a process of its own: the example
//! `retrieval`, and `refrain` itself.

#![allow(dead_code)] // each test uses its own part

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// The example, built beside these tests: cargo builds no example for a test
/// that is started alone.
pub fn retrieval() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example("retrieval"))
}

/// The pipeline of the example as a command.
pub fn retrieval_pipeline() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example("retrieval-pipeline"))
}

/// An example of the workspace. Asked for with the whole workspace, it has the
/// features that all tests together were built with, and is there already.
pub fn example(name: &str) -> PathBuf {
    build(&workspace(), &["--workspace", "--example", name])
}

/// Builds one program with cargo, in the target directory and the profile of
/// these tests, so that what they are built on is not built again.
pub fn build(package: &Path, what: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let profile = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(package)
        .args(["build", "--quiet", "--offline", "--profile", profile])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target)
        .args(what)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{told}");
    let messages = String::from_utf8(built.stdout).unwrap();
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    messages.lines().filter_map(executable).next_back().unwrap()
}

/// What a run of the example printed with `--json`.
#[derive(Debug)]
pub struct Asked {
    /// The answers, the best first.
    pub answers: Vec<Value>,
    /// The run's report.
    pub report: Value,
}

impl Asked {
    /// Reads what a process printed.
    pub fn of(output: &Output) -> Self {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}", output.status);
        let mut object: Value = serde_json::from_slice(&output.stdout).unwrap();
        Asked {
            answers: object["answers"].as_array().unwrap().clone(),
            report: object["report"].take(),
        }
    }

    /// The nodes with this outcome, in topological order.
    pub fn with(&self, outcome: &str) -> Vec<&str> {
        let nodes = self.report["nodes"].as_array().unwrap().iter();
        let chosen = nodes.filter(|node| node["outcome"] == outcome);
        chosen.map(|node| node["name"].as_str().unwrap()).collect()
    }

    /// The nodes that were executed, in topological order.
    pub fn executed(&self) -> Vec<&str> {
        self.with("executed")
    }

    /// President and year of the best answer.
    pub fn best(&self) -> (&str, u64) {
        let best = &self.answers[0];
        let president = best["president"].as_str().unwrap();
        (president, best["year"].as_u64().unwrap())
    }
}
