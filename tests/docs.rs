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
#[path = "support/printed.rs"]
mod printed;
#[path = "support/project.rs"]
mod project;
#[path = "support/scratch.rs"]
mod scratch;

use std::fs;

use example::workspace;
use pages::{Block, Page};
use printed::lasting;
use scratch::{Scratch, check_names};

#[test]
fn every_block_is_executed_or_checked() {
    for page in Page::all(&workspace()) {
        let scratch = Scratch::new(&page);
        let mut shown: Option<String> = None;
        for block in page.blocks() {
            let (language, file) = (block.language(), block.file());
            let said = match language {
                "rust" => check_is_doctest(&page, &block),
                "sh" => Ok(Some(scratch.run(&block))),
                _ if file.is_some_and(|file| !scratch.write(file, &block.text)) => {
                    Err("a file of the project is named by its path in it".to_owned())
                }
                "text" if block.info == "text,drawing" => check_is_drawing(&block),
                "text" if file.is_none() => check_output(&block, shown.as_deref()),
                "json" => check(serde_json::from_str::<serde_json::Value>(&block.text)),
                "toml" => check(block.text.parse::<toml::Table>()),
                "sql" => check(
                    rusqlite::Connection::open_in_memory()
                        .and_then(|database| database.execute_batch(&block.text)),
                ),
                _ if file.is_some() => Ok(None),
                "python" => check_python(&block),
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

/// Python that stands for itself is compiled.
fn check_python(block: &Block) -> Said {
    let compile = "import sys; compile(sys.argv[1], 'block', 'exec')";
    let said = std::process::Command::new("python3")
        .args(["-c", compile, &block.text])
        .output();
    let said = said.map_err(|error| error.to_string())?;
    match said.status.success() {
        true => Ok(None),
        false => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
    }
}

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

/// Text is what the command before it prints, but for times and ids.
fn check_output(block: &Block, shown: Option<&str>) -> Said {
    let Some(shown) = shown else {
        return Err("text stands only after a command, as its output".to_owned());
    };
    let (wanted, shown) = (lasting(&block.text), lasting(shown));
    if wanted != shown {
        return Err(format!("the command prints\n{shown}\nand not\n{wanted}"));
    }
    Ok(None)
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
