//! From an import as it is written to the files that it may mean.

use std::collections::BTreeSet;
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
    /// Links out of the project that an import went into.
    pub(crate) outside: BTreeSet<PathBuf>,
}

/// The way from names to files.
pub(crate) struct Resolver<'a> {
    pub(crate) folders: &'a mut Folders,
    pub(crate) roots: &'a Roots,
}

impl Resolver<'_> {
    /// Adds what `import` in `file` may mean.
    pub(crate) fn import(&mut self, file: &Path, import: &Import, targets: &mut Targets) {
        let parts = import.module.split('.').filter(|part| !part.is_empty());
        let parts: Vec<&str> = parts.collect();
        if import.dots == 0 {
            return self.absolute(Path::new(""), &parts, &import.names, targets);
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
        for root in self.roots.iter() {
            if let Ok(name) = package.strip_prefix(root) {
                self.absolute(name, &parts, &import.names, targets);
            }
        }
    }

    /// Adds the Python file that `text` in `file` names, from a folder around it or one where modules are
    /// searched for.
    pub(crate) fn script(&mut self, file: &Path, text: &str, targets: &mut Targets) {
        let around = file.ancestors().skip(1);
        for base in around.chain(self.roots.iter()) {
            if let Some(script) = joined(base, Path::new(text))
                && self.folders.kind(&script) == Some(Kind::Module)
            {
                targets.files.insert(script);
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

    fn absolute(&mut self, name: &Path, parts: &[&str], names: &[String], targets: &mut Targets) {
        let roots = self.roots;
        for root in roots.iter() {
            let mut folder = root.to_owned();
            let way = name.iter().chain(parts.iter().map(AsRef::as_ref));
            let mut whole = true;
            for part in way {
                whole = self.module(&folder.join(part), targets);
                if !whole {
                    break;
                }
                folder.push(part);
            }
            if !whole {
                continue;
            }
            for name in names {
                match name.as_str() {
                    "*" => _ = targets.stars.insert(folder.clone()),
                    name => _ = self.module(&folder.join(name), targets),
                }
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
