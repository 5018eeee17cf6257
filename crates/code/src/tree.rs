//! Reads a crate's modules: `mod x;` to its file, inline modules, `#[path]`, every cfg variant.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use quote::ToTokens;
use syn::{Attribute, Expr, Item, Lit, Meta};

use crate::entry::{Entry, attributes_of};
use crate::includes;
use crate::manifest::{Package, clean};
use crate::names::{condition, plain};
use crate::world::{Binding, Crate, CrateId, Module, ModuleId, World};

/// Where the files of a module's children are looked for.
#[derive(Clone)]
struct Place {
    /// The directory of the source file itself, for `#[path]` outside inline modules.
    beside: PathBuf,
    /// The directory for `mod x;`.
    below: PathBuf,
    inline: bool,
}

impl World {
    /// Reads the crate whose root file is `root`, once. `label` is how its paths start in reports.
    pub(crate) fn load(
        &mut self,
        package: &Rc<Package>,
        root: &Path,
        label: &str,
        proc_macro: bool,
    ) -> CrateId {
        if let Some(known) = self.roots.get(root) {
            return *known;
        }
        let id = CrateId(self.crates.len() as u32);
        self.roots.insert(root.to_owned(), id);
        self.crates.push(Crate {
            package: Rc::clone(package),
            root: ModuleId(self.modules.len() as u32),
            proc_macro,
            modules: Vec::new(),
            macros: HashMap::new(),
            renamed: HashMap::new(),
            impls: None,
        });
        self.file_module(id, None, label.to_owned(), root, true);
        id
    }

    fn add_module(
        &mut self,
        krate: CrateId,
        parent: Option<ModuleId>,
        path: String,
        file: Rc<PathBuf>,
        lines: (usize, usize),
    ) -> ModuleId {
        let id = ModuleId(self.modules.len() as u32);
        self.modules.push(Module {
            krate,
            parent,
            block: false,
            path,
            file,
            lines,
            names: HashMap::new(),
            imports: Vec::new(),
            globs: Vec::new(),
            entries: Vec::new(),
            makers: Vec::new(),
            conditions: Vec::new(),
            unreadable: None,
        });
        self.krate_mut(krate).modules.push(id);
        id
    }

    /// A block of a function body as a scope of its own.
    pub(crate) fn add_block(
        &mut self,
        parent: ModuleId,
        items: Vec<Item>,
        function: &str,
    ) -> ModuleId {
        let (krate, path) = (
            self.module(parent).krate,
            format!("{}::{function}", self.module(parent).path),
        );
        let file = Rc::clone(&self.module(parent).file);
        let id = self.add_module(krate, Some(parent), path, Rc::clone(&file), (0, 0));
        self.module_mut(id).block = true;
        let beside = file.parent().unwrap_or(Path::new("")).to_owned();
        let place = Place {
            below: beside.clone(),
            beside,
            inline: true,
        };
        self.add_items(id, items, &place);
        id
    }

    fn file_module(
        &mut self,
        krate: CrateId,
        parent: Option<ModuleId>,
        path: String,
        file: &Path,
        mod_rs: bool,
    ) -> ModuleId {
        let id = self.add_module(
            krate,
            parent,
            path,
            Rc::new(file.to_owned()),
            (0, usize::MAX),
        );
        let beside = file.parent().unwrap_or(Path::new("")).to_owned();
        let below = if mod_rs {
            beside.clone()
        } else {
            beside.join(file.file_stem().unwrap_or_default())
        };
        match read(file) {
            Ok(items) => self.add_items(
                id,
                items,
                &Place {
                    beside,
                    below,
                    inline: false,
                },
            ),
            Err(reason) => self.module_mut(id).unreadable = Some(reason),
        }
        id
    }

    fn add_items(&mut self, module: ModuleId, items: Vec<Item>, place: &Place) {
        for item in items {
            match item {
                Item::Use(item) => _ = self.add_use(module, &item, true),
                Item::ExternCrate(item) => self.add_extern_crate(module, &item),
                Item::Mod(item) => self.add_child(module, item, place),
                Item::Macro(item) if item.ident.is_none() && item.mac.path.is_ident("include") => {
                    self.add_included(module, item, place);
                }
                item => self.add_item(module, item),
            }
        }
    }

    fn add_item(&mut self, module: ModuleId, item: Item) {
        let exported = attributes_of(&item)
            .iter()
            .any(|attribute| attribute.path().is_ident("macro_export"));
        let Some(entry) = Entry::new(module, item) else {
            return;
        };
        let names = entry.names.clone();
        let foreign =
            !attributes_of(&entry.item).is_empty() && !entry.facts().foreign_attributes.is_empty();
        let id = self.add_entry(entry);
        if foreign && !self.module(module).makers.contains(&id) {
            self.module_mut(module).makers.push(id);
        }
        if exported {
            let root = self.krate_of(module).root;
            for name in names {
                self.module_mut(root)
                    .names
                    .entry(name)
                    .or_default()
                    .push(Binding::Entry(id));
            }
        }
    }

    /// `include!` of items: they belong to this module. One that cannot be read stays an invocation,
    /// which may define any name.
    fn add_included(&mut self, module: ModuleId, item: syn::ItemMacro, place: &Place) {
        let package = Rc::clone(&self.krate_of(module).package);
        let arguments = item.mac.tokens.to_string();
        let variable = |name: &str| self.variable(&package, name);
        let file = includes::path_of(&arguments, &self.module(module).file, &variable);
        match file.as_deref().map(read) {
            Some(Ok(items)) => self.add_items(module, items, place),
            _ => self.add_item(module, Item::Macro(item)),
        }
    }

    fn add_child(&mut self, parent: ModuleId, item: syn::ItemMod, place: &Place) {
        let name = plain(&item.ident);
        let (krate, path) = (
            self.module(parent).krate,
            format!("{}::{name}", self.module(parent).path),
        );
        let paths = path_attributes(&item.attrs);
        let conditions = conditions(&item.attrs);
        if let Some((brace, items)) = item.content {
            let lines = (
                item.mod_token.span.start().line,
                brace.span.close().end().line,
            );
            let file = Rc::clone(&self.module(parent).file);
            let id = self.add_module(krate, Some(parent), path, file, lines);
            let below = paths.plain.map_or_else(
                || place.below.join(&name),
                |path| clean(&place.below.join(path)),
            );
            self.add_items(
                id,
                items,
                &Place {
                    beside: place.beside.clone(),
                    below,
                    inline: true,
                },
            );
            self.module_mut(id).conditions = conditions;
            self.module_mut(parent)
                .names
                .entry(name)
                .or_default()
                .push(Binding::Module(id));
            return;
        }
        let base = if place.inline {
            &place.below
        } else {
            &place.beside
        };
        let mut files: Vec<(PathBuf, bool)> = Vec::new();
        files.extend(
            paths
                .plain
                .iter()
                .chain(&paths.conditional)
                .map(|path| (clean(&base.join(path)), true)),
        );
        if paths.plain.is_none() {
            files.push((place.below.join(format!("{name}.rs")), false));
            files.push((place.below.join(&name).join("mod.rs"), true));
        }
        let mut present: Vec<_> = files
            .iter()
            .filter(|(file, _)| file.is_file())
            .cloned()
            .collect();
        if present.is_empty() {
            // Absent under a cfg that is off; what it would hold is unknown, and so is its content.
            present.extend(files.into_iter().next());
        }
        for (file, mod_rs) in present {
            let id = self.file_module(krate, Some(parent), path.clone(), &file, mod_rs);
            self.module_mut(id).conditions = conditions.clone();
            self.module_mut(parent)
                .names
                .entry(name.clone())
                .or_default()
                .push(Binding::Module(id));
        }
    }
}

/// The `cfg` predicates among attributes.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let tokens = attributes
        .iter()
        .map(|attribute| attribute.meta.to_token_stream());
    tokens.filter_map(|tokens| condition(&tokens)).collect()
}

struct Paths {
    plain: Option<String>,
    /// In `#[cfg_attr(.., path = "..")]`.
    conditional: Vec<String>,
}

fn path_attributes(attributes: &[Attribute]) -> Paths {
    let mut paths = Paths {
        plain: None,
        conditional: Vec::new(),
    };
    for attribute in attributes {
        if attribute.path().is_ident("path") {
            paths.plain = path_value(&attribute.meta);
        } else if attribute.path().is_ident("cfg_attr") {
            let list = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
            let inner = attribute.parse_args_with(list).unwrap_or_default();
            paths.conditional.extend(
                inner
                    .iter()
                    .filter(|meta| meta.path().is_ident("path"))
                    .filter_map(path_value),
            );
        }
    }
    paths
}

fn path_value(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The items of a source file.
fn read(file: &Path) -> Result<Vec<Item>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Ok(syn::parse_file(&text)
        .map_err(|error| error.to_string())?
        .items)
}
