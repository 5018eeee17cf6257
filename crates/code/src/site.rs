//! Finds the function that a macro was put on: its crate, its module, its item.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Item, Stmt};

use crate::manifest::{Package, clean};
use crate::world::{CrateId, EntryId, ModuleId, World};

/// Where a function stands, as the compiler knows it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The source file; None where the compiler does not know it.
    pub file: Option<PathBuf>,
    /// The line of the function's name, from 1.
    pub line: usize,
    /// The function's name.
    pub name: String,
    /// The package's directory (`CARGO_MANIFEST_DIR`).
    pub manifest_dir: PathBuf,
    /// The crate's name (`CARGO_CRATE_NAME`).
    pub crate_name: String,
    /// The binary's name (`CARGO_BIN_NAME`), set for binaries alone.
    pub bin_name: Option<String>,
    /// The directory that a relative `file` is relative to: where the compiler was started.
    pub working_dir: PathBuf,
}

impl World {
    /// The items that the function is: several when its file is mounted in several modules.
    ///
    /// # Errors
    /// Says why it is not found, as a sentence to be shown.
    pub(crate) fn locate(&mut self, site: &Site) -> Result<Vec<EntryId>, String> {
        let file = site
            .file
            .as_ref()
            .ok_or("the compiler does not know its source file (it was made by another macro)")?;
        let file = clean(&site.working_dir.join(file));
        let dir = clean(&site.manifest_dir);
        self.site = Some(dir.clone());
        let package = self.package(&dir)?;
        let krate = self.crate_with(&package, site, &file).ok_or_else(|| {
            let shown = package.relative(&file);
            format!(
                "`{shown}` is not found among the modules of crate `{}`",
                site.crate_name
            )
        })?;
        let modules = self.krate(krate).modules.clone();
        let holds = |module: &&ModuleId| {
            let this = self.module(**module);
            !this.block
                && *this.file == file
                && this.lines.0 <= site.line
                && site.line <= this.lines.1
        };
        let holding: Vec<ModuleId> = modules.iter().filter(holds).copied().collect();
        let mut found = Vec::new();
        for module in holding {
            let entries = self.module(module).entries.clone();
            let direct = entries
                .iter()
                .find(|entry| self.entry(**entry).is_function_at(&site.name, site.line));
            match direct {
                Some(entry) => found.push(*entry),
                None => found.extend(self.within(module, &entries, site)),
            }
        }
        if found.is_empty() {
            return Err(format!(
                "no function `{}` stands at {}:{} (it was made by a macro)",
                site.name,
                package.relative(&file),
                site.line
            ));
        }
        Ok(found)
    }

    /// The target of the right name whose modules hold the file.
    fn crate_with(&mut self, package: &Rc<Package>, site: &Site, file: &Path) -> Option<CrateId> {
        let named = package
            .targets
            .iter()
            .filter(|target| target.crate_name == site.crate_name);
        let mut targets: Vec<_> = named.collect();
        // A library and a binary often share a name, and even files.
        targets.sort_by_key(|target| target.bin != site.bin_name.is_some());
        for target in targets {
            let krate = self.load(package, &target.root, "crate", target.proc_macro);
            if self
                .krate(krate)
                .modules
                .iter()
                .any(|module| *self.module(*module).file == *file)
            {
                return Some(krate);
            }
        }
        None
    }

    /// A function inside a function: the items of the blocks around it are a scope of their own.
    fn within(&mut self, module: ModuleId, entries: &[EntryId], site: &Site) -> Option<EntryId> {
        let key = (module, site.line);
        if let Some(known) = self.blocks.get(&key) {
            return *known;
        }
        let around = entries.iter().find(|entry| {
            let this = self.entry(**entry);
            this.item.span().start().line <= site.line && site.line <= this.last_line
        });
        let found = around.copied().and_then(|around| {
            let mut blocks = Blocks {
                line: site.line,
                items: Vec::new(),
            };
            blocks.visit_item(&self.entry(around).item);
            let label = self.entry(around).label.clone();
            let scope = self.add_block(module, blocks.items, &label);
            let inside = self.module(scope).entries.clone();
            inside
                .into_iter()
                .find(|entry| self.entry(*entry).is_function_at(&site.name, site.line))
        });
        self.blocks.insert(key, found);
        found
    }
}

/// The items of all blocks around a line.
struct Blocks {
    line: usize,
    items: Vec<Item>,
}

impl<'ast> Visit<'ast> for Blocks {
    fn visit_block(&mut self, block: &'ast Block) {
        let span: proc_macro2::extra::DelimSpan = block.brace_token.span;
        let lines = |span: Span| span.start().line;
        if lines(span.open()) <= self.line && self.line <= lines(span.close()) {
            self.items
                .extend(block.stmts.iter().filter_map(|stmt| match stmt {
                    Stmt::Item(item) => Some(item.clone()),
                    _ => None,
                }));
        }
        visit::visit_block(self, block);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        visit::visit_item_mod(self, item);
    }
}
