//! `status`: which nodes are current.

use refrain::Planned;
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::StatusArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;
use crate::states::{NodeState, State, states};
use crate::style::{DIM, GOOD, NAME, SPARED, WARN};
use crate::table::{Table, cell};
use crate::values::assign;

pub fn status(args: StatusArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?;
    let states = states(&project, &project.looker(printer)?)?;
    let stale = states.iter().any(is_stale);
    if args.print.json {
        printer.json(&object(&project, &states, stale))?;
    } else {
        printer.text(table(&states))?;
    }
    Ok(match args.check && stale {
        true => Exit::Stale,
        false => Exit::Fine,
    })
}

fn is_stale(node: &NodeState) -> bool {
    matches!(node.state, State::Stale | State::Perhaps)
}

fn table(states: &[NodeState]) -> Table {
    let mut table = Table::default();
    for node in states {
        let style = match node.state {
            State::Current => GOOD,
            State::Stale => WARN,
            State::Perhaps => SPARED,
            State::Uncached | State::Absent => DIM,
        };
        let reason = reason(node).map(ToString::to_string);
        table.row([
            cell(style, node.state.name()),
            cell(NAME, &node.name),
            cell(DIM, reason.unwrap_or_default()),
        ]);
    }
    table
}

/// Why a node would run; that an uncached one is uncached is said already.
fn reason(node: &NodeState) -> Option<&refrain::Reason> {
    let planned: &Planned = node.planned.as_ref()?;
    planned
        .reason
        .as_ref()
        .filter(|_| node.state != State::Uncached)
}

fn object(project: &Project, states: &[NodeState], stale: bool) -> Value {
    let nodes = states.iter().map(|node| {
        json!({
            "name": &*node.name,
            "state": node.state.name(),
            "reason": reason(node),
        })
    });
    json!({
        "format": FORMAT,
        "pipeline": project.pipeline.name(),
        "stale": stale,
        "nodes": nodes.collect::<Vec<_>>(),
    })
}
