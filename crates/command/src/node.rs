//! A command of a manifest as a node of a pipeline.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use refrain::{Code, Node, NodeBuilder, OutputPath, Param, PathKind};
use refrain_manifest::{Format, Input, InputKind, Manifest, Origin};

use crate::action::{Action, Surroundings};
use crate::arguments::{Kind, Parameter};

/// Makes a node of a pipeline of a node of a manifest; `code` is what [`Programs`](crate::Programs) found
/// for it.
///
/// Its parameters are those of the manifest: a value is a [`serde_json::Value`], `file` and `dir` are a
/// `PathBuf`, `files` a `Vec<PathBuf>`, and its output is an [`OutputPath`].
pub fn node(
    manifest: &Manifest,
    node: &refrain_manifest::Node,
    code: Code,
    around: &Arc<Surroundings>,
) -> Node {
    let mut builder = declare(node).code(code);
    let mut parameters = Vec::with_capacity(node.parameters.len());
    for (index, parameter) in node.parameters.iter().enumerate() {
        let (kind, param) = match parameter.origin {
            Origin::Input(input) => input_param(&manifest.inputs[input]),
            Origin::Node(parent) => {
                let name = manifest.nodes[parent].name.value.clone();
                (Kind::Output, Param::new::<OutputPath>(name))
            }
        };
        let name = parameter.name.clone();
        parameters.push(Parameter { name, kind, index });
        builder = builder.param(param);
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
    let execute = move |args: &refrain::Args| action.execute(args);
    match (node.cache, node.format) {
        (Some(false), _) => builder.uncached_path(execute),
        (_, Format::Dir) => builder.cached_path(PathKind::Dir, execute),
        _ => builder.cached_path(PathKind::File, execute),
    }
}

/// Everything about a node but its parameters, its code and its action.
fn declare(node: &refrain_manifest::Node) -> NodeBuilder {
    let mut builder = Node::named(node.name.value.clone()).retries(node.retries);
    for name in &node.env {
        let value = std::env::var_os(&**name).map(shown);
        builder = builder.env(name, value.as_deref());
    }
    if let Some(timeout) = node.timeout {
        builder = builder.timeout(timeout);
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

fn input_param(input: &Input) -> (Kind, Param) {
    let name = input.name.value.clone();
    match input.kind {
        InputKind::Value(_) | InputKind::Env(_) => {
            (Kind::Value, Param::of::<serde_json::Value>(name))
        }
        InputKind::File(_) | InputKind::Dir(_) => (Kind::Path, Param::new::<PathBuf>(name)),
        InputKind::Files(_) => (Kind::Paths, Param::new::<Vec<PathBuf>>(name)),
    }
}

/// A variable's value as text, different for different values.
fn shown(value: OsString) -> String {
    let text = value.into_string();
    text.unwrap_or_else(|bytes| bytes.as_bytes().escape_ascii().to_string())
}
