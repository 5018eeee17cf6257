//! The files that a command's Python programs are made of, as items of code. How a command comes to run
//! Python is not known here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::{Digest, Item};
use refrain_python::{Error, File, Project, Start, read};

use crate::files::shown;

/// The Python files of a project.
pub(crate) struct Python {
    root: PathBuf,
    /// How many imports are followed.
    depth: u32,
    project: Project<'static>,
    /// Programs that were looked up, by where they start.
    known: HashMap<PathBuf, Found>,
    /// Many programs share their files.
    items: HashMap<(PathBuf, u32, Digest), Arc<Item>>,
}

/// The files of a program, and why there may be more.
#[derive(Clone, Default)]
pub(crate) struct Found {
    pub files: Vec<Arc<Item>>,
    pub incomplete: Option<String>,
}

impl Found {
    pub fn extend(&mut self, other: Found) {
        self.files.extend(other.files);
        self.incomplete = self.incomplete.take().or(other.incomplete);
    }
}

impl Python {
    pub fn new(root: &Path, depth: u32) -> Self {
        Python {
            root: root.to_owned(),
            depth,
            project: project(root, &[]),
            known: HashMap::new(),
            items: HashMap::new(),
        }
    }

    /// The files of a script. `search` are directories in which a command has modules searched for.
    pub fn script(&mut self, path: &Path, search: &[PathBuf]) -> Found {
        if search.is_empty()
            && let Some(known) = self.known.get(path)
        {
            return known.clone();
        }
        let found = self.find(&Start::script(path), 0, search);
        if search.is_empty() {
            self.known.insert(path.to_owned(), found.clone());
        }
        found
    }

    /// The files of a module that is run by its name; none if it is not in the project.
    pub fn module(&mut self, name: &[u8], search: &[PathBuf]) -> Found {
        let name = String::from_utf8_lossy(name);
        self.find(&Start::module(name), 0, search)
    }

    /// The files that a text imports which is run as a program.
    pub fn inline(&mut self, text: &[u8], search: &[PathBuf]) -> Found {
        let mut found = Found::default();
        for import in read(text).imports.iter().filter(|import| import.dots == 0) {
            let members = import.names.iter();
            let members = members.map(|name| format!("{}.{name}", import.module));
            for name in members.chain([import.module.clone()]) {
                found.extend(self.find(&Start::module(name), 1, search));
            }
        }
        found
    }

    /// The files of the program that starts there, which is itself `level` imports away.
    fn find(&mut self, start: &Start, level: u32, search: &[PathBuf]) -> Found {
        let Some(depth) = self.depth.checked_sub(level) else {
            return Found::default();
        };
        let program = match search {
            [] => self.project.find(start, depth),
            search => project(&self.root, search).find(start, depth),
        };
        match program {
            Ok(program) => Found {
                files: program
                    .files
                    .into_iter()
                    .map(|file| self.item(file, level))
                    .collect(),
                incomplete: program.incomplete,
            },
            // What is not in the project is installed.
            Err(Error::NoModule { .. } | Error::NoScript { .. } | Error::Outside { .. }) => {
                Found::default()
            }
            Err(error) => Found {
                files: Vec::new(),
                incomplete: Some(error.to_string()),
            },
        }
    }

    fn item(&mut self, file: File, level: u32) -> Arc<Item> {
        let (level, hash) = (level + file.level, Digest::from_bytes(file.hash));
        let key = (file.path, level, hash);
        if let Some(item) = self.items.get(&key) {
            return item.clone();
        }
        let name = shown(&key.0);
        let item = Arc::new(Item {
            level,
            path: Cow::Owned(name.clone()),
            hash,
            text: Cow::Owned(file.text),
            file: Cow::Owned(name),
            line: file.lines.first().copied().unwrap_or_default(),
        });
        self.items.insert(key, item.clone());
        item
    }
}

/// A project whose modules are searched for in some more directories: these, and those that every program
/// is told by the environment.
fn project(root: &Path, search: &[PathBuf]) -> Project<'static> {
    let path = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let told = std::env::split_paths(&path).filter_map(|folder| {
        let folder = folder.strip_prefix(root).unwrap_or(&folder);
        folder.is_relative().then(|| folder.to_owned())
    });
    let folders = search.iter().cloned().chain(told);
    folders.fold(Project::new(root), Project::with_search)
}
