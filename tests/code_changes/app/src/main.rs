//! A pipeline whose nodes stand in one file and each on something else.

mod deep;
mod helpers;

use helpers::weigh;
use refrain::{CacheConfig, Outcome, Pipeline, Runner, func, functions, inputs};
use serde::{Deserialize, Serialize};

/// Stands under `limited`.
const LIMIT: usize = 4;

/// Stands under nothing.
#[allow(dead_code)]
const UNUSED: usize = 5;

/// Stands under `typed` and what reads its output.
#[derive(Clone, Serialize, Deserialize)]
struct Word {
    text: String,
    rank: u32,
}

impl Word {
    fn new(text: &str, rank: usize) -> Self {
        Word {
            text: text.to_lowercase(),
            rank: rank as _,
        }
    }
}

/// Stands under `scaled`.
macro_rules! scale {
    ($number:expr) => {
        $number * 10
    };
}

/// Stands under `shortened`.
fn shorten(word: &str) -> String {
    word.chars().take(3).collect()
}

#[func(cache)]
fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[func(cache)]
fn limited(words: &[String]) -> Vec<String> {
    words.iter().take(LIMIT).cloned().collect()
}

#[func(cache)]
fn typed(words: &[String]) -> Vec<Word> {
    let ranked = words.iter().enumerate();
    ranked.map(|(rank, word)| Word::new(word, rank)).collect()
}

#[func(cache)]
fn shown(typed: &[Word]) -> String {
    let lines = typed
        .iter()
        .map(|word| format!("{}{}", word.text, word.rank));
    lines.collect::<Vec<_>>().join(" ")
}

#[func(cache)]
fn scaled(words: &[String]) -> Vec<usize> {
    words.iter().map(|word| scale!(word.len())).collect()
}

#[func(cache)]
fn shortened(words: &[String]) -> String {
    let short = words.iter().map(|word| shorten(word));
    short.collect::<Vec<_>>().join(" ")
}

#[func(cache)]
fn weighed(words: &[String]) -> String {
    format!("{}", words.iter().map(|word| weigh(word)).sum::<u64>())
}

#[func(cache)]
fn measured(words: &[String]) -> String {
    format!(
        "{}",
        words.iter().map(|word| kit::measure(word)).sum::<u64>()
    )
}

#[func(cache)]
fn titled(words: &[String]) -> String {
    format!("{} ({})", include_str!("title.txt").trim(), words.len())
}

#[func(cache)]
fn paced(words: &[String]) -> String {
    let pace = if cfg!(feature = "fast") { 2 } else { 1 };
    format!("{}", words.len() * pace)
}

#[func(cache)]
fn marked(words: &[String]) -> String {
    format!("{:?} {}", option_env!("FIXTURE_MARK"), words.len())
}

/// Reads some of them and not others.
#[func(cache)]
fn summary(limited: &[String], scaled: &[usize], shown: &str) -> String {
    format!("{limited:?} {scaled:?} {shown}")
}

/// Runs the pipeline; the arguments are the directory of the cache, the depth
/// and the nodes to be explained.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let cache = arguments.next().ok_or("no directory for the cache")?;
    let depth = arguments.next().ok_or("no depth")?.parse()?;
    let pipeline = Pipeline::new(functions![
        words, limited, typed, shown, scaled, shortened, weighed, measured, titled, paced, marked,
        summary
    ])?;
    let given = inputs! { text: "Of the people by the people for the people" };
    let config = CacheConfig::new(cache).dependency_depth(depth);
    let run = Runner::new(config)?.run(&pipeline, given.clone())?;
    for node in run.report().nodes() {
        match node.outcome {
            Outcome::Executed => println!("executed {}", node.name),
            Outcome::Cutoff => println!("cutoff {}", node.name),
            _ => {}
        }
    }
    for warning in run.report().warnings() {
        println!("warning {warning}");
    }
    for node in arguments {
        println!(
            "why {}",
            run.explain(&node)?.to_string().replace('\n', " <-")
        );
    }
    // What a run without a cache gives is what the code says now.
    let now = Runner::new(CacheConfig::default())?.run(&pipeline, given)?;
    for name in [
        "shortened",
        "weighed",
        "measured",
        "titled",
        "paced",
        "marked",
        "summary",
    ] {
        let (given, now) = (run.get::<String>(name)?, now.get::<String>(name)?);
        if given != now {
            println!("stale {name}");
        }
    }
    Ok(())
}
