//! `log`: past runs, the newest first.

use jiff::Timestamp;
use refrain_store::RunEntry;
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::LogArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::{ago, clock, elapsed, milliseconds};
use crate::past::{Past, counts};
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{BAD, DIM, GOOD, NAME, WARN};
use crate::table::{Table, cell, plain};

pub fn log(args: LogArgs, project: &Project, printer: &Printer) -> Result<Exit> {
    let past = Past::of(project, &*project.store()?);
    let shown = match &args.run {
        Some(id) => std::slice::from_ref(past.find(id)?),
        None => &past.runs[..past.runs.len().min(args.limit)],
    };
    if args.print.json {
        let runs: Vec<Value> = shown.iter().map(object).collect();
        printer.json(&json!({"format": FORMAT, "runs": runs}))?;
    } else {
        printer.text(table(&past, shown))?;
    }
    Ok(Exit::Fine)
}

fn started(run: &RunEntry) -> Timestamp {
    Timestamp::from_millisecond(run.started_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn table(past: &Past, runs: &[RunEntry]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::right(&[1, 4]);
    for run in runs {
        let style = match &*run.status {
            "ok" => GOOD,
            "failed" => BAD,
            _ => WARN,
        };
        table.row([
            cell(NAME, past.short(run)),
            plain(ago(started(run), now)),
            cell(DIM, clock(started(run))),
            cell(style, &run.status),
            plain(elapsed(run.elapsed)),
            plain(told(run)),
        ]);
    }
    table
}

/// The counts that are not zero, but for what was not needed.
fn told(run: &RunEntry) -> String {
    let counts = counts(run).into_iter();
    let told = counts.filter(|(name, count)| *count > 0 && name != "unneeded");
    let told: Vec<String> = told
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    told.join(", ")
}

fn object(run: &RunEntry) -> Value {
    json!({
        "run": run.id,
        "pipeline": &*run.pipeline,
        "started": started(run).to_string(),
        "status": &*run.status,
        "elapsed_ms": milliseconds(run.elapsed),
        "counts": serde_json::from_str::<Value>(&run.counts).unwrap_or_default(),
    })
}
