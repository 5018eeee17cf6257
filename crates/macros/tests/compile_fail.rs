//! What `#[func]` refuses, and how it says so.
//!
//! Each file of `ui/` is given to the compiler with the libraries that these tests were built on, and what that says
//! is compared with the file beside it. With `BLESS=1` in the environment that file is written anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn errors_stand_at_their_place_and_say_what_to_do() {
    let libraries = Libraries::find();
    let mut others = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir("tests/ui")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == "rs"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let (said, expected) = (libraries.refuse(&case), case.with_extension("stderr"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != said {
            others.push(format!("{} gives now:\n{said}", case.display()));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

/// The libraries that cases use, as cargo has built them for the tests of the workspace.
struct Libraries {
    refrain: PathBuf,
    serde: PathBuf,
    dir: tempfile::TempDir,
}

impl Libraries {
    fn find() -> Self {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--workspace"])
            .args(["--example", "retrieval", "--message-format", "json"])
            .arg("--target-dir")
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{told}");
        let messages = String::from_utf8(built.stdout).unwrap();
        let library = |name: &str| {
            let file = |line: &str| {
                let message: Value = serde_json::from_str(line).ok()?;
                let is_it = message["target"]["name"] == name
                    && message["target"]["kind"] == serde_json::json!(["lib"]);
                let files = message["filenames"].as_array().filter(|_| is_it)?;
                let paths = files.iter().filter_map(|file| file.as_str());
                paths
                    .map(PathBuf::from)
                    .find(|path| path.extension().is_some_and(|found| found == "rlib"))
            };
            let found = messages.lines().filter_map(file).next_back();
            found.unwrap_or_else(|| panic!("cargo built no {name}"))
        };
        Libraries {
            refrain: library("refrain"),
            serde: library("serde"),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// What the compiler says against a case, with nothing in it that depends on where it stands.
    fn refuse(&self, case: &Path) -> String {
        let deps = self.serde.parent().unwrap();
        let output = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "--emit",
                "metadata",
                "--color",
                "never",
            ])
            .arg("--out-dir")
            .arg(self.dir.path())
            .arg("-L")
            .arg(format!("dependency={}", deps.display()))
            .arg("--extern")
            .arg(format!("refrain={}", self.refrain.display()))
            .arg("--extern")
            .arg(format!("serde={}", self.serde.display()))
            .arg(case)
            .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_PKG_NAME", "refrain-macros-tests")
            .env("CARGO_PKG_VERSION", "0.0.0")
            .output()
            .unwrap();
        assert!(!output.status.success(), "{} is taken", case.display());
        let said = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = said.lines().filter_map(lasting).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }
}

/// What of a line does not change with the code of other crates.
fn lasting(line: &str) -> Option<&str> {
    const COUNTS: [&str; 3] = [
        "error: aborting due to",
        "Some errors have detailed explanations",
        "For more information about",
    ];
    if COUNTS.iter().any(|start| line.starts_with(start)) {
        return None;
    }
    match line.trim_start() {
        place if place.starts_with("--> crates/") => line.split(':').next(),
        others if others.starts_with("and ") => Some("           and others"),
        _ => Some(line),
    }
}
