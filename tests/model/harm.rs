//! What can happen to a file of a cache. It is unaware of what the file is for.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
pub enum Harm {
    Delete,
    Truncate,
    Flip(usize),
}

pub fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Delete),
        Just(Harm::Truncate),
        any::<usize>().prop_map(Harm::Flip)
    ]
}

/// What was harmed, and what that can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The portable copy: the index has all that is in it.
    Snapshot,
    /// The index, or the claims: nobody knows when that is noticed.
    Index,
    /// Outputs, and what is made of them.
    Output,
}

/// Harms one file of a directory, mostly a blob where there are any; nothing if there is no file.
pub fn apply(dir: &Path, at: usize, harm: Harm) -> Option<Part> {
    let mut files = Vec::new();
    all_files(dir, &mut files);
    files.sort();
    let is_blob = |path: &PathBuf| path.starts_with(dir.join("blobs"));
    if !(at / 2).is_multiple_of(4) && files.iter().any(is_blob) {
        files.retain(is_blob);
    }
    let path = files.get(at / 8 % files.len().max(1))?;
    let mut bytes = fs::read(path).ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    match harm {
        // Who cuts a file that a process has mapped kills that process.
        Harm::Truncate if !name.ends_with("-shm") => {
            bytes.truncate(bytes.len() / 2);
            fs::write(path, bytes).ok()?;
        }
        Harm::Flip(place) if !bytes.is_empty() => {
            let place = place % bytes.len();
            bytes[place] ^= 1;
            fs::write(path, bytes).ok()?;
        }
        _ => fs::remove_file(path).ok()?,
    }
    Some(match name.as_str() {
        "metadata.json" => Part::Snapshot,
        name if name.starts_with("records.db") || name.starts_with("claims") => Part::Index,
        _ => Part::Output,
    })
}

fn all_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => all_files(&entry.path(), files),
            false => files.push(entry.path()),
        }
    }
}
