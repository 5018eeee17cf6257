//! The corpus: files become speeches, speeches become passages. It knows
//! nothing of words, vectors or questions.

use std::fs;
use std::io;
use std::path::Path;

use refrain::func;
use serde::{Deserialize, Serialize};

/// Words whose full stop ends no sentence.
const TITLES: [&str; 9] = ["Messrs", "Mr", "Mrs", "Ms", "Dr", "Gen", "Gov", "St", "No"];

/// One speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The file's name without its ending, such as `1845_james_polk_d`.
    pub id: String,
    pub title: String,
    pub year: u16,
    pub president: String,
    pub text: String,
}

/// A few sentences of one speech: what is searched and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Its position among all passages.
    pub id: u32,
    /// The speech that it stands in.
    pub document: String,
    pub year: u16,
    pub president: String,
    pub text: String,
}

/// Reads every speech of a directory, in the order of the files' names.
#[func(output = "corpus", cache, cache_key = "corpus_v1")]
pub fn load_corpus(speeches: &Path) -> io::Result<Vec<Document>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(speeches)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let message = format!("no .txt file in {}", speeches.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    paths.iter().map(|path| read_speech(path)).collect()
}

fn read_speech(path: &Path) -> io::Result<Document> {
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    let Some((year, president)) = named(&id) else {
        let message = format!("{}: not named year_president_party.txt", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    };
    Ok(Document {
        title: format!("State of the Union, {year}"),
        year,
        president,
        text: fs::read_to_string(path)?,
        id: id.into_owned(),
    })
}

/// The year and the president in a name such as `1936_franklin_d_roosevelt_d`.
fn named(id: &str) -> Option<(u16, String)> {
    let (year, rest) = id.split_once('_')?;
    let (president, _party) = rest.rsplit_once('_')?;
    let mut name = String::new();
    for word in president.split('_') {
        // "mc kinley" is one name in two words.
        if !name.is_empty() && !name.ends_with("Mc") {
            name.push(' ');
        }
        let mut letters = word.chars();
        name.extend(letters.next()?.to_uppercase());
        name.push_str(letters.as_str());
        if word.len() == 1 {
            name.push('.');
        }
    }
    Some((year.parse().ok()?, name))
}

/// Cuts speeches into runs of whole sentences of about `passage_words` words.
#[func(output = "passages", cache)]
pub fn split_corpus(corpus: &[Document], #[default(120)] passage_words: usize) -> Vec<Passage> {
    let mut passages = Vec::new();
    for document in corpus {
        for text in runs_of_sentences(&document.text, passage_words) {
            passages.push(Passage {
                id: passages.len() as u32,
                document: document.id.clone(),
                year: document.year,
                president: document.president.clone(),
                text,
            });
        }
    }
    passages
}

fn runs_of_sentences(text: &str, words: usize) -> Vec<String> {
    let mut runs = vec![String::new()];
    let mut count = 0;
    for sentence in sentences(text) {
        if count >= words {
            runs.push(String::new());
            count = 0;
        }
        let run = runs.last_mut().expect("starts with one run");
        if !run.is_empty() {
            run.push(' ');
        }
        run.push_str(sentence);
        count += sentence.split_whitespace().count();
    }
    // The few words left at the end belong to what stands before them.
    if count < words / 4 && runs.len() > 1 {
        let rest = runs.pop().expect("has two runs");
        let last = runs.last_mut().expect("has one run left");
        last.push(' ');
        last.push_str(&rest);
    }
    runs
}

/// The sentences of a text, trimmed.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let end = sentence_end(rest);
        let (sentence, after) = rest.split_at(end);
        rest = after.trim_start();
        (!sentence.is_empty()).then_some(sentence)
    })
}

/// Where the first sentence of a text ends: after a full stop, a question or
/// exclamation mark that stands before a space, but not after "Mr." or "U.S.".
fn sentence_end(text: &str) -> usize {
    let marks = text.match_indices(['.', '?', '!']);
    let mut ends = marks.filter(|&(at, mark)| {
        let word = text[..at].rsplit(char::is_whitespace).next();
        let word = word.unwrap_or_default();
        let short = mark == "." && (word.len() < 2 || word.contains('.'));
        let title = TITLES.contains(&word);
        text[at + 1..].starts_with(char::is_whitespace) && !short && !title
    });
    ends.next().map_or(text.len(), |(at, _)| at + 1)
}

/// Keeps the passages of some years. Not cached: it is faster than reading
/// its output back would be.
#[func(output = "selected")]
pub fn select_passages(passages: &[Passage], from_year: u16, to_year: u16) -> Vec<Passage> {
    let years = from_year..=to_year;
    let selected = passages.iter().filter(|p| years.contains(&p.year));
    selected.cloned().collect()
}
