//! What one item leads to.
//!
//! Edges do not depend on where a closure starts, so they are worked out once an item. The cost of
//! an edge is the import level it crosses: 0 inside a module, 1 into another.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;

use crate::entry::Kind;
use crate::names::{Name, Names, Place};
use crate::resolve::{Found, Target};
use crate::words;
use crate::world::{Binding, CrateId, EntryId, ImportId, ModuleId, PackageId, World};

/// A leaf of a closure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Vertex {
    Entry(EntryId),
    /// A `use` declaration that a name went through: `max as pick` may become `min as pick`.
    Import(ImportId),
    Package(PackageId),
    /// A crate of procedural macros, whole.
    Crate(CrateId),
    /// A module whose file is missing or cannot be parsed, whole.
    Unreadable(ModuleId),
    /// A file read at compile time, from the package of this module.
    File(ModuleId, PathBuf),
    /// A variable of the environment, from the package of this module.
    Variable(ModuleId, String),
    /// A `cfg` predicate that decides among what is there, as code of this module sees it.
    Condition(ModuleId, String),
    /// An `include` whose argument cannot be worked out.
    Unknown(ModuleId, String),
}

/// A leaf, and the levels it costs to get there.
pub(crate) type Edge = (Vertex, u32);

/// The edges of one item as they are found.
pub(crate) struct Gather<'w> {
    pub(crate) world: &'w mut World,
    /// The item whose edges these are.
    pub(crate) entry: EntryId,
    pub(crate) module: ModuleId,
    pub(crate) own: Rc<Vec<ImportId>>,
    edges: HashMap<Vertex, u32>,
    macros: Vec<EntryId>,
}

impl World {
    /// The edges of `entry`, in order.
    pub(crate) fn edges(&mut self, entry: EntryId) -> Rc<Vec<Edge>> {
        if let Some(known) = self.edges.get(&entry) {
            return Rc::clone(known);
        }
        let (module, own) = (self.entry(entry).module, self.own_imports(entry));
        let mut gather = Gather {
            world: self,
            entry,
            module,
            own,
            edges: HashMap::new(),
            macros: Vec::new(),
        };
        gather.all();
        let mut edges: Vec<Edge> = gather.edges.into_iter().collect();
        edges.sort();
        let edges = Rc::new(edges);
        self.edges.insert(entry, Rc::clone(&edges));
        edges
    }

    pub(crate) fn own_imports(&mut self, entry: EntryId) -> Rc<Vec<ImportId>> {
        if let Some(known) = self.own_imports.get(&entry) {
            return Rc::clone(known);
        }
        let (module, uses) = (
            self.entry(entry).module,
            self.entry(entry).facts().uses.clone(),
        );
        let imports = Rc::new(
            uses.iter()
                .flat_map(|item| self.add_use(module, item, false))
                .collect::<Vec<_>>(),
        );
        self.own_imports.insert(entry, Rc::clone(&imports));
        imports
    }

    /// The levels between two modules.
    pub(crate) fn cost(&self, from: ModuleId, to: ModuleId) -> u32 {
        u32::from(self.real(from) != self.real(to))
    }
}

impl Gather<'_> {
    fn all(&mut self) {
        let facts = self.world.entry(self.entry).facts();
        let generics = facts.generics.clone();
        self.names(&facts.names, &generics);
        // What a macro's body names is looked up where the macro is used: only `$crate` is not.
        let mut seen = HashSet::new();
        while let Some(rules) = self.macros.pop() {
            if rules != self.entry && seen.insert(rules) {
                let facts = self.world.entry(rules).facts();
                let mut names = facts.names.clone();
                names.names.retain(|name| name.path[0] != "$crate");
                self.names(&names, &generics);
            }
        }
        self.edges.remove(&Vertex::Entry(self.entry));
    }

    fn names(&mut self, names: &Names, generics: &[String]) {
        for name in &names.names {
            self.name(name, generics);
        }
        if !names.methods.is_empty() {
            self.methods(&names.methods);
        }
        for glob in self.globs() {
            self.foreign_glob(glob);
        }
        self.conditions(self.module, names.conditions.iter().cloned(), 0);
        self.read_at_compile_time(names);
    }

    /// Predicates on the way to an item. They are asked of the compiler for the crate being compiled,
    /// so they stand for its root module, whichever module they are written in.
    fn conditions(
        &mut self,
        module: ModuleId,
        conditions: impl Iterator<Item = String>,
        cost: u32,
    ) {
        let root = self.world.krate_of(module).root;
        for condition in conditions.filter(|condition| !condition.contains('$')) {
            self.edge(Vertex::Condition(root, condition), cost);
        }
    }

    fn name(&mut self, name: &Name, generics: &[String]) {
        let single = match name.path.as_slice() {
            [only] if !name.rooted => Some(only.as_str()),
            _ => None,
        };
        if name.place == Place::Macro || (name.place == Place::Opaque && single.is_some()) {
            for rules in self.world.macros(self.module, &name.path, name.rooted) {
                self.macros.push(rules);
                self.entry(rules);
            }
        }
        // Only a name that could be anything may be one that a macro of the module has made.
        let first = name.path[0].as_str();
        let known = match name.place {
            Place::Local => true,
            Place::Macro => single.is_some_and(words::is_std_macro),
            _ => {
                !name.rooted
                    && (words::is_prelude(first) || generics.iter().any(|generic| generic == first))
            }
        };
        let guess = !known;
        let own = Rc::clone(&self.own);
        let mut found = self
            .world
            .resolve(self.module, &own, &name.path, name.rooted, guess);
        if name.place == Place::Local {
            let before = found.targets.len();
            let world = &self.world;
            found.targets.retain(|target| {
                !matches!(target, Target::Entry(entry) if world.entry(*entry).kind == Kind::Function)
            });
            if found.targets.is_empty() && before > 0 {
                return;
            }
        }
        self.found(found, name.place);
    }

    fn found(&mut self, found: Found, place: Place) {
        for import in found.imports {
            // Declarations in a body are in the item's own tokens.
            if !self.own.contains(&import) {
                self.import(Some(import));
            }
        }
        for target in found.targets {
            self.target(target, place);
        }
    }

    pub(crate) fn target(&mut self, target: Target, place: Place) {
        match target {
            Target::Entry(entry) => self.entry(entry),
            Target::Module(module) if place == Place::Opaque => {
                self.whole(module, &mut HashSet::new())
            }
            Target::Module(_) => {}
            Target::Package(package) => self.edge(Vertex::Package(package), 1),
            Target::Crate(krate) => self.edge(Vertex::Crate(krate), 1),
            Target::Unreadable(module) => {
                let cost = self.world.cost(self.module, module);
                self.edge(Vertex::Unreadable(module), cost);
            }
        }
    }

    /// An item, with the `impl` blocks it brings: those of its own crate (by the orphan rule an impl
    /// stands in the crate of a type or trait in its head, and that one is reached wherever the impl
    /// is used) and those of the crate that uses it.
    pub(crate) fn entry(&mut self, entry: EntryId) {
        let to = self.world.entry(entry).module;
        let cost = self.world.cost(self.module, to);
        self.edge(Vertex::Entry(entry), cost);
        let mut around = Some(to).filter(|_| cost > 0);
        while let Some(module) = around {
            let this = self.world.module(module);
            around = this.parent;
            let conditions = this.conditions.clone();
            self.conditions(module, conditions.into_iter(), cost);
        }
        if !matches!(self.world.entry(entry).kind, Kind::Type | Kind::Trait) {
            return;
        }
        let mut crates = vec![
            self.world.module(to).krate,
            self.world.module(self.module).krate,
        ];
        crates.dedup();
        for krate in crates {
            let impls = self.world.impls(krate);
            for block in impls.get(&entry).into_iter().flatten() {
                let cost = self
                    .world
                    .cost(self.module, self.world.entry(*block).module);
                self.edge(Vertex::Entry(*block), cost);
            }
        }
    }

    /// Everything in a module, for a name of it handed to something that is not understood.
    fn whole(&mut self, module: ModuleId, seen: &mut HashSet<ModuleId>) {
        if !seen.insert(module) {
            return;
        }
        let this = self.world.module(module);
        let entries = this.entries.clone();
        let imports: Vec<ImportId> = this.imports.iter().chain(&this.globs).copied().collect();
        let unreadable = this.unreadable.is_some();
        let inner: Vec<ModuleId> = Vec::from_iter(this.names.values().flatten().filter_map(
            |binding| match binding {
                Binding::Module(inner) => Some(*inner),
                _ => None,
            },
        ));
        if unreadable {
            self.target(Target::Unreadable(module), Place::Opaque);
        }
        entries.into_iter().for_each(|entry| self.entry(entry));
        for import in imports {
            let glob = self.world.import(import).alias == "*";
            let found = self.world.resolve_import(import);
            let modules: Vec<ModuleId> =
                Vec::from_iter(found.targets.iter().filter_map(|target| match target {
                    Target::Module(inner) if glob => Some(*inner),
                    _ => None,
                }));
            self.found(found, Place::Code);
            // `use super::*` in it would be the whole crate; its names are found by the items' own.
            let parent = self.parent_of(module);
            modules
                .into_iter()
                .filter(|inner| Some(*inner) != parent)
                .for_each(|inner| self.whole(inner, seen));
        }
        inner.into_iter().for_each(|inner| self.whole(inner, seen));
    }

    pub(crate) fn parent_of(&self, module: ModuleId) -> Option<ModuleId> {
        self.world.module(module).parent
    }

    pub(crate) fn import(&mut self, import: Option<ImportId>) {
        if let Some(import) = import.filter(|import| !self.own.contains(import)) {
            let this = self.world.import(import);
            let (module, conditions) = (this.module, this.conditions.clone());
            let cost = self.world.cost(self.module, module);
            self.edge(Vertex::Import(import), cost);
            self.conditions(module, conditions.into_iter(), cost);
        }
    }

    /// The globs that the item's names may have come through.
    fn globs(&self) -> Vec<ImportId> {
        let mut globs: Vec<ImportId> = self
            .own
            .iter()
            .copied()
            .filter(|id| self.world.import(*id).alias == "*")
            .collect();
        let mut module = self.module;
        loop {
            let this = self.world.module(module);
            globs.extend(&this.globs);
            match this.parent {
                Some(parent) if this.block => module = parent,
                _ => return globs,
            }
        }
    }

    /// A glob of a package that is not read, or of the standard library: any name may come from it,
    /// so it counts for every item of the module.
    fn foreign_glob(&mut self, glob: ImportId) {
        let found = self.world.resolve_import(glob);
        if found
            .targets
            .iter()
            .all(|target| matches!(target, Target::Package(_) | Target::Crate(_)))
        {
            self.found(found, Place::Code);
        }
    }

    pub(crate) fn edge(&mut self, to: Vertex, cost: u32) {
        let known = self.edges.entry(to).or_insert(cost);
        *known = (*known).min(cost);
    }
}
