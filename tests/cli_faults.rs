//! Bad input and faults: what the command `refrain` makes of files that cannot
//! be read, names that are hostile, outputs of any size, disks that are full or
//! cannot be written to, and commands that misbehave. Each test is a project in
//! a directory and the real program.

#[path = "support/desk.rs"]
mod desk;

#[path = "cli_faults/disks.rs"]
mod disks;
#[path = "cli_faults/inputs.rs"]
mod inputs;
#[path = "cli_faults/manifests.rs"]
mod manifests;
#[path = "cli_faults/mount.rs"]
mod mount;
#[path = "cli_faults/names.rs"]
mod names;
#[path = "cli_faults/outputs.rs"]
mod outputs;
#[path = "cli_faults/processes.rs"]
mod processes;

use std::path::Path;

use desk::{Desk, Said};
use serde_json::Value;

/// A project with this manifest.
fn project(manifest: &str) -> Desk {
    let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
    desk.write("refrain.toml", manifest);
    desk
}

/// What a run did that may fail: its report, and what it said.
fn run(desk: &Desk, arguments: &[&str]) -> (Value, Said) {
    let said = desk.say([&["run", "--json"], arguments].concat());
    let report = serde_json::from_str(&said.out);
    (report.unwrap_or_else(|_| panic!("{said:?}")), said)
}

/// The outcome of each node, in the order of the report.
fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| {
            (
                node["name"].as_str().unwrap(),
                node["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

/// Says in the test's output what could not be tried here.
fn not_tried(what: &str, why: impl std::fmt::Display) {
    eprintln!("NOT TRIED HERE: {what}: {why}");
}
