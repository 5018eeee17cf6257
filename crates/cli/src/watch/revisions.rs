//! Revisions as they are told: one line each, or one object, and the command
//! that follows the good ones.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use refrain::{NodeReport, Outcome, Report, Run, Signature, Status};

use super::follow_up::FollowUp;
use super::line::line;
use crate::args::WatchArgs;
use crate::error::Result;
use crate::explanation;
use crate::failures;
use crate::printer::Printer;
use crate::project::Project;
use crate::style::{DIM, paint};

/// How many nodes are explained at most.
const EXPLAINED: usize = 10;

/// What targets are: their signatures by their names.
type State = Vec<(Arc<str>, Option<Signature>)>;

/// Tells revisions.
pub struct Revisions {
    printer: Printer,
    json: bool,
    follow_up: Option<FollowUp>,
    /// The last revision that was told.
    last: Option<Arc<Run>>,
    /// What its targets were.
    state: State,
    /// What has changed since then.
    changed: BTreeSet<PathBuf>,
    /// Whether somebody waits for a word, even if nothing happened.
    wanted: bool,
}

impl Revisions {
    /// None yet. Commands are run in `root`.
    pub fn new(args: &WatchArgs, root: PathBuf, printer: Printer) -> Self {
        let follow_up = args
            .exec
            .clone()
            .map(|command| FollowUp::new(command, root, args.json, printer.clone()));
        Revisions {
            printer,
            json: args.json,
            follow_up,
            last: None,
            state: State::new(),
            changed: BTreeSet::new(),
            wanted: false,
        }
    }

    /// Whether none has been told yet.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Notes what changed for the next one.
    pub fn add(&mut self, changed: BTreeSet<PathBuf>) {
        self.changed.extend(changed);
    }

    /// The next one is to be told even if it is what the last one was.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Tells a revision, unless it is the last one once more. A good one whose
    /// outputs are all in their `places` is followed by the command.
    pub fn tell(&mut self, run: &Arc<Run>, project: &Project, places: bool) -> Result<()> {
        let report = run.report();
        // To say why a node executed is work, so that each is told once.
        let nodes: Vec<NodeReport> = report.nodes().collect();
        let state = state(&nodes, project);
        if !self.is_news(report, &state) {
            return Ok(());
        }
        let failed = nodes.iter().filter(|node| node.outcome == Outcome::Failed);
        for node in failed {
            // The project may be another one by now.
            if let Ok(outline) = project.pipeline.node(&node.name) {
                let described = failures::describe(outline.location, node);
                self.printer.lines(&described);
            }
        }
        if self.is_empty() {
            // Nothing is changed that nobody has seen before.
            self.changed.clear();
        }
        self.printer.note(line(report, &nodes, &self.changed));
        if self.json {
            self.printer.json(report)?;
        }
        if let Some(follow_up) = &mut self.follow_up
            && report.status() == Status::Ok
            && places
        {
            follow_up.start();
        }
        self.state = state;
        self.changed.clear();
        self.wanted = false;
        self.last = Some(run.clone());
        Ok(())
    }

    /// Says why the nodes of the last revision executed.
    pub fn explain(&self) {
        let Some(run) = &self.last else { return };
        let executed = run.report().executed();
        if executed.is_empty() {
            self.printer.note(paint(DIM, "nothing executed"));
        }
        for node in executed.iter().take(EXPLAINED) {
            if let Ok(explained) = run.explain(node) {
                self.printer.lines(&explanation::describe(&explained));
            }
        }
        if executed.len() > EXPLAINED {
            let more = executed.len() - EXPLAINED;
            self.printer
                .note(paint(DIM, format_args!("and {more} more")));
        }
    }

    /// Ends the command that follows.
    pub fn end(&mut self) {
        if let Some(follow_up) = &mut self.follow_up {
            follow_up.end();
        }
    }

    /// Whether something happened since the last one that was told.
    fn is_news(&self, report: &Report, state: &State) -> bool {
        let counts = report.counts();
        let quiet = counts.executed + counts.cutoff + counts.failed == 0;
        self.is_empty() || self.wanted || !quiet || *state != self.state
    }
}

/// What the targets of a project are after a run.
fn state(nodes: &[NodeReport], project: &Project) -> State {
    let targets: HashSet<&str> = project.pipeline.target_names().collect();
    let targets = nodes.iter().filter(|node| targets.contains(&*node.name));
    targets
        .map(|node| (node.name.clone(), node.signature))
        .collect()
}
