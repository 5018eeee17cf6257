//! Every block of the documentation is executed or checked, by its language.
//! A block in a language that nothing here knows is an error, so that no page
//! can promise what no test has seen.
//!
//! Rust blocks are doctests of the engine (crates/engine/src/docs.rs); here it
//! is only checked that the page is among them and leaves nothing out.

#[path = "support/example.rs"]
mod example;
#[path = "support/pages.rs"]
mod pages;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use example::{retrieval, workspace};
use pages::{Block, Page};
use refrain::{CacheConfig, Node, Param, Pipeline, Runner, inputs};

#[test]
fn every_block_is_executed_or_checked() {
    for page in Page::all(&workspace()) {
        let desk = Desk::new();
        let mut shown: Option<String> = None;
        for block in page.blocks() {
            let language = block.info.split(',').next().unwrap_or_default();
            let said = match language {
                "rust" => check_is_doctest(&page, &block),
                "sh" => Ok(Some(desk.run(&block))),
                "text" if block.info == "text,drawing" => check_is_drawing(&block),
                "text" => check_output(&block, shown.as_deref()),
                "json" => check(serde_json::from_str::<serde_json::Value>(&block.text)),
                "toml" => check(block.text.parse::<toml::Table>()),
                "sql" => check(
                    rusqlite::Connection::open_in_memory()
                        .and_then(|database| database.execute_batch(&block.text)),
                ),
                unknown => Err(format!("no test knows blocks of \"{unknown}\"")),
            };
            shown = said.unwrap_or_else(|problem| panic!("{}: {problem}", block.place));
        }
    }
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for page in Page::all(&workspace()) {
        let folder = workspace().join(&page.path);
        for link in page.links() {
            let target = folder.parent().unwrap().join(&link);
            assert!(target.exists(), "{}: {link}", page.path.display());
        }
    }
}

/// What a check found: the output that the next block may show.
type Said = Result<Option<String>, String>;

fn check<T, E: std::fmt::Display>(result: Result<T, E>) -> Said {
    result.map(|_| None).map_err(|error| error.to_string())
}

fn check_is_doctest(page: &Page, block: &Block) -> Said {
    let doctests = workspace().join("crates/engine/src/docs.rs");
    let doctests = fs::read_to_string(doctests).unwrap();
    let include = format!("include_str!(\"../../../{}\")", page.path.display());
    if !doctests.contains(&include) {
        return Err(format!("crates/engine/src/docs.rs has no {include}"));
    }
    match block.info.as_str() {
        "rust" | "rust,compile_fail" => Ok(None),
        other => Err(format!("blocks marked \"{other}\" are not executed")),
    }
}

/// A drawing says nothing that could be executed, and shows it by its lines.
fn check_is_drawing(block: &Block) -> Said {
    let lines = '\u{2500}'..='\u{257f}';
    match block.text.contains(|c| lines.contains(&c)) {
        true => Ok(None),
        false => Err("a drawing has box-drawing characters in it".to_owned()),
    }
}

/// Text is what the command before it prints; times may differ.
fn check_output(block: &Block, shown: Option<&str>) -> Said {
    let Some(shown) = shown else {
        return Err("text stands only after a command, as its output".to_owned());
    };
    let (wanted, shown) = (untimed(block.text.trim_end()), untimed(shown.trim_end()));
    if wanted != shown {
        return Err(format!("the command prints\n{shown}\nand not\n{wanted}"));
    }
    Ok(None)
}

/// A text with every duration replaced by the same word.
fn untimed(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = rest[start..].find(|c: char| !c.is_ascii_digit() && c != '.');
        let end = number.map_or(rest.len(), |length| start + length);
        out.push_str(&rest[..start]);
        let unit = ["ns", "µs", "ms", "s"].into_iter().find(|unit| {
            let after = rest[end..].strip_prefix(unit);
            after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        });
        match unit {
            Some(unit) => {
                out.push_str("TIME");
                rest = &rest[end + unit.len()..];
            }
            None => {
                out.push_str(&rest[start..end]);
                rest = &rest[end..];
            }
        }
    }
    out + rest
}

/// Where the commands of one page run: a directory with a cache in it, where
/// `cargo` starts what the tests have built.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Desk {
            dir: support::cache(),
        };
        fs::create_dir(desk.dir.path().join("bin")).unwrap();
        desk
    }

    /// Runs a block and gives all that it prints.
    fn run(&self, block: &Block) -> String {
        let home = self.dir.path().join("project");
        fill(&home.join(".cache"));
        for command in block.text.lines() {
            check_names(command).unwrap_or_else(|problem| panic!("{}: {problem}", block.place));
        }
        let bin = self.dir.path().join("bin");
        install_cargo(&bin, &block.text);
        if workspace().join("test.sh").exists() {
            install(&home.join("test.sh"), "#!/bin/sh\n");
        }
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-euc", &format!("exec 2>&1\n{}", block.text)])
            .current_dir(home)
            .env("PATH", format!("{}:{path}", bin.display()))
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
    if commands.contains("--example retrieval") {
        let program = retrieval().display();
        let start = "\"run --release --example retrieval -- \"*";
        script += &format!("{start}) shift 5; exec '{program}' \"$@\" ;;\n");
    }
    // Heavy, and with figures of their own: that they exist is checked by name.
    script += "\"test \"*|\"bench \"*|*\"--example measure \"*) ;;\n";
    script += "*) echo \"no test knows: cargo $*\"; exit 1 ;;\nesac\n";
    install(&bin.join("cargo"), &script);
}

fn install(program: &Path, script: &str) {
    fs::write(program, script).unwrap();
    let status = Command::new("chmod").arg("+x").arg(program).status();
    assert!(status.unwrap().success());
}

/// Checks that what a cargo command names is there.
fn check_names(command: &str) -> Result<(), String> {
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

#[test]
fn a_command_that_names_what_is_not_there_is_refused() {
    let refused = Err("there is no test \"x\"".to_owned());
    assert_eq!(check_names("cargo test -p refrain --test x"), refused);
    assert_eq!(
        check_names("cargo run --example retrieval -- --test x"),
        Ok(())
    );
    assert_eq!(check_names("cargo bench -p refrain --bench graph"), Ok(()));
    assert_eq!(check_names("grep --test x"), Ok(()));
}

#[test]
fn times_are_not_compared() {
    assert_eq!(
        untimed("ran in 1.5ms (x: 5 -> 10s)"),
        "ran in TIME (x: 5 -> TIME)"
    );
    assert_eq!(
        untimed("1845, 4 hit, 3sons, 12µs"),
        "1845, 4 hit, 3sons, TIME"
    );
}
