//! `log`: past runs, the newest first, or what one of them did, or what a node
//! printed.

use jiff::Timestamp;
use refrain::{Printed, printed};
use refrain_store::{NodeChange, RunEntry, Store};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::LogArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::figures::{ago, clock, elapsed, milliseconds};
use crate::past::{Past, counts, reason, saved, started};
use crate::printer::Printer;
use crate::project::Cache;
use crate::style::{BAD, DIM, GOOD, NAME, SPARED, WARN};
use crate::table::{Cell, Table, cell, plain};

pub fn log(args: LogArgs, cache: &Cache, printer: &Printer) -> Result<Exit> {
    let store = cache.store()?;
    let past = Past::of(cache, &store);
    if let Some(id) = &args.run {
        let run = past.find(id)?;
        if let Some(node) = &args.node {
            return said(node, run, &store, args.print.json, printer);
        }
        let changes = store.changes(&run.id);
        if args.print.json {
            printer.json(&one_object(&store, run, &changes))?;
        } else {
            printer.text(table(&past, std::slice::from_ref(run)))?;
            printer.text(changes_table(&store, &changes))?;
        }
        return Ok(Exit::Fine);
    }
    let shown = &past.runs[..past.runs.len().min(args.limit)];
    if args.print.json {
        let runs: Vec<Value> = shown.iter().map(object).collect();
        printer.json(&json!({"format": FORMAT, "runs": runs}))?;
    } else {
        printer.text(table(&past, shown))?;
    }
    Ok(Exit::Fine)
}

/// What a node, or `node[key]`, printed when it last ran by the end of a run.
fn said(name: &str, run: &RunEntry, store: &Store, json: bool, printer: &Printer) -> Result<Exit> {
    let (node, item) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((node, key)) => (node, Some(key)),
        None => (name, None),
    };
    let mut changes = store.changes(&run.id).into_iter();
    let failed = changes.find(|change| *change.node == *node && !change.is_latest());
    let mut said = match failed {
        Some(change) => {
            let text = change.log.into_iter();
            text.map(|text| Printed { item: None, text }).collect()
        }
        None => match store.signatures_at(&run.id).get(node) {
            Some(signature) => printed(store, signature),
            None => return Err(Error::NeverRan(node.to_owned())),
        },
    };
    said.retain(|printed| item.is_none() || printed.item.as_deref() == item);
    if json {
        let said = said.iter();
        let said = said.map(|said| json!({"item": said.item, "text": said.text}));
        printer.json(&json!({
            "format": FORMAT,
            "run": run.id,
            "node": node,
            "printed": said.collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Fine);
    }
    let mut lines = String::new();
    for Printed { item: key, text } in &said {
        // Whoever asks for one item knows its name.
        let key = key.as_ref().filter(|_| item.is_none());
        for line in text.lines() {
            if let Some(key) = key {
                lines += key;
                lines += ": ";
            }
            lines += line;
            lines.push('\n');
        }
    }
    printer.copy(lines.as_bytes())?;
    Ok(Exit::Fine)
}

fn table(past: &Past, runs: &[RunEntry]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::right(&[1, 4]);
    for run in runs {
        table.row([
            cell(NAME, past.short(run)),
            plain(ago(started(run), now)),
            cell(DIM, clock(started(run))),
            outcome(&run.status),
            plain(elapsed(run.elapsed)),
            plain(told(run)),
        ]);
    }
    table
}

/// The counts that are not zero, but for what was not needed, and the time
/// saved.
fn told(run: &RunEntry) -> String {
    let counts = counts(run).into_iter();
    let told = counts.filter(|(name, count)| *count > 0 && name != "unneeded");
    let mut told: Vec<String> = told
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if !saved(run).is_zero() {
        told.push(format!("{} saved", elapsed(saved(run))));
    }
    told.join(", ")
}

fn changes_table(store: &Store, changes: &[NodeChange]) -> Table {
    let mut table = Table::right(&[3]);
    for change in changes {
        let time = match change.elapsed.is_zero() {
            true => String::new(),
            false => elapsed(change.elapsed),
        };
        table.row([
            plain(""),
            outcome(&change.outcome),
            cell(NAME, &change.node),
            plain(time),
            cell(DIM, reason(store, change)),
        ]);
    }
    table
}

fn outcome(word: &str) -> Cell {
    let style = match word {
        "ok" | "executed" => GOOD,
        "failed" => BAD,
        "hit" | "unneeded" => DIM,
        "cutoff" => SPARED,
        _ => WARN,
    };
    cell(style, word)
}

fn object(run: &RunEntry) -> Value {
    let counts = counts(run)
        .into_iter()
        .map(|(name, count)| (name, count.into()));
    json!({
        "run": run.id,
        "pipeline": &*run.pipeline,
        "started": started(run).to_string(),
        "status": &*run.status,
        "elapsed_ms": milliseconds(run.elapsed),
        "saved_ms": milliseconds(saved(run)),
        "counts": Value::Object(counts.collect()),
    })
}

/// A run with what it did with its nodes.
fn one_object(store: &Store, run: &RunEntry, changes: &[NodeChange]) -> Value {
    let nodes = changes.iter().map(|change| {
        json!({
            "name": &*change.node,
            "outcome": &*change.outcome,
            "reason": reason(store, change),
            "signature": change.signature.to_string(),
            "before": change.before.map(|before| before.to_string()),
            "elapsed_ms": milliseconds(change.elapsed),
            "log": change.log,
        })
    });
    json!({
        "format": FORMAT,
        "runs": [object(run)],
        "nodes": nodes.collect::<Vec<_>>(),
    })
}
