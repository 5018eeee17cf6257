//! Servers that benchmarks start and that keep nothing.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Redis on a socket, as long as this is held.
pub struct Redis(Child);

impl Redis {
    /// Starts one; `None` where it is not installed.
    pub fn start(socket: &Path) -> Option<Self> {
        let mut child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(socket)
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let said = child.stdout.take().expect("it is piped");
        let mut said = BufReader::new(said).lines().map_while(Result::ok);
        said.find(|line| line.contains("ready to accept"))
            .expect("it says that it listens");
        std::thread::spawn(move || said.for_each(drop));
        Some(Self(child))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
