//! One run of what is live and bound, from the word that it begins to its report. Unaware of how it came to be bound.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use refrain_store::{RunEntry, Store, Traffic};

use super::aftermath::{outputs, remember};
use super::snapshot::Snapshot;
use super::{Runner, lock};
use crate::edits::Edits;
use crate::error::Result;
use crate::event::{RunEvent, emit};
use crate::force::Forced;
use crate::inputs::Inputs;
use crate::live::Live;
use crate::pipeline::Pipeline;
use crate::report::{Counts, Entry, Report};
use crate::run::Run;
use crate::scheduler::{Request, drive};

/// What a run is wanted to be.
pub(crate) struct Wish<'a> {
    pub pipeline: Pipeline,
    pub inputs: Inputs,
    pub forced: Forced,
    pub edits: Option<&'a Edits>,
}

impl Runner {
    /// Runs what is live and bound.
    ///
    /// # Errors
    /// An edit in the middle of the run gave bad inputs.
    pub(crate) fn run_live(
        &self,
        live: &mut Live,
        snapshot: &Mutex<Snapshot>,
        wish: Wish<'_>,
    ) -> Result<Run> {
        let start = Start::now(self.shared.store.as_deref());
        let run = start.run.clone();
        let name = wish.pipeline.name();
        let _span = tracing::info_span!("run", id = &*run, pipeline = name).entered();
        let events = self.tell_start(&run, &wish.pipeline);
        let going = self.shared.going.read();
        let going = going.unwrap_or_else(PoisonError::into_inner);
        self.tell_time(live);
        let request = Request {
            targets: wish.pipeline.targets.clone(),
            forced: wish.forced,
            keep_going: self.keep_going,
            pace: self.pace,
            pool: &self.pool,
            cancel: &self.shared.cancel,
            events: &events,
            edits: wish.edits,
        };
        let driven = drive(live, request)?;
        let (pipeline, inputs) = match driven.edit {
            Some(edit) => (edit.pipeline, edit.inputs),
            None => (wish.pipeline, wish.inputs),
        };
        let outputs = outputs(live, &pipeline.targets, &driven.entries);
        live.forget(&driven.rekeyed);
        live.refresh();
        let counts = Counts::of(&driven.entries, pipeline.graph.nodes.len());
        if let Some(store) = &self.shared.store
            && driven.looked
        {
            let changed = counts.executed + counts.cutoff > 0;
            let (targets, entries) = (&pipeline.targets, &driven.entries);
            let saved = entries.iter().map(|(_, entry)| entry.saved).sum();
            let from = from_tiers(&driven.entries);
            let run = start.entry(&pipeline, &counts, saved, &from);
            let new = remember(store, live, targets, entries, changed, run);
            lock(snapshot).after_run(store, live, new);
        }
        drop(going);
        self.keep_limits();
        let report = Report {
            run,
            graph: pipeline.graph.clone(),
            targets: pipeline.targets.clone(),
            revision: live.revision(),
            status: counts.status(),
            elapsed: start.at.elapsed(),
            counts,
            entries: driven.entries.into(),
            store: self.shared.store.clone(),
            warnings: self.warnings(),
            traffic: start.traffic,
        };
        tell_end(&events, &report);
        Ok(Run {
            runner: self.clone(),
            pipeline,
            inputs,
            report,
            outputs: Mutex::new(outputs),
        })
    }

    /// Tells that a run begins; gives whoever listens. Those that have gone are
    /// dropped, for telling costs time.
    fn tell_start(&self, run: &Arc<str>, pipeline: &Pipeline) -> Vec<Sender<RunEvent>> {
        let started = RunEvent::Started {
            run: run.clone(),
            pipeline: pipeline.graph.name.clone(),
        };
        let mut subscribers = lock(&self.shared.subscribers);
        subscribers.retain(|subscriber| subscriber.send(started.clone()).is_ok());
        subscribers.clone()
    }

    fn warnings(&self) -> Vec<Arc<str>> {
        let problem = self.shared.store.as_ref().and_then(|store| store.problem());
        let problem = problem.map(|problem| format!("not everything is cached: {problem}").into());
        let unusable = self.shared.unusable.iter().cloned();
        let store = self.shared.store.as_ref();
        let tiers = store.map_or_else(Vec::new, |store| store.tier_problems());
        unusable.chain(problem).chain(tiers).collect()
    }
}

/// The beginning of a run.
struct Start {
    run: Arc<str>,
    at: Instant,
    at_ms: i64,
    /// What went to and came from tiers before.
    traffic: Vec<Traffic>,
}

impl Start {
    fn now(store: Option<&Store>) -> Self {
        Start {
            traffic: store.map_or_else(Vec::new, Store::traffic),
            run: ulid::Ulid::generate().to_string().into(),
            at: Instant::now(),
            at_ms: jiff::Timestamp::now().as_millisecond(),
        }
    }

    /// The run as the store's history keeps it.
    fn entry(
        &self,
        pipeline: &Pipeline,
        counts: &Counts,
        saved: Duration,
        from: &BTreeMap<Arc<str>, usize>,
    ) -> RunEntry {
        let mut told = serde_json::to_value(counts).expect("counts are plain numbers");
        if !from.is_empty() {
            told["from"] = serde_json::to_value(from).expect("so are these");
        }
        told["saved_ms"] = (saved.as_micros() as f64 / 1e3).into();
        RunEntry {
            id: self.run.to_string(),
            pipeline: pipeline.graph.name.clone(),
            started_ms: self.at_ms,
            elapsed: self.at.elapsed(),
            status: counts.status().name().into(),
            counts: told.to_string(),
        }
    }
}

/// How many nodes were found in which tier.
fn from_tiers(entries: &[(u32, Entry)]) -> BTreeMap<Arc<str>, usize> {
    let mut from = BTreeMap::new();
    for tier in entries.iter().filter_map(|(_, entry)| entry.tier.as_ref()) {
        *from.entry(Arc::clone(tier)).or_default() += 1;
    }
    from
}

fn tell_end(events: &[Sender<RunEvent>], report: &Report) {
    for warning in &report.warnings {
        emit(events, || RunEvent::Warning(warning.clone()));
    }
    emit(events, || RunEvent::Finished {
        run: report.run.clone(),
        status: report.status,
    });
}
