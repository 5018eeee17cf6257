//! `refrain watch` on a terminal of its own: the keys, and that the terminal is
//! afterwards what it was before.

#[path = "support/desk.rs"]
mod desk;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anstream::adapter::StripBytes;
use desk::Desk;
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

/// Whatever is waited for comes long before that, or never.
const DEADLINE: Duration = Duration::from_secs(60);

/// A watch whose keys and screen are these.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<String>,
    slave: OwnedFd,
    shown: String,
}

impl Terminal {
    /// Starts `refrain watch` with a terminal, as its session's leader.
    fn watch(desk: &Desk) -> Self {
        let pty = openpty(None, None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let program = env!("CARGO_BIN_EXE_refrain");
        let child = desk
            .command(["--ctty", program, "watch"])
            .env("TERM", "xterm")
            .stdin(slave())
            .stdout(Stdio::null())
            .stderr(slave())
            .spawn()
            .unwrap();
        let master = File::from(pty.master);
        Terminal {
            child,
            keyboard: master.try_clone().unwrap(),
            screen: read(master),
            slave: pty.slave,
            shown: String::new(),
        }
    }

    fn press(&mut self, key: &str) {
        self.keyboard.write_all(key.as_bytes()).unwrap();
    }

    /// Waits until this has been shown, and forgets what came before its end.
    fn see(&mut self, text: &str) {
        let at = loop {
            if let Some(at) = self.shown.find(text) {
                break at;
            }
            let more = self.screen.recv_timeout(DEADLINE);
            self.shown += &more.unwrap_or_else(|_| panic!("no {text:?}: {:?}", self.shown));
        };
        self.shown.drain(..at + text.len());
    }

    /// Whether keys are given on line by line and shown.
    fn is_as_usual(&self) -> bool {
        let flags = tcgetattr(self.slave.as_fd()).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }
}

/// Gives what is shown, without its colours.
fn read(mut master: File) -> Receiver<String> {
    let (send, screen) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        let mut colours = StripBytes::new();
        while let Ok(length @ 1..) = master.read(&mut bytes) {
            let plain: Vec<&[u8]> = colours.strip_next(&bytes[..length]).collect();
            let _ = send.send(String::from_utf8_lossy(&plain.concat()).into_owned());
        }
    });
    screen
}

fn project() -> Desk {
    let desk = Desk::new(Path::new("setsid"));
    let manifest = "inputs.x = { file = 'x' }\n[nodes.a]\nrun = 'cat {x}'\n\
                    [nodes.b]\nrun = 'cat {a}; sleep 0'\n";
    desk.write("refrain.toml", manifest);
    desk.write("x", "1");
    desk
}

#[test]
fn keys_ask_for_what_their_help_says() {
    let desk = project();
    let mut terminal = Terminal::watch(&desk);
    terminal.see("r run now");
    terminal.see("2 executed (first-run: a, b)");
    assert!(!terminal.is_as_usual());
    terminal.press("r");
    terminal.see("1 hit, 1 unneeded");
    desk.write("x", "2");
    terminal.see("x: 2 executed (inputs: a; dependency: b)");
    terminal.press("w");
    terminal.see("a  inputs: x:1: `1` -> `2`");
    terminal.press("f");
    terminal.see("executed (forced: a, b)");
    terminal.press("p");
    terminal.see("paused");
    desk.write("x", "3");
    terminal.press("h");
    terminal.see("q quit");
    terminal.press("p");
    terminal.see("x: 2 executed");
    terminal.press("q");
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_as_usual());
}

#[test]
fn an_interrupt_leaves_the_terminal_as_it_was() {
    let desk = project();
    let mut terminal = Terminal::watch(&desk);
    terminal.see("2 executed");
    // What Ctrl-C gives.
    terminal.press("\u{3}");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    assert!(terminal.is_as_usual());
}
