//! What the method calls of an item lead to.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::edges::{Gather, Vertex};
use crate::entry::Kind;
use crate::names::Place;
use crate::resolve::Target;
use crate::scope::Scope;
use crate::words;

impl Gather<'_> {
    /// Method calls; the rules are at [`crate::scope`].
    pub(crate) fn methods(&mut self, methods: &BTreeSet<String>) {
        let mut module = self.module;
        loop {
            for entry in self.world.module(module).entries.clone() {
                let this = self.world.entry(entry);
                if this.kind != Kind::Impl {
                    continue;
                }
                let facts = this.facts();
                if methods.iter().any(|method| {
                    !words::is_common_method(method) && facts.names.functions.contains(method)
                }) {
                    self.entry(entry);
                }
            }
            match self.parent_of(module) {
                Some(parent) if self.world.module(module).block => module = parent,
                _ => break,
            }
        }
        let scope = self.world.scope(self.module);
        self.scope(&scope, methods);
        let own = Rc::clone(&self.own);
        let mut inner = Scope::default();
        let mut seen = HashSet::new();
        for import in own.iter() {
            self.world.fill_import(*import, None, &mut inner, &mut seen);
        }
        self.scope(&inner, methods);
    }

    fn scope(&mut self, scope: &Scope, methods: &BTreeSet<String>) {
        for (entry, import) in &scope.traits {
            let facts = self.world.entry(*entry).facts();
            // A trait's functions may come from a macro in it.
            let unknown = facts
                .names
                .names
                .iter()
                .any(|name| name.place == Place::Macro);
            if unknown
                || methods
                    .iter()
                    .any(|method| facts.names.functions.contains(method))
            {
                self.entry(*entry);
                self.import(*import);
            }
        }
        for (package, import) in &scope.packages {
            self.edge(Vertex::Package(*package), 1);
            self.import(Some(*import));
        }
        for (maker, import) in &scope.makers {
            let may = match maker {
                Target::Entry(entry) => methods
                    .iter()
                    .any(|method| self.world.may_make(*entry, method)),
                _ => true,
            };
            if may {
                self.target(*maker, Place::Code);
                self.import(Some(*import));
            }
        }
    }
}
