//! What a leaf of a closure is called, hashed as and shown as.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::edges::Vertex;
use crate::entry::Print;
use crate::fingerprint::{self, Fingerprint, Hash};
use crate::manifest::Package;
use crate::world::{CrateId, EntryId, ModuleId, World};
use crate::{Condition, Item};

/// Files up to this size are kept as text, so that a report can show the changed line.
const SHOWN_FILE: usize = 16 * 1024;

impl World {
    /// A leaf as the report shows it, at level 0; None for a predicate, which has two faces.
    pub(crate) fn describe(&mut self, vertex: &Vertex) -> Option<Item> {
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

    fn print(&self, entry: EntryId) -> Rc<Print> {
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

    /// A predicate that the compiler can be asked in the crate being compiled: any of its own, and of
    /// another crate what does not depend on that crate's features.
    pub(crate) fn condition(
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
    pub(crate) fn edition(&self, krate: CrateId, levels: &HashMap<Vertex, u32>) -> Item {
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
