//! `why`: what makes a node run, or made it run.

use refrain::Explanation;
use refrain_store::{NodeChange, RunEntry, Store};
use serde_json::json;

use super::FORMAT;
use crate::args::WhyArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::explanation::describe;
use crate::figures::{ago, clock};
use crate::past::{Past, explain, reason, started};
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{DIM, GOOD, NAME, WARN};
use crate::values::assign;

pub fn why(args: WhyArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let node = args.node.as_str();
    project.pipeline.node(node)?;
    if let Some(id) = &args.run {
        return in_run(&args, id, &project, printer);
    }
    let project = assign(project, &args.bindings.set)?.targets(&[node.to_owned()])?;
    let runner = project.runner()?;
    let plan = runner.plan(&project.pipeline, project.inputs.clone())?;
    let planned = plan.node(node).expect("a target is looked at");
    if planned.reason.is_some() {
        let explanation = runner.why(&project.pipeline, project.inputs.clone(), node)?;
        if args.print.json {
            printer.json(&json!({
                "format": FORMAT,
                "node": node,
                "would_run": true,
                "steps": explanation.steps,
            }))?;
        } else {
            printer.text(describe(&explanation))?;
        }
        return Ok(Exit::Fine);
    }
    let store = project.cache.store_of(&runner)?;
    let past = Past::of(&project.cache, &store);
    let last = last(&past, &store, node);
    if args.print.json {
        let last = last.map(|(run, change)| object(&store, run, &change));
        printer.json(&json!({
            "format": FORMAT,
            "node": node,
            "would_run": false,
            "last": last,
        }))?;
    } else {
        printer.text(format_args!(
            "{NAME}{node}{NAME:#} is {GOOD}current{GOOD:#}\n"
        ))?;
        match last {
            Some((run, change)) => printer.text(told(&store, &past, run, &change))?,
            None => printer.text("when it last ran is no longer known\n")?,
        }
    }
    Ok(Exit::Fine)
}

/// Why the node ran in a past run.
fn in_run(args: &WhyArgs, id: &str, project: &Project, printer: &Printer) -> Result<Exit> {
    let store = project.cache.store()?;
    let past = Past::of(&project.cache, &store);
    let run = past.find(id)?;
    let node = args.node.as_str();
    let mut changes = store.changes(&run.id).into_iter();
    let change = changes.find(|change| *change.node == *node);
    if args.print.json {
        let told = change.map(|change| object(&store, run, &change));
        printer.json(&json!({"format": FORMAT, "node": node, "last": told}))?;
        return Ok(Exit::Fine);
    }
    match change {
        Some(change) => printer.text(told(&store, &past, run, &change))?,
        None => printer.text(format_args!(
            "{NAME}{node}{NAME:#} was what it had been in run {}\n",
            past.short(run)
        ))?,
    }
    Ok(Exit::Fine)
}

/// The last run that executed the node.
fn last<'a>(past: &'a Past, store: &Store, node: &str) -> Option<(&'a RunEntry, NodeChange)> {
    past.runs.iter().find_map(|run| {
        let mut changes = store.changes(&run.id).into_iter();
        let found = changes.find(|change| *change.node == *node && &*change.outcome == "executed");
        Some((run, found?))
    })
}

fn told(store: &Store, past: &Past, run: &RunEntry, change: &NodeChange) -> String {
    let when = started(run);
    let mut text = format!(
        "{} in run {} {DIM}{} ({}){DIM:#}\n",
        change.outcome,
        past.short(run),
        ago(when, jiff::Timestamp::now()),
        clock(when)
    );
    let explanation = explain(store, change);
    if !explanation.steps.is_empty() {
        text += &describe(&explanation);
    } else if !change.reason.is_empty() {
        let node = &change.node;
        text += &format!("{NAME}{node}{NAME:#}  {WARN}{}{WARN:#}\n", change.reason);
    }
    text
}

fn object(store: &Store, run: &RunEntry, change: &NodeChange) -> serde_json::Value {
    let Explanation { steps } = explain(store, change);
    json!({
        "run": run.id,
        "started": started(run).to_string(),
        "outcome": &*change.outcome,
        "reason": reason(store, change),
        "steps": steps,
    })
}
