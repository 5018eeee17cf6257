//! Everything a function stands on, with the level at which each leaf is first reached.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use quote::ToTokens;

use crate::edges::Vertex;
use crate::fingerprint::Fingerprint;
use crate::world::{CrateId, EntryId, World};
use crate::{Code, Item};

impl World {
    /// The closure from `starts`, the function itself first.
    pub(crate) fn closure(&mut self, starts: &[EntryId]) -> Code {
        let levels = self.levels(starts);
        let own = starts
            .first()
            .map(|start| self.module(self.entry(*start).module).krate);
        let mut code = Code::default();
        let mut crates = BTreeSet::new();
        let mut files = BTreeSet::new();
        for (vertex, level) in &levels {
            if let Some(krate) = self.crate_of(vertex) {
                crates.insert(krate);
            }
            match vertex {
                Vertex::File(_, file) => _ = files.insert(file.clone()),
                Vertex::Unknown(module, arguments) => {
                    let source = self
                        .krate_of(*module)
                        .package
                        .relative(&self.module(*module).file);
                    code.incomplete = Some(format!(
                        "the file of `include..!({arguments})` in {source} cannot be worked out"
                    ));
                }
                _ => {}
            }
            if let Vertex::Condition(root, predicate) = vertex {
                code.conditions
                    .extend(self.condition(*root, predicate, *level, own));
                continue;
            }
            code.items.extend(self.describe(vertex).map(|item| Item {
                level: *level,
                ..item
            }));
        }
        if let Some(own) = own {
            let (items, conditions) = self.features(&levels, own);
            code.items.extend(items);
            code.conditions.extend(conditions);
        }
        code.conditions
            .sort_by(|a, b| (a.level, &a.path).cmp(&(b.level, &b.path)));
        code.conditions
            .dedup_by(|a, b| (a.level, &a.path) == (b.level, &b.path));
        for krate in &crates {
            code.items.push(self.edition(*krate, &levels));
        }
        let first = starts
            .first()
            .and_then(|start| self.describe(&Vertex::Entry(*start)));
        code.items
            .sort_by(|a, b| (a.level, &a.path, &a.hash).cmp(&(b.level, &b.path, &b.hash)));
        code.items
            .dedup_by(|a, b| (a.level, &a.path, &a.hash) == (b.level, &b.path, &b.hash));
        if let Some(first) = first {
            let at = code.items.iter().position(|item| {
                item.level == 0 && item.path == first.path && item.hash == first.hash
            });
            let at = at.unwrap_or_default();
            code.items[..=at].rotate_right(1);
        }
        for krate in crates.into_iter().filter(|krate| Some(*krate) != own) {
            let modules = &self.krate(krate).modules;
            files.extend(
                modules
                    .iter()
                    .map(|module| self.module(*module))
                    .filter(|module| module.unreadable.is_none())
                    .map(|module| (*module.file).clone()),
            );
        }
        code.files = files
            .into_iter()
            .filter(|file: &PathBuf| file.is_file())
            .collect();
        code
    }

    /// Breadth first over edges of cost 0 and 1.
    fn levels(&mut self, starts: &[EntryId]) -> HashMap<Vertex, u32> {
        let mut levels: HashMap<Vertex, u32> = HashMap::new();
        let mut queue: VecDeque<(Vertex, u32)> = starts
            .iter()
            .map(|start| (Vertex::Entry(*start), 0))
            .collect();
        while let Some((vertex, level)) = queue.pop_front() {
            if levels.contains_key(&vertex) {
                continue;
            }
            levels.insert(vertex.clone(), level);
            let edges = match vertex {
                Vertex::Entry(entry) => self.edges(entry),
                Vertex::Crate(krate) => self.crate_edges(krate),
                _ => continue,
            };
            for (to, cost) in edges.iter() {
                if !levels.contains_key(to) {
                    match cost {
                        0 => queue.push_front((to.clone(), level)),
                        cost => queue.push_back((to.clone(), level + cost)),
                    }
                }
            }
        }
        levels
    }

    /// What a crate of procedural macros stands on: every package it depends on.
    fn crate_edges(&mut self, krate: CrateId) -> Rc<Vec<(Vertex, u32)>> {
        let package = Rc::clone(&self.krate(krate).package);
        let mut edges = Vec::new();
        for origin in package.origins.values() {
            match origin {
                crate::manifest::Origin::Path(dir) => {
                    edges.extend(self.library(dir).map(|krate| (Vertex::Crate(krate), 1)));
                }
                crate::manifest::Origin::Locked(name) => {
                    edges.push((Vertex::Package(self.locked(&package, name)), 1));
                }
                crate::manifest::Origin::Engine(_) => {}
            }
        }
        Rc::new(edges)
    }

    pub(crate) fn crate_of(&self, vertex: &Vertex) -> Option<CrateId> {
        match vertex {
            Vertex::Entry(entry) => Some(self.module(self.entry(*entry).module).krate),
            Vertex::Import(import) => Some(self.module(self.import(*import).module).krate),
            Vertex::Crate(krate) => Some(*krate),
            Vertex::Unreadable(module) | Vertex::File(module, _) => {
                Some(self.module(*module).krate)
            }
            Vertex::Package(_)
            | Vertex::Variable(..)
            | Vertex::Condition(..)
            | Vertex::Unknown(..) => None,
        }
    }

    /// The function alone, where nothing around it is known.
    pub(crate) fn alone(source: &str, name: &str, line: usize, reason: String) -> Code {
        let parsed = syn::parse_str::<syn::Item>(source);
        let (hash, text) = match parsed {
            Ok(mut item) => {
                let own = |path: &syn::Path| {
                    path.segments
                        .last()
                        .is_some_and(|last| last.ident == "func")
                };
                crate::normal::normalise(&mut item, &own);
                let hash = Fingerprint::new("item")
                    .tokens(&item.to_token_stream())
                    .finish();
                (hash, crate::layout::text(item))
            }
            Err(_) => (
                Fingerprint::new("source")
                    .field(b'S', source.as_bytes())
                    .finish(),
                source.to_owned(),
            ),
        };
        let item = Item {
            level: 0,
            path: name.to_owned(),
            hash,
            text,
            file: String::new(),
            line: line as u32,
        };
        Code {
            items: vec![item],
            conditions: Vec::new(),
            files: Vec::new(),
            incomplete: Some(reason),
        }
    }
}
