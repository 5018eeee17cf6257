//! A project, in which the programs are followed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::error::Error;
use crate::folders::Folders;
use crate::module::{Import, Module};
use crate::program::Program;
use crate::read::read;
use crate::resolve::{Index, Resolver, Targets};
use crate::roots::Roots;

/// Modules that Python imports by itself if it finds them.
const IMPORTED_ALWAYS: [&str; 2] = ["sitecustomize", "usercustomize"];

/// What the text of `python -c` is called among the files.
const TEXT: &str = "-c";

/// Where a program starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// `python path/to/script.py`, or a folder with a `__main__.py`; relative to the project.
    Script(PathBuf),
    /// `python -m package.module`, run in the project's root.
    Module(String),
    /// `python -c text`, run in the project's root. The text itself is no file of the program.
    Text(Vec<u8>),
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

    /// `python -c text`.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Start::Text(text.into())
    }
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
    /// Where modules are searched for, and what files import as long as it is there.
    index: Index,
    imported: HashMap<PathBuf, Rc<Targets>>,
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
            index: Index::default(),
            imported: HashMap::new(),
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

    /// Searches for modules in `folder` as well, if it is in the project: what `PYTHONPATH` names.
    pub fn with_search(mut self, folder: impl AsRef<Path>) -> Self {
        self.search.extend(self.folders.relative(folder.as_ref()));
        self
    }

    /// The folders listed so far: a new name in one of them may make a program another one.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.known()
    }

    /// Finds the files that the program starting with `start` is made of, up to `depth` imports away.
    ///
    /// Fails if there is no such start in the project, or a file that counts cannot be read.
    pub fn find(&mut self, start: &Start, depth: u32) -> Result<Program, Error> {
        let mut roots = Roots::default();
        for folder in &self.search {
            roots.add(folder, &mut self.folders);
        }
        match start {
            Start::Script(path) => {
                let script = self.script(path, &mut roots)?;
                self.follow(vec![script], roots, depth)
            }
            Start::Module(name) => {
                roots.add_around(Path::new(""), &mut self.folders);
                let files = self.named(name, &roots)?;
                self.follow(files, roots, depth)
            }
            Start::Text(text) => {
                roots.add_around(Path::new(""), &mut self.folders);
                let name = PathBuf::from(TEXT);
                self.modules.insert(name.clone(), Arc::new(read(text)));
                let program = self.follow(vec![name.clone()], roots, depth);
                // The next text is another one.
                self.modules.remove(&name);
                self.imported.remove(&name);
                let mut program = program?;
                program.files.retain(|file| file.level > 0);
                Ok(program)
            }
        }
    }

    /// The file of a script. Adds where Python searches for modules when it runs that.
    fn script(&mut self, path: &Path, roots: &mut Roots) -> Result<PathBuf, Error> {
        let main = path.join("__main__.py");
        let is_folder = self.folders.absolute(path).is_dir();
        let given = if is_folder { &main } else { path };
        let found = self.folders.script(given);
        let (script, real) = found.ok_or_else(|| self.no_script(path))?;
        for script in [&script, &real] {
            roots.add_around(folder_of(script), &mut self.folders);
        }
        Ok(script)
    }

    /// The files that are run for a module's name.
    fn named(&mut self, name: &str, roots: &Roots) -> Result<Vec<PathBuf>, Error> {
        self.search_in(roots);
        let mut targets = Targets::default();
        let mut resolver = Resolver {
            folders: &mut self.folders,
            index: &self.index,
        };
        let import = Import {
            names: vec!["__main__".to_owned()],
            ..Import::of(name)
        };
        resolver.import(Path::new(""), &import, &mut targets);
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_start = |file: &PathBuf| {
            let is = |name: &str| file.file_stem().is_some_and(|stem| stem == name);
            is(last) || is("__main__")
        };
        match targets.files.iter().any(is_start) {
            true => Ok(targets.files.into_iter().collect()),
            false => Err(Error::NoModule {
                name: name.to_owned(),
            }),
        }
    }

    fn no_script(&self, path: &Path) -> Error {
        let (root, path) = (self.folders.absolute(Path::new("")), path.to_owned());
        match root.join(&path).canonicalize() {
            Ok(real) if !real.starts_with(root) => Error::Outside { path },
            _ => Error::NoScript { path },
        }
    }

    fn search_in(&mut self, roots: &Roots) {
        if self.index.roots != *roots {
            self.index = Index::new(roots, &mut self.folders);
            self.imported.clear();
        }
    }

    /// The program that starts with these files.
    fn follow(
        &mut self,
        starts: Vec<PathBuf>,
        mut roots: Roots,
        depth: u32,
    ) -> Result<Program, Error> {
        loop {
            let (levels, outside) = self.levels(&starts, depth, &roots)?;
            // A program may add to where modules are searched for; then all is looked up again.
            let mut more = roots.clone();
            for path in levels.keys() {
                let module = self.module(path)?;
                if module.searches {
                    more.add_texts(path, &module.texts, &mut self.folders);
                }
            }
            if more == roots {
                let mut modules = Vec::with_capacity(levels.len());
                for (path, level) in levels {
                    let module = self.module(&path)?;
                    modules.push((level, path, module));
                }
                return Ok(Program::new(modules, outside));
            }
            roots = more;
        }
    }

    /// How many imports away each file is, and the first link out of the project that was met.
    fn levels(
        &mut self,
        starts: &[PathBuf],
        depth: u32,
        roots: &Roots,
    ) -> Result<(BTreeMap<PathBuf, u32>, Option<PathBuf>), Error> {
        self.search_in(roots);
        let mut levels: BTreeMap<PathBuf, u32> = BTreeMap::new();
        let mut outside = None;
        // Once is enough: whoever comes later is not nearer.
        let mut walked: BTreeSet<PathBuf> = BTreeSet::new();
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
            let targets = self.imported(&path)?;
            outside = outside.or_else(|| targets.outside.first().cloned());
            let new = |file: &&PathBuf| !levels.contains_key(*file);
            let files = targets.files.iter().filter(new).cloned();
            queue.extend(files.map(|file| (file, level + 1)));
            for folder in &targets.below {
                if walked.insert(folder.clone()) {
                    let files = self.folders.modules_below(folder).into_iter();
                    queue.extend(files.map(|file| (file, level + 1)));
                }
            }
        }
        Ok((levels, outside))
    }

    /// What one file imports.
    fn imported(&mut self, path: &Path) -> Result<Rc<Targets>, Error> {
        if let Some(targets) = self.imported.get(path) {
            return Ok(Rc::clone(targets));
        }
        let module = self.module(path)?;
        let mut targets = Targets::default();
        let mut resolver = Resolver {
            folders: &mut self.folders,
            index: &self.index,
        };
        for import in &module.imports {
            resolver.import(path, import, &mut targets);
        }
        for name in IMPORTED_ALWAYS {
            resolver.import(path, &Import::of(name), &mut targets);
        }
        for script in &module.scripts {
            resolver.script(path, script, &mut targets);
        }
        if module.dynamic.is_some() {
            resolver.below(path, &module.texts, &mut targets);
        }
        for package in std::mem::take(&mut targets.stars) {
            let own = package.join("__init__.py");
            if targets.files.contains(&own) && self.module(&own)?.exports {
                let mut resolver = Resolver {
                    folders: &mut self.folders,
                    index: &self.index,
                };
                resolver.members(&package, &mut targets);
            }
        }
        let targets = Rc::new(targets);
        self.imported.insert(path.to_owned(), Rc::clone(&targets));
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
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}
