//! From a path in a module to the items it may mean.
//!
//! Over-approximate: all namespaces, all cfg variants, every item of a name, visibility ignored.
//! A name that does not show leads to the items that may have made it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::entry::Kind;
use crate::world::{Binding, CrateId, EntryId, External, ImportId, ModuleId, PackageId, World};

/// What a path may mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Target {
    Entry(EntryId),
    Module(ModuleId),
    Package(PackageId),
    /// A crate that only counts as a whole: procedural macros.
    Crate(CrateId),
    /// A module of which nothing is known.
    Unreadable(ModuleId),
}

/// What a lookup found, and the `use` declarations on the way.
#[derive(Default, Debug)]
pub(crate) struct Found {
    pub(crate) targets: Vec<Target>,
    pub(crate) imports: Vec<ImportId>,
}

impl Found {
    fn target(&mut self, target: Target) {
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    fn finish(mut self) -> Self {
        self.imports.sort();
        self.imports.dedup();
        self
    }
}

/// A name in a module, and whether to guess at it.
pub(crate) type Question = (ModuleId, String, bool);

/// What a name in a module may mean, and the imports on the way.
pub(crate) type Answer = (Vec<Target>, Vec<ImportId>);

/// One lookup: what it is in the middle of asking, so that circles of re-exports end.
pub(crate) struct Lookup<'w> {
    world: &'w mut World,
    asking: HashSet<Question>,
    /// Answers that hold for this lookup alone, because a circle cut them short; what is missing in
    /// them is found where the circle began.
    partial: HashMap<Question, Rc<Answer>>,
    /// A circle has been cut since the question being answered was asked.
    cut: bool,
    /// Whether a name that does not show counts as made by whatever may make it.
    guess: bool,
    found: Found,
}

impl World {
    /// Looks `path` up in `module`, and its first segment among `own` imports as well.
    pub(crate) fn resolve(
        &mut self,
        module: ModuleId,
        own: &[ImportId],
        path: &[String],
        rooted: bool,
        guess: bool,
    ) -> Found {
        let mut lookup = Lookup {
            world: self,
            asking: HashSet::new(),
            partial: HashMap::new(),
            cut: false,
            guess,
            found: Found::default(),
        };
        let mut start = Vec::new();
        if !rooted {
            for import in own {
                let this = lookup.world.import(*import);
                if this.alias == path[0] {
                    start.extend(lookup.import(*import));
                } else if this.alias == "*" {
                    start.extend(lookup.through_glob(*import, &path[0]));
                }
            }
        }
        lookup.path(module, path, rooted, start);
        lookup.found.finish()
    }

    /// What one `use` declaration leads to.
    pub(crate) fn resolve_import(&mut self, import: ImportId) -> Found {
        let mut lookup = Lookup {
            world: self,
            asking: HashSet::new(),
            partial: HashMap::new(),
            cut: false,
            guess: true,
            found: Found::default(),
        };
        let targets = lookup.import(import);
        targets
            .into_iter()
            .for_each(|target| lookup.found.target(target));
        lookup.found.finish()
    }
}

impl Lookup<'_> {
    /// Follows `path` to its end, into `found`.
    fn path(&mut self, module: ModuleId, path: &[String], rooted: bool, start: Vec<Target>) {
        for target in self.targets(module, path, rooted, start) {
            self.found.target(target);
        }
    }

    fn targets(
        &mut self,
        module: ModuleId,
        path: &[String],
        rooted: bool,
        mut current: Vec<Target>,
    ) -> Vec<Target> {
        let root = self.world.krate_of(module).root;
        let mut rest = path;
        let mut at = self.world.real(module);
        match path.first().map(String::as_str) {
            None => return current,
            Some("crate" | "$crate") => {
                (current, rest) = (vec![Target::Module(root)], &path[1..]);
            }
            Some("self" | "super") => {
                while let Some(word @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if word == "super" {
                        let parent = self.world.module(at).parent.unwrap_or(at);
                        at = self.world.real(parent);
                    }
                    rest = &rest[1..];
                }
                current = vec![Target::Module(at)];
            }
            Some(first) => {
                rest = &path[1..];
                if rooted {
                    current.extend(self.external(module, first));
                    if current.is_empty() {
                        current.extend(self.member(root, first));
                    }
                } else {
                    current.extend(self.lexical(module, first));
                    let leads_on = |target: &Target| !matches!(target, Target::Entry(_));
                    if !rest.is_empty() && !current.iter().any(leads_on) {
                        current.extend(self.external(module, first));
                    }
                }
            }
        }
        for segment in rest {
            let mut next = Vec::new();
            for target in current {
                match target {
                    Target::Module(module) => next.extend(self.member(module, segment)),
                    // An associated item or a variant: known with its type.
                    other => next.push(other),
                }
            }
            current = next;
        }
        current
    }

    /// A name as code in `module` sees it: blocks look further in what encloses them.
    fn lexical(&mut self, module: ModuleId, name: &str) -> Vec<Target> {
        let mut found = Vec::new();
        let mut at = module;
        loop {
            found.extend(self.member(at, name));
            let this = self.world.module(at);
            match this.parent {
                Some(parent) if this.block => at = parent,
                _ => return found,
            }
        }
    }

    fn external(&mut self, module: ModuleId, name: &str) -> Vec<Target> {
        let krate = self.world.module(module).krate;
        match self.world.external(krate, name) {
            Some(External::Crate(krate)) => {
                let krate_ref = self.world.krate(krate);
                vec![if krate_ref.proc_macro {
                    Target::Crate(krate)
                } else {
                    Target::Module(krate_ref.root)
                }]
            }
            Some(External::Package(package)) => vec![Target::Package(package)],
            None => Vec::new(),
        }
    }

    fn import(&mut self, import: ImportId) -> Vec<Target> {
        self.found.imports.push(import);
        let this = self.world.import(import);
        let (module, path, rooted, name) = (
            this.module,
            this.path.clone(),
            this.rooted,
            this.alias.clone(),
        );
        // `use helpers;` and `use serde_json as json;` name a crate with a single segment, and
        // `use log::log` must not find itself under its own name.
        let mut targets = Vec::new();
        if !rooted && path.len() == 1 && !matches!(path[0].as_str(), "crate" | "self" | "super") {
            targets.extend(self.external(module, &path[0]));
        }
        if !(path.len() == 1 && path[0] == name && !targets.is_empty()) {
            targets.extend(self.targets(module, &path, rooted, Vec::new()));
        }
        targets
    }

    /// A name in a module, through its imports.
    fn member(&mut self, module: ModuleId, name: &str) -> Vec<Target> {
        let question = (module, name.to_owned(), self.guess);
        let known = self
            .world
            .members
            .get(&question)
            .or_else(|| self.partial.get(&question));
        if let Some(known) = known.cloned() {
            self.found.imports.extend(&known.1);
            return known.0.clone();
        }
        if !self.asking.insert(question.clone()) {
            self.cut = true;
            return Vec::new();
        }
        let (outer, imports) = (std::mem::take(&mut self.cut), self.found.imports.len());
        let mut found = self.member_once(module, name);
        found.sort();
        found.dedup();
        let mut on_the_way = self.found.imports.split_off(imports);
        on_the_way.sort();
        on_the_way.dedup();
        self.found.imports.extend(&on_the_way);
        self.asking.remove(&question);
        let answer = Rc::new((found.clone(), on_the_way));
        // Where nothing is being asked any more, every circle has come round.
        if self.cut && !self.asking.is_empty() {
            self.partial.insert(question, answer);
        } else {
            self.world.members.insert(question, answer);
        }
        self.cut |= outer;
        found
    }

    fn member_once(&mut self, module: ModuleId, name: &str) -> Vec<Target> {
        let krate = self.world.module(module).krate;
        if self.world.krate(krate).proc_macro {
            return vec![Target::Crate(krate)];
        }
        let bindings = self
            .world
            .module(module)
            .names
            .get(name)
            .cloned()
            .unwrap_or_default();
        let mut found = Vec::new();
        for binding in &bindings {
            match binding {
                Binding::Entry(entry) => found.push(Target::Entry(*entry)),
                Binding::Module(module) => found.push(Target::Module(*module)),
                Binding::Import(import) => found.extend(self.import(*import)),
            }
        }
        let shows = !bindings.is_empty();
        for glob in self.world.module(module).globs.clone() {
            // A name that shows may still have another meaning (a type, a macro) through a glob.
            let guess = self.guess;
            self.guess &= !shows;
            let through = self.through_glob(glob, name);
            self.guess = guess;
            found.extend(through);
        }
        if !shows && found.is_empty() && self.guess {
            if self.world.module(module).unreadable.is_some() {
                found.push(Target::Unreadable(module));
            }
            let makers = self.world.module(module).makers.clone();
            found.extend(
                makers
                    .into_iter()
                    .filter(|maker| self.world.may_make(*maker, name))
                    .map(Target::Entry),
            );
        }
        found
    }

    fn through_glob(&mut self, glob: ImportId, name: &str) -> Vec<Target> {
        let this = self.world.import(glob);
        let (from, path, rooted) = (this.module, this.path.clone(), this.rooted);
        let imports = self.found.imports.len();
        let mut found = Vec::new();
        for target in self.targets(from, &path, rooted, Vec::new()) {
            match target {
                Target::Module(module) => found.extend(self.member(module, name)),
                Target::Entry(entry) => {
                    let entry_ref = self.world.entry(entry);
                    let facts = entry_ref.facts();
                    if facts.variants.iter().any(|variant| variant == name)
                        || entry_ref.kind == Kind::Invocation
                    {
                        found.push(Target::Entry(entry));
                    }
                }
                // Globs of other packages count for the whole module; see edges.
                Target::Package(_) => {}
                other => found.push(other),
            }
        }
        if found.is_empty() {
            self.found.imports.truncate(imports);
        } else {
            self.found.imports.push(glob);
        }
        found
    }
}
