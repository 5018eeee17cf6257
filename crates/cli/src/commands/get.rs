//! `get`: the output of a node, if it is current.

use std::fs;
use std::path::Path;

use refrain::Planned;
use refrain_store::{Codec, Damage, Output, Store};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::GetArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::outputs::put;
use crate::printer::Printer;
use crate::project::Project;
use crate::values::assign;

pub fn get(args: GetArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?;
    let (node, item) = split(&project, &args.node);
    let project = project.targets(&[node.to_owned()])?;
    let runner = project.runner()?;
    let store = project.cache.store_of(&runner)?;
    let plan = runner.plan(&project.pipeline, project.inputs.clone())?;
    let planned = plan.node(node).expect("a target is looked at");
    let mut output = match (&planned.output, args.stale) {
        (Some(output), _) => output.clone(),
        (None, _) if !project.pipeline.node(node)?.cached => {
            return Err(Error::NoOutput(node.to_owned()));
        }
        (None, true) => last(&project, &store, node)?,
        (None, false) => return Err(stale(planned)),
    };
    if let Some(key) = item {
        output = entry(&store, &output, node, key)?;
    }
    if args.json {
        printer.json(&object(planned, item, &output))?;
        return Ok(Exit::Fine);
    }
    let path = args.output.as_deref().map(|path| project.path(path));
    let plain = runner.plain(&project.pipeline, node, &output);
    match (plain.map_err(lost(node))?, path) {
        (Some(value), None) => printer.json(&value)?,
        (Some(value), Some(path)) => write(&path, &value)?,
        (None, Some(path)) => {
            // What is damaged is told as such, and not as a file that cannot be written.
            store.open_output(&output).map_err(lost(node))?;
            let done = put(&store, &output, &path);
            done.map_err(|source| Error::file("write", path.as_ref(), source))?;
        }
        (None, None) => print(&store, &output, node, printer)?,
    }
    Ok(Exit::Fine)
}

/// A node, or `node[key]` for one item of a mapped node.
fn split<'a>(project: &Project, name: &'a str) -> (&'a str, Option<&'a str>) {
    let item = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match item {
        Some((node, key)) if project.pipeline.node(name).is_err() => (node, Some(key)),
        _ => (name, None),
    }
}

/// The last output that the node had, whatever it was made from.
fn last(project: &Project, store: &Store, node: &str) -> Result<Output> {
    let record = store.latest(project.pipeline.name(), node);
    let output = record.map(|record| record.output.clone());
    output.ok_or_else(|| Error::NoOutput(node.to_owned()))
}

fn stale(planned: &Planned) -> Error {
    let reason = planned.reason.as_ref().map(ToString::to_string);
    Error::Stale {
        node: planned.name.to_string(),
        reason: reason.unwrap_or_else(|| "its items are to be put together".to_owned()),
    }
}

/// The output of one item.
fn entry(store: &Store, output: &Output, node: &str, key: &str) -> Result<Output> {
    let entries = match output.codec {
        Codec::LIST => store.load_list(output).map_err(lost(node))?,
        _ => Vec::new(),
    };
    let found = entries.iter().find(|entry| *entry.key == *key);
    found.map(|entry| entry.output.clone()).ok_or_else(|| {
        let keys = entries.iter().map(|entry| &*entry.key);
        let nearest = refrain_manifest::nearest(key, keys);
        Error::Usage {
            problem: format!("\"{node}\" has no item \"{key}\""),
            help: nearest.map(|name| format!("did you mean \"{node}[{name}]\"?")),
        }
    })
}

fn print(store: &Store, output: &Output, node: &str, printer: &Printer) -> Result<()> {
    let refuse = |what: &str, help: &str| {
        Err(Error::Usage {
            problem: format!("the output of \"{node}\" is {what}"),
            help: Some(help.to_owned()),
        })
    };
    match output.codec {
        Codec::TREE => refuse("a directory", "say where to put it, with `-o DIR`"),
        Codec::LIST => {
            let items = store.load_list(output).map_err(lost(node))?;
            let Some(first) = items.first() else {
                return Ok(());
            };
            let help = format!(
                "name one, such as \"{node}[{}]\", or say where to put them, with `-o DIR`",
                first.key
            );
            refuse(&format!("a list of {}", items.len()), &help)
        }
        _ => {
            let mut bytes = store.open_output(output).map_err(lost(node))?;
            printer.copy(&mut bytes)
        }
    }
}

fn object(planned: &Planned, item: Option<&str>, output: &Output) -> Value {
    let state = match planned.output {
        Some(_) => "current",
        None => "stale",
    };
    json!({
        "format": FORMAT,
        "node": &*planned.name,
        "item": item,
        "state": state,
        "signature": planned.signature.to_string(),
        "digest": output.digest.to_string(),
        "bytes": output.size,
    })
}

fn lost(node: &str) -> impl Fn(Damage) -> Error {
    move |damage| Error::Lost {
        node: node.to_owned(),
        why: damage.to_string(),
    }
}

fn write(path: &Path, value: &Value) -> Result<()> {
    let text = format!("{value}\n");
    fs::write(path, text).map_err(|source| Error::file("write", path, source))
}
