//! The tables of a manifest that stand once: `[pipeline]`, `[cache]`, `[env]`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;

use crate::document::{Entry, Item};
use crate::findings::Findings;
use crate::problem::Spanned;
use crate::remote::{RemoteTable, Remotes};
use crate::shapes::OneOrMore;

/// What the whole is called, and what of it is wanted.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PipelineTable {
    /// The pipeline's name; by default that of its directory.
    pub name: Option<String>,
    /// The nodes that are run when none are named; by default all that no other node reads.
    #[schemars(with = "OneOrMore")]
    pub targets: Vec<Spanned<Arc<str>>>,
}

/// How and where outputs are remembered.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CacheTable {
    /// Whether anything is remembered at all; by default it is.
    pub enabled: Option<bool>,
    /// The storage backend of all nodes that name none.
    #[schemars(with = "Option<String>")]
    pub backend: Option<Spanned<String>>,
    /// The directory of the cache, `.cache` by default.
    #[schemars(with = "Option<String>")]
    pub cache_dir: Option<Spanned<PathBuf>>,
    /// A name of the environment that counts for every node without a `cache_key`.
    pub env_hash: Option<String>,
    /// How many levels of imports beyond a program's own file count as its code.
    pub dependency_depth: Option<u32>,
    /// What the cache may take on disk, as in "10 GiB".
    #[schemars(with = "Option<String>")]
    pub max_size: Option<u64>,
    /// What one output may take, as in "1 GiB"; a larger one is not remembered.
    #[schemars(with = "Option<String>")]
    pub max_entry_size: Option<u64>,
    /// How long an output that nothing uses is kept, as in "30d".
    #[schemars(with = "Option<String>")]
    pub max_age: Option<Duration>,
    /// A file with the key that records are sealed with: 32 bytes, or 64 hexadecimal digits.
    #[schemars(with = "Option<String>")]
    pub key_file: Option<Spanned<PathBuf>>,
    /// Storage behind the directory that is shared with other machines.
    #[schemars(with = "Remotes")]
    pub remote: Vec<RemoteTable>,
    /// How long outputs count after they were made, as in "7d", of nodes that do not say.
    #[schemars(with = "Option<String>")]
    pub ttl: Option<Duration>,
    /// What goes first when there is not room for all: what is cheap to make again, or what was not used for long.
    pub eviction: Option<Eviction>,
}

/// What goes first when there is not room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Eviction {
    /// What costs the fewest seconds per byte to make again, and was of little use.
    Cost,
    /// What was not used for the longest time.
    Lru,
}

/// What counts for every node besides its own declarations.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EnvTable {
    /// Commands whose output tells the version of a tool, as in "python3 --version".
    #[schemars(with = "OneOrMore")]
    pub tools: Vec<Spanned<String>>,
}

impl PipelineTable {
    pub(crate) const KEYS: &[&str] = &["name", "targets"];

    pub(crate) fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Self {
        let mut read = PipelineTable::default();
        let Some(table) = findings.table(item, "a table") else {
            return read;
        };
        for Entry { key, item } in table.entries() {
            match &*key.name {
                "name" => read.name = findings.filled(item).map(str::to_owned),
                "targets" => {
                    read.targets = findings.texts(item, |findings, item| {
                        let name = findings.text(item)?;
                        Some(Spanned::new(name.into(), item.span))
                    });
                }
                _ => findings.unknown_key(key, "[pipeline]", Self::KEYS),
            }
        }
        read
    }
}

impl CacheTable {
    pub(crate) const KEYS: &[&str] = &[
        "enabled",
        "backend",
        "cache_dir",
        "env_hash",
        "dependency_depth",
        "max_size",
        "max_entry_size",
        "max_age",
        "key_file",
        "remote",
        "ttl",
        "eviction",
    ];

    pub(crate) fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Self {
        let mut read = CacheTable::default();
        let Some(table) = findings.table(item, "a table") else {
            return read;
        };
        for Entry { key, item } in table.entries() {
            match &*key.name {
                "enabled" => read.enabled = findings.boolean(item),
                "backend" => read.backend = findings.spanned_text(item),
                "cache_dir" => read.cache_dir = findings.path(item),
                "env_hash" => read.env_hash = findings.text(item).map(str::to_owned),
                "dependency_depth" => read.dependency_depth = findings.count(item),
                "max_size" => read.max_size = findings.size(item),
                "max_entry_size" => read.max_entry_size = findings.size(item),
                "max_age" => read.max_age = findings.duration(item),
                "key_file" => read.key_file = findings.path(item),
                "remote" => read.remote = RemoteTable::read_all(item, findings),
                "ttl" => read.ttl = findings.duration(item),
                "eviction" => read.eviction = Eviction::read(item, findings),
                _ => findings.unknown_key(key, "[cache]", Self::KEYS),
            }
        }
        read
    }
}

impl Eviction {
    const ALL: [(&str, Eviction); 2] = [("cost", Eviction::Cost), ("lru", Eviction::Lru)];

    fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Option<Self> {
        findings.one_of(item, "eviction", &Self::ALL)
    }
}

impl EnvTable {
    pub(crate) const KEYS: &[&str] = &["tools"];

    pub(crate) fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Self {
        let mut read = EnvTable::default();
        let Some(table) = findings.table(item, "a table") else {
            return read;
        };
        for Entry { key, item } in table.entries() {
            match &*key.name {
                "tools" => read.tools = findings.texts(item, Findings::spanned_text),
                _ => findings.unknown_key(key, "[env]", Self::KEYS),
            }
        }
        read
    }
}
