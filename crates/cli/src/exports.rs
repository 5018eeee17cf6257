//! Outputs that a manifest wants at a place of the project as well.

use std::collections::HashSet;
use std::sync::Arc;

use refrain::{Outcome, OutputPath, Run, Runner};
use refrain_store::Lookup;

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
        let found = match (runner.store(), node.signature) {
            (Some(store), Some(signature)) if node.digest.is_some() => {
                match store.find(&signature) {
                    Lookup::Hit(record) => Some((store, record.output.clone())),
                    Lookup::Absent | Lookup::Damaged(_) => None,
                }
            }
            _ => None,
        };
        let exported = match found {
            Some((store, output)) => put(&store, &output, to),
            // Nothing keeps it, so it is where the command left it.
            None => copy(run.get::<OutputPath>(name)?.path(), to),
        };
        exported.map_err(|source| Error::Export {
            node: name.to_string(),
            path: to.clone(),
            source,
        })?;
        done.push(name.clone());
    }
    Ok(done)
}
