//! The example projects, each copied to an empty directory, and what their pages promise: what an edit
//! executes, counted by the program itself, and what comes out.

#[path = "examples/cbuild.rs"]
mod cbuild;
#[path = "support/desk.rs"]
mod desk;
#[path = "examples/mixed.rs"]
mod mixed;
#[path = "support/project.rs"]
mod project;
#[path = "examples/sotu.rs"]
mod sotu;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use desk::Desk;
use project::copy;
use serde_json::Value;

/// An example in a directory of its own.
struct Example(Desk);

impl Example {
    /// A copy; none, and a word about it, where a program is missing that it needs.
    fn copy(name: &str, needs: &[&str]) -> Option<Self> {
        let found = |program: &&str| {
            let tried = Command::new(program).arg("--version").output();
            tried.is_ok_and(|output| output.status.success())
        };
        if let Some(missing) = needs.iter().find(|program| !found(program)) {
            eprintln!("skipped: the example {name} needs {missing}");
            return None;
        }
        let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        copy(&examples.join(name), &desk.path(""));
        Some(Example(desk))
    }

    /// Runs it, and gives what was executed: `link`, or `compile 2 of 30` of a node that is mapped.
    fn executed(&self, arguments: &[&str]) -> Vec<String> {
        let report = self.0.json([&["run", "--json", "-q"], arguments].concat());
        let nodes = report["nodes"].as_array().unwrap().iter();
        let executed = nodes.filter(|node| node["outcome"] == "executed");
        let told = |node: &Value| match (node["name"].as_str().unwrap(), &node["items"]) {
            (name, Value::Null) => name.to_owned(),
            (name, items) => format!("{name} {} of {}", items["executed"], items["total"]),
        };
        executed.map(told).collect()
    }

    /// Runs it, which has to execute exactly this. Nodes that do not need each other have no order.
    #[track_caller]
    fn executes(&self, expected: &[&str]) {
        let mut executed = self.executed(&[]);
        executed.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(executed, expected);
    }

    /// Replaces what stands exactly once in a file.
    fn edit(&self, file: &str, old: &str, new: &str) {
        let text = self.0.read(file);
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {file}");
        self.0.write(file, text.replace(old, new));
    }

    fn prepend(&self, file: &str, text: &str) {
        self.0.write(file, text.to_owned() + &self.0.read(file));
    }

    /// Gives every file another time, and leaves its content.
    fn touch(&self) {
        let later = SystemTime::now() + Duration::from_secs(5);
        for file in files(&self.0.path("")) {
            File::open(file).unwrap().set_modified(later).unwrap();
        }
    }
}

/// The files of a project that are its own.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let own = entries.filter(|path| !path.ends_with(".cache") && !path.ends_with("build"));
    own.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    })
    .collect()
}
