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
        let bin = self.dir.path().join("bin");
        install_cargo(&bin, &block.text);
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

/// A `cargo` that starts the example as built by these tests, and takes a test
/// command as it is: the tests are running, and would start themselves.
fn install_cargo(bin: &Path, commands: &str) {
    let mut script = "#!/bin/sh\ncase \"$*\" in\n".to_owned();
    if commands.contains("--example retrieval") {
        let program = retrieval().display();
        let start = "\"run --release --example retrieval -- \"*";
        script += &format!("{start}) shift 5; exec '{program}' \"$@\" ;;\n");
    }
    script += "\"test --workspace\"*) ;;\n";
    script += "*) echo \"no test knows: cargo $*\"; exit 1 ;;\nesac\n";
    let cargo = bin.join("cargo");
    fs::write(&cargo, script).unwrap();
    let status = Command::new("chmod").arg("+x").arg(cargo).status().unwrap();
    assert!(status.success());
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
