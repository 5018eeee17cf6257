//! What an edit of the code executes, from the source file to the process: a
//! workspace is edited, compiled by cargo and run, and exactly the nodes that
//! stand on what was edited, and those that a changed output reaches, execute.
//!
//! Each edit runs at the depths 0, 1 and 2, each with a cache that the program
//! before the edit has filled; then that program runs again and must find
//! everything. A run gives what one without a cache gives, but for items that
//! the depth leaves out.

#[path = "code_changes/fixture.rs"]
mod fixture;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use fixture::{Fixture, Program, Seen};
use tempfile::TempDir;

const MAIN: &str = "app/src/main.rs";
const HELPERS: &str = "app/src/helpers.rs";
const DEEP: &str = "app/src/deep.rs";
const KIT: &str = "kit/src/lib.rs";

const ALL: &[&str] = &[
    "words",
    "limited",
    "typed",
    "shown",
    "scaled",
    "shortened",
    "weighed",
    "measured",
    "titled",
    "paced",
    "marked",
    "summary",
];
const NONE: &[&str] = &[];

/// The workspace, its program before any edit, and what that left in a cache
/// for each depth.
struct Desk {
    fixture: Fixture,
    before: Program,
    caches: [TempDir; 3],
}

impl Desk {
    fn new() -> Self {
        let fixture = Fixture::new();
        let before = fixture.build();
        let caches = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let desk = Desk {
            fixture,
            before,
            caches,
        };
        desk.runs(&desk.before, [ALL; 3]);
        desk
    }

    fn cache(&self, depth: usize) -> &Path {
        self.caches[depth].path()
    }

    fn run(&self, program: &Program, depth: usize, why: &[&str]) -> Seen {
        program.run(self.cache(depth), depth, why)
    }

    /// Runs a program, which executes these nodes at depth 0, 1 and 2, and
    /// nothing when it runs again.
    #[track_caller]
    fn runs(&self, program: &Program, executed: [&[&str]; 3]) {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let all: BTreeSet<String> = set(executed[2]);
        for (depth, executed) in executed.into_iter().enumerate() {
            let expected: BTreeSet<String> = set(executed);
            let left_out: BTreeSet<String> = all.difference(&expected).cloned().collect();
            let seen = self.run(program, depth, &[]);
            let (ran, stale) = (seen.executed, BTreeSet::from_iter(seen.stale.clone()));
            assert_eq!(BTreeSet::from_iter(ran), expected, "at depth {depth}");
            assert_eq!(stale, left_out, "at depth {depth}");
            let again = self.run(program, depth, &[]);
            assert_eq!((again.executed, again.stale), (vec![], seen.stale));
        }
    }

    /// Compiles the edited sources and runs them and the old program; then the
    /// sources are as they were.
    #[track_caller]
    fn executes(&self, executed: [&[&str]; 3]) {
        self.runs(&self.fixture.build(), executed);
        self.runs(&self.before, [NONE; 3]);
        self.fixture.restore();
    }

    /// One edit, which executes the same nodes at every depth.
    #[track_caller]
    fn edit(&self, name: &str, from: &str, to: &str, executed: &[&str]) {
        self.edit_at(name, from, to, [executed; 3]);
    }

    /// One edit.
    #[track_caller]
    fn edit_at(&self, name: &str, from: &str, to: &str, executed: [&[&str]; 3]) {
        self.fixture.edit(name, from, to);
        self.executes(executed);
    }

    /// Why `node` runs after an edit, at depth 2.
    #[track_caller]
    fn why(&self, name: &str, from: &str, to: &str, node: &str) -> String {
        self.fixture.edit(name, from, to);
        let cache = tempfile::tempdir().unwrap();
        self.before.run(cache.path(), 2, &[]);
        let seen = self.fixture.build().run(cache.path(), 2, &[node]);
        self.fixture.restore();
        seen.why.concat()
    }
}

#[test]
fn formatting_comments_and_what_nothing_uses_execute_nothing() {
    let desk = Desk::new();
    let Desk { fixture, .. } = &desk;
    for name in fixture.rust() {
        // Every line is another one, and has a comment and a doc comment near it.
        let text = fixture.text(name).replace("\n\n", "\n\n// A note.\n\n");
        let text = text.replace("\npub fn ", "\n/// Documented\n/// again.\npub fn ");
        let text = text.replace("\nfn ", "\n/** Documented. */\nfn ");
        fixture.write(name, &text.replace(";\n", "; /* why not */\n"));
    }
    let (lines, narrow) = (
        fixture.text(MAIN).lines().count(),
        "max_width=40,tab_spaces=3",
    );
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", narrow])
        .args([MAIN, KIT].map(|name| fixture.path(name)))
        .status();
    assert!(status.unwrap().success());
    assert!(fixture.text(MAIN).lines().count() > lines + 20);
    for name in fixture.rust() {
        fixture.write(name, &fixture.text(name));
    }
    desk.executes([NONE; 3]);

    fixture.edit(MAIN, "UNUSED: usize = 5", "UNUSED: usize = 6");
    fixture.edit(
        MAIN,
        "use serde",
        "#[allow(unused)]\nuse std::fmt;\nuse serde",
    );
    fixture.edit(HELPERS, "* 1000", "* 2000");
    fixture.edit(DEEP, "30", "40");
    fixture.edit(KIT, "word.len()", "2 * word.len()");
    fixture.edit("kit/src/scale.rs", "= 8", "= 9");
    desk.executes([NONE; 3]);

    // Compiled once more from the same text.
    desk.executes([NONE; 3]);
}

#[test]
fn a_body_executes_its_node_and_what_its_output_reaches() {
    let desk = Desk::new();
    let (from, to) = ("words.iter().take(LIMIT)", "words.iter().rev().take(LIMIT)");
    desk.edit(MAIN, from, to, &["limited", "summary"]);
    desk.edit(MAIN, "split(' ')", "split('o')", ALL);

    // The same output under another signature: what reads it is not executed.
    let (from, to) = ("text.split(' ')", "text.trim().split(' ')");
    desk.fixture.edit(MAIN, from, to);
    let after = desk.fixture.build();
    for depth in 0..3 {
        let seen = desk.run(&after, depth, &[]);
        assert_eq!(seen.executed, ["words"]);
        assert!(seen.cutoff.contains(&"summary".to_owned()), "{seen:?}");
    }
    desk.executes([NONE; 3]);
}

#[test]
fn items_of_the_same_file_execute_the_nodes_that_use_them() {
    let desk = Desk::new();
    let typed: &[&str] = &["typed", "shown", "summary"];
    desk.edit(
        MAIN,
        "LIMIT: usize = 4",
        "LIMIT: usize = 5",
        &["limited", "summary"],
    );
    desk.edit(MAIN, "rank: u32", "rank: u64", &["typed", "shown"]);
    desk.edit(MAIN, "to_lowercase", "to_uppercase", typed);
    desk.edit(MAIN, "$number * 10", "$number * 11", &["scaled", "summary"]);
    desk.edit(MAIN, "take(3)", "take(2)", &["shortened"]);
    desk.edit("app/src/title.txt", "On", "Of", &["titled"]);
}

#[test]
fn items_of_other_modules_and_crates_execute_by_their_depth() {
    let desk = Desk::new();
    let (one, two) = (&["weighed"][..], &["measured"][..]);
    desk.edit_at(HELPERS, "u64 * factor", "u64 + factor", [NONE, one, one]);
    desk.edit_at(DEEP, "    3\n", "    4\n", [NONE, NONE, one]);
    desk.edit_at(KIT, "unit + scale", "unit * scale", [NONE, two, two]);
    desk.edit_at("kit/src/scale.rs", "= 7", "= 6", [NONE, NONE, two]);

    // The import stands in the nodes' own file.
    let (from, to) = ("use helpers::weigh;", "use helpers::heavy as weigh;");
    desk.edit(MAIN, from, to, one);

    // Everything at once.
    desk.fixture.edit(MAIN, "$number * 10", "$number * 12");
    desk.fixture
        .edit(HELPERS, "u64 * factor", "u64 * 2 * factor");
    desk.fixture.edit("kit/src/scale.rs", "= 7", "= 5");
    desk.executes([
        &["scaled", "summary"],
        &["scaled", "summary", "weighed"],
        &["scaled", "summary", "weighed", "measured"],
    ]);
}

#[test]
fn what_the_compiler_is_told_executes_the_nodes_that_ask() {
    let desk = Desk::new();
    let fast = desk.fixture.build_with(&["--features", "fast"], &[]);
    desk.runs(&fast, [&["paced"]; 3]);
    // A feature that is passed on is the dependency's.
    let fine = desk.fixture.build_with(&["--features", "fine"], &[]);
    desk.runs(&fine, [NONE, &["measured"], &["measured"]]);
    let marked = desk.fixture.build_with(&[], &[("FIXTURE_MARK", "secret")]);
    desk.runs(&marked, [&["marked"]; 3]);
    desk.executes([NONE; 3]);
}

#[test]
fn an_explanation_names_the_item_its_file_and_the_changed_line() {
    let desk = Desk::new();
    let why = desk.why(MAIN, "LIMIT: usize = 4", "LIMIT: usize = 5", "summary");
    let line = "`const LIMIT: usize = 4;` -> `const LIMIT: usize = 5;`";
    assert_eq!(
        why,
        format!(
            "summary: dependency: limited changed <-  limited: code: crate::LIMIT ({MAIN}:11): {line}"
        )
    );
    let why = desk.why(DEEP, "    3\n", "    4\n", "weighed");
    assert_eq!(
        why,
        format!("weighed: dependency: crate::deep::factor ({DEEP}:4): `3` -> `4`")
    );
    let why = desk.why("app/src/title.txt", "On", "Of", "titled");
    assert_eq!(
        why,
        "titled: code: file app/src/title.txt:1: `On the people` -> `Of the people`"
    );
}
