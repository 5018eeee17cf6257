//! `run`: makes targets current.

use std::mem::ManuallyDrop;

use refrain::{Outcome, Report, Runner, Status};

use crate::args::RunArgs;
use crate::error::Result;
use crate::exit::Exit;
use crate::exports;
use crate::failures::describe;
use crate::figures::elapsed;
use crate::printer::{Printer, Verbosity};
use crate::progress::{Past, Progress};
use crate::project::Project;
use crate::signals;
use crate::style::{BAD, DIM, GOOD, WARN};
use crate::tally::tally;
use crate::transfers;
use crate::values::assign;

pub fn run(args: RunArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?.targets(&args.targets)?;
    // The process is about to end: giving memory back piece by piece takes longer than all at once.
    let project = ManuallyDrop::new(exports::ask(project)?);
    let runner = runner(&args, &project)?;
    signals::cancels(runner.cancel(), printer.clone());
    let progress = (printer.verbosity() > Verbosity::Quiet).then(|| {
        let past = Past {
            store: runner.store(),
            pipeline: project.pipeline.name().to_owned(),
        };
        Progress::start(runner.subscribe(), printer.clone(), past)
    });
    // Inputs that are refused begin no run, so there is nothing to wait for.
    let run = runner.run(&project.pipeline, project.inputs.clone())?;
    if let Some(progress) = progress {
        progress.finish();
    }
    let report = run.report();
    let failed = report
        .nodes()
        .filter(|node| node.outcome == Outcome::Failed);
    for node in failed {
        let location = &project.pipeline.node(&node.name)?.location.clone();
        printer.lines(&describe(location, &node));
    }
    let put = exports::put_all(&project, &runner, &run);
    let store = runner.store();
    if let Some(store) = &store {
        transfers::finish(store, printer, || runner.cancel().is_cancelled());
    }
    printer.note(summary(report));
    if let Some(store) = &store {
        let told: Vec<String> = report.warnings().map(str::to_owned).collect();
        transfers::tell_problems(store, &told, printer);
    }
    if args.json {
        printer.json(report)?;
    }
    put?;
    Ok(match report.status() {
        Status::Ok => Exit::Fine,
        Status::Failed => Exit::Failed,
        Status::Cancelled => Exit::Interrupted,
    })
}

fn runner(args: &RunArgs, project: &Project) -> Result<Runner> {
    let everything = args.force.iter().any(String::is_empty);
    let forced: Vec<&str> = match everything {
        true => project.pipeline.nodes().collect(),
        false => args.force.iter().map(String::as_str).collect(),
    };
    Ok(project.at_work(&args.effort)?.force(forced))
}

/// One line for the whole run, and one for each remote that had part in it: the last ones on standard error.
fn summary(report: &Report) -> String {
    let style = match report.status() {
        Status::Ok => GOOD,
        Status::Failed => BAD,
        Status::Cancelled => WARN,
    };
    let told: Vec<String> = tally(report.counts())
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let saved = match report.saved() {
        std::time::Duration::ZERO => String::new(),
        saved => format!("{DIM}, {} saved{DIM:#}", elapsed(saved)),
    };
    format!(
        "{style}{:>9}{style:#} {} in {}{saved}{}",
        report.status().name(),
        told.join(", "),
        elapsed(report.elapsed()),
        transfers::lines(&report.traffic())
    )
}
