//! From an import as it is written to the files that it may mean.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::folders::{Folders, Kind, joined};
use crate::module::Import;
use crate::roots::Roots;

/// What imports may mean.
#[derive(Default)]
pub(crate) struct Targets {
    /// Files that are imported.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Packages of which everything is imported.
    pub(crate) stars: BTreeSet<PathBuf>,
    /// Folders of which any file may be imported: it is not known which.
    pub(crate) below: BTreeSet<PathBuf>,
    /// Links out of the project that an import went into.
    pub(crate) outside: BTreeSet<PathBuf>,
}

/// The folders where modules are searched for, by the names that are in them.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) roots: Roots,
    by_name: HashMap<OsString, Vec<PathBuf>>,
}

impl Index {
    pub(crate) fn new(roots: &Roots, folders: &mut Folders) -> Self {
        let mut by_name: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
        for root in roots.iter() {
            for name in folders.list(root).keys() {
                let module = Path::new(name).with_extension("").into_os_string();
                let both = [name.clone(), module];
                for name in &both[usize::from(both[0] == both[1])..] {
                    by_name
                        .entry(name.clone())
                        .or_default()
                        .push(root.to_owned());
                }
            }
        }
        Index {
            roots: roots.clone(),
            by_name,
        }
    }
}

/// The way from names to files.
pub(crate) struct Resolver<'a> {
    pub(crate) folders: &'a mut Folders,
    pub(crate) index: &'a Index,
}

impl Resolver<'_> {
    /// Adds what `import` in `file` may mean.
    pub(crate) fn import(&mut self, file: &Path, import: &Import, targets: &mut Targets) {
        let parts = import.module.split('.').filter(|part| !part.is_empty());
        let parts: Vec<&OsStr> = parts.map(OsStr::new).collect();
        if import.dots == 0 {
            return self.absolute(&parts, &import.names, targets);
        }
        // The package of a file is its folder, be it the package's own file or a module in it.
        let mut package = file;
        for _ in 0..import.dots {
            let Some(around) = package.parent() else {
                return;
            };
            package = around;
        }
        self.package(package, targets);
        // A package may be spread over several folders: by its name it is found in all.
        for root in package.ancestors() {
            if self.index.roots.has(root)
                && let Ok(name) = package.strip_prefix(root)
            {
                let way: Vec<&OsStr> = name.iter().chain(parts.iter().copied()).collect();
                match way.is_empty() {
                    true => self.members_of(root, &import.names, targets),
                    false => self.absolute(&way, &import.names, targets),
                }
            }
        }
    }

    /// Adds the Python file that `text` in `file` names, from a folder around it or one where modules are
    /// searched for.
    pub(crate) fn script(&mut self, file: &Path, text: &str, targets: &mut Targets) {
        let around = file.ancestors().skip(1);
        for base in around.chain(self.index.roots.iter()) {
            if let Some(script) = joined(base, Path::new(text))
                && self.folders.kind(&script) == Some(Kind::Module)
            {
                targets.files.insert(script);
            }
        }
    }

    /// Adds the folders from which `file`, which has these texts, may import by a name or from a file that
    /// is only known when it runs: its own, and those that a text names as a path or as a package.
    pub(crate) fn below(&mut self, file: &Path, texts: &[String], targets: &mut Targets) {
        targets.below.extend(file.parent().map(Path::to_owned));
        let bases: BTreeSet<&Path> = file
            .ancestors()
            .skip(1)
            .chain(self.index.roots.iter())
            .collect();
        for text in texts {
            // `f"plugins.{name}"`
            let package = text.trim_matches('.').replace('.', "/");
            let names = |path: &&str| path.contains(|c: char| c.is_alphanumeric());
            for path in [text.as_str(), &package].iter().filter(|path| names(path)) {
                for base in &bases {
                    let folder = joined(base, Path::new(path));
                    let folder = folder.filter(|folder| self.folders.is_folder(folder));
                    targets.below.extend(folder);
                }
            }
        }
    }

    /// Adds the modules of a package and the packages in it.
    pub(crate) fn members(&mut self, package: &Path, targets: &mut Targets) {
        for (name, kind) in self.folders.list(package).iter() {
            let path = package.join(name);
            match kind {
                Kind::Module => _ = targets.files.insert(path),
                Kind::Folder => self.package(&path, targets),
                Kind::Outside => _ = targets.outside.insert(path),
            }
        }
    }

    /// Adds the package's own file, if it has one.
    pub(crate) fn package(&mut self, package: &Path, targets: &mut Targets) {
        let own = package.join("__init__.py");
        if self.folders.kind(&own) == Some(Kind::Module) {
            targets.files.insert(own);
        }
    }

    /// Adds what is on the way from each folder that has its first name.
    fn absolute(&mut self, way: &[&OsStr], names: &[String], targets: &mut Targets) {
        let index = self.index;
        let roots = way.first().and_then(|first| index.by_name.get(*first));
        for root in roots.into_iter().flatten() {
            let mut folder = root.clone();
            let is_whole = way.iter().all(|part| {
                folder.push(part);
                self.module(&folder, targets)
            });
            if is_whole {
                self.members_of(&folder, names, targets);
            }
        }
    }

    /// Adds the modules in a folder that have one of these names.
    fn members_of(&mut self, folder: &Path, names: &[String], targets: &mut Targets) {
        for name in names {
            match name.as_str() {
                "*" => _ = targets.stars.insert(folder.to_owned()),
                name => _ = self.module(&folder.join(name), targets),
            }
        }
    }

    /// Adds the module or package `path`, and says whether there may be more below it.
    fn module(&mut self, path: &Path, targets: &mut Targets) -> bool {
        let mut file = path.as_os_str().to_owned();
        file.push(".py");
        let file = PathBuf::from(file);
        match self.folders.kind(&file) {
            Some(Kind::Module) => _ = targets.files.insert(file),
            Some(Kind::Outside) => _ = targets.outside.insert(file),
            Some(Kind::Folder) | None => {}
        }
        match self.folders.kind(path) {
            Some(Kind::Folder) => {
                self.package(path, targets);
                true
            }
            Some(Kind::Outside) => {
                targets.outside.insert(path.to_owned());
                false
            }
            Some(Kind::Module) | None => false,
        }
    }
}
