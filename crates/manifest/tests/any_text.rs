//! No text makes the parser panic, and what it says of a text can be shown.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use refrain_manifest::{Manifest, Problems};

const EVERYTHING: &str = include_str!("everything.toml");

fn problems(text: &str) -> Option<Problems> {
    Manifest::parse(text, Path::new("refrain.toml")).err()
}

fn shown(problems: &Problems) -> String {
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none());
    for report in problems.reports() {
        handler.render_report(&mut shown, &report).unwrap();
    }
    shown
}

/// Parses a text; whatever is wrong has a place in it.
fn check(text: &str) {
    let Some(problems) = problems(text) else {
        return;
    };
    for problem in problems.list() {
        let spans = problem.also.iter().map(|(span, _)| span);
        for span in spans.chain([&problem.span]) {
            assert!(
                text.get(span.start..span.end).is_some(),
                "{span:?} in {text:?}"
            );
        }
    }
    assert!(!shown(&problems).is_empty());
    assert!(!problems.to_string().is_empty());
}

#[test]
fn a_problem_is_shown_with_its_line() {
    let text = "[nodes.x]\n\trun = 'é {größe}'\n";
    assert_eq!(
        shown(&problems(text).unwrap()),
        "  x `{größe}` is no placeholder\n   \
            ,-[refrain.toml:2:11]\n \
          1 | [nodes.x]\n \
          2 |     run = 'é {größe}'\n   \
            :              ^^^^^^^\n   \
            `----\n  \
           help: write `{{größe}}` for braces of the text itself\n"
    );
}

#[test]
fn of_very_many_problems_the_first_are_told() {
    let text: String = (0..3_000)
        .map(|at| format!("[nodes.n{at}]\nrun = '{{m{at}}}'\n"))
        .collect();
    let problems = problems(&text).unwrap();
    assert_eq!(problems.list().len(), 50);
    assert_eq!(problems.unlisted(), 3_000 - 50);
    assert!(problems.to_string().ends_with("\nand 2950 more"));
}

proptest! {
    #[test]
    fn no_sequence_of_words_makes_it_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "'", "\"", "\"\"\"", "\n", "\r\n", " ", "\\", "é", "\0",
                "nodes", "inputs", "pipeline", "cache", "run", "map", "key", "to", "file", "files", "dir", "x", "y",
                "'x'", "'{x}'", "{output}", "{x:list}", "{{", "}}", "'../x'", "'**/['", "1", "-0.5", "inf", "true",
                "2024-01-01", "'10m'", "targets", "params", "sources", "format", "'json'", "'dir'", "depfile",
            ]),
            0..60,
        ),
    ) {
        check(&words.concat());
        check(&words.join(" "));
    }

    #[test]
    fn no_edit_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, "[ -~\n\té😀]{0,6}"), 1..6),
    ) {
        let mut text: Vec<char> = EVERYTHING.chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        check(&text.into_iter().collect::<String>());
    }
}
