//! Outputs that a manifest wants at a place of the project as well.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use refrain::{NodeReport, Outcome, OutputList, OutputPath, Run, Runner};
use refrain_store::{Lookup, Output, Store};

use crate::error::{Error, Result};
use crate::outputs::{copy, copy_all, put};
use crate::project::Project;

/// Asks also for those nodes above the targets whose outputs are put somewhere.
///
/// # Errors
/// A place that is not inside the project, or inside its cache: links lead to it.
pub fn ask(mut project: Project) -> Result<Project> {
    if project.exports.is_empty() {
        return Ok(project);
    }
    let mut seen = HashSet::new();
    for (name, to) in &project.exports {
        if seen.insert(to.parent()) {
            stays(&project, to).map_err(|source| refused(name, to, source))?;
        }
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

/// Refuses a place to which links lead out of the project or into its cache.
fn stays(project: &Project, to: &Path) -> io::Result<()> {
    let root = Path::new(".").canonicalize()?;
    let mut above = to.ancestors().skip(1);
    let real = above.find_map(|dir| root.join(dir).canonicalize().ok());
    let real = real.unwrap_or_else(|| root.clone());
    let cache = project.cache.config.cache_dir.canonicalize();
    let (leads, help) = if !real.starts_with(&root) {
        (
            "out of the project",
            "choose a place without links on the way",
        )
    } else if cache.is_ok_and(|cache| real.starts_with(cache)) {
        ("into the cache", "choose another place")
    } else {
        return Ok(());
    };
    let message = format!("a link leads {leads}, to {}; {help}", real.display());
    Err(io::Error::new(io::ErrorKind::InvalidFilename, message))
}

/// Puts what a run found or made where it is wanted; what stands there already
/// is left alone. Gives the nodes whose outputs these are.
///
/// # Errors
/// The first that could not be put. All others are put nevertheless.
pub fn put_all(project: &Project, runner: &Runner, run: &Run) -> Result<Vec<Arc<str>>> {
    let (mut done, mut problem) = (Vec::new(), None);
    for (name, to) in &project.exports {
        let Some(node) = run.report().node(name) else {
            continue;
        };
        let there = [Outcome::Executed, Outcome::Hit, Outcome::Cutoff];
        if !there.contains(&node.outcome) {
            continue;
        }
        let mapped = project.pipeline.node(name)?.mapped;
        match put_one(runner, run, &node, mapped, to) {
            Ok(()) => done.push(name.clone()),
            Err(source) => problem = problem.or(Some(refused(name, to, source))),
        }
    }
    match problem {
        None => Ok(done),
        Some(problem) => Err(problem),
    }
}

fn refused(node: &str, to: &Path, source: io::Error) -> Error {
    Error::Export {
        node: node.to_owned(),
        path: to.to_owned(),
        source,
    }
}

fn put_one(
    runner: &Runner,
    run: &Run,
    node: &NodeReport,
    mapped: bool,
    to: &Path,
) -> io::Result<()> {
    let is_damage = |error: &io::Error| error.kind() == io::ErrorKind::InvalidData;
    if let Some((store, output)) = stored(runner, node) {
        match put(&store, &output, to) {
            Err(error) if is_damage(&error) => {} // asking for it makes it again
            done => return done,
        }
    }
    // Nothing keeps it, or not any more: it is where the command left it, or
    // has just been made again.
    if mapped {
        let list = run
            .get::<OutputList>(&node.name)
            .map_err(io::Error::other)?;
        return copy_all(&list.items().collect::<Vec<_>>(), to);
    }
    let output = run
        .get::<OutputPath>(&node.name)
        .map_err(io::Error::other)?;
    copy(output.path(), to)
}

/// The stored output that the run found or made; none where the record under
/// its signature is of an execution whose output was not kept.
fn stored(runner: &Runner, node: &NodeReport) -> Option<(Arc<Store>, Output)> {
    let digest = node.digest?;
    let store = runner.store()?;
    match store.find(&node.signature?) {
        Lookup::Hit(record) if record.output.digest == digest => {
            Some((store, record.output.clone()))
        }
        _ => None,
    }
}
