//! A pipeline in one file that is a whole command: `run`, `plan`, `why`, `get`
//! and the rest come from one line in `main`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use refrain::{Pipeline, func, functions};

#[func(output = "words", cache)]
fn split(text: &Path) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(text)?;
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    Ok(words.map(str::to_lowercase).collect())
}

#[func(output = "counts", cache)]
fn count(words: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.clone()).or_default() += 1;
    }
    counts
}

#[func(output = "top", cache)]
fn select(counts: &BTreeMap<String, usize>, #[default(3)] how_many: usize) -> Vec<String> {
    let mut words: Vec<(&String, &usize)> = counts.iter().collect();
    words.sort_by_key(|(word, count)| (std::cmp::Reverse(**count), (*word).clone()));
    let top = words.iter().take(how_many);
    top.map(|(word, count)| format!("{word} {count}")).collect()
}

#[func(output = "report", cache)]
fn write(top: &[String], title: &str) -> String {
    format!("{title}\n{}\n", top.join("\n"))
}

fn main() -> ExitCode {
    let pipeline = Pipeline::new(functions![split, count, select, write]);
    refrain_cli::main(pipeline.map(|pipeline| pipeline.named("words")))
}
