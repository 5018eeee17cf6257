//! Which `impl` blocks a type or a trait brings.
//!
//! A type that is used brings all its `impl` blocks, and so does a trait, wherever in the crate they
//! stand: `impl Drop`, an operator or a `Display` is used without being named. Blocks that macros make
//! count by what the invocation and the macros behind it name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use crate::entry::Kind;
use crate::names::{Name, Place};
use crate::resolve::Target;
use crate::world::{CrateId, EntryId, ImportId, ModuleId, World};

impl World {
    /// Items of `krate` that a used type or trait brings, by that type or trait.
    pub(crate) fn impls(&mut self, krate: CrateId) -> Rc<HashMap<EntryId, Vec<EntryId>>> {
        if let Some(known) = &self.krate(krate).impls {
            return Rc::clone(known);
        }
        // Resolving a header may ask for this very index through a circle of crates; it is empty then.
        self.krate_mut(krate).impls = Some(Rc::default());
        let mut index: HashMap<EntryId, Vec<EntryId>> = HashMap::new();
        let modules = self.krate(krate).modules.clone();
        let entries = modules
            .into_iter()
            .flat_map(|module| self.module(module).entries.clone());
        for entry in entries.collect::<Vec<_>>() {
            for brings in self.header(entry) {
                let known = index.entry(brings).or_default();
                if brings != entry && !known.contains(&entry) {
                    known.push(entry);
                }
            }
        }
        let index = Rc::new(index);
        self.krate_mut(krate).impls = Some(Rc::clone(&index));
        index
    }

    /// The types and traits in the head of an `impl`, or anywhere in an invocation that may make one.
    fn header(&mut self, entry: EntryId) -> BTreeSet<EntryId> {
        let (this, own) = (self.entry(entry), Vec::new());
        let (facts, module) = (this.facts(), this.module);
        let mut brings = BTreeSet::new();
        if this.kind != Kind::Invocation {
            if let Some(header) = &facts.header {
                let own = if this.kind == Kind::Impl {
                    own
                } else {
                    self.own_imports(entry).to_vec()
                };
                self.brought_by(module, &own, &header.names, &mut brings);
            }
            return brings;
        }
        let mut todo = vec![entry];
        let mut seen = HashSet::new();
        while let Some(next) = todo.pop() {
            if !seen.insert(next) {
                continue;
            }
            let this = self.entry(next);
            let (facts, home) = (this.facts(), this.module);
            self.brought_by(home, &[], &facts.names.names, &mut brings);
            if home != module {
                self.brought_by(module, &[], &facts.names.names, &mut brings);
            }
            for name in facts
                .names
                .names
                .iter()
                .filter(|name| name.place == Place::Macro)
            {
                todo.extend(self.macros(home, &name.path, name.rooted));
            }
        }
        brings
    }

    fn brought_by(
        &mut self,
        module: ModuleId,
        own: &[ImportId],
        names: &BTreeSet<Name>,
        brings: &mut BTreeSet<EntryId>,
    ) {
        for name in names.iter().filter(|name| name.place != Place::Macro) {
            for target in self
                .resolve(module, own, &name.path, name.rooted, false)
                .targets
            {
                if let Target::Entry(entry) = target
                    && matches!(self.entry(entry).kind, Kind::Type | Kind::Trait)
                {
                    brings.insert(entry);
                }
            }
        }
    }
}
