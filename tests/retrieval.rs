//! The retrieval example, started as a process each time, so that everything
//! it remembers comes from disk.

#[path = "support/example.rs"]
mod example;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use example::{Asked, build, retrieval, workspace};
use tempfile::TempDir;

const ALL: [&str; 8] = [
    "corpus",
    "passages",
    "selected",
    "tokens",
    "model",
    "embeddings",
    "index",
    "postings",
];

/// A few speeches and an empty cache: enough to see what is executed.
struct Desk {
    dir: TempDir,
    program: PathBuf,
}

impl Desk {
    fn new(program: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (speeches(), dir.path().join("speeches"));
        fs::create_dir(&to).unwrap();
        let some = ["1823", "1844", "1845", "1863", "1903", "2002"];
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.as_ref().unwrap().file_name();
            if some
                .iter()
                .any(|year| name.to_str().unwrap().starts_with(year))
            {
                fs::copy(entry.unwrap().path(), to.join(name)).unwrap();
            }
        }
        Desk {
            dir,
            program: program.to_owned(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.dir.path())
            .args(["--speeches", "speeches", "annexation", "of", "Texas"])
            .args(arguments);
        command
    }

    fn ask(&self, arguments: &[&str]) -> Asked {
        let output = self.command(arguments).arg("--json").output().unwrap();
        Asked::of(&output)
    }

    fn speech(&self, name: &str) -> PathBuf {
        self.dir.path().join("speeches").join(name)
    }
}

fn speeches() -> PathBuf {
    workspace().join("examples/retrieval/speeches")
}

#[test]
fn what_is_asked_again_is_not_built_again() {
    let desk = Desk::new(retrieval());
    let first = desk.ask(&[]);
    assert_eq!(first.executed(), ALL);
    assert_eq!(first.best(), ("James Polk", 1845));
    let again = desk.ask(&[]);
    assert_eq!(again.report["counts"]["executed"], 0);
    assert_eq!(
        again.with("hit"),
        ["passages", "model", "index", "postings"]
    );
    assert_eq!(
        again.with("unneeded"),
        ["corpus", "selected", "tokens", "embeddings"]
    );
    assert_eq!(again.answers, first.answers);

    let tree = ["--index-type", "tree"];
    let other = desk.ask(&tree);
    assert_eq!(
        other.executed(),
        ["index"],
        "no other node, the uncached one included"
    );
    assert_eq!(other.best(), ("James Polk", 1845));
    assert_eq!(desk.ask(&tree).report["counts"]["executed"], 0);
    assert_eq!(
        desk.ask(&[]).report["counts"]["executed"],
        0,
        "back to flat"
    );

    let years = ["--from", "1900"];
    let later = desk.ask(&years);
    assert_eq!(later.executed(), ALL[2..]);
    assert!(
        later
            .answers
            .iter()
            .all(|a| a["year"].as_u64() >= Some(1900))
    );
    assert_eq!(desk.ask(&years).report["counts"]["executed"], 0);
    assert_eq!(desk.ask(&["--from", "3000"]).answers.len(), 0);
}

#[test]
fn a_changed_speech_executes_what_it_reaches() {
    let desk = Desk::new(retrieval());
    desk.ask(&[]);
    fs::write(desk.speech("notes.md"), "no speech").unwrap();
    let beside = desk.ask(&[]);
    assert_eq!(beside.executed(), ["corpus"], "the same speeches again");
    let cut_off = [
        "passages",
        "tokens",
        "model",
        "embeddings",
        "index",
        "postings",
    ];
    assert_eq!(
        beside.with("cutoff"),
        cut_off,
        "the uncached node did not run"
    );
    fs::remove_file(desk.speech("notes.md")).unwrap();

    let polk = desk.speech("1845_james_polk_d.txt");
    let text = fs::read_to_string(&polk).unwrap();
    fs::write(&polk, text.replace("Texas", "Oregon")).unwrap();
    let edited = desk.ask(&[]);
    assert_eq!(edited.executed(), ALL);
    assert_eq!(edited.best(), ("John Tyler", 1844));
    fs::write(&polk, text).unwrap();
    assert_eq!(
        desk.ask(&[]).report["counts"]["executed"],
        0,
        "as it was before"
    );
}

#[test]
fn answers_go_to_one_stream_and_the_report_to_the_other() {
    let desk = Desk::new(retrieval());
    let output = desk.command(&["--top", "2"]).output().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(answers.starts_with("1. James Polk, 1845  ("), "{answers}");
    assert_eq!(answers.matches(", 18").count(), 2, "{answers}");
    assert!(report.contains("executed corpus in "), "{report}");
    assert!(report.contains("ok: 8 executed in "), "{report}");

    let exit_code = |arguments: &[&str]| desk.command(arguments).output().unwrap().status.code();
    assert_eq!(exit_code(&["--speeches", "nowhere"]), Some(2));
    assert_eq!(exit_code(&["--index-type", "cube"]), Some(2));
    fs::write(desk.speech("unnamed.txt"), "whose, and when?").unwrap();
    let output = desk.command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "the first node failed");
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(
        report.contains("not named year_president_party.txt"),
        "{report}"
    );
}

/// An edit is a new build: of a copy of the example in a package of its own.
#[test]
fn an_edited_function_executes_what_it_reaches_and_a_reformatted_one_nothing() {
    let package = tempfile::tempdir().unwrap();
    let source = package.path().join("src");
    fs::create_dir(&source).unwrap();
    for entry in fs::read_dir(workspace().join("examples/retrieval")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            fs::copy(&path, source.join(path.file_name().unwrap())).unwrap();
        }
    }
    fs::write(package.path().join("Cargo.toml"), manifest()).unwrap();
    let lock = workspace().join("Cargo.lock");
    fs::copy(lock, package.path().join("Cargo.lock")).unwrap();
    let build = || build(package.path(), &[]);
    let edit = |file: &str, was: &str, is: &str| {
        let text = fs::read_to_string(source.join(file)).unwrap();
        assert!(text.contains(was), "{file} has no `{was}`");
        fs::write(source.join(file), text.replace(was, is)).unwrap();
    };
    let desk = Desk::new(&build());
    assert_eq!(desk.ask(&[]).executed(), ALL);

    // Another layout, other comments, and code that no node uses.
    edit(
        "model.rs",
        "let rarity = rarity(tokens);",
        "let rarity =\n  rarity( tokens ) ; // how rare",
    );
    edit(
        "model.rs",
        "/// Fits a model to passages",
        "/// Makes a model of passages",
    );
    edit(
        "nearest.rs",
        "const WIDTH: usize = 4",
        "const WIDTH: usize = 5",
    );
    edit("search.rs", "SNIPPET: usize = 320", "SNIPPET: usize = 200");
    build();
    assert_eq!(desk.ask(&[]).report["counts"]["executed"], 0);

    edit(
        "postings.rs",
        "SATURATION: f32 = 0.6",
        "SATURATION: f32 = 0.9",
    );
    build();
    assert_eq!(desk.ask(&[]).executed(), ["postings"]);

    edit(
        "model.rs",
        "for _ in 0..rounds {",
        "for _ in 0..rounds + 1 {",
    );
    build();
    assert_eq!(desk.ask(&[]).executed(), ["model", "embeddings", "index"]);
}

/// The manifest of the copy: dependencies and profiles as the workspace has
/// them, so that nothing but the copy is built.
fn manifest() -> String {
    let root = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let root: toml::Table = root.parse().unwrap();
    let shared = &root["workspace"]["dependencies"];
    let mut dependencies = toml::Table::new();
    for name in ["clap", "ctrlc", "rust-stemmers", "serde", "serde_json"] {
        dependencies.insert(name.to_owned(), shared[name].clone());
    }
    let engine = workspace().join("crates/engine");
    let engine = toml::Table::from_iter([("path".to_owned(), engine.to_str().unwrap().into())]);
    dependencies.insert("refrain".to_owned(), engine.into());
    let mut manifest: toml::Table = toml::toml! {
        [package]
        name = "edited-retrieval"
        version = "0.0.0"
        edition = "2024"

        [workspace]
    };
    manifest.insert("dependencies".to_owned(), dependencies.into());
    manifest.insert("profile".to_owned(), root["profile"].clone());
    toml::to_string(&manifest).unwrap()
}

/// On all speeches, because an interrupt needs a run that takes a while.
#[cfg(unix)]
#[test]
fn an_interrupt_loses_nothing_that_was_finished() {
    let dir = tempfile::tempdir().unwrap();
    let start = |dir: &Path| {
        let mut command = Command::new(retrieval());
        command
            .args(["--json", "war", "on", "terror", "--cache-dir"])
            .arg(dir);
        command
    };
    let mut twice = start(dir.path()).stderr(Stdio::piped()).spawn().unwrap();
    await_outputs(dir.path(), 2);
    interrupt(&twice);
    let mut told = BufReader::new(twice.stderr.take().unwrap()).lines();
    let line = told.next().unwrap().unwrap();
    assert!(line.contains("interrupt again to stop at once"), "{line}");
    interrupt(&twice);
    assert_eq!(twice.wait().unwrap().code(), Some(130));

    let once = start(dir.path()).stderr(Stdio::null()).spawn().unwrap();
    await_outputs(dir.path(), 3);
    interrupt(&once);
    let output = once.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(output.stdout, b"", "no answer from half an index");

    let rest = Asked::of(&start(dir.path()).output().unwrap());
    assert!(rest.executed().contains(&"index"), "{:?}", rest.executed());
    for finished in &ALL[..4] {
        assert!(!rest.executed().contains(finished), "{:?}", rest.executed());
    }
    assert_eq!(rest.best(), ("George W. Bush", 2002));
}

/// Waits until a cache has kept this many outputs.
fn await_outputs(cache: &Path, count: usize) {
    let begun = Instant::now();
    let kept = || fs::read_dir(cache.join("blobs")).map_or(0, Iterator::count);
    while kept() < count {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{} outputs",
            kept()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

fn interrupt(process: &Child) {
    let id = process.id().to_string();
    let status = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(status.success());
}
