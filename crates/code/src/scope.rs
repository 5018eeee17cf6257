//! Which traits a module's method calls may use.
//!
//! A method call names no type. Where it leads is found by two rules that together cannot miss:
//!
//! * An *inherent* method, or a trait method of a `dyn` or generic value, belongs to a type or a
//!   trait that some item already in the closure names: the value came from a parameter, a function,
//!   a field or a constant, and its type stands in that item's tokens. A type that is used brings all
//!   its `impl` blocks, whatever their methods are called. So nothing is looked up by method name.
//! * Any *other trait method* needs its trait in scope where the call stands. The traits in scope of
//!   a module are those it defines, those its `use` declarations lead to (globs and `as _`
//!   included), and those imported inside the function; each that defines a function of the called
//!   name counts, and a trait that counts brings all its implementations.
//!
//! One more rule serves depth 0: a value made by another module may have a type of this module, and
//! at depth 0 that other module is not read. Therefore a call also brings the `impl` blocks of its
//! own module that define the method, unless the name is one that std types have too (`len`, `get`):
//! those would bind every node of a file to every collection type in it. Such a method is found by
//! its type as soon as the depth reaches the item that makes the value.

use std::collections::HashSet;
use std::rc::Rc;

use crate::entry::Kind;
use crate::resolve::Target;
use crate::world::{EntryId, ImportId, ModuleId, PackageId, World};

/// The traits in scope of a module, and what may hold further ones.
#[derive(Default)]
pub(crate) struct Scope {
    /// With the imports that lead there.
    pub(crate) traits: Vec<(EntryId, Option<ImportId>)>,
    /// Packages of which something that may be a trait is imported.
    pub(crate) packages: Vec<(PackageId, ImportId)>,
    /// Invocations and unread modules behind an import, which may define a trait.
    pub(crate) makers: Vec<(Target, ImportId)>,
}

impl World {
    /// The traits in scope of `module`; worked out once.
    pub(crate) fn scope(&mut self, module: ModuleId) -> Rc<Scope> {
        if let Some(known) = self.scopes.get(&module) {
            return Rc::clone(known);
        }
        let mut scope = Scope::default();
        self.fill(module, None, &mut scope, &mut HashSet::new());
        let scope = Rc::new(scope);
        self.scopes.insert(module, Rc::clone(&scope));
        scope
    }

    fn fill(
        &mut self,
        module: ModuleId,
        through: Option<ImportId>,
        scope: &mut Scope,
        seen: &mut HashSet<ModuleId>,
    ) {
        if !seen.insert(module) {
            return;
        }
        let this = self.module(module);
        let (entries, imports, globs) = (
            this.entries.clone(),
            this.imports.clone(),
            this.globs.clone(),
        );
        let parent = this.parent.filter(|_| this.block);
        let defined = entries
            .into_iter()
            .filter(|entry| self.entry(*entry).kind == Kind::Trait);
        scope.traits.extend(
            defined
                .collect::<Vec<_>>()
                .into_iter()
                .map(|entry| (entry, through)),
        );
        for import in imports.into_iter().chain(globs) {
            self.fill_import(import, through, scope, seen);
        }
        if let Some(parent) = parent {
            self.fill(parent, through, scope, seen);
        }
    }

    /// Adds what one import brings; `through` is the glob by which its module is seen, if any.
    pub(crate) fn fill_import(
        &mut self,
        import: ImportId,
        through: Option<ImportId>,
        scope: &mut Scope,
        seen: &mut HashSet<ModuleId>,
    ) {
        let alias = self.import(import).alias.clone();
        let shown = through.unwrap_or(import);
        for target in self.resolve_import(import).targets {
            match target {
                Target::Entry(entry) => match self.entry(entry).kind {
                    Kind::Trait => scope.traits.push((entry, Some(shown))),
                    Kind::Invocation => scope.makers.push((target, shown)),
                    _ => {}
                },
                Target::Module(module) if alias == "*" => {
                    // What an invocation in a module behind a glob defines is in scope as well.
                    let makers = self.module(module).makers.clone();
                    let invocations = makers
                        .into_iter()
                        .filter(|maker| self.entry(*maker).kind == Kind::Invocation);
                    scope.makers.extend(
                        invocations
                            .map(|maker| (Target::Entry(maker), shown))
                            .collect::<Vec<_>>(),
                    );
                    if self.module(module).unreadable.is_some() {
                        scope.makers.push((Target::Unreadable(module), shown));
                    }
                    self.fill(module, Some(shown), scope, seen);
                }
                Target::Module(_) => {}
                Target::Package(package) => {
                    // Types and traits alike start with a capital letter; functions do not.
                    if alias == "*" || alias.starts_with(|c: char| c.is_uppercase() || c == '_') {
                        scope.packages.push((package, shown));
                    }
                }
                Target::Crate(_) => {}
                Target::Unreadable(_) => scope.makers.push((target, shown)),
            }
        }
    }
}
