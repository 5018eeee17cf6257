//! `graph`: a picture of the pipeline with the state of every node.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use jiff::Timestamp;
use refrain::{NodeOutline, Planned, Runner};
use refrain_drawing::{Drawing, DrawnNode, NodeKind, NodeState};
use refrain_store::{Codec, Lookup, Part, Record};

use crate::args::{GraphArgs, GraphFormat};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::figures::{bytes, clock, elapsed};
use crate::printer::Printer;
use crate::project::Project;
use crate::states::{self, State, states};
use crate::values::assign;

/// Rows of names and values.
type Rows = Vec<(String, String)>;

pub fn graph(args: GraphArgs, project: Project, printer: &Printer) -> Result<Exit> {
    let project = assign(project, &args.bindings.set)?;
    let runner = project.looker(printer)?;
    let states = match states(&project, &runner) {
        // The graph is there even if nothing can be said about its nodes.
        Err(Error::Engine(error @ refrain::Error::MissingInputs(_))) => {
            printer.warning(format_args!("no states: {error}"));
            Vec::new()
        }
        states => states?,
    };
    let drawing = draw(&project, &runner, states)?;
    let picture = match args.format {
        GraphFormat::Dot => drawing.dot(),
        GraphFormat::Mermaid => drawing.mermaid(),
        GraphFormat::Json => drawing.json() + "\n",
        GraphFormat::Html => drawing.html(),
    };
    match &args.output {
        Some(path) => {
            let path = project.path(path);
            fs::write(&path, picture)
                .map_err(|error| Error::file("write", path.as_ref(), error))?;
        }
        None => printer.copy(picture.as_bytes())?,
    }
    Ok(Exit::Fine)
}

fn draw(project: &Project, runner: &Runner, states: Vec<states::NodeState>) -> Result<Drawing> {
    let pipeline = &project.pipeline;
    let sources: Vec<&str> = pipeline.inputs().collect();
    let names = sources.iter().copied().chain(pipeline.nodes());
    let places: HashMap<&str, usize> = names.zip(0..).collect();
    let targets: Vec<&str> = pipeline.target_names().collect();
    let mut states: HashMap<Arc<str>, states::NodeState> = states
        .into_iter()
        .map(|state| (state.name.clone(), state))
        .collect();
    let mut drawing = Drawing {
        title: pipeline.name().to_owned(),
        ..Drawing::default()
    };
    drawing
        .nodes
        .extend(sources.iter().map(|name| source(project, name)));
    for name in pipeline.nodes() {
        let outline = pipeline.node(name)?;
        let read = outline.reads.iter().chain(&outline.takes);
        let at = drawing.nodes.len();
        drawing
            .edges
            .extend(read.map(|parent| (places[parent], at)));
        let state = states.remove(name);
        let planned = state.as_ref().and_then(|state| state.planned.as_ref());
        let failed = planned.and_then(|planned| failed(project, runner, planned));
        drawing.nodes.push(DrawnNode {
            name: name.to_owned(),
            kind: if outline.mapped {
                NodeKind::Mapped
            } else {
                NodeKind::Node
            },
            state: match failed {
                Some(_) => NodeState::Failed,
                None => shown(state.as_ref().map(|state| state.state)),
            },
            target: targets.contains(&name),
            items: planned.and_then(|planned| items(runner, planned)),
            detail: detail(project, runner, &outline, planned, failed),
        });
    }
    Ok(drawing)
}

fn source(project: &Project, name: &str) -> DrawnNode {
    let outline = project.pipeline.input(name);
    let default = outline.ok().and_then(|outline| outline.default);
    let value = project.inputs.shown(name);
    let value = value.or_else(|| default.map(|default| default.to_string()));
    DrawnNode {
        name: name.to_owned(),
        kind: NodeKind::Source,
        state: NodeState::Current,
        target: false,
        detail: value
            .map(|value| ("value".to_owned(), value))
            .into_iter()
            .collect(),
        items: None,
    }
}

fn shown(state: Option<State>) -> NodeState {
    match state {
        Some(State::Current) => NodeState::Current,
        Some(State::Stale) => NodeState::Stale,
        Some(State::Perhaps) => NodeState::MayBeStale,
        Some(State::Uncached | State::Absent) | None => NodeState::Unknown,
    }
}

/// The run in which a node failed that is still what it was then.
fn failed(project: &Project, runner: &Runner, planned: &Planned) -> Option<String> {
    planned.reason.as_ref()?;
    let last = runner
        .store()?
        .failed(project.pipeline.name(), &planned.name);
    let (run, change) = last?;
    (change.signature == planned.signature).then_some(run)
}

/// How many items of a mapped node are current, and how many there are.
fn items(runner: &Runner, planned: &Planned) -> Option<(usize, usize)> {
    if let Some(items) = planned.items {
        return Some((items.total - items.to_run, items.total));
    }
    let output = planned.output.as_ref()?;
    let is_list = output.codec == Codec::LIST;
    let list = is_list.then(|| runner.store()?.load_list(output).ok());
    let count = list.flatten()?.len();
    Some((count, count))
}

/// What there is to know about a node: where it is, why it would run, and its
/// last record.
fn detail(
    project: &Project,
    runner: &Runner,
    outline: &NodeOutline<'_>,
    planned: Option<&Planned>,
    failed: Option<String>,
) -> Rows {
    let mut rows = Rows::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    if !outline.location.file.is_empty() {
        let place = format!("{}:{}", outline.location.file, outline.location.line);
        row("function", outline.location.function.to_owned());
        row("place", place);
    }
    if !outline.cached {
        row("cached", "no".to_owned());
    }
    if let Some(reason) = planned.and_then(|planned| planned.reason.as_ref()) {
        row("would run", reason.to_string());
    }
    if let Some(run) = failed {
        row("failed in run", run);
    }
    let store = runner.store();
    let record = store.and_then(|store| {
        let found = planned.map(|planned| store.find(&planned.signature));
        match found {
            Some(Lookup::Hit(record)) => Some(record),
            _ => store.latest(project.pipeline.name(), outline.name),
        }
    });
    rows.extend(record.as_deref().map(known).unwrap_or_default());
    rows
}

fn known(record: &Record) -> Rows {
    let made = Timestamp::from_millisecond(record.created_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let hash = |part: &Option<Arc<Part>>| part.as_ref().map(|part| part.hash.to_string());
    let mut rows = vec![
        ("last duration", elapsed(record.elapsed)),
        ("made", clock(made)),
        ("size", bytes(record.output.size)),
        ("digest", record.output.digest.to_string()),
        ("signature", record.signature.to_string()),
    ];
    let parts = [
        ("code_hash", &record.parts.code),
        ("env_hash", &record.parts.env),
        ("inputs_hash", &record.parts.inputs),
        ("deps_hash", &record.parts.deps),
    ];
    rows.extend(
        parts
            .into_iter()
            .filter_map(|(name, part)| Some((name, hash(part)?))),
    );
    let rows = rows.into_iter();
    rows.map(|(name, value)| (name.to_owned(), value)).collect()
}
