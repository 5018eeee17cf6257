//! A real Redis, on a socket in a directory of its own, which keeps nothing.

#![allow(dead_code)] // each program uses its own part

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub struct Server {
    dir: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let mut server = Self {
            dir: TempDir::new().unwrap(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            child: None,
        };
        server.restart();
        server
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it again, with nothing in it.
    pub fn restart(&mut self) {
        self.kill();
        let program = program();
        let mut child = Command::new(&program)
            .args(["--port", "0", "--save", ""])
            .args(["--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.dir.path())
            .args(&self.arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{program}: {error}; install it (apt-get install redis-server), or run test.sh"
                )
            });
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = said.find(|line| {
            line.as_ref()
                .is_ok_and(|line| line.contains("ready to accept"))
        });
        listens.expect("it says that it listens").unwrap();
        // It goes on talking, and must not be kept from it.
        std::thread::spawn(move || said.for_each(drop));
        self.child = Some(child);
    }

    /// The process, while it runs.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program that is started.
pub fn program() -> String {
    std::env::var("REFRAIN_TEST_REDIS").unwrap_or("redis-server".to_owned())
}
