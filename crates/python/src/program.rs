//! A program: its files, and what counts of each.

use std::path::PathBuf;
use std::sync::Arc;

use crate::hash::Hash;
use crate::module::{Module, Reads};

/// The files a program is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// By level and path.
    pub files: Vec<File>,
    /// Why a file that it imports may not be among them, if so.
    pub incomplete: Option<String>,
}

/// One file of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it is, relative to the project.
    pub path: PathBuf,
    /// The imports on the shortest way to it; 0 where the program starts.
    pub level: u32,
    /// The same for all files that do the same, as far as their syntax trees tell.
    pub hash: Hash,
    module: Arc<Module>,
    reads: Reads,
}

impl File {
    /// What counts of it, line by line, with each line's number in the file: code without comments, laid out
    /// one way, for showing what changed. Never hashed.
    pub fn lines(&self) -> impl Iterator<Item = (u32, &str)> {
        let lines = self.module.lines.iter().zip(self.module.text.lines());
        let documented = self.reads > Reads::Nothing;
        let counts = lines.filter(move |(line, _)| documented || !line.docstring);
        counts.map(|(line, text)| (line.number, text))
    }

    /// The same as one text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.module.text.len());
        for (_, line) in self.lines() {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Why it could not be parsed, if so: then any byte of it counts.
    pub fn unparsed(&self) -> Option<&str> {
        self.module.unparsed.as_deref()
    }
}

impl Program {
    /// The program of these files with their levels; `link` leads out of the project, where an import went.
    pub(crate) fn new(modules: Vec<(u32, PathBuf, Arc<Module>)>, link: Option<PathBuf>) -> Self {
        let computed = modules.iter().find_map(|(_, path, module)| {
            let (line, path) = (module.dynamic?, path.display());
            Some(format!(
                "{path}:{line} imports by names that are only known when it runs"
            ))
        });
        let link = link.map(|link| format!("the link {} leads out of the project", link.display()));
        // A file may read docstrings or source of any other.
        let all = modules.iter().map(|(_, _, module)| module.reads);
        let all = all.filter(|reads| *reads != Reads::OwnDocstrings).max();
        let file = |(level, path, module): (u32, PathBuf, Arc<Module>)| {
            let reads = module.reads.max(all.unwrap_or_default());
            File {
                path,
                level,
                hash: module.hash(reads),
                module,
                reads,
            }
        };
        let mut files: Vec<File> = modules.into_iter().map(file).collect();
        files.sort_by(|a, b| (a.level, &a.path).cmp(&(b.level, &b.path)));
        Program {
            files,
            incomplete: link.or(computed),
        }
    }
}
