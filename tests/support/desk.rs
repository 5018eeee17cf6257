//! A directory to work in, and a program that is started there as people start
//! it.

#![allow(dead_code)] // each test uses its own part

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// An empty directory and a program.
pub struct Desk {
    dir: TempDir,
    program: PathBuf,
}

/// What a process said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code; `None` for a process that a signal ended.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new(program: &Path) -> Self {
        Desk {
            dir: tempfile::tempdir().unwrap(),
            program: program.to_owned(),
        }
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program, with the user's own settings out of the way.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .env("HOME", self.dir.path())
            .env_remove("XDG_CONFIG_HOME");
        for (name, _) in std::env::vars() {
            let colours = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];
            if name.starts_with("REFRAIN_") || colours.contains(&name.as_str()) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts the program and waits for its end.
    pub fn say<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// As [`say`](Self::say), for a command that must end well.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Said {
        let said = self.say(arguments);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        said
    }

    /// The one JSON object that a command prints.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        serde_json::from_str(&self.ok(arguments).out).unwrap()
    }
}

impl Said {
    pub fn of(output: Output) -> Self {
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The names of the nodes of a report that have this outcome.
pub fn with<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    let chosen = nodes.filter(|node| node["outcome"] == outcome);
    chosen.map(|node| node["name"].as_str().unwrap()).collect()
}
