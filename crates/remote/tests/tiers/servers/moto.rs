//! An S3 that moto plays, in memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Server {
    address: String,
    child: Child,
}

impl Server {
    /// Starts one and waits until it listens.
    pub fn start() -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/moto");
        assert!(
            installed.join("moto").exists(),
            "moto is not in {}; run crates/remote/tests/servers.sh",
            installed.display()
        );
        let mut child = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONPATH", installed)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let running = said.find_map(|line| {
            let line = line.unwrap();
            Some(line.split_once("Running on http://")?.1.trim().to_owned())
        });
        let address = running.expect("it says where it listens");
        // It goes on talking, and must not be kept from it.
        std::thread::spawn(move || said.for_each(drop));
        Self { address, child }
    }

    pub fn url(&self, bucket: &str) -> String {
        format!("s3://{bucket}?endpoint=http://{}", self.address)
    }

    /// Asks it something plainly, and gives the whole answer.
    pub fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nx-amz-acl: public-read\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
