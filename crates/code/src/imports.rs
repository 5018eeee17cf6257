//! `use` declarations and `extern crate`, leaf by leaf.

use syn::UseTree;

use crate::names::plain;
use crate::tree::conditions;
use crate::world::{Binding, Import, ImportId, ModuleId, World};

impl World {
    /// Adds each leaf of a `use`; `named` makes its names visible to the whole module.
    pub(crate) fn add_use(
        &mut self,
        module: ModuleId,
        item: &syn::ItemUse,
        named: bool,
    ) -> Vec<ImportId> {
        let mut leaves = Vec::new();
        flatten(&mut Vec::new(), &item.tree, &mut leaves);
        let rooted = item.leading_colon.is_some();
        let conditions = conditions(&item.attrs);
        let add = |(path, alias)| {
            let id = self.add_import(module, path, rooted, alias, named);
            self.imports[id.0 as usize].conditions = conditions.clone();
            id
        };
        leaves.into_iter().map(add).collect()
    }

    fn add_import(
        &mut self,
        module: ModuleId,
        path: Vec<String>,
        rooted: bool,
        alias: String,
        named: bool,
    ) -> ImportId {
        let id = ImportId(self.imports.len() as u32);
        let root = if rooted { "::" } else { "" };
        let text = match (alias.as_str(), path.last()) {
            ("*", _) => format!("use {root}{}::*", path.join("::")),
            (alias, Some(last)) if alias == last => format!("use {root}{}", path.join("::")),
            (alias, _) => format!("use {root}{} as {alias}", path.join("::")),
        };
        if named {
            let this = self.module_mut(module);
            match alias.as_str() {
                "*" => this.globs.push(id),
                name => {
                    this.imports.push(id);
                    if name != "_" {
                        this.names
                            .entry(name.to_owned())
                            .or_default()
                            .push(Binding::Import(id));
                    }
                }
            }
        }
        self.imports.push(Import {
            module,
            path,
            rooted,
            alias,
            conditions: Vec::new(),
            text,
        });
        id
    }

    pub(crate) fn add_extern_crate(&mut self, module: ModuleId, item: &syn::ItemExternCrate) {
        let name = plain(&item.ident);
        let alias = item
            .rename
            .as_ref()
            .map_or_else(|| name.clone(), |(_, alias)| plain(alias));
        let krate = self.module(module).krate;
        if name == "self" {
            self.add_import(module, vec!["crate".to_owned()], false, alias, true);
            return;
        }
        if alias != name && alias != "_" {
            self.krate_mut(krate)
                .renamed
                .insert(alias.clone(), name.clone());
        }
        self.add_import(module, vec![name.clone()], true, alias, true);
        if item
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("macro_use"))
        {
            let root = self.krate(krate).root;
            self.add_import(root, vec![name], true, "*".to_owned(), true);
        }
    }
}

fn flatten(prefix: &mut Vec<String>, tree: &UseTree, out: &mut Vec<(Vec<String>, String)>) {
    let with = |prefix: &[String], last: String| {
        // `use a::{self}` imports `a`.
        let mut path = prefix.to_vec();
        if last != "self" || path.is_empty() {
            path.push(last);
        }
        path
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(plain(&path.ident));
            flatten(prefix, &path.tree, out);
            prefix.pop();
        }
        UseTree::Name(name) => {
            let path = with(prefix, plain(&name.ident));
            let alias = path.last().cloned().unwrap_or_default();
            out.push((path, alias));
        }
        UseTree::Rename(rename) => {
            out.push((with(prefix, plain(&rename.ident)), plain(&rename.rename)))
        }
        UseTree::Glob(_) => out.push((prefix.clone(), "*".to_owned())),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| flatten(prefix, tree, out)),
    }
}
