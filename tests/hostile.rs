//! What the command `refrain` makes of a cache directory that somebody else has written to, of keys, and of limits
//! that the system sets. Each test is a project in a directory and the real program.

#[path = "support/desk.rs"]
mod desk;

#[path = "hostile/keys.rs"]
mod keys;

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
