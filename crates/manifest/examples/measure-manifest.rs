//! How long a manifest of many nodes takes to be read and checked.
//!
//! `cargo run --release -p refrain-manifest --example measure-manifest -- 10000`

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use refrain_manifest::Manifest;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let nodes = std::env::args().nth(1);
    let nodes = nodes.map_or(Ok(10_000), |number| number.parse());
    let text = manifest(nodes.expect("a number of nodes"));
    println!("{:.1} MB", text.len() as f64 / 1e6);
    for turn in 1..=5 {
        let start = Instant::now();
        let manifest = Manifest::parse(&text, Path::new("refrain.toml")).expect("a manifest");
        let elapsed = start.elapsed();
        println!("{turn}: {elapsed:.1?} for {} nodes", manifest.nodes.len());
    }
}

/// Each node reads a file and its neighbour, and is put somewhere.
fn manifest(nodes: usize) -> String {
    let mut text = "[pipeline]\nname = \"many\"\n\n[inputs]\n".to_owned();
    for node in 0..nodes {
        let _ = writeln!(text, "file_{node} = {{ file = \"src/file_{node}.c\" }}");
    }
    for node in 0..nodes {
        let neighbour = match node {
            0 => String::new(),
            _ => format!(" {{node_{}}}", node - 1),
        };
        let _ = write!(
            text,
            "\n[nodes.node_{node}]\nrun = \"./cc {{file_{node}}}{neighbour} -o {{output}}\"\n\
             to = \"build/file_{node}.o\"\n"
        );
    }
    text
}
