//! The files that a command's Python programs are made of, as items of code. How a command comes to run
//! Python is not known here.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use refrain::{Digest, Item, shown_path};
use refrain_python::{CONFIGURATIONS, Error, File, Module, Project, Start, read};

use crate::files::{CodeFile, Found};

/// The Python files of a project.
pub(crate) struct Python {
    root: PathBuf,
    /// How many imports are followed.
    depth: u32,
    project: Project<'static>,
    /// Programs that were looked up, by where they start.
    known: HashMap<PathBuf, Found>,
    /// Many programs share their files.
    files: HashMap<(PathBuf, u32, Digest), Arc<CodeFile>>,
    modules: Modules,
    /// Where modules were looked for by projects that are gone.
    folders: BTreeSet<PathBuf>,
}

/// What was read of each file, by its path relative to the root, and the digest of its bytes.
type Modules = Rc<RefCell<HashMap<PathBuf, (Arc<Module>, Digest)>>>;

impl Python {
    pub fn new(root: &Path, depth: u32) -> Self {
        let modules = Modules::default();
        Python {
            root: root.to_owned(),
            depth,
            project: project(root, &[], modules.clone()),
            known: HashMap::new(),
            files: HashMap::new(),
            modules,
            folders: BTreeSet::new(),
        }
    }

    /// The directories in which modules were looked for.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let gone = self.folders.iter().map(PathBuf::as_path);
        self.project.folders().chain(gone)
    }

    /// The files that were read or that say where modules are, relative to the root.
    pub fn looked_up(&self) -> Vec<PathBuf> {
        let configurations = self
            .folders()
            .flat_map(|folder| CONFIGURATIONS.map(|name| folder.join(name)));
        let mut files: Vec<PathBuf> = configurations.collect();
        files.extend(self.modules.borrow().keys().cloned());
        files
    }

    /// The files of a script. `search` are directories in which a command has modules searched for.
    pub fn script(&mut self, path: &Path, search: &[PathBuf]) -> Found {
        if search.is_empty()
            && let Some(known) = self.known.get(path)
        {
            return known.clone();
        }
        let found = self.find(&Start::script(path), search);
        if search.is_empty() {
            self.known.insert(path.to_owned(), found.clone());
        }
        found
    }

    /// The files of a module that is run by its name; none if it is not in the project.
    pub fn module(&mut self, name: &[u8], search: &[PathBuf]) -> Found {
        let name = String::from_utf8_lossy(name);
        self.find(&Start::module(name), search)
    }

    /// The files that a text imports which is run as a program.
    pub fn inline(&mut self, text: &[u8], search: &[PathBuf]) -> Found {
        self.find(&Start::text(text), search)
    }

    /// The files of the program that starts there.
    fn find(&mut self, start: &Start, search: &[PathBuf]) -> Found {
        let depth = self.depth;
        let program = match search {
            [] => self.project.find(start, depth),
            search => {
                let mut project = project(&self.root, search, self.modules.clone());
                let program = project.find(start, depth);
                self.folders.extend(project.folders().map(Path::to_owned));
                program
            }
        };
        match program {
            Ok(program) => Found {
                files: program
                    .files
                    .into_iter()
                    .map(|file| self.file(file))
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

    fn file(&mut self, file: File) -> Arc<CodeFile> {
        let (level, hash) = (file.level, Digest::from_bytes(file.hash));
        let key = (file.path.clone(), level, hash);
        if let Some(known) = self.files.get(&key) {
            return known.clone();
        }
        let path = &file.path;
        let name = shown_path(path);
        let lines: Vec<u32> = file.lines().map(|(number, _)| number).collect();
        let item = Arc::new(Item {
            level,
            path: Cow::Owned(name.clone()),
            hash,
            text: Cow::Owned(file.text()),
            file: Cow::Owned(name),
            line: lines.first().copied().unwrap_or_default(),
            lines: Cow::Owned(lines),
        });
        let digest = self.modules.borrow().get(path).map(|(_, digest)| *digest);
        let read = digest.map(|digest| (self.root.join(path), digest));
        let file = Arc::new(CodeFile {
            item,
            read,
            by_bytes: false,
        });
        self.files.insert(key, file.clone());
        file
    }
}

/// A project whose modules are searched for in some more directories: these, and those that every program
/// is told by the environment.
fn project(root: &Path, search: &[PathBuf], modules: Modules) -> Project<'static> {
    let path = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let told = std::env::split_paths(&path).filter_map(|folder| {
        let folder = folder.strip_prefix(root).unwrap_or(&folder);
        folder.is_relative().then(|| folder.to_owned())
    });
    let folders = search.iter().cloned().chain(told);
    let place = root.to_owned();
    let reader = move |path: &Path| {
        if let Some((known, _)) = modules.borrow().get(path) {
            return Ok(known.clone());
        }
        let bytes = fs::read(place.join(path))?;
        let module = Arc::new(read(&bytes));
        let entry = (module.clone(), Digest::of(&bytes));
        modules.borrow_mut().insert(path.to_owned(), entry);
        Ok(module)
    };
    folders.fold(Project::new(root).with_reader(reader), Project::with_search)
}
