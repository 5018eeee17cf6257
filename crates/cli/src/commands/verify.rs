//! `verify`: whether what is stored is what was stored, and whether executing
//! again gives the same. What is damaged goes, so that runs make it again.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use refrain::{Rerun, Verdict};
use refrain_store::{Finding, Store, Verified};
use serde_json::{Value, json};

use super::FORMAT;
use crate::args::VerifyArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::figures::bytes;
use crate::printer::{Printer, Verbosity};
use crate::project::Project;
use crate::signals;
use crate::style::{BAD, DIM, GOOD, NAME, WARN};
use crate::table::{Table, cell};
use crate::values::assign;

pub fn verify(args: VerifyArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?;
    let runner = project.runner()?;
    let store = project.cache.store_of(&runner)?;
    let verified = verified(&store, printer);
    verified.findings.iter().for_each(remove);
    let reruns = match args.rerun {
        Some(percent) => {
            signals::cancels(runner.cancel(), printer.clone());
            let inputs = project.inputs.clone();
            runner.rerun(&project.pipeline, inputs, sample(percent))?
        }
        None => Vec::new(),
    };
    if runner.cancel().is_cancelled() {
        return Ok(Exit::Interrupted);
    }
    if args.print.json {
        printer.json(&object(&verified, &reruns))?;
    } else {
        printer.text(findings(&verified.findings))?;
        printer.text(verdicts(&reruns, printer.verbosity()))?;
        printer.note(sum(&verified, &reruns));
    }
    let sound = verified.findings.is_empty() && reruns.iter().all(is_sound);
    Ok(if sound { Exit::Fine } else { Exit::Unsound })
}

/// Verifies all that is stored; where somebody watches, with a bar.
fn verified(store: &Store, printer: &Printer) -> Verified {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if printer.is_watched() {
        let style = ProgressStyle::with_template("{bar:24} {binary_bytes}/{binary_total_bytes}");
        bar.set_style(
            style
                .expect("a template that was tried")
                .progress_chars("━━─"),
        );
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    let verified = store.verify(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.bytes);
    });
    bar.finish_and_clear();
    verified
}

/// Removes a blob that is damaged: what needs it finds it missing then, and
/// makes it again. One that cannot be removed is found damaged again.
fn remove(finding: &Finding) {
    let place = finding.path.parent().and_then(Path::file_name);
    if place.is_some_and(|place| place == "blobs") {
        let _ = fs::remove_file(&finding.path);
    }
}

/// Chooses this share of all nodes, others each time.
fn sample(percent: u8) -> impl Fn(&str) -> bool {
    let seed = RandomState::new();
    move |name| seed.hash_one(name) % 100 < u64::from(percent)
}

/// Whether there is nothing to say against the node.
fn is_sound(rerun: &Rerun) -> bool {
    !matches!(rerun.verdict, Verdict::Differs(_) | Verdict::Failed(_))
}

fn findings(findings: &[Finding]) -> Table {
    let mut table = Table::default();
    for finding in findings {
        let node = finding.node.as_deref().unwrap_or_default();
        table.row([
            cell(BAD, "damaged"),
            cell(NAME, node),
            cell(DIM, reason(finding)),
        ]);
    }
    table
}

/// What is wrong, and with what; a blob's name is its path.
fn reason(finding: &Finding) -> String {
    let name = finding.path.file_name().unwrap_or_default();
    match finding.reason.contains(&*name.to_string_lossy()) {
        true => finding.reason.clone(),
        false => format!("{}: {}", finding.path.display(), finding.reason),
    }
}

/// What came of executing again; what came out the same only on demand.
fn verdicts(reruns: &[Rerun], verbosity: Verbosity) -> Table {
    let mut table = Table::default();
    for Rerun { node, verdict, .. } in reruns {
        let (style, word, detail) = match verdict {
            Verdict::Same if verbosity < Verbosity::Verbose => continue,
            Verdict::Same => (GOOD, "same", ""),
            Verdict::Differs(place) => (BAD, "differs", place.as_str()),
            Verdict::Failed(message) => (BAD, "failed", message.as_str()),
            Verdict::Skipped(reason) => (WARN, "skipped", reason.as_str()),
            _ => (WARN, "unknown", ""),
        };
        let detail = detail.lines().next().unwrap_or_default();
        table.row([cell(style, word), cell(NAME, node), cell(DIM, detail)]);
    }
    table
}

fn sum(verified: &Verified, reruns: &[Rerun]) -> String {
    let mut text = format!(
        "{} records, {} blobs, {}: ",
        verified.records,
        verified.blobs,
        bytes(verified.bytes)
    );
    text += &match verified.findings.len() {
        0 => format!("{GOOD}all sound{GOOD:#}"),
        count => {
            format!("{BAD}{count} damaged{BAD:#} and removed; runs make again what they need of it")
        }
    };
    if !reruns.is_empty() {
        let unsound = reruns.iter().filter(|rerun| !is_sound(rerun)).count();
        text += &format!("\n{} executed again: ", reruns.len());
        text += &match unsound {
            0 => format!("{GOOD}none gave anything else{GOOD:#}"),
            count => format!("{BAD}{count} gave something else{BAD:#}"),
        };
    }
    text
}

fn object(verified: &Verified, reruns: &[Rerun]) -> Value {
    let findings = verified.findings.iter().map(|finding| {
        json!({
            "path": finding.path.display().to_string(),
            "node": finding.node,
            "reason": finding.reason,
        })
    });
    let reruns = reruns.iter().map(|rerun| {
        let (verdict, detail) = match &rerun.verdict {
            Verdict::Same => ("same", None),
            Verdict::Differs(place) => ("differs", Some(place)),
            Verdict::Failed(message) => ("failed", Some(message)),
            Verdict::Skipped(reason) => ("skipped", Some(reason)),
            _ => ("unknown", None),
        };
        json!({"name": &*rerun.node, "verdict": verdict, "detail": detail})
    });
    json!({
        "format": FORMAT,
        "records": verified.records,
        "blobs": verified.blobs,
        "bytes": verified.bytes,
        "damaged": findings.collect::<Vec<_>>(),
        "reruns": reruns.collect::<Vec<_>>(),
    })
}
