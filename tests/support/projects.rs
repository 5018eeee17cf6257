//! Projects to watch, and what their revisions say.

#![allow(dead_code)] // each test uses its own part

use std::path::Path;

use serde_json::Value;

use crate::desk::Desk;

/// A project with this manifest.
pub fn project(manifest: &str) -> Desk {
    project_for(env!("CARGO_BIN_EXE_refrain"), manifest)
}

/// The same, to start another program there.
pub fn project_for(program: &str, manifest: &str) -> Desk {
    let desk = Desk::new(Path::new(program));
    desk.write("refrain.toml", manifest);
    desk
}

/// Two files, one node each, and one that joins them.
pub fn two_files() -> Desk {
    two_files_for(env!("CARGO_BIN_EXE_refrain"))
}

pub fn two_files_for(program: &str) -> Desk {
    let desk = project_for(
        program,
        "inputs.left = { file = 'left.txt' }\ninputs.right = { file = 'right.txt' }\n\
         [nodes.a]\nrun = 'cat {left}'\n[nodes.b]\nrun = 'cat {right}'\n\
         [nodes.both]\nrun = 'cat {a} {b}'\nto = 'both.txt'\n",
    );
    desk.write("left.txt", "1");
    desk.write("right.txt", "2");
    desk
}

/// A list of files, each taken by itself.
pub fn listed() -> Desk {
    let desk = project(
        "inputs.texts = { files = 'texts/**/*.txt' }\n\
         [nodes.words]\nmap = { text = 'texts' }\nrun = 'cat {text}'\n\
         [nodes.all]\nrun = 'cat {words}'\nto = 'texts/all.txt'\n",
    );
    desk.write("texts/a.txt", "a");
    desk.write("texts/b.txt", "b");
    desk
}

/// How many items of a mapped node executed, of how many.
pub fn items(revision: &Value, node: &str) -> (u64, u64) {
    let nodes = revision["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|other| other["name"] == node).unwrap();
    let count = |name: &str| node["items"][name].as_u64().unwrap();
    (count("executed"), count("total"))
}
