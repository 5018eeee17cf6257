//! A command of a manifest as a node of a pipeline.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use refrain::{Args, MapBuilder, Node, NodeBuilder, OutputList, OutputPath, Param, PathKind};
use refrain_manifest::{Format, InputKind, Manifest, Origin};
use serde_json::Value;

use crate::action::{Action, Surroundings};
use crate::arguments::{Kind, Parameter};
use crate::items::split;
use crate::program::Program;
use crate::secret::CACHE_KEY;

/// Makes a node of a pipeline of a node of a manifest; `program` is what [`Programs`](crate::Programs)
/// found for it.
///
/// What it needs are the manifest's inputs and nodes by their names: a value is a [`serde_json::Value`],
/// `file` and `dir` are a `PathBuf`, `files` a `Vec<PathBuf>`. Its output is an [`OutputPath`], or an
/// [`OutputList`] if it is mapped.
pub fn node(
    manifest: &Manifest,
    node: &refrain_manifest::Node,
    program: Program,
    around: &Arc<Surroundings>,
) -> Node {
    let mut builder = declare(node, around)
        .code(program.code)
        .code_files(program.files);
    let mut parameters = Vec::with_capacity(node.parameters.len());
    // Lists come last: so does the engine hand out their items.
    let (items, whole): (Vec<_>, Vec<_>) =
        node.parameters.iter().partition(|parameter| parameter.item);
    for (index, parameter) in whole.iter().chain(&items).enumerate() {
        let kind = kind(manifest, parameter);
        let name = parameter.name.clone();
        parameters.push(Parameter { name, kind, index });
    }
    for parameter in &whole {
        builder = builder.param(param(manifest, parameter.origin));
    }
    let action = Action {
        name: node.name.value.clone(),
        run: node.run.clone(),
        parameters,
        variables: node
            .params
            .iter()
            .map(|param| param.value.clone())
            .collect(),
        format: node.format,
        depfile: node.depfile.as_ref().map(|depfile| depfile.value.clone()),
        around: around.clone(),
    };
    let execute = move |args: &Args| action.execute(args);
    let output = match node.format {
        Format::Dir => PathKind::Dir,
        Format::Bytes | Format::Text | Format::Json => PathKind::File,
    };
    let cached = node.cache != Some(false);
    match (items.is_empty(), cached) {
        (true, true) => builder.cached_path(output, execute),
        (true, false) => builder.uncached_path(execute),
        (false, true) => mapped(manifest, node, &items, builder).cached_path(output, execute),
        (false, false) => mapped(manifest, node, &items, builder).uncached_path(execute),
    }
}

/// Adds the lists that a node is mapped over.
fn mapped(
    manifest: &Manifest,
    node: &refrain_manifest::Node,
    items: &[&refrain_manifest::Parameter],
    builder: NodeBuilder,
) -> MapBuilder {
    let mut builder = builder.mapped();
    for item in items {
        let list = param(manifest, item.origin);
        let key = node.key.as_ref().map(|key| key.value.clone());
        builder = match (kind(manifest, item), item.origin) {
            (Kind::Item, Origin::Input(_)) => builder.over_parts(list, move |array: &Value| {
                split(&array.to_string(), key.as_deref())
            }),
            (Kind::Item, Origin::Node(_)) => builder.over_parts(list, move |array: &OutputPath| {
                let text = fs::read_to_string(array.path()).map_err(|error| error.to_string())?;
                split(&text, key.as_deref())
            }),
            _ => builder.over(list),
        };
    }
    builder
}

/// What the action is given for a parameter.
fn kind(manifest: &Manifest, parameter: &refrain_manifest::Parameter) -> Kind {
    match (parameter.origin, parameter.item) {
        (Origin::Input(input), item) => match (&manifest.inputs[input].kind, item) {
            (InputKind::Value(_) | InputKind::Env(_), false) => Kind::Value,
            (InputKind::Value(_) | InputKind::Env(_), true) => Kind::Item,
            (InputKind::File(_) | InputKind::Dir(_), _) | (InputKind::Files(_), true) => Kind::Path,
            (InputKind::Files(_), false) => Kind::Paths,
        },
        (Origin::Node(parent), item) => match (manifest.nodes[parent].map.is_empty(), item) {
            (true, false) | (false, true) => Kind::Output,
            (true, true) => Kind::Item,
            (false, false) => Kind::Outputs,
        },
    }
}

/// The parameter that takes what comes from there, as a whole.
fn param(manifest: &Manifest, origin: Origin) -> Param {
    match origin {
        Origin::Input(input) => {
            let input = &manifest.inputs[input];
            let name = input.name.value.clone();
            match input.kind {
                InputKind::Value(_) | InputKind::Env(_) => Param::of::<Value>(name),
                InputKind::File(_) | InputKind::Dir(_) => Param::new::<PathBuf>(name),
                InputKind::Files(_) => Param::new::<Vec<PathBuf>>(name),
            }
        }
        Origin::Node(parent) => {
            let parent = &manifest.nodes[parent];
            let name = parent.name.value.clone();
            match parent.map.is_empty() {
                true => Param::new::<OutputPath>(name),
                false => Param::new::<OutputList>(name),
            }
        }
    }
}

/// Everything about a node but its parameters, its code and its action.
fn declare(node: &refrain_manifest::Node, around: &Surroundings) -> NodeBuilder {
    let mut builder = Node::named(node.name.value.clone()).retries(node.retries);
    // The key is not there for commands, and what counts for them is kept in the cache.
    for name in node.env.iter().filter(|name| ***name != *CACHE_KEY) {
        let value = std::env::var_os(&**name).map(shown);
        builder = builder.env(name, value.as_deref());
    }
    for (tool, version) in &around.tools {
        builder = builder.env(tool, Some(version));
    }
    if let Some(timeout) = node.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(ttl) = node.ttl {
        builder = builder.ttl(ttl);
    }
    if let Some(key) = &node.cache_key {
        builder = builder.cache_key(key);
    }
    if let Some(backend) = &node.cache_backend {
        builder = builder.cache_backend(backend);
    }
    match node.depfile {
        Some(_) => builder.discovers(),
        None => builder,
    }
}

/// A variable's value as text, different for different values.
fn shown(value: OsString) -> String {
    let text = value.into_string();
    text.unwrap_or_else(|bytes| bytes.as_bytes().escape_ascii().to_string())
}
