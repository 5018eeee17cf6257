//! `gc`: makes the cache directory smaller or younger, and says what computing
//! again would cost what goes.

use std::time::SystemTime;

use refrain_store::{Collected, Limits};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::GcArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::{bytes, elapsed, milliseconds};
use crate::printer::Printer;
use crate::project::Cache;
use crate::style::{DIM, NAME};
use crate::table::{Table, cell, plain};

pub fn gc(args: &GcArgs, cache: &Cache, printer: &Printer) -> Result<Exit> {
    let limits = cache.config.limits();
    let limits = Limits {
        max_size: args.max_size.or(limits.max_size),
        max_age: args.max_age.or(limits.max_age),
        ..limits
    };
    let store = cache.store()?;
    let collected = store.gc(&limits, SystemTime::now(), args.dry_run)?;
    if args.print.json {
        printer.json(&object(&collected, args.dry_run))?;
    } else {
        printer.text(table(&collected))?;
        printer.note(sum(&collected, args.dry_run));
    }
    Ok(Exit::Fine)
}

fn table(collected: &Collected) -> Table {
    let mut table = Table::right(&[1, 2, 3]);
    if !collected.nodes.is_empty() {
        let heads = ["node", "outputs", "size", "time to compute"];
        table.row(heads.map(|head| cell(DIM, head)));
    }
    for node in &collected.nodes {
        table.row([
            cell(NAME, &node.node),
            plain(node.records),
            plain(bytes(node.bytes)),
            plain(elapsed(node.elapsed)),
        ]);
    }
    table
}

fn sum(collected: &Collected, dry_run: bool) -> String {
    let (verb, left) = match dry_run {
        true => ("would free", "would be left"),
        false => ("freed", "left"),
    };
    let mut text = format!(
        "{verb} {}, {} {left}",
        bytes(collected.bytes),
        bytes(collected.left)
    );
    if collected.records > 0 {
        let again = elapsed(collected.elapsed);
        text += &format!(
            "; computing {} outputs again takes {again}",
            collected.records
        );
    }
    text
}

fn object(collected: &Collected, dry_run: bool) -> Value {
    let nodes = collected.nodes.iter().map(|node| {
        json!({
            "name": &*node.node,
            "records": node.records,
            "bytes": node.bytes,
            "elapsed_ms": milliseconds(node.elapsed),
        })
    });
    json!({
        "format": FORMAT,
        "dry_run": dry_run,
        "records": collected.records,
        "blobs": collected.blobs,
        "trees": collected.trees,
        "bytes": collected.bytes,
        "left": collected.left,
        "elapsed_ms": milliseconds(collected.elapsed),
        "nodes": nodes.collect::<Vec<_>>(),
    })
}
