//! What items may define without its name showing: invocations, attributes and derives.

use std::collections::HashSet;
use std::rc::Rc;

use crate::entry::Kind;
use crate::names::Place;
use crate::resolve::Target;
use crate::words;
use crate::world::{EntryId, ModuleId, World};

impl World {
    /// Whether the item `maker` may define `name` without the name showing.
    ///
    /// A `macro_rules!` macro cannot invent identifiers: what it defines stands in its body or in its
    /// arguments. Any other macro may.
    pub(crate) fn may_make(&mut self, maker: EntryId, name: &str) -> bool {
        let Some(words) = self.maker_words(maker) else {
            return true;
        };
        words.contains(name)
    }

    /// Every identifier that an invocation and the macros behind it may define; None when a macro
    /// that is not read is among them.
    fn maker_words(&mut self, maker: EntryId) -> Option<Rc<HashSet<String>>> {
        if let Some(known) = self.words.get(&maker) {
            return known.clone();
        }
        let mut words: HashSet<String> = HashSet::new();
        let mut todo = vec![maker];
        let mut seen = HashSet::new();
        let mut known = true;
        while let Some(entry) = todo.pop() {
            if !seen.insert(entry) {
                continue;
            }
            let this = self.entry(entry);
            let (facts, module, kind) = (this.facts(), this.module, this.kind);
            words.extend(facts.names.defined.iter().cloned());
            // An attribute or derive that is not the language's own, or an `include!` not read.
            known &= kind == Kind::Rules || kind == Kind::Invocation;
            known &= facts.names.includes.is_empty();
            for name in facts
                .names
                .names
                .iter()
                .filter(|name| name.place == Place::Macro)
            {
                let found = self.macros(module, &name.path, name.rooted);
                if found.is_empty()
                    && !words::is_std_macro(name.path.last().map_or("", String::as_str))
                {
                    known = false;
                }
                todo.extend(found);
            }
        }
        let words = known.then(|| Rc::new(words));
        self.words.insert(maker, words.clone());
        words
    }

    /// The `macro_rules!` that an invocation in `module` may mean: by path, and by textual scope.
    pub(crate) fn macros(
        &mut self,
        module: ModuleId,
        path: &[String],
        rooted: bool,
    ) -> Vec<EntryId> {
        let found = self.resolve(module, &[], path, rooted, false);
        let rules = |world: &World, entry: &EntryId| world.entry(*entry).kind == Kind::Rules;
        let entries = found.targets.iter().filter_map(|target| match target {
            Target::Entry(entry) if rules(self, entry) => Some(*entry),
            _ => None,
        });
        let mut entries: Vec<EntryId> = entries.collect();
        if let [name] = path {
            let textual = self
                .krate_of(module)
                .macros
                .get(name)
                .cloned()
                .unwrap_or_default();
            entries.extend(textual);
            entries.sort();
            entries.dedup();
        }
        entries
    }
}
