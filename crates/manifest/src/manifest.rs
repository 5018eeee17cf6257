//! A whole manifest.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;

use crate::circles;
use crate::document::{Entry, Item, Table};
use crate::exports;
use crate::findings::Findings;
use crate::input::Input;
use crate::links::{Links, Names};
use crate::node::{Node, Origin};
use crate::problem::{Problem, Problems, Source, Spanned};
use crate::shapes::{Named, ValueOr};
use crate::syntax;
use crate::tables::{CacheTable, EnvTable, PipelineTable};
use crate::uses::Uses;

/// A manifest that has been read and checked.
///
/// Whatever names something names something that is there, no nodes need each other in a circle, and no
/// relative path leads out of the project.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    title = "refrain.toml",
    description = "A pipeline of commands."
)]
#[non_exhaustive]
pub struct Manifest {
    /// What the whole is called, and what of it is wanted.
    #[schemars(default)]
    pub pipeline: PipelineTable,
    /// How and where outputs are remembered.
    #[schemars(default)]
    pub cache: CacheTable,
    /// What counts for every node besides its own declarations.
    #[schemars(default)]
    pub env: EnvTable,
    /// The values from outside, each with the name that nodes know it by.
    #[schemars(with = "Named<ValueOr<Input>>", default)]
    pub inputs: Vec<Input>,
    /// The commands, each with the name of its output.
    #[schemars(with = "Named<Node>", default)]
    pub nodes: Vec<Node>,
    #[schemars(skip)]
    names: Names,
    #[schemars(skip)]
    source: Source,
}

impl Manifest {
    pub(crate) const KEYS: &[&str] = &["pipeline", "cache", "env", "inputs", "nodes"];

    /// Reads and checks a text; `path` is where it comes from.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Problems> {
        let mut findings = Findings::new(text);
        let document = match syntax::parse(text) {
            Ok(document) => document,
            Err(problems) => {
                problems
                    .into_iter()
                    .for_each(|problem| findings.add(problem));
                return Err(findings.into_problems(path));
            }
        };
        let mut manifest = Manifest {
            pipeline: PipelineTable::default(),
            cache: CacheTable::default(),
            env: EnvTable::default(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            names: Names::default(),
            source: Source::new(path, text),
        };
        manifest.read(&document, &mut findings);
        manifest.check(&mut findings);
        match findings.is_empty() {
            true => Ok(manifest),
            false => Err(findings.into_problems(path)),
        }
    }

    /// The text that it was read from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Input> {
        match self.names.get(name)? {
            Origin::Input(index) => Some(&self.inputs[*index]),
            Origin::Node(_) => None,
        }
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        match self.names.get(name)? {
            Origin::Node(index) => Some(&self.nodes[*index]),
            Origin::Input(_) => None,
        }
    }

    /// The names of the nodes to run when none are named.
    pub fn targets(&self) -> Vec<Arc<str>> {
        if !self.pipeline.targets.is_empty() {
            let targets = self.pipeline.targets.iter();
            return targets.map(|target| target.value.clone()).collect();
        }
        let mut read = vec![false; self.nodes.len()];
        for parameter in self.nodes.iter().flat_map(|node| &node.parameters) {
            if let Origin::Node(index) = parameter.origin {
                read[index] = true;
            }
        }
        let nodes = self.nodes.iter().zip(read);
        let targets = nodes.filter(|(_, read)| !read);
        targets.map(|(node, _)| node.name.value.clone()).collect()
    }

    /// Problems that come up later, with this manifest's text.
    pub fn problems(&self, list: Vec<Problem>) -> Problems {
        Problems::new(self.source.clone(), list, 0)
    }

    fn read(&mut self, document: &Table<'_>, findings: &mut Findings<'_>) {
        for Entry { key, item } in document.entries() {
            match &*key.name {
                "pipeline" => self.pipeline = PipelineTable::read(item, findings),
                "cache" => self.cache = CacheTable::read(item, findings),
                "env" => self.env = EnvTable::read(item, findings),
                "inputs" => {
                    self.inputs = named(item, "an input", findings, Input::read);
                }
                "nodes" => {
                    self.nodes = named(item, "a node", findings, Node::read);
                }
                _ => findings.unknown_key(key, "a manifest", Self::KEYS),
            }
        }
    }

    fn check(&mut self, findings: &mut Findings<'_>) {
        self.declare(findings);
        let mut links = Links {
            nodes: &self.nodes,
            names: &self.names,
            findings,
        };
        links.targets(&self.pipeline.targets);
        let parameters = self.nodes.iter().map(|node| links.parameters(node));
        let parameters: Vec<_> = parameters.collect();
        for (node, parameters) in self.nodes.iter_mut().zip(parameters) {
            node.parameters = parameters;
        }
        let mut uses = Uses {
            inputs: &self.inputs,
            nodes: &self.nodes,
            findings,
        };
        self.nodes.iter().for_each(|node| uses.check(node));
        circles::check(&self.nodes, findings);
        let cache = self
            .cache
            .cache_dir
            .as_ref()
            .map_or(Path::new(".cache"), |dir| dir);
        let manifest = self.source.path().file_name().map(Path::new);
        let own: Vec<&Path> = manifest.into_iter().chain([cache]).collect();
        exports::check(&self.inputs, &self.nodes, &own, findings);
    }

    /// Gives each name to an input or a node; one that both have is refused.
    fn declare(&mut self, findings: &mut Findings<'_>) {
        self.names.reserve(self.inputs.len() + self.nodes.len());
        for (index, input) in self.inputs.iter().enumerate() {
            self.names
                .insert(input.name.value.clone(), Origin::Input(index));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let before = self
                .names
                .insert(node.name.value.clone(), Origin::Node(index));
            if let Some(Origin::Input(input)) = before {
                let message = format!("\"{}\" is both an input and a node", *node.name);
                let problem = Problem::new(node.name.span, message)
                    .also(self.inputs[input].name.span, "the input")
                    .help("rename one of them");
                findings.add(problem);
            }
        }
    }
}

/// The entries of a table whose keys are names of the user's.
fn named<T>(
    item: &Item<'_>,
    what: &str,
    findings: &mut Findings<'_>,
    read: fn(Spanned<Arc<str>>, &Item<'_>, &mut Findings<'_>) -> T,
) -> Vec<T> {
    let Some(table) = findings.table(item, "a table") else {
        return Vec::new();
    };
    let mut entries = Vec::with_capacity(table.entries().len());
    for Entry { key, item } in table.entries() {
        if let Some(name) = findings.declared(key, what) {
            entries.push(read(name, item, findings));
        }
    }
    entries
}
