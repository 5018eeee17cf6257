//! Measures the analysis on a package of some size that it makes in a temporary directory.
//!
//! `cargo run --release -p refrain-code --example measure-code -- [modules] [functions a module]`

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use refrain_code::{Site, Sources};

fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .map(|size| size.parse().expect("a number"));
    let (modules, functions) = (sizes.next().unwrap_or(50), sizes.next().unwrap_or(20));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lines = write(dir.path(), modules, functions);
    let mut sources = Sources::default();
    let (mut first, mut rest, mut items) = (0.0, Vec::new(), 0);
    for module in 0..modules {
        let text = std::fs::read_to_string(dir.path().join(format!("src/m{module}.rs")))
            .expect("was written");
        for (at, _) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.starts_with("pub fn node"))
        {
            let name = text
                .lines()
                .nth(at)
                .and_then(|line| line.split(['(', ' ']).nth(2))
                .expect("has a name");
            let site = site(dir.path(), module, at + 1, name);
            let start = Instant::now();
            let code = sources.analyse(&site, "");
            let took = start.elapsed().as_secs_f64() * 1e3;
            assert_eq!(code.incomplete, None);
            items += code.items.len();
            if first == 0.0 {
                first = took
            } else {
                rest.push(took)
            }
        }
    }
    rest.sort_by(f64::total_cmp);
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    println!(
        "{lines} lines, {} functions, {} items each",
        rest.len() + 1,
        items / (rest.len() + 1)
    );
    println!("first function, which parses everything: {first:.1} ms");
    println!(
        "each further one: mean {mean:.3} ms, median {:.3} ms, slowest {:.3} ms",
        rest[rest.len() / 2],
        rest[rest.len() - 1]
    );
}

fn site(dir: &Path, module: usize, line: usize, name: &str) -> Site {
    Site {
        file: Some(dir.join(format!("src/m{module}.rs"))),
        line,
        name: name.into(),
        manifest_dir: dir.into(),
        crate_name: "big".into(),
        bin_name: None,
        working_dir: dir.into(),
    }
}

/// Modules that each use the three before them, with types, impls, traits, macros and nodes.
fn write(dir: &Path, modules: usize, functions: usize) -> usize {
    let manifest = "[package]\nname = \"big\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::create_dir_all(dir.join("src")).expect("can be made");
    std::fs::write(dir.join("Cargo.toml"), manifest).expect("can be written");
    let mut lib = String::new();
    let mut lines = 0;
    for module in 0..modules {
        writeln!(lib, "pub mod m{module};").expect("a string");
        let mut text = String::from("use std::collections::HashMap;\n");
        for before in module.saturating_sub(3)..module {
            writeln!(
                text,
                "use crate::m{before}::{{help0 as h{before}, Doc{before}, *}};"
            )
            .expect("a string");
        }
        write!(text, "/// A document.\n#[derive(Clone, Debug)]\npub struct Doc{module} {{\n    pub words: Vec<String>,\n    pub counts: HashMap<String, usize>,\n}}\n\
            impl Doc{module} {{\n    pub fn size(&self) -> usize {{\n        self.words.iter().map(|word| word.len()).sum()\n    }}\n}}\n\
            impl std::fmt::Display for Doc{module} {{\n    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\n        write!(f, \"{{}}\", self.size())\n    }}\n}}\n\
            pub trait Score{module} {{\n    fn score{module}(&self) -> f64;\n}}\nimpl Score{module} for Doc{module} {{\n    fn score{module}(&self) -> f64 {{\n        self.size() as f64 * WEIGHT{module}\n    }}\n}}\n\
            const WEIGHT{module}: f64 = {module}.5;\n").expect("a string");
        for function in 0..functions {
            let call = match module.checked_sub(1 + function % 3) {
                Some(before) => format!("h{before}(x)"),
                None => "x".into(),
            };
            write!(text, "pub fn help{function}(x: f64) -> f64 {{\n    let y = x * WEIGHT{module};\n    let z = {call};\n    if y > z {{\n        y - z\n    }} else {{\n        z - y\n    }}\n}}\n").expect("a string");
        }
        for node in 0..2 {
            write!(text, "#[func(cache)]\npub fn node{module}_{node}(doc: &Doc{module}) -> f64 {{\n    let base = doc.score{module}();\n    println!(\"{{base}}\");\n    help{node}(base)\n}}\n").expect("a string");
        }
        lines += text.lines().count();
        std::fs::write(dir.join(format!("src/m{module}.rs")), text).expect("can be written");
    }
    std::fs::write(dir.join("src/lib.rs"), &lib).expect("can be written");
    lines + modules
}
