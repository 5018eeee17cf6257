//! Everything read so far: packages, crates, modules, items and imports, by number.
//!
//! Numbers are handed out as things are read and never reused, so that what is worked out once (an
//! item's hash, its edges) stays true for the rest of the compilation. Crates are read when a path
//! first leads into them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::edges::Edge;
use crate::entry::{Entry, Kind};
use crate::manifest::{Origin, Package};
use crate::names::plain;
use crate::resolve::{Answer, Question};
use crate::scope::Scope;

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub(crate) struct $name(pub(crate) u32);
    )* };
}

number! {
    /// One compilation target.
    CrateId
    /// One module, inline module, or block that holds items.
    ModuleId
    /// One item.
    EntryId
    /// One leaf of a `use` declaration.
    ImportId
    /// One registry or git package, as one workspace locks it.
    PackageId
}

/// One compilation target and its modules.
pub(crate) struct Crate {
    pub(crate) package: Rc<Package>,
    pub(crate) root: ModuleId,
    pub(crate) proc_macro: bool,
    pub(crate) modules: Vec<ModuleId>,
    /// Every `macro_rules!` of the crate: textual scope is taken to be the whole of it.
    pub(crate) macros: HashMap<String, Vec<EntryId>>,
    /// What `extern crate` puts into the extern prelude, by the name it gives.
    pub(crate) renamed: HashMap<String, String>,
    /// Items with a header (`impl` blocks and invocations that may make them), by what it names.
    pub(crate) impls: Option<Rc<HashMap<EntryId, Vec<EntryId>>>>,
}

/// What a name stands for in one module.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding {
    Entry(EntryId),
    Module(ModuleId),
    Import(ImportId),
}

/// One module, or a block that holds items.
pub(crate) struct Module {
    pub(crate) krate: CrateId,
    pub(crate) parent: Option<ModuleId>,
    /// A block inside a function: looks further in `parent`, and is no module of its own.
    pub(crate) block: bool,
    /// `crate::helpers`.
    pub(crate) path: String,
    pub(crate) file: Rc<PathBuf>,
    /// Of an inline module within its file, else the whole file.
    pub(crate) lines: (usize, usize),
    pub(crate) names: HashMap<String, Vec<Binding>>,
    pub(crate) imports: Vec<ImportId>,
    pub(crate) globs: Vec<ImportId>,
    pub(crate) entries: Vec<EntryId>,
    /// Items that may define names that do not show: invocations, foreign attributes and derives.
    pub(crate) makers: Vec<EntryId>,
    /// The predicates on its declaration.
    pub(crate) conditions: Vec<String>,
    /// Why its items are not known, when its file is missing or cannot be parsed.
    pub(crate) unreadable: Option<String>,
}

/// One leaf of a `use` declaration, or an `extern crate`.
pub(crate) struct Import {
    pub(crate) module: ModuleId,
    pub(crate) path: Vec<String>,
    pub(crate) rooted: bool,
    /// The name it gives; `*` for a glob, `_` for a trait brought in for its methods.
    pub(crate) alias: String,
    /// The predicates on its declaration.
    pub(crate) conditions: Vec<String>,
    /// As one would write it alone: `use std::cmp::max as pick`.
    pub(crate) text: String,
}

/// Everything read so far.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) packages: HashMap<PathBuf, Result<Rc<Package>, String>>,
    pub(crate) crates: Vec<Crate>,
    pub(crate) modules: Vec<Module>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) imports: Vec<Import>,
    /// Registry packages by workspace and name.
    pub(crate) locked: Vec<(Rc<Package>, String)>,
    pub(crate) roots: HashMap<PathBuf, CrateId>,
    pub(crate) scopes: HashMap<ModuleId, Rc<Scope>>,
    pub(crate) edges: HashMap<EntryId, Rc<Vec<Edge>>>,
    /// `use` declarations inside function bodies, read for the item that holds them.
    pub(crate) own_imports: HashMap<EntryId, Rc<Vec<ImportId>>>,
    /// Blocks that hold a node, by module and line.
    pub(crate) blocks: HashMap<(ModuleId, usize), Option<EntryId>>,
    /// The directory of the package being compiled.
    pub(crate) site: Option<PathBuf>,
    /// Environment variables to use instead of the process's own.
    pub(crate) variables: Option<BTreeMap<String, String>>,
    /// Names looked up in modules; kept where no circle of re-exports cut the answer short.
    pub(crate) members: HashMap<Question, Rc<Answer>>,
    /// What an invocation may define; None when not all the macros behind it are read.
    pub(crate) words: HashMap<EntryId, Option<Rc<HashSet<String>>>>,
}

impl World {
    pub(crate) fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0 as usize]
    }

    pub(crate) fn module_mut(&mut self, id: ModuleId) -> &mut Module {
        &mut self.modules[id.0 as usize]
    }

    pub(crate) fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    pub(crate) fn import(&self, id: ImportId) -> &Import {
        &self.imports[id.0 as usize]
    }

    pub(crate) fn krate(&self, id: CrateId) -> &Crate {
        &self.crates[id.0 as usize]
    }

    pub(crate) fn krate_mut(&mut self, id: CrateId) -> &mut Crate {
        &mut self.crates[id.0 as usize]
    }

    pub(crate) fn krate_of(&self, module: ModuleId) -> &Crate {
        self.krate(self.module(module).krate)
    }

    /// The module that a block stands in; a module is its own.
    pub(crate) fn real(&self, mut module: ModuleId) -> ModuleId {
        while let Module {
            block: true,
            parent: Some(parent),
            ..
        } = self.module(module)
        {
            module = *parent;
        }
        module
    }

    /// The package in `dir`, read once.
    pub(crate) fn package(&mut self, dir: &Path) -> Result<Rc<Package>, String> {
        let read = || Package::read(dir).map(Rc::new);
        self.packages
            .entry(dir.to_owned())
            .or_insert_with(read)
            .clone()
    }

    /// The library of the package in `dir`; None when there is none to be read.
    pub(crate) fn library(&mut self, dir: &Path) -> Option<CrateId> {
        let package = self.package(dir).ok()?;
        let target = package.lib()?;
        let (root, name, proc_macro) = (
            target.root.clone(),
            target.crate_name.clone(),
            target.proc_macro,
        );
        Some(self.load(&package, &root, &name, proc_macro))
    }

    /// A registry package as this package's workspace locks it.
    pub(crate) fn locked(&mut self, package: &Rc<Package>, name: &str) -> PackageId {
        let same = |(other, known): &(Rc<Package>, String)| {
            known == name && other.workspace == package.workspace
        };
        let at = self.locked.iter().position(same).unwrap_or_else(|| {
            self.locked.push((Rc::clone(package), name.to_owned()));
            self.locked.len() - 1
        });
        PackageId(at as u32)
    }

    /// Where a name of the extern prelude leads from this crate; None for the standard library.
    pub(crate) fn external(&mut self, krate: CrateId, name: &str) -> Option<External> {
        let this = self.krate(krate);
        let package = Rc::clone(&this.package);
        let name = this
            .renamed
            .get(name)
            .map_or(name, String::as_str)
            .to_owned();
        match package.origins.get(&name) {
            Some(Origin::Path(dir)) => self.library(dir).map(External::Crate),
            Some(Origin::Locked(name)) => Some(External::Package(self.locked(&package, name))),
            Some(Origin::Engine(_)) => None,
            None if package.lib().is_some_and(|lib| lib.crate_name == name)
                && !Package::is_engine(&package.name) =>
            {
                self.library(&package.dir.clone()).map(External::Crate)
            }
            None => None,
        }
    }

    /// Adds an item to its module.
    pub(crate) fn add_entry(&mut self, entry: Entry) -> EntryId {
        let id = EntryId(self.entries.len() as u32);
        let (module, kind, names) = (entry.module, entry.kind, entry.names.clone());
        self.entries.push(entry);
        let krate = self.module(module).krate;
        let this = self.module_mut(module);
        this.entries.push(id);
        for name in &names {
            this.names
                .entry(name.clone())
                .or_default()
                .push(Binding::Entry(id));
        }
        if kind == Kind::Invocation {
            this.makers.push(id);
        }
        if kind == Kind::Rules {
            for name in names {
                self.krate_mut(krate)
                    .macros
                    .entry(name)
                    .or_default()
                    .push(id);
            }
        }
        id
    }

    /// A variable of the environment at compile time, as `env!` sees it from a package.
    pub(crate) fn variable(&self, package: &Package, name: &str) -> Option<String> {
        if Some(&package.dir) != self.site.as_ref() {
            // The process's own variables are those of the package being compiled.
            match name {
                "CARGO_PKG_VERSION" => return Some(package.version.clone()),
                "CARGO_PKG_NAME" => return Some(package.name.clone()),
                "CARGO_MANIFEST_DIR" => return Some(package.dir.to_string_lossy().into_owned()),
                "OUT_DIR" => return None,
                _ => {}
            }
        }
        match &self.variables {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }

    /// Whether an attribute is the engine's own `#[func]`, whose arguments it accounts for elsewhere.
    /// Only one that an import says is another package's is not.
    pub(crate) fn configures(&self, module: ModuleId, attribute: &syn::Path) -> bool {
        let segments: Vec<String> = attribute
            .segments
            .iter()
            .map(|segment| plain(&segment.ident))
            .collect();
        let origins = &self.krate_of(module).package.origins;
        let foreign = |first: &String| {
            matches!(
                origins.get(first),
                Some(Origin::Path(_) | Origin::Locked(_))
            )
        };
        let [name] = segments.as_slice() else {
            return segments.last().is_some_and(|last| last == "func")
                && !segments.first().is_some_and(foreign);
        };
        let mut imported = None;
        let mut at = Some(module);
        while let Some(module) = at {
            let this = self.module(module);
            let mut imports = this.imports.iter().map(|import| self.import(*import));
            imported = imported.or_else(|| imports.find(|import| import.alias == *name));
            at = this.parent.filter(|_| this.block);
        }
        match imported {
            Some(import) => {
                import.path.last().is_some_and(|last| last == "func")
                    && !import.path.first().is_some_and(foreign)
            }
            None => name == "func",
        }
    }
}

/// Where a name of the extern prelude leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum External {
    Crate(CrateId),
    Package(PackageId),
}
