//! `stats`: how much was spared, why not more, and where time and space went.

use std::collections::BTreeMap;
use std::sync::Arc;

use refrain_store::{CodecUsage, Growth, NodeStatistics, Statistics};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::JsonArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::{bytes, elapsed, milliseconds};
use crate::printer::Printer;
use crate::project::Cache;
use crate::style::{DIM, GOOD, NAME};
use crate::table::{Cell, Table, cell, plain};

pub fn stats(args: &JsonArgs, cache: &Cache, printer: &Printer) -> Result<Exit> {
    let mut stats = cache.store()?.statistics(Some(&cache.pipeline));
    stats
        .nodes
        .sort_by_key(|node| std::cmp::Reverse(node.spent));
    if args.json {
        printer.json(&object(cache, &stats))?;
    } else {
        printer.text(overview(&stats))?;
        printer.text(format_args!("\n{}", nodes(&stats.nodes)))?;
        printer.text(format_args!("\n{}", codecs(&stats.codecs)))?;
    }
    Ok(Exit::Fine)
}

fn overview(stats: &Statistics) -> Table {
    let mut table = Table::default();
    let mut styled = |name: &str, value: Cell| table.row([cell(DIM, name), value]);
    styled("runs", plain(stats.runs));
    if let Some(rate) = stats.hit_rate() {
        styled(
            "hit rate",
            cell(GOOD, format_args!("{:.1} %", rate * 100.0)),
        );
    }
    let mut row = |name: &str, value: String| styled(name, plain(value));
    row("nodes", listed(&stats.outcomes));
    for (name, counts) in [("misses", &stats.reasons), ("from tiers", &stats.tiers)] {
        if !counts.is_empty() {
            row(name, listed(counts));
        }
    }
    row("time spent", elapsed(stats.spent));
    row("time saved", elapsed(stats.saved));
    row("stored", stored(stats));
    if stats.damaged > 0 {
        row(
            "damaged",
            format!("{} runs tell less than they should", stats.damaged),
        );
    }
    table
}

/// Counts by name, the most first.
fn listed(counts: &BTreeMap<Arc<str>, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// How much there is, and how much there was in the beginning.
fn stored(stats: &Statistics) -> String {
    let now = bytes(stats.bytes());
    match stats.growth.as_slice() {
        [first, _, ..] => format!(
            "{now} (after the first of these runs {})",
            bytes(first.bytes)
        ),
        _ => now,
    }
}

fn nodes(nodes: &[NodeStatistics]) -> Table {
    let mut table = Table::right(&[1, 2, 3, 4]);
    let heads = ["node", "executed", "failed", "time spent", "stored"];
    table.row(heads.map(|head| cell(DIM, head)));
    for node in nodes {
        table.row([
            cell(NAME, &node.node),
            plain(node.executed),
            plain(node.failed),
            plain(elapsed(node.spent)),
            plain(bytes(node.bytes)),
        ]);
    }
    table
}

fn codecs(codecs: &[CodecUsage]) -> Table {
    let mut table = Table::right(&[1, 2]);
    table.row(["codec", "records", "stored"].map(|head| cell(DIM, head)));
    for usage in codecs {
        table.row([
            cell(NAME, usage.codec.name()),
            plain(usage.records),
            plain(bytes(usage.bytes)),
        ]);
    }
    table
}

fn object(cache: &Cache, stats: &Statistics) -> Value {
    let node = |node: &NodeStatistics| {
        json!({
            "name": &*node.node,
            "executed": node.executed,
            "failed": node.failed,
            "spent_ms": milliseconds(node.spent),
            "records": node.records,
            "bytes": node.bytes,
        })
    };
    let codec = |usage: &CodecUsage| {
        json!({
            "codec": usage.codec.name(),
            "records": usage.records,
            "bytes": usage.bytes,
        })
    };
    let growth = |growth: &Growth| {
        json!({
            "run": growth.run,
            "started_ms": growth.started_ms,
            "bytes": growth.bytes,
        })
    };
    json!({
        "format": FORMAT,
        "pipeline": cache.pipeline,
        "runs": stats.runs,
        "damaged": stats.damaged,
        "since_ms": stats.since_ms,
        "hit_rate": stats.hit_rate(),
        "counts": counts(&stats.outcomes),
        "reasons": counts(&stats.reasons),
        "from": counts(&stats.tiers),
        "spent_ms": milliseconds(stats.spent),
        "saved_ms": milliseconds(stats.saved),
        "bytes": stats.bytes(),
        "nodes": stats.nodes.iter().map(node).collect::<Vec<_>>(),
        "codecs": stats.codecs.iter().map(codec).collect::<Vec<_>>(),
        "growth": stats.growth.iter().map(growth).collect::<Vec<_>>(),
    })
}

fn counts(counts: &BTreeMap<Arc<str>, u64>) -> Value {
    let counts = counts
        .iter()
        .map(|(name, count)| (name.to_string(), (*count).into()));
    Value::Object(counts.collect())
}
