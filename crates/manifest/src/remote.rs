//! `[cache] remote`: where else outputs are remembered.
//!
//! It knows how they are written, and of no kind of remote.

use std::time::Duration;

use schemars::JsonSchema;

use crate::document::{Entry, Item, Value};
use crate::findings::Findings;
use crate::problem::{Problem, Spanned};

/// A storage level behind the cache directory, shared with other machines.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoteTable {
    /// What it is, and where, as in "redis://cache.example".
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// What it is used for; by default both.
    #[schemars(with = "Option<Mode>")]
    pub mode: Option<Spanned<String>>,
    /// How long a call may take that gets nothing done, as in "5s".
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
}

/// What a remote is used for.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code, reason = "it stands for its names in the schema")]
enum Mode {
    Read,
    Write,
    ReadWrite,
}

/// A URL, a table, or an array of these, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it stands for its shapes in the schema")]
pub(crate) enum Remotes {
    Url(String),
    One(RemoteTable),
    Several(Vec<UrlOrTable>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it stands for its shapes in the schema")]
pub(crate) enum UrlOrTable {
    Url(String),
    Table(RemoteTable),
}

impl RemoteTable {
    const KEYS: &[&str] = &["url", "mode", "timeout"];
    const MODES: &[&str] = &["read", "write", "read-write"];

    pub(crate) fn read_all(item: &Item<'_>, findings: &mut Findings<'_>) -> Vec<Self> {
        match &item.value {
            Value::Array(items) => {
                let each = items.iter();
                each.filter_map(|item| Self::read(item, findings)).collect()
            }
            _ => Self::read(item, findings).into_iter().collect(),
        }
    }

    fn read(item: &Item<'_>, findings: &mut Findings<'_>) -> Option<Self> {
        if let Value::String(_) = item.value {
            return Some(RemoteTable {
                url: findings.spanned_text(item)?,
                mode: None,
                timeout: None,
            });
        }
        let table = findings.table(item, "a URL or a table with one")?;
        let (mut url, mut mode, mut timeout) = (None, None, None);
        for Entry { key, item } in table.entries() {
            match &*key.name {
                "url" => url = findings.spanned_text(item),
                "mode" => mode = Self::mode(item, findings),
                "timeout" => timeout = findings.duration(item),
                _ => findings.unknown_key(key, "[[cache.remote]]", Self::KEYS),
            }
        }
        if table.find("url").is_none() {
            let problem = Problem::new(item.span, "a remote without a url");
            findings.add(problem.help("say where it is: url = \"redis://cache.example\""));
        }
        Some(RemoteTable {
            url: url?,
            mode,
            timeout,
        })
    }

    fn mode(item: &Item<'_>, findings: &mut Findings<'_>) -> Option<Spanned<String>> {
        let mode = findings.spanned_text(item)?;
        if Self::MODES.contains(&mode.value.as_str()) {
            return Some(mode);
        }
        let message = format!("\"{}\" is no mode of a remote", mode.value);
        let (modes, all) = (Self::MODES.iter().copied(), Self::MODES.join(", "));
        findings.unknown_name(
            item.span,
            message,
            &mode.value,
            modes,
            &format!("write one of {all}"),
        );
        None
    }
}
