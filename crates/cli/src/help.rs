//! What a pipeline takes and gives, for the end of the help.

use std::fmt::Write;

use refrain::{InputKind, InputOutline, Inputs, Pipeline};
use refrain_manifest::Manifest;

use crate::style::NAME;
use crate::table::{Table, plain};

/// The most nodes that are named.
const NAMED: usize = 20;

/// The inputs with their types and defaults, and the nodes.
pub fn describe(pipeline: &Pipeline, given: &Inputs) -> String {
    let mut text = String::new();
    let outlines = pipeline
        .inputs()
        .filter_map(|name| pipeline.input(name).ok());
    let mut table = Table::default();
    for input in outlines {
        let is_given = given.names().any(|name| name == input.name);
        let need = need(&input, is_given);
        table.row([
            plain(format_args!("  {}", input.name)),
            plain(kind(&input)),
            plain(need),
        ]);
    }
    let table = table.to_string();
    if !table.is_empty() {
        let _ = write!(text, "{NAME}Inputs{NAME:#} (--set NAME=VALUE):\n{table}\n");
    }
    let mut nodes: Vec<&str> = pipeline.nodes().take(NAMED + 1).collect();
    if nodes.len() > NAMED {
        nodes[NAMED] = "...";
    }
    let targets: Vec<&str> = pipeline.target_names().take(NAMED).collect();
    let _ = writeln!(text, "{NAME}Nodes{NAME:#}: {}", nodes.join(", "));
    let _ = write!(text, "{NAME}Targets{NAME:#}: {}", targets.join(", "));
    text
}

/// The inputs of a manifest, each with what it is and what it is for.
pub fn describe_manifest(manifest: &Manifest) -> String {
    let mut table = Table::default();
    for input in &manifest.inputs {
        table.row([
            plain(format_args!("  {}", *input.name)),
            plain(given(&input.kind)),
            plain(input.help.as_deref().unwrap_or_default()),
        ]);
    }
    let path = manifest.source().path().display();
    format!("{NAME}Inputs{NAME:#} of {path} (--set NAME=VALUE):\n{table}")
}

/// What an input is unless `--set` says something else.
fn given(kind: &refrain_manifest::InputKind) -> String {
    use refrain_manifest::InputKind as Kind;
    match kind {
        Kind::Value(value) => value.to_string(),
        Kind::File(path) => format!("file {}", path.display()),
        Kind::Dir(path) => format!("directory {}", path.display()),
        Kind::Files(patterns) => {
            let patterns: Vec<&str> = patterns.iter().map(|pattern| pattern.as_str()).collect();
            format!("files {}", patterns.join(" "))
        }
        Kind::Env(variable) => format!("environment variable {}", **variable),
    }
}

fn kind<'a>(input: &InputOutline<'a>) -> &'a str {
    match input.kind {
        InputKind::Path => "path",
        InputKind::Paths => "list of paths",
        InputKind::Text => "text",
        _ => short(input.type_name),
    }
}

fn need(input: &InputOutline<'_>, is_given: bool) -> String {
    match &input.default {
        _ if is_given => "[given by the program]".to_owned(),
        Some(default) => format!("[default: {default}]"),
        None if input.optional => "[has a default]".to_owned(),
        None => "required".to_owned(),
    }
}

/// A type's name without the path to it.
fn short(type_name: &str) -> &str {
    match type_name.split_once('<') {
        Some(_) => type_name,
        None => type_name.rsplit("::").next().unwrap_or(type_name),
    }
}
