//! A `refrain watch` that runs, and what it says: one object for each revision.

#![allow(dead_code)] // each test uses its own part

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::desk::{Desk, with};

/// Whatever is waited for comes long before that, or never.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A process that watches.
pub struct Watching {
    child: Child,
    objects: Receiver<Value>,
    said: Said,
}

/// What it said on standard error so far.
#[derive(Clone, Default)]
struct Said(Arc<(Mutex<String>, Condvar)>);

impl Watching {
    /// Starts `watch --json` with these arguments.
    pub fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let arguments = [&["watch", "--json"], arguments].concat();
        Self::spawn(&mut desk.command(arguments))
    }

    /// Starts a command that is `watch --json`.
    pub fn spawn(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, objects) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || {
            for line in lines {
                let object = serde_json::from_str(&line.unwrap()).unwrap();
                if send.send(object).is_err() {
                    break;
                }
            }
        });
        let said = Said::default();
        let hears = said.clone();
        let mut stderr = child.stderr.take().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut bytes) {
                hears.add(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Watching {
            child,
            objects,
            said,
        }
    }

    /// The next revision.
    pub fn next(&self) -> Value {
        let object = self.objects.recv_timeout(DEADLINE);
        object.unwrap_or_else(|error| panic!("no revision ({error}): {}", self.said.all()))
    }

    /// The nodes that the next revision executed.
    pub fn executed(&self) -> Vec<String> {
        let object = self.next();
        assert_eq!(object["status"], "ok", "{object}");
        with(&object, "executed")
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Waits until it has said this on standard error.
    pub fn hear(&self, text: &str) {
        self.said.wait(text);
    }

    /// All that it has said on standard error.
    pub fn said(&self) -> String {
        self.said.all()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Interrupts it, and waits for its end; gives its exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        self.signal(Signal::SIGINT);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            // So that the commands that it runs end as well.
            let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT);
            let _ = self.child.wait();
        }
    }
}

impl Said {
    fn add(&self, text: &str) {
        let (said, more) = &*self.0;
        *said.lock().unwrap() += text;
        more.notify_all();
    }

    fn all(&self) -> String {
        self.0.0.lock().unwrap().clone()
    }

    fn wait(&self, text: &str) {
        let (said, more) = &*self.0;
        let until = Instant::now() + DEADLINE;
        let mut said = said.lock().unwrap();
        while !said.contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never said {text:?}: {said}");
            said = more.wait_timeout(said, left).unwrap().0;
        }
    }
}
