//! Where the commands of a page of the documentation are executed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};
use std::process::Command;

use refrain::{CacheConfig, Node, Param, Pipeline, Runner, inputs};

use crate::example::{retrieval, retrieval_pipeline, workspace};
use crate::pages::{Block, Page};
use crate::project::copy;

/// The directory of one page: a project with a cache in it, where `cargo` and
/// `refrain` start what the tests have built. An example's page stands in its
/// project, and has that.
pub struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    pub fn new(page: &Page) -> Self {
        let scratch = Scratch {
            dir: tempfile::tempdir().unwrap(),
        };
        for name in ["bin", "project"] {
            fs::create_dir(scratch.dir.path().join(name)).unwrap();
        }
        let folder = workspace().join(page.path.parent().unwrap());
        if folder.join("refrain.toml").exists() {
            copy(&folder, &scratch.dir.path().join("project"));
        }
        scratch
    }

    /// Writes a file of the project; false if it would not be in it.
    pub fn write(&self, file: &str, text: &str) -> bool {
        let path = Path::new(file);
        let mut parts = path.components();
        if !parts.all(|part| matches!(part, Component::Normal(_))) {
            return false;
        }
        let path = self.dir.path().join("project").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        true
    }

    /// Runs a block and gives all that it prints.
    pub fn run(&self, block: &Block) -> String {
        let home = self.dir.path().join("project");
        fill(&home.join(".cache"));
        for command in block.text.lines() {
            check_names(command).unwrap_or_else(|problem| panic!("{}: {problem}", block.place));
        }
        let bin = self.dir.path().join("bin");
        install_cargo(&bin, &block.text);
        if block.text.contains("refrain ") && !bin.join("refrain").exists() {
            symlink(env!("CARGO_BIN_EXE_refrain"), bin.join("refrain")).unwrap();
        }
        if workspace().join("test.sh").exists() {
            install(&home.join("test.sh"), "#!/bin/sh\n");
        }
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-euc", &format!("exec 2>&1\n{}", block.text)])
            .current_dir(home)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.dir.path())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}: {printed}", block.place);
        printed
    }
}

/// Puts a small cache there, unless there is one.
fn fill(cache: &Path) {
    if cache.exists() {
        return;
    }
    let squares = Node::named("squares")
        .param(Param::of::<u64>("count"))
        .cached(|args| {
            Ok((0..*args.get::<u64>(0))
                .map(|n| n * n)
                .collect::<Vec<u64>>())
        });
    let runner = Runner::new(CacheConfig::new(cache)).unwrap();
    let pipeline = Pipeline::new(vec![squares]).unwrap();
    runner.run(&pipeline, inputs! { count: 10_000 }).unwrap();
}

/// A `cargo` that starts the example as built by these tests, and only takes
/// notice of test and benchmark commands: the first would start themselves,
/// the second take minutes.
fn install_cargo(bin: &Path, commands: &str) {
    let mut script = "#!/bin/sh\ncase \"$*\" in\n".to_owned();
    let examples = [
        ("retrieval", retrieval as fn() -> &'static Path),
        ("retrieval-pipeline", retrieval_pipeline),
    ];
    for (name, program) in examples {
        let start = format!("run --release --example {name} -- ");
        if commands.contains(&start) {
            let program = program().display();
            script += &format!("\"{start}\"*) shift 5; exec '{program}' \"$@\" ;;\n");
        }
    }
    // Heavy, and with figures of their own: that they exist is checked by name.
    script += "\"test \"*|\"bench \"*|*\"--example measure-\"*) ;;\n";
    script += "*) echo \"no test knows: cargo $*\"; exit 1 ;;\nesac\n";
    install(&bin.join("cargo"), &script);
}

fn install(program: &Path, script: &str) {
    fs::write(program, script).unwrap();
    let status = Command::new("chmod").arg("+x").arg(program).status();
    assert!(status.unwrap().success());
}

/// Checks that what a cargo command names is there.
pub fn check_names(command: &str) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let cargo = words.first() == Some(&"cargo");
    for pair in words.windows(2).filter(|_| cargo) {
        let (kind, name) = match pair[0] {
            "--example" | "--bench" | "--test" | "--package" => (&pair[0][2..], pair[1]),
            "-p" => ("package", pair[1]),
            // What follows is for the program.
            "--" => break,
            _ => continue,
        };
        if !declared(kind).iter().any(|known| known == name) {
            return Err(format!("there is no {kind} \"{name}\""));
        }
    }
    Ok(())
}

/// The names of the packages, or of their targets of one kind.
fn declared(kind: &str) -> Vec<String> {
    let mut names = Vec::new();
    for package in fs::read_dir(workspace().join("crates")).unwrap() {
        let package = package.unwrap().path();
        // Cargo finds these by their place.
        for file in fs::read_dir(package.join(format!("{kind}s")))
            .into_iter()
            .flatten()
        {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "rs") {
                names.push(file.file_stem().unwrap().to_str().unwrap().to_owned());
            }
        }
        let manifest = package.join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let found = match manifest.get(kind) {
            Some(toml::Value::Array(targets)) => targets.clone(),
            Some(package) => vec![package.clone()],
            None => Vec::new(),
        };
        let name = |found: toml::Value| found["name"].as_str().map(str::to_owned);
        names.extend(found.into_iter().filter_map(name));
    }
    names
}
