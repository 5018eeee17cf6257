//! `[nodes.<name>]`: a command, and what it needs and gives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;

use crate::document::{Entry, Item, Value};
use crate::findings::Findings;
use crate::pattern::Pattern;
use crate::problem::{Problem, Spanned};
use crate::shapes::OneOrMore;
use crate::template::Template;

/// A command whose parameters name what it needs.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[non_exhaustive]
pub struct Node {
    /// What its output is called.
    #[schemars(skip)]
    pub name: Spanned<Arc<str>>,
    /// The command. A string goes to `sh -c`, an array is run as it is. `{name}` stands for an input or the
    /// output of another node, `{output}` for where to write; without it, standard output is the output.
    #[schemars(with = "OneOrMore")]
    pub run: Run,
    /// Lists to execute the command over, once for each of their items, and what an item is called.
    #[schemars(with = "std::collections::BTreeMap<String, String>", default)]
    pub map: Vec<Mapping>,
    /// The field by which the items of a list of JSON objects are told apart.
    #[schemars(with = "Option<String>")]
    pub key: Option<Spanned<String>>,
    /// Patterns of further code files, which count as the command's own code.
    #[schemars(with = "OneOrMore", default)]
    pub sources: Vec<Spanned<Pattern>>,
    /// Environment variables whose values count.
    #[schemars(with = "OneOrMore", default)]
    pub env: Vec<Spanned<String>>,
    /// Further inputs and nodes, which the command finds in `REFRAIN_<NAME>`.
    #[schemars(with = "OneOrMore", default)]
    pub params: Vec<Spanned<Arc<str>>>,
    /// Where the output is put as well, below the manifest's directory.
    #[schemars(with = "Option<String>")]
    pub to: Option<Spanned<PathBuf>>,
    /// The file in which the command tells, as a compiler does for make, what it has read.
    #[schemars(with = "Option<String>")]
    pub depfile: Option<Spanned<Template>>,
    /// What the output is.
    #[schemars(default)]
    pub format: Format,
    /// How long one execution may take, as in "10m".
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
    /// How long its output counts after it was made, as in "7d"; one that is older is made again.
    #[schemars(with = "Option<String>")]
    pub ttl: Option<Duration>,
    /// How often a failed execution is tried again.
    #[schemars(default)]
    pub retries: u32,
    /// Whether the output is remembered; by default it is, and otherwise the command is executed whenever its
    /// output is needed.
    pub cache: Option<bool>,
    /// A name of the command's version, which takes the place of the environment's name.
    pub cache_key: Option<String>,
    /// The storage backend of its outputs.
    #[schemars(with = "Option<String>")]
    pub cache_backend: Option<Spanned<String>>,
    /// Everything it needs: items of mapped lists first, then as the command and `params` name them.
    #[schemars(skip)]
    pub parameters: Vec<Parameter>,
}

/// What is executed.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// A command for `sh -c`.
    Shell(Spanned<Template>),
    /// A program and its arguments.
    Program(Vec<Spanned<Template>>),
}

/// One list that a node is mapped over.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// What an item is called in the command.
    pub item: Spanned<Arc<str>>,
    /// The list's name.
    pub list: Spanned<Arc<str>>,
}

/// What a node's output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Format {
    /// Bytes as they are.
    #[default]
    Bytes,
    /// Text.
    Text,
    /// JSON, in which neither the order of keys nor spaces count.
    Json,
    /// A directory.
    Dir,
}

/// One thing that a node needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What the command calls it.
    pub name: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is one item at a time of what comes from there.
    pub item: bool,
}

/// Where a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The input of this index.
    Input(usize),
    /// The output of the node of this index.
    Node(usize),
}

impl Run {
    /// The command's texts: one, or a program and its arguments.
    pub fn templates(&self) -> &[Spanned<Template>] {
        match self {
            Run::Shell(template) => std::slice::from_ref(template),
            Run::Program(templates) => templates,
        }
    }
}

impl Format {
    const ALL: [(&str, Format); 4] = [
        ("bytes", Format::Bytes),
        ("text", Format::Text),
        ("json", Format::Json),
        ("dir", Format::Dir),
    ];

    fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Option<Self> {
        findings.one_of(item, "format", &Format::ALL)
    }
}

impl Node {
    pub(crate) const KEYS: &[&str] = &[
        "run",
        "map",
        "key",
        "sources",
        "env",
        "params",
        "to",
        "depfile",
        "format",
        "timeout",
        "ttl",
        "retries",
        "cache",
        "cache_key",
        "cache_backend",
    ];

    fn named(name: Spanned<Arc<str>>) -> Self {
        Node {
            name,
            run: Run::Program(Vec::new()),
            map: Vec::new(),
            key: None,
            sources: Vec::new(),
            env: Vec::new(),
            params: Vec::new(),
            to: None,
            depfile: None,
            format: Format::default(),
            timeout: None,
            ttl: None,
            retries: 0,
            cache: None,
            cache_key: None,
            cache_backend: None,
            parameters: Vec::new(),
        }
    }

    /// Reads a node. What is refused is left at its default, so that others still find the node.
    pub(crate) fn read(
        name: Spanned<Arc<str>>,
        item: &Item<'_>,
        findings: &mut Findings<'_>,
    ) -> Self {
        let mut node = Node::named(name);
        let Some(table) = findings.table(item, "a table with a command to run") else {
            return node;
        };
        let mut has_run = false;
        let mut unknown = false;
        for Entry { key, item } in table.entries() {
            match &*key.name {
                "run" => {
                    has_run = true;
                    node.run = read_run(item, findings).unwrap_or(node.run);
                }
                "map" => node.map = read_map(item, findings),
                "key" => node.key = findings.spanned_text(item),
                "sources" => node.sources = findings.texts(item, Pattern::read),
                "env" => node.env = findings.texts(item, Findings::variable),
                "params" => node.params = findings.texts(item, Findings::spanned_name),
                "to" => node.to = findings.inner_path(item),
                "depfile" => node.depfile = findings.template_of(item, Template::parse),
                "format" => node.format = Format::read(item, findings).unwrap_or_default(),
                "timeout" => node.timeout = findings.duration(item),
                "ttl" => node.ttl = findings.duration(item),
                "retries" => node.retries = findings.count(item).unwrap_or_default(),
                "cache" => node.cache = findings.boolean(item),
                "cache_key" => node.cache_key = findings.filled(item).map(str::to_owned),
                "cache_backend" => node.cache_backend = findings.spanned_text(item),
                _ => {
                    // It may be the misspelt command.
                    unknown = true;
                    findings.unknown_key(key, "a node", Self::KEYS);
                }
            }
        }
        if !has_run && !unknown {
            let message = format!("node \"{}\" has nothing to run", *node.name);
            findings.add(Problem::new(node.name.span, message).help("add run = \"<command>\""));
        }
        node
    }
}

fn read_run(item: &Item<'_>, findings: &mut Findings<'_>) -> Option<Run> {
    let empty = || Problem::new(item.span, "there is nothing to run").help("write a command");
    match &item.value {
        Value::String(text) if text.trim().is_empty() => findings.add(empty()),
        Value::String(_) => {
            return findings
                .template_of(item, Template::parse_shell)
                .map(Run::Shell);
        }
        Value::Array(items) if items.is_empty() => findings.add(empty()),
        Value::Array(items) => {
            let first = items.iter().next().and_then(|first| first.value.as_str());
            if first.is_some_and(str::is_empty) {
                findings.add(empty());
                return None;
            }
            let mut templates = Vec::with_capacity(items.len());
            for item in items.iter() {
                templates.extend(findings.template_of(item, Template::parse));
            }
            return Some(Run::Program(templates));
        }
        _ => findings.wrong_type(item, "a command, as a string or an array of strings"),
    }
    None
}

fn read_map(item: &Item<'_>, findings: &mut Findings<'_>) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    let Some(table) = findings.table(item, "a table such as { item = \"list\" }") else {
        return mappings;
    };
    for Entry { key, item: list } in table.entries() {
        let item = findings.declared(key, "an item");
        let list = findings.spanned_name(list);
        if let (Some(item), Some(list)) = (item, list) {
            mappings.push(Mapping { item, list });
        }
    }
    if table.entries().is_empty() {
        findings.add(
            Problem::new(item.span, "this maps over nothing")
                .help("name a list: { item = \"list\" }"),
        );
    }
    mappings
}
