//! What the command `refrain` makes of a cache directory that somebody else has written to, of keys, of limits
//! that the system sets, and of terminals. Each test is a project in a directory and the real program.

#[path = "support/desk.rs"]
mod desk;

#[path = "hostile/keys.rs"]
mod keys;
#[path = "hostile/limits.rs"]
mod limits;
#[path = "hostile/terminal.rs"]
mod terminal;

use std::path::Path;

use desk::{Desk, Said};
use serde_json::Value;

/// A project with this manifest.
fn project(manifest: &str) -> Desk {
    let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
    desk.write("refrain.toml", manifest);
    desk
}

/// What a process said: a report, and all of it.
fn report(said: Said) -> (Value, Said) {
    let report = serde_json::from_str(&said.out);
    (report.unwrap_or_else(|_| panic!("{said:?}")), said)
}

#[test]
fn every_library_forbids_unsafe_code() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let libraries = crates.read_dir().unwrap();
    let libraries = libraries.map(|entry| entry.unwrap().path().join("src/lib.rs"));
    let mut seen = 0;
    for library in libraries.filter(|path| path.exists()) {
        let text = std::fs::read_to_string(&library).unwrap();
        let forbids = text.contains("#![forbid(unsafe_code)]");
        assert!(forbids, "{}", library.display());
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}
