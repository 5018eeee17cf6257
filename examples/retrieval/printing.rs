//! Answers on standard output: for people as text, for programs as JSON.

use std::io::{self, Write};

use refrain::Report;
use serde::Serialize;

use crate::search::Answer;

/// The longest line of a passage, in characters.
const WIDTH: usize = 76;

/// What `--json` prints.
#[derive(Serialize)]
struct Object<'a> {
    answers: &'a [Answer<'a>],
    report: &'a Report,
}

/// Prints the answers and the run's report as one JSON object.
pub fn json(answers: &[Answer], report: &Report) -> io::Result<()> {
    let object = serde_json::to_string(&Object { answers, report })?;
    writeln!(io::stdout(), "{object}")
}

/// Prints the answers, the best first.
pub fn text(answers: &[Answer]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if answers.is_empty() {
        writeln!(out, "no passage found")?;
    }
    for (rank, answer) in (1..).zip(answers) {
        if rank > 1 {
            writeln!(out)?;
        }
        let Answer {
            president,
            year,
            score,
            ..
        } = answer;
        writeln!(out, "{rank}. {president}, {year}  ({score:.2})")?;
        for line in lines(&answer.snippet) {
            writeln!(out, "   {line}")?;
        }
    }
    Ok(())
}

/// A text in lines of whole words.
fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("starts with one line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}
