//! `get`: the output of a node, if it is current.

use std::path::Path;
use std::{fs, io};

use refrain_store::{Codec, Damage, Output, Store};
use serde_json::json;

use super::FORMAT;
use crate::args::GetArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;

pub fn get(args: GetArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let node = args.node.as_str();
    let project = project
        .set(&args.bindings.set)?
        .targets(&[node.to_owned()])?;
    let runner = project.runner()?;
    let store = runner.store().ok_or(Error::CachingOff)?;
    let plan = runner.plan(&project.pipeline, project.inputs.clone())?;
    let planned = plan.node(node).expect("a target is looked at");
    let current = planned.output.is_some();
    let output = match &planned.output {
        Some(output) => output.clone(),
        None if !project.pipeline.node(node)?.cached => {
            return Err(Error::NoOutput(node.to_owned()));
        }
        None if args.stale => last(&project, &store, node)?,
        None => {
            let reason = planned.reason.as_ref().map(ToString::to_string);
            return Err(Error::Stale {
                node: node.to_owned(),
                reason: reason.unwrap_or_default(),
            });
        }
    };
    if args.json {
        printer.json(&json!({
            "format": FORMAT,
            "node": node,
            "state": if current { "current" } else { "stale" },
            "signature": planned.signature.to_string(),
            "digest": output.digest.to_string(),
            "bytes": output.size,
        }))?;
        return Ok(Exit::Fine);
    }
    let plain = runner.plain(&project.pipeline, node, &output);
    match (plain.map_err(lost)?, &args.output) {
        (Some(value), None) => printer.json(&value)?,
        (Some(value), Some(path)) => write(path, &value)?,
        (None, Some(path)) => {
            let exported = store.export(&output, path);
            exported.map_err(|source| Error::file("write", path, source))?;
        }
        (None, None) if output.codec == Codec::TREE => {
            return Err(Error::Usage {
                problem: format!("the output of \"{node}\" is a directory"),
                help: Some("say where to put it, with `-o DIR`".to_owned()),
            });
        }
        (None, None) => {
            let mut bytes = store.open_output(&output).map_err(lost)?;
            printer.bytes(|out| io::copy(&mut bytes, out).map(drop))?;
        }
    }
    Ok(Exit::Fine)
}

/// The last output that the node had, whatever it was made from.
fn last(project: &Project, store: &Store, node: &str) -> Result<Output> {
    let record = store.latest(project.pipeline.name(), node);
    let output = record.map(|record| record.output.clone());
    output.ok_or_else(|| Error::NoOutput(node.to_owned()))
}

fn lost(damage: Damage) -> Error {
    Error::Usage {
        problem: damage.to_string(),
        help: Some("a run makes it again".to_owned()),
    }
}

fn write(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = format!("{value}\n");
    fs::write(path, text).map_err(|source| Error::file("write", path, source))
}
