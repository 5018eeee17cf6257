//! A project and the programs in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::folders::Folders;
use crate::hash::Hash;
use crate::module::{Import, Module, Reads};
use crate::read::read;
use crate::resolve::{Resolver, Targets};
use crate::roots::Roots;

/// Modules that Python imports by itself if it finds them.
const IMPORTED_ALWAYS: [&str; 2] = ["sitecustomize", "usercustomize"];

/// Where a program starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// `python path/to/script.py`, or a folder with a `__main__.py`; relative to the project.
    Script(PathBuf),
    /// `python -m package.module`, run in the project's root.
    Module(String),
}

impl Start {
    /// `python path`.
    pub fn script(path: impl Into<PathBuf>) -> Self {
        Start::Script(path.into())
    }

    /// `python -m name`.
    pub fn module(name: impl Into<String>) -> Self {
        Start::Module(name.into())
    }
}

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
    /// What counts of it, line by line, for showing what changed; never hashed.
    pub text: String,
    /// The number in the file of each line of `text`.
    pub lines: Vec<u32>,
    /// Why it could not be parsed, if so: then any byte of it counts.
    pub unparsed: Option<String>,
}

type Reader<'a> = Box<dyn FnMut(&Path) -> io::Result<Arc<Module>> + 'a>;

/// A folder with Python files, as it is at one time.
///
/// Meant for one look: it lists each folder and reads each file once, and does not notice that one has changed.
pub struct Project<'a> {
    folders: Folders,
    search: Vec<PathBuf>,
    reader: Reader<'a>,
    modules: HashMap<PathBuf, Arc<Module>>,
}

impl<'a> Project<'a> {
    /// The project in the folder `root`.
    pub fn new(root: impl AsRef<Path>) -> Self {
        let folders = Folders::new(root.as_ref());
        let root = folders.absolute(Path::new(""));
        let reader = move |path: &Path| Ok(Arc::new(read(&fs::read(root.join(path))?)));
        Project {
            folders,
            search: Vec::new(),
            reader: Box::new(reader),
            modules: HashMap::new(),
        }
    }

    /// Reads files by `reader`, which is given a path relative to the project and gives what [`read`] does
    /// of the file's bytes, or once did.
    pub fn with_reader(
        mut self,
        reader: impl FnMut(&Path) -> io::Result<Arc<Module>> + 'a,
    ) -> Self {
        self.reader = Box::new(reader);
        self
    }

    /// Searches modules in `folder` of the project as well, as `PYTHONPATH` has it.
    pub fn with_search(mut self, folder: impl Into<PathBuf>) -> Self {
        self.search.push(folder.into());
        self
    }

    /// Finds the files that the program starting with `start` is made of, up to `depth` imports away.
    ///
    /// Fails if there is no such start in the project, or a file that counts cannot be read.
    pub fn find(&mut self, start: &Start, depth: u32) -> Result<Program, Error> {
        let (starts, mut roots) = self.starts(start)?;
        loop {
            let (levels, outside) = self.levels(&starts, depth, &roots)?;
            // A program may add to where modules are searched for; then all is looked up again.
            let mut more = roots.clone();
            for path in levels.keys() {
                if let Some(texts) = &self.module(path)?.search {
                    more.add_texts(path, texts, &mut self.folders);
                }
            }
            if more == roots {
                return self.program(levels, outside);
            }
            roots = more;
        }
    }

    /// The files of level 0, and where modules are searched for.
    fn starts(&mut self, start: &Start) -> Result<(Vec<PathBuf>, Roots), Error> {
        let mut roots = Roots::default();
        for folder in std::mem::take(&mut self.search) {
            roots.add(&folder, &mut self.folders);
            self.search.push(folder);
        }
        let name = match start {
            Start::Script(path) => {
                let main = path.join("__main__.py");
                let given = if self.folders.absolute(path).is_dir() {
                    &main
                } else {
                    path
                };
                let found = self.folders.script(given);
                let (script, real) = found.ok_or_else(|| self.no_script(path))?;
                for script in [&script, &real] {
                    roots.add_around(folder_of(script), &mut self.folders);
                }
                return Ok((vec![script], roots));
            }
            Start::Module(name) => name,
        };
        roots.add_around(Path::new(""), &mut self.folders);
        let mut targets = Targets::default();
        let mut resolver = Resolver {
            folders: &mut self.folders,
            roots: &roots,
        };
        let import = Import {
            dots: 0,
            module: name.clone(),
            names: vec!["__main__".to_owned()],
            line: 0,
        };
        resolver.import(Path::new(""), &import, &mut targets);
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_start = |file: &PathBuf| {
            let is = |name: &str| file.file_stem().is_some_and(|stem| stem == name);
            is(last) || is("__main__")
        };
        if !targets.files.iter().any(is_start) {
            return Err(Error::NoModule { name: name.clone() });
        }
        Ok((targets.files.into_iter().collect(), roots))
    }

    fn no_script(&self, path: &Path) -> Error {
        let (root, path) = (self.folders.absolute(Path::new("")), path.to_owned());
        match root.join(&path).canonicalize() {
            Ok(real) if !real.starts_with(root) => Error::Outside { path },
            _ => Error::NoScript { path },
        }
    }

    /// How many imports away each file is, and the links that lead out of the project.
    fn levels(
        &mut self,
        starts: &[PathBuf],
        depth: u32,
        roots: &Roots,
    ) -> Result<(BTreeMap<PathBuf, u32>, BTreeSet<PathBuf>), Error> {
        let mut levels: BTreeMap<PathBuf, u32> = BTreeMap::new();
        let mut outside = BTreeSet::new();
        let mut queue: VecDeque<(PathBuf, u32)> = VecDeque::new();
        queue.extend(starts.iter().map(|start| (start.clone(), 0)));
        while let Some((path, level)) = queue.pop_front() {
            if levels.contains_key(&path) {
                continue;
            }
            levels.insert(path.clone(), level);
            if level == depth {
                continue;
            }
            let mut targets = self.imported(&path, roots)?;
            outside.append(&mut targets.outside);
            queue.extend(targets.files.into_iter().map(|file| (file, level + 1)));
        }
        Ok((levels, outside))
    }

    /// What one file imports.
    fn imported(&mut self, path: &Path, roots: &Roots) -> Result<Targets, Error> {
        let module = self.module(path)?;
        let mut targets = Targets::default();
        let mut resolver = Resolver {
            folders: &mut self.folders,
            roots,
        };
        for import in &module.imports {
            resolver.import(path, import, &mut targets);
        }
        for name in IMPORTED_ALWAYS {
            let import = Import {
                dots: 0,
                module: name.to_owned(),
                names: Vec::new(),
                line: 0,
            };
            resolver.import(path, &import, &mut targets);
        }
        for script in &module.scripts {
            resolver.script(path, script, &mut targets);
        }
        if module.dynamic.is_some() {
            targets
                .files
                .extend(resolver.folders.modules_below(folder_of(path)));
        }
        for package in std::mem::take(&mut targets.stars) {
            let own = package.join("__init__.py");
            if targets.files.contains(&own) && self.module(&own)?.exports {
                let mut resolver = Resolver {
                    folders: &mut self.folders,
                    roots,
                };
                resolver.members(&package, &mut targets);
            }
        }
        Ok(targets)
    }

    /// What is known of a file by itself.
    fn module(&mut self, path: &Path) -> Result<Arc<Module>, Error> {
        if let Some(module) = self.modules.get(path) {
            return Ok(Arc::clone(module));
        }
        let module = (self.reader)(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        self.modules.insert(path.to_owned(), Arc::clone(&module));
        Ok(module)
    }

    fn program(
        &mut self,
        levels: BTreeMap<PathBuf, u32>,
        outside: BTreeSet<PathBuf>,
    ) -> Result<Program, Error> {
        let mut modules = Vec::with_capacity(levels.len());
        for (path, level) in levels {
            modules.push((level, self.module(&path)?, path));
        }
        modules.sort_by(|(a, _, a_path), (b, _, b_path)| (a, a_path).cmp(&(b, b_path)));
        // A file may read docstrings or source of any other.
        let all = modules.iter().map(|(_, module, _)| module.reads);
        let all = all.filter(|reads| *reads != Reads::OwnDocstrings).max();
        let files = modules.iter().map(|(level, module, path)| {
            let reads = module.reads.max(all.unwrap_or_default());
            let (hash, text, lines) = module.counted(reads);
            File {
                path: path.clone(),
                level: *level,
                hash,
                text,
                lines,
                unparsed: module.unparsed.clone(),
            }
        });
        let mut program = Program {
            files: files.collect(),
            incomplete: None,
        };
        let computed = modules.iter().find_map(|(_, module, path)| {
            let line = module.dynamic?;
            Some(format!(
                "{}:{line} imports by names that are only known when it runs",
                path.display()
            ))
        });
        let link = outside.first();
        let link = link.map(|link| format!("the link {} leads out of the project", link.display()));
        program.incomplete = link.or(computed);
        Ok(program)
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}
