//! `plan`: what a run would execute, executing nothing.

use std::time::Duration;

use refrain::{Plan, Planned, Prospect};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::PlanArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::{elapsed, milliseconds};
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{DIM, GOOD, NAME, SPARED, WARN};
use crate::table::{Table, cell};
use crate::values::assign;

pub fn plan(args: PlanArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    let runner = project.looker(printer)?;
    let plan = runner.plan(&project.pipeline, project.inputs.clone())?;
    if args.print.json {
        printer.json(&object(&project, &plan))?;
    } else {
        printer.text(table(&plan))?;
        printer.note(sum(&plan));
    }
    Ok(Exit::Fine)
}

fn runs(node: &&Planned) -> bool {
    matches!(node.prospect, Prospect::Run | Prospect::Perhaps)
}

fn name(prospect: Prospect) -> &'static str {
    match prospect {
        Prospect::Run => "run",
        Prospect::Perhaps => "perhaps",
        Prospect::Hit => "hit",
        Prospect::Cutoff => "cutoff",
    }
}

fn table(plan: &Plan) -> Table {
    let mut table = Table::right(&[2]);
    for node in plan.nodes.iter().filter(runs) {
        let style = match node.prospect {
            Prospect::Run => WARN,
            _ => SPARED,
        };
        let expected = node.expected.map(elapsed).unwrap_or_default();
        let items = node
            .items
            .map(|items| format!("{} of {} items, ", items.to_run, items.total));
        let reason = node.reason.as_ref().map(ToString::to_string);
        table.row([
            cell(style, name(node.prospect)),
            cell(NAME, &node.name),
            cell(DIM, expected),
            cell(DIM, items.unwrap_or_default() + &reason.unwrap_or_default()),
        ]);
    }
    table
}

fn expected(plan: &Plan) -> Duration {
    let runs = plan.nodes.iter().filter(runs);
    runs.filter_map(|node| node.expected).sum()
}

fn sum(plan: &Plan) -> String {
    let count = |prospect| {
        plan.nodes
            .iter()
            .filter(|node| node.prospect == prospect)
            .count()
    };
    let (run, perhaps) = (count(Prospect::Run), count(Prospect::Perhaps));
    if run + perhaps == 0 {
        return format!("{GOOD}current{GOOD:#}: nothing to run");
    }
    let mut text = format!("{run} to run");
    if perhaps > 0 {
        text += &format!(", {perhaps} perhaps");
    }
    let expected = expected(plan);
    if !expected.is_zero() {
        text += &format!(", {} of work by past durations", elapsed(expected));
    }
    let untimed = plan
        .nodes
        .iter()
        .filter(runs)
        .filter(|node| node.expected.is_none());
    match untimed.count() {
        0 => text,
        count if count == run + perhaps => text,
        count => text + &format!(" and {count} never timed"),
    }
}

fn object(project: &Project, plan: &Plan) -> Value {
    let nodes = plan.nodes.iter().map(|node| {
        json!({
            "name": &*node.name,
            "prospect": name(node.prospect),
            "reason": node.reason,
            "expected_ms": node.expected.map(milliseconds),
            "signature": node.signature.to_string(),
            "items": node.items,
        })
    });
    json!({
        "format": FORMAT,
        "pipeline": project.pipeline.name(),
        "to_run": plan.to_run().len(),
        "expected_ms": milliseconds(expected(plan)),
        "nodes": nodes.collect::<Vec<_>>(),
    })
}
