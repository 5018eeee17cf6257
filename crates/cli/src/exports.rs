//! Outputs that a manifest wants at a place of the project as well.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use refrain::{NodeReport, Outcome, OutputList, OutputPath, Run, Runner};
use refrain_store::{Codec, Lookup, Output, Store};

use crate::error::{Error, Result};
use crate::outputs::{copy, put};
use crate::project::Project;

/// Asks also for those nodes above the targets whose outputs are put somewhere.
pub fn ask(mut project: Project) -> Result<Project> {
    if project.exports.is_empty() {
        return Ok(project);
    }
    let pipeline = &project.pipeline;
    let mut stack: Vec<&str> = pipeline.target_names().collect();
    let mut targets: Vec<&str> = stack.clone();
    let mut seen: HashSet<&str> = stack.iter().copied().collect();
    while let Some(name) = stack.pop() {
        for parent in pipeline.node(name)?.reads {
            if seen.insert(parent) {
                stack.push(parent);
                targets.extend(project.exports.contains_key(parent).then_some(parent));
            }
        }
    }
    project.pipeline = pipeline.targets(targets)?;
    Ok(project)
}

/// Puts what a run found or made where it is wanted; what stands there already
/// is left alone. Gives the nodes whose outputs these are.
pub fn put_all(project: &Project, runner: &Runner, run: &Run) -> Result<Vec<Arc<str>>> {
    let mut done = Vec::new();
    for (name, to) in &project.exports {
        let Some(node) = run.report().node(name) else {
            continue;
        };
        let there = [Outcome::Executed, Outcome::Hit, Outcome::Cutoff];
        if !there.contains(&node.outcome) {
            continue;
        }
        export(runner, run, &node, to).map_err(|source| Error::Export {
            node: name.to_string(),
            path: to.clone(),
            source,
        })?;
        done.push(name.clone());
    }
    Ok(done)
}

fn export(runner: &Runner, run: &Run, node: &NodeReport, to: &Path) -> io::Result<()> {
    let Some((store, output)) = stored(runner, node) else {
        // Nothing keeps it, so it is where the command left it.
        let output = run
            .get::<OutputPath>(&node.name)
            .map_err(io::Error::other)?;
        return copy(output.path(), to);
    };
    match put(&store, &output, to) {
        // It is damaged; asking for it makes it again.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let made_again = match output.codec {
                Codec::LIST => run.get::<OutputList>(&node.name).map(drop),
                _ => run.get::<OutputPath>(&node.name).map(drop),
            };
            made_again.map_err(io::Error::other)?;
            let (store, output) = stored(runner, node).ok_or(error)?;
            put(&store, &output, to)
        }
        done => done,
    }
}

fn stored(runner: &Runner, node: &NodeReport) -> Option<(Arc<Store>, Output)> {
    node.digest?;
    let store = runner.store()?;
    match store.find(&node.signature?) {
        Lookup::Hit(record) => Some((store, record.output.clone())),
        Lookup::Absent | Lookup::Damaged(_) => None,
    }
}
