//! Everything a function stands on, with the level at which each leaf is first reached.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use quote::ToTokens;

use crate::edges::Vertex;
use crate::fingerprint::{self, Fingerprint, Hash};
use crate::manifest::Package;
use crate::world::{CrateId, EntryId, ModuleId, World};
use crate::{Code, Condition, Item};

/// Files up to this size are kept as text, so that a report can show the changed line.
const SHOWN_FILE: usize = 16 * 1024;

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
        code.conditions
            .sort_by(|a, b| (a.level, &a.path).cmp(&(b.level, &b.path)));
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

    /// A predicate that the compiler can be asked in the crate being compiled: any of its own, and of
    /// another crate what does not depend on that crate's features.
    fn condition(
        &self,
        root: ModuleId,
        predicate: &str,
        level: u32,
        own: Option<CrateId>,
    ) -> Option<Condition> {
        let this = self.module(root);
        if Some(this.krate) != own && predicate.contains("feature") {
            return None;
        }
        let predicate = crate::entry::compact(predicate.parse().ok()?);
        let hash = |value: u8| {
            let mut print = Fingerprint::new("condition");
            print
                .field(b'C', predicate.as_bytes())
                .field(b'V', &[value])
                .finish()
        };
        Some(Condition {
            level,
            path: format!("{} (cfg({predicate}))", this.path),
            hashes: [hash(0), hash(1)],
            predicate,
        })
    }

    /// The edition, which decides what the same tokens mean: at the level at which a crate is first
    /// reached.
    fn edition(&self, krate: CrateId, levels: &HashMap<Vertex, u32>) -> Item {
        let inside = levels
            .iter()
            .filter(|(vertex, _)| self.crate_of(vertex) == Some(krate));
        let level = inside.map(|(_, level)| *level).min().unwrap_or_default();
        let this = self.krate(krate);
        let edition = &this.package.edition;
        let root = &self.module(this.root).path;
        Item {
            level,
            path: format!("{root} (edition)"),
            hash: Fingerprint::new("edition")
                .field(b'E', edition.as_bytes())
                .finish(),
            text: format!("edition {edition}\n"),
            file: this.package.relative(&this.package.dir.join("Cargo.toml")),
            line: 0,
        }
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

    fn crate_of(&self, vertex: &Vertex) -> Option<CrateId> {
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

    /// A leaf as the report shows it, at level 0; None for a predicate, which has two faces.
    fn describe(&mut self, vertex: &Vertex) -> Option<Item> {
        let (module, line) = match vertex {
            Vertex::Condition(..) => return None,
            Vertex::Entry(entry) => (Some(self.entry(*entry).module), self.entry(*entry).line),
            Vertex::Import(import) => (Some(self.import(*import).module), 0),
            Vertex::Crate(krate) => (Some(self.krate(*krate).root), 0),
            Vertex::Unreadable(module)
            | Vertex::Variable(module, _)
            | Vertex::Unknown(module, _) => (Some(*module), 0),
            Vertex::File(..) | Vertex::Package(_) => (None, 0),
        };
        let mut file = module.map(|module| {
            self.krate_of(module)
                .package
                .relative(&self.module(module).file)
        });
        let (path, hash, text) = match vertex {
            Vertex::Condition(..) => return None,
            Vertex::Entry(entry) => {
                let print = self.print(*entry);
                let this = self.entry(*entry);
                (
                    format!("{}::{}", self.module(this.module).path, this.label),
                    print.hash,
                    print.text.clone(),
                )
            }
            Vertex::Import(import) => {
                let this = self.import(*import);
                let hash = Fingerprint::new("use")
                    .field(b'U', this.text.as_bytes())
                    .finish();
                (
                    format!("{} ({})", self.module(this.module).path, this.text),
                    hash,
                    format!("{};\n", this.text),
                )
            }
            Vertex::Package(package) => {
                let (package, name) = &self.locked[package.0 as usize];
                let locked = package.lock.package(name);
                file = Some("Cargo.lock".to_owned());
                (locked.label, locked.hash, locked.text)
            }
            Vertex::Crate(krate) => self.whole_crate(*krate),
            Vertex::Unreadable(module) => {
                let this = self.module(*module);
                let content = std::fs::read(&*this.file).ok();
                let reason = this.unreadable.clone().unwrap_or_default();
                (
                    format!("module {} (whole)", this.path),
                    fingerprint::of_content(content.as_deref()),
                    reason,
                )
            }
            Vertex::File(module, path) => {
                let shown = self.krate_of(*module).package.relative(path);
                let content = std::fs::read(path).ok();
                let hash = fingerprint::of_content(content.as_deref());
                file = Some(shown.clone());
                (format!("file {shown}"), hash, shown_content(content))
            }
            Vertex::Variable(module, name) => {
                let package: Rc<Package> = Rc::clone(&self.krate_of(*module).package);
                let value = self.variable(&package, name);
                let hash = match &value {
                    Some(value) => Fingerprint::new("variable")
                        .field(b'N', name.as_bytes())
                        .field(b'V', value.as_bytes())
                        .finish(),
                    None => Fingerprint::new("no variable")
                        .field(b'N', name.as_bytes())
                        .finish(),
                };
                // The value may be a secret, and the text goes into reports.
                let shown = if value.is_some() {
                    format!("a value with hash {}", short(&hash))
                } else {
                    "not set".to_owned()
                };
                (format!("env {name}"), hash, format!("{name}: {shown}\n"))
            }
            Vertex::Unknown(module, arguments) => {
                let hash = Fingerprint::new("unknown file")
                    .field(b'A', arguments.as_bytes())
                    .finish();
                (
                    format!("{} (include {arguments})", self.module(*module).path),
                    hash,
                    arguments.clone(),
                )
            }
        };
        Some(Item {
            level: 0,
            path,
            hash,
            text,
            file: file.unwrap_or_default(),
            line: line as u32,
        })
    }

    fn print(&self, entry: EntryId) -> Rc<crate::entry::Print> {
        let this = self.entry(entry);
        this.print(&|attribute| self.configures(this.module, attribute))
    }

    fn whole_crate(&self, krate: CrateId) -> (String, Hash, String) {
        let this = self.krate(krate);
        let mut print = Fingerprint::new("crate");
        let mut text = String::new();
        for module in &this.modules {
            let module = self.module(*module);
            print.field(b'M', module.path.as_bytes());
            let mut entries: Vec<(String, Hash)> = module
                .entries
                .iter()
                .map(|entry| (self.entry(*entry).label.clone(), self.print(*entry).hash))
                .collect();
            entries.sort();
            for (label, hash) in entries {
                print.field(b'I', &hash);
                text.push_str(&format!("{}::{label} {}\n", module.path, short(&hash)));
            }
            let imports = module
                .imports
                .iter()
                .chain(&module.globs)
                .map(|import| self.import(*import).text.as_str());
            for import in imports.collect::<BTreeSet<_>>() {
                print.field(b'U', import.as_bytes());
            }
            if module.unreadable.is_some() {
                print.field(
                    b'X',
                    &fingerprint::of_content(std::fs::read(&*module.file).ok().as_deref()),
                );
            }
        }
        (
            format!("crate {} (whole)", self.module(this.root).path),
            print.finish(),
            text,
        )
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

/// Eight characters of a hash, for people.
fn short(hash: &Hash) -> String {
    hash.iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn shown_content(content: Option<Vec<u8>>) -> String {
    match content.map(|bytes| (bytes.len(), String::from_utf8(bytes))) {
        None => "no such file\n".to_owned(),
        Some((length, Ok(text))) if length <= SHOWN_FILE => text,
        Some((length, _)) => format!("{length} bytes\n"),
    }
}
