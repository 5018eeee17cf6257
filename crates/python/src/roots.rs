//! The folders where modules are searched for.
//!
//! Python's own list is only known when it runs: it has the folder of the script, what is installed in place,
//! `PYTHONPATH`, and what the program itself adds. Here it is every folder that may be on that list, and a module
//! counts in all of them where it is found.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::folders::{Folders, joined};

/// What says where a project's own packages are.
pub const CONFIGURATIONS: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];

/// How much of a configuration is read, in bytes.
const LONGEST: usize = 1 << 20;

/// The folders where modules are searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Roots(BTreeSet<PathBuf>);

impl Roots {
    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }

    /// Whether `folder` is one of them.
    pub(crate) fn has(&self, folder: &Path) -> bool {
        self.0.contains(folder)
    }

    /// Adds `folder` and the folder `src` in it, if there are such.
    pub(crate) fn add(&mut self, folder: &Path, folders: &mut Folders) {
        let source = folder.join("src");
        for folder in [folder, &source] {
            if folders.is_folder(folder) {
                self.0.insert(folder.to_owned());
            }
        }
    }

    /// Adds `folder`, all folders around it, and what the configurations in these name.
    pub(crate) fn add_around(&mut self, folder: &Path, folders: &mut Folders) {
        for around in folder.ancestors() {
            self.add(around, folders);
            for name in CONFIGURATIONS {
                let Ok(bytes) = fs::read(folders.absolute(&around.join(name))) else {
                    continue;
                };
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
                for word in text.split(|c: char| c.is_whitespace() || "\"'=,[]{}()".contains(c)) {
                    self.add_named(around, word, folders);
                }
            }
        }
    }

    /// Adds what `file`, which has these texts and changes where modules are searched for, may add: the
    /// folders around it and whatever folders the texts lead to from there, one after another.
    pub(crate) fn add_texts(&mut self, file: &Path, texts: &[String], folders: &mut Folders) {
        let mut bases: Vec<PathBuf> = file.ancestors().skip(1).map(Path::to_owned).collect();
        // By their real paths: links may lead in circles.
        let mut seen: HashSet<PathBuf> = bases.iter().map(|base| folders.real(base)).collect();
        while let Some(base) = bases.pop() {
            self.add(&base, folders);
            for text in texts {
                let folder = joined(&base, Path::new(text));
                let folder = folder.filter(|folder| folders.is_folder(folder));
                bases.extend(folder.filter(|folder| seen.insert(folders.real(folder))));
            }
        }
    }

    /// Adds the folder that a word names, or those in it where it ends in `/*`.
    fn add_named(&mut self, base: &Path, word: &str, folders: &mut Folders) {
        let (word, each) = match word.strip_suffix("/*") {
            Some(word) => (word, true),
            None => (word, false),
        };
        let named = joined(base, Path::new(word));
        let Some(folder) = named.filter(|folder| !word.is_empty() && folders.is_folder(folder))
        else {
            return;
        };
        if each {
            for name in folders.list(&folder).keys() {
                self.add(&folder.join(name), folders);
            }
        }
        self.add(&folder, folders);
    }
}
