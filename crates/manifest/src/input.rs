//! `[inputs]`: the values from outside, each with the name that nodes know it by.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::Value as Json;

use crate::document::{Entry, Item, Key, Table, Value};
use crate::findings::Findings;
use crate::pattern::Pattern;
use crate::problem::{Problem, Span, Spanned};
use crate::shapes::OneOrMore;

/// A value from outside.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[non_exhaustive]
pub struct Input {
    /// What nodes know it by.
    #[schemars(skip)]
    pub name: Spanned<Arc<str>>,
    /// What it is.
    #[schemars(flatten)]
    pub kind: InputKind,
    /// What it is for, in a few words.
    pub help: Option<String>,
    /// Where its value stands, if that is all that was written.
    #[schemars(skip)]
    pub(crate) plain: Option<Span>,
}

/// What a value from outside is, and by what it counts.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum InputKind {
    /// A value: any that TOML has. Dates are strings.
    Value(Json),
    /// The path of a file, which counts by its content.
    #[schemars(with = "String")]
    File(Spanned<PathBuf>),
    /// Patterns of files below the manifest's directory: a list with an item for each file, by its path.
    #[schemars(with = "OneOrMore")]
    Files(Vec<Spanned<Pattern>>),
    /// The path of a directory, which counts by the content of everything in it.
    #[schemars(with = "String")]
    Dir(Spanned<PathBuf>),
    /// The name of an environment variable, whose value counts.
    #[schemars(with = "String")]
    Env(Spanned<String>),
}

impl Input {
    pub(crate) const KEYS: &[&str] = &["value", "file", "files", "dir", "env", "help"];

    /// Whether it is a list of several things, and not one.
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self.kind,
            InputKind::Files(_) | InputKind::Value(Json::Array(_))
        )
    }

    pub(crate) fn read(
        name: Spanned<Arc<str>>,
        item: &Item<'_>,
        findings: &mut Findings<'_>,
    ) -> Self {
        let (kind, help) = match &item.value {
            Value::Table(table) => read_table(&name, table, findings),
            _ => (findings.value(item).map(InputKind::Value), None),
        };
        Input {
            name,
            kind: kind.unwrap_or(InputKind::Value(Json::Null)),
            help,
            plain: (!matches!(item.value, Value::Table(_))).then_some(item.span),
        }
    }
}

/// What a table says of an input: exactly one of the kinds.
fn read_table(
    name: &Spanned<Arc<str>>,
    table: &Table<'_>,
    findings: &mut Findings<'_>,
) -> (Option<InputKind>, Option<String>) {
    let (mut kind, mut help) = (None, None);
    let mut first: Option<&Key<'_>> = None;
    let mut understood = true;
    for Entry { key, item } in table.entries() {
        let read = match &*key.name {
            "value" => findings.value(item).map(InputKind::Value),
            "file" => findings.path(item).map(InputKind::File),
            "files" => Some(InputKind::Files(findings.texts(item, Pattern::read))),
            "dir" => findings.path(item).map(InputKind::Dir),
            "env" => findings.variable(item).map(InputKind::Env),
            "help" => {
                help = findings.text(item).map(str::to_owned);
                continue;
            }
            _ => {
                findings.unknown_key(key, "an input", Input::KEYS);
                understood = false;
                continue;
            }
        };
        match first {
            Some(first) => {
                let message = format!("input \"{}\" is two things at once", **name);
                let problem = Problem::new(key.span, message)
                    .also(first.span, "it already is this")
                    .help("give each an input of its own");
                findings.add(problem);
            }
            None => (first, kind) = (Some(key), read),
        }
    }
    if first.is_none() && understood {
        let message = format!("input \"{}\" has no value", **name);
        let help =
            "add one of value, file, files, dir and env; a table as a value is { value = { .. } }";
        findings.add(Problem::new(name.span, message).help(help));
    }
    (kind, help)
}
