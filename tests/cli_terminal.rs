//! What `refrain` shows to somebody who watches: on a terminal of its own.

#[path = "support/desk.rs"]
mod desk;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};

use desk::Desk;
use nix::pty::{Winsize, openpty};

/// A process whose standard error is a terminal.
struct Watched {
    child: Child,
    screen: File,
    shown: String,
}

impl Watched {
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let child = desk
            .command(arguments)
            .env("TERM", "xterm-256color")
            .stdout(Stdio::null())
            .stderr(pty.slave)
            .spawn()
            .unwrap();
        Watched {
            child,
            screen: pty.master.into(),
            shown: String::new(),
        }
    }

    /// Reads on; false at the end.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // The last reader of a terminal that nobody holds is told of an error.
        let length = self.screen.read(&mut bytes).unwrap_or(0);
        self.shown += &String::from_utf8_lossy(&bytes[..length]);
        length > 0
    }

    /// Waits until all of this has been shown.
    fn await_all(&mut self, parts: &[&str]) {
        while !parts.iter().all(|part| self.shown.contains(part)) {
            assert!(self.read(), "{parts:?}: {:?}", self.shown);
        }
    }

    /// Waits for the end; gives all that was shown.
    fn end(mut self) -> String {
        while self.read() {}
        assert!(self.child.wait().unwrap().success(), "{:?}", self.shown);
        self.shown
    }
}

#[test]
fn a_bar_shows_how_far_a_run_is_and_is_gone_at_the_end() {
    let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
    desk.write(
        "refrain.toml",
        "[nodes.slow]\nrun = \"until [ -e go ]; do sleep 0.01; done; echo done\"\n",
    );
    let mut first = Watched::start(&desk, &["run"]);
    first.await_all(&["0/1  1 running, ", "  slow  "]);
    desk.write("go", "");
    let shown = first.end();
    assert!(!shown.contains(" of about "), "never timed: {shown:?}");
    let last = shown.trim_end().rsplit('\n').next().unwrap();
    assert!(
        last.contains("ok") && last.contains(" 1 executed in "),
        "{shown:?}"
    );
    assert!(last.contains("\u{1b}["), "coloured: {last:?}");
    let before = shown.rsplit("executed").nth(1).unwrap();
    assert!(!before.ends_with("0/1"), "{shown:?}");

    std::fs::remove_file(desk.path("go")).unwrap();
    let mut again = Watched::start(&desk, &["run", "--force"]);
    again.await_all(&[" of about "]);
    desk.write("go", "");
    again.end();
    // A file that a command names is code of it, so this one is new to it.
    Watched::start(&desk, &["run"]).end();

    // What is over before it could be read shows no bar.
    let quick = Watched::start(&desk, &["run"]).end();
    assert!(!quick.contains("0/"), "{quick:?}");
    assert_eq!(quick.lines().count(), 1, "{quick:?}");
}
