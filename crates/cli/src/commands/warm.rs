//! `warm`: brings from remotes what a run would need.

use refrain::Warmed;
use serde_json::json;

use super::FORMAT;
use crate::args::WarmArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::bytes;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::GOOD;
use crate::transfers;
use crate::values::assign;

pub fn warm(args: WarmArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    let runner = project.looker(printer)?;
    let inputs = project.inputs.clone();
    let warmed = runner.warm(&project.pipeline, inputs, args.all, args.dry_run)?;
    if let Some(store) = runner.store() {
        transfers::tell_problems(&store, &[], printer);
    }
    if args.print.json {
        printer.json(&json!({
            "format": FORMAT,
            "dry_run": args.dry_run,
            "outputs": warmed.outputs,
            "blobs": warmed.blobs,
            "bytes": warmed.bytes,
            "lost": warmed.lost,
            "to_run": warmed.to_run,
        }))?;
    } else {
        printer.note(sum(&warmed, args.dry_run));
    }
    Ok(Exit::Fine)
}

fn sum(warmed: &Warmed, dry_run: bool) -> String {
    let mut text = match (warmed.outputs, dry_run) {
        (0, _) => format!("{GOOD}warm{GOOD:#}: nothing to fetch"),
        (outputs, true) => format!("would fetch {outputs} outputs, {}", bytes(warmed.bytes)),
        (outputs, false) => format!("fetched {outputs} outputs, {}", bytes(warmed.bytes)),
    };
    if warmed.lost > 0 {
        text += &format!("; {} of them could not be had", warmed.lost);
    }
    if warmed.to_run > 0 {
        text += &format!("; {} nodes to run", warmed.to_run);
    }
    text
}
