//! `stats`: how much was spared, and where time and space went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::Store;
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::JsonArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::{bytes, elapsed, milliseconds};
use crate::past::{Past, counts, saved};
use crate::printer::Printer;
use crate::project::Cache;
use crate::style::{DIM, GOOD, NAME};
use crate::table::{Table, cell, plain};

/// The sums over all runs that are remembered.
#[derive(Default)]
struct Sums {
    runs: usize,
    /// Nodes by outcome.
    counts: BTreeMap<String, u64>,
    saved: Duration,
    spent: Duration,
}

/// What one node cost.
#[derive(Clone, Default)]
struct Cost {
    executed: usize,
    failed: usize,
    spent: Duration,
    /// What is stored of it, with what it shares with others.
    bytes: u64,
}

pub fn stats(args: &JsonArgs, cache: &Cache, printer: &Printer) -> Result<Exit> {
    let store = cache.store()?;
    let past = Past::of(cache, &store);
    let mut costs = costs(&past, &store);
    costs.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.spent));
    let sums = sums(&past, &costs);
    if args.json {
        printer.json(&object(cache, &sums, &costs))?;
    } else {
        printer.text(overview(&sums))?;
        printer.text(format_args!("\n{}", table(&costs)))?;
    }
    Ok(Exit::Fine)
}

fn sums(past: &Past, costs: &[(Arc<str>, Cost)]) -> Sums {
    let mut sums = Sums {
        runs: past.runs.len(),
        spent: costs.iter().map(|(_, cost)| cost.spent).sum(),
        ..Sums::default()
    };
    for run in &past.runs {
        sums.saved += saved(run);
        for (name, count) in counts(run) {
            *sums.counts.entry(name).or_default() += count;
        }
    }
    sums
}

impl Sums {
    fn count(&self, outcome: &str) -> u64 {
        self.counts.get(outcome).copied().unwrap_or_default()
    }

    /// Nodes that were found, of all that were looked at.
    fn hit_rate(&self) -> Option<f64> {
        let found = self.count("hit") + self.count("cutoff");
        let looked_at = found + self.count("executed") + self.count("failed");
        (looked_at > 0).then(|| found as f64 / looked_at as f64)
    }
}

/// What each node cost in all runs.
fn costs(past: &Past, store: &Store) -> Vec<(Arc<str>, Cost)> {
    let mut costs: BTreeMap<Arc<str>, Cost> = BTreeMap::new();
    for change in past.runs.iter().flat_map(|run| store.changes(&run.id)) {
        let cost = costs.entry(change.node).or_default();
        cost.executed += usize::from(&*change.outcome == "executed");
        cost.failed += usize::from(&*change.outcome == "failed");
        cost.spent += change.elapsed;
    }
    for usage in store.usage() {
        if let Some(cost) = costs.get_mut(&usage.node) {
            cost.bytes = usage.bytes;
        }
    }
    costs.into_iter().collect()
}

fn overview(sums: &Sums) -> Table {
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([cell(DIM, name), plain(value)]);
    row("runs", sums.runs.to_string());
    if let Some(rate) = sums.hit_rate() {
        row("hit rate", format!("{GOOD}{:.1} %{GOOD:#}", rate * 100.0));
    }
    let counts = sums.counts.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    row("nodes", counts.join(", "));
    row("time spent", elapsed(sums.spent));
    row("time saved", elapsed(sums.saved));
    table
}

fn table(costs: &[(Arc<str>, Cost)]) -> Table {
    let mut table = Table::right(&[1, 2, 3, 4]);
    let heads = ["node", "executed", "failed", "time spent", "stored"];
    table.row(heads.map(|head| cell(DIM, head)));
    for (name, cost) in costs {
        table.row([
            cell(NAME, name),
            plain(cost.executed),
            plain(cost.failed),
            plain(elapsed(cost.spent)),
            plain(bytes(cost.bytes)),
        ]);
    }
    table
}

fn object(cache: &Cache, sums: &Sums, costs: &[(Arc<str>, Cost)]) -> Value {
    let nodes = costs.iter().map(|(name, cost)| {
        json!({
            "name": &**name,
            "executed": cost.executed,
            "failed": cost.failed,
            "spent_ms": milliseconds(cost.spent),
            "bytes": cost.bytes,
        })
    });
    json!({
        "format": FORMAT,
        "pipeline": cache.pipeline,
        "runs": sums.runs,
        "hit_rate": sums.hit_rate(),
        "counts": sums.counts,
        "spent_ms": milliseconds(sums.spent),
        "saved_ms": milliseconds(sums.saved),
        "nodes": nodes.collect::<Vec<_>>(),
    })
}
