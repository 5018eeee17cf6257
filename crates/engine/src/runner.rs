//! Running pipelines: the outermost room of the library. A runner holds the
//! store, the worker threads, and one live session per pipeline.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, unbounded};
use refrain_store::{Digest, RunEntry, Signature, Store};
use rustc_hash::FxHashSet;

use crate::cancel::Cancel;
use crate::config::{CacheConfig, check_backend};
use crate::db::Context;
use crate::error::Result;
use crate::event::RunEvent;
use crate::executor::Local;
use crate::graph::Graph;
use crate::handle::Lost;
use crate::inputs::Inputs;
use crate::pipeline::Pipeline;
use crate::plan::{self, Plan};
use crate::pool::Pool;
use crate::report::{Counts, Entry, Outcome, Report, Status};
use crate::run::{Run, Target};
use crate::scheduler::{Driven, Request, drive};
use crate::session::Session;

/// Up to this many nodes the snapshot is written before a run returns, so that
/// the directory is whole by then; above, it is written when the time it takes
/// is small against the time since the last one.
const SNAPSHOT_AT_ONCE: usize = 5_000;

/// Runs pipelines and remembers what they gave. Cheap to clone; clones share
/// everything but `jobs`, `keep_going` and `force`.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    keep_going: bool,
    forced: Arc<BTreeSet<String>>,
}

struct Shared {
    config: CacheConfig,
    store: Option<Arc<Store>>,
    /// Why there is no store although caching is on.
    unusable: Option<Arc<str>>,
    executor: Arc<Local>,
    sessions: Mutex<Vec<Live>>,
    subscribers: Mutex<Vec<Sender<RunEvent>>>,
    cancel: Cancel,
}

/// A pipeline that was run, as long as somebody holds it.
struct Live {
    graph: Weak<Graph>,
    session: Arc<Mutex<Session>>,
    snapshot: Arc<Mutex<Snapshot>>,
}

/// When the portable snapshot was last written and how long that took.
#[derive(Default)]
struct Snapshot {
    last: Option<(Instant, Duration)>,
    due: bool,
}

impl Runner {
    /// A runner. A cache directory that cannot be used costs the caching and
    /// not the runs: each run's report then says so in a warning.
    ///
    /// # Errors
    /// A storage backend that is not known.
    pub fn new(config: CacheConfig) -> Result<Self> {
        check_backend(&config.backend, "")?;
        let opened = config.enabled.then(|| Store::open(&config.cache_dir));
        let (store, unusable) = match opened.transpose() {
            Ok(store) => (store.map(Arc::new), None),
            Err(error) => {
                tracing::warn!(%error, "running without a cache");
                (None, Some(format!("nothing is cached: {error}").into()))
            }
        };
        let executor = Arc::new(Local::new(store.clone()));
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Runner {
            pool: Arc::new(Pool::new(jobs, executor.clone())),
            shared: Arc::new(Shared {
                config,
                store,
                unusable,
                executor,
                sessions: Mutex::default(),
                subscribers: Mutex::default(),
                cancel: Cancel::default(),
            }),
            keep_going: false,
            forced: Arc::default(),
        })
    }

    /// How many nodes run at once; by default one for each core.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.pool = Arc::new(Pool::new(jobs.max(1), self.shared.executor.clone()));
        self
    }

    /// After a failure, runs whatever does not need the failed node.
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.keep_going = keep_going;
        self
    }

    /// Executes these nodes whenever they are needed, whatever is remembered.
    pub fn force<'a>(mut self, nodes: impl IntoIterator<Item = &'a str>) -> Self {
        self.forced = Arc::new(nodes.into_iter().map(str::to_owned).collect());
        self
    }

    /// What ends this runner's runs early.
    pub fn cancel(&self) -> Cancel {
        self.shared.cancel.clone()
    }

    /// Everything that happens in this runner's runs from now on.
    pub fn subscribe(&self) -> Receiver<RunEvent> {
        let (sender, receiver) = unbounded();
        lock(&self.shared.subscribers).push(sender);
        receiver
    }

    /// Runs a pipeline: executes what its targets need and nothing else. The
    /// failure of a node is an outcome in the report, and an error only when
    /// its output is asked for.
    ///
    /// # Errors
    /// Inputs that are missing, unknown, unreadable or of a wrong type; nothing
    /// has run then.
    pub fn run(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<Run> {
        self.run_forced(pipeline, inputs, &self.forced_nodes(&pipeline.graph)?)
    }

    /// What [`run`](Self::run) would execute and why, executing nothing.
    ///
    /// # Errors
    /// As for `run`.
    pub fn plan(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<Plan> {
        self.check_backends(pipeline)?;
        let forced = self.forced_nodes(&pipeline.graph)?;
        let (session, _) = self.live(pipeline);
        let mut session = lock(&session);
        session.bind(&inputs, &pipeline.targets)?;
        Ok(plan::plan(&mut session, &pipeline.targets, &forced))
    }

    /// Waits until everything finished is on disk, the snapshot included.
    pub fn flush(&self) {
        for live in lock(&self.shared.sessions).iter() {
            let mut snapshot = lock(&live.snapshot);
            if snapshot.due {
                self.shared.snapshot(&lock(&live.session), &mut snapshot);
            }
        }
        if let Some(store) = &self.shared.store {
            store.flush();
        }
    }

    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        self.shared.store.clone()
    }

    /// Makes one output again that turned out lost after its run had ended.
    pub(crate) fn make_again(
        &self,
        pipeline: &Pipeline,
        inputs: &Inputs,
        node: u32,
        lost: &Lost,
    ) -> Result<Run> {
        let name: &str = pipeline.graph.name_of(node);
        tracing::warn!(node = name, why = lost.message, "an output is made again");
        let only = pipeline.targets([name])?;
        let forced = FxHashSet::from_iter([node]);
        self.run_forced(&only, inputs.clone(), &forced)
    }

    fn forced_nodes(&self, graph: &Graph) -> Result<FxHashSet<u32>> {
        self.forced.iter().map(|name| graph.find(name)).collect()
    }

    fn check_backends(&self, pipeline: &Pipeline) -> Result<()> {
        for node in &pipeline.graph.nodes {
            if let Some(backend) = &node.cache_backend {
                check_backend(backend, &format!(" at {}", node.location))?;
            }
        }
        Ok(())
    }

    fn run_forced(
        &self,
        pipeline: &Pipeline,
        inputs: Inputs,
        forced: &FxHashSet<u32>,
    ) -> Result<Run> {
        let begun = Instant::now();
        let started_ms = jiff::Timestamp::now().as_millisecond();
        let (session, snapshot) = self.live(pipeline);
        let mut session = lock(&session);
        if session.revision() == 0 {
            self.check_backends(pipeline)?;
        }
        session.bind(&inputs, &pipeline.targets)?;

        let run: Arc<str> = ulid::Ulid::generate().to_string().into();
        let events = lock(&self.shared.subscribers).clone();
        let _span = tracing::info_span!("run", id = &*run, pipeline = pipeline.name()).entered();
        let emit = |event: &dyn Fn() -> RunEvent| {
            for subscriber in &events {
                let _ = subscriber.send(event());
            }
        };
        emit(&|| RunEvent::Started {
            run: run.clone(),
            pipeline: pipeline.graph.name.clone(),
        });
        let request = Request {
            targets: &pipeline.targets,
            forced,
            keep_going: self.keep_going,
            pool: &self.pool,
            cancel: &self.shared.cancel,
            events: &events,
        };
        let driven = drive(&mut session, &request);
        let outputs = outputs(&session, &pipeline.targets, &driven);
        let counts = count(pipeline.graph.nodes.len(), &driven.entries);
        let status = if counts.failed > 0 {
            Status::Failed
        } else if counts.cancelled > 0 {
            Status::Cancelled
        } else {
            Status::Ok
        };
        if let Some(store) = &self.shared.store
            && driven.looked
        {
            let changed = counts.executed + counts.cutoff > 0;
            let state = state(&session, &pipeline.targets);
            // Found as the last run left it: nothing is new.
            let latest = match !changed && store.state(pipeline.name()) == Some(state) {
                true => Vec::new(),
                false => latest(&mut session, &driven.entries),
            };
            let entry = RunEntry {
                id: run.to_string(),
                pipeline: pipeline.graph.name.clone(),
                started_ms,
                elapsed: begun.elapsed(),
                status: status.name().into(),
                counts: serde_json::to_string(&counts).expect("counts are plain numbers"),
            };
            store.finish_run(entry, latest, state);
            self.shared
                .after_run(&session, &mut lock(&snapshot), changed);
        }
        let warnings = self.warnings();
        for warning in &warnings {
            emit(&|| RunEvent::Warning(warning.clone()));
        }
        emit(&|| RunEvent::Finished {
            run: run.clone(),
            status,
        });
        let report = Report {
            run,
            graph: pipeline.graph.clone(),
            targets: pipeline.targets.clone(),
            revision: session.revision(),
            status,
            elapsed: begun.elapsed(),
            counts,
            entries: driven.entries.into(),
            store: self.shared.store.clone(),
            warnings,
        };
        Ok(Run {
            runner: self.clone(),
            pipeline: pipeline.clone(),
            inputs,
            report,
            outputs: Mutex::new(outputs),
        })
    }

    fn warnings(&self) -> Vec<Arc<str>> {
        let problem = self.shared.store.as_ref().and_then(|store| store.problem());
        let problem = problem.map(|problem| format!("not everything is cached: {problem}").into());
        self.shared
            .unusable
            .iter()
            .cloned()
            .chain(problem)
            .collect()
    }

    /// The session of this pipeline. Without caching nothing is remembered
    /// between runs, not even in memory.
    fn live(&self, pipeline: &Pipeline) -> (Arc<Mutex<Session>>, Arc<Mutex<Snapshot>>) {
        let mut sessions = lock(&self.shared.sessions);
        sessions.retain(|live| live.graph.strong_count() > 0);
        let same = |live: &&Live| std::ptr::eq(live.graph.as_ptr(), Arc::as_ptr(&pipeline.graph));
        if let Some(live) = sessions.iter().find(same)
            && self.shared.store.is_some()
        {
            return (live.session.clone(), live.snapshot.clone());
        }
        let context = Context::new(self.shared.config.clone(), self.shared.store.clone());
        let session = Session::new(pipeline.graph.clone(), Arc::new(context));
        let session = Arc::new(Mutex::new(session));
        let snapshot = Arc::<Mutex<Snapshot>>::default();
        if self.shared.store.is_some() {
            sessions.push(Live {
                graph: Arc::downgrade(&pipeline.graph),
                session: session.clone(),
                snapshot: snapshot.clone(),
            });
        }
        (session, snapshot)
    }
}

impl Shared {
    fn after_run(&self, session: &Session, snapshot: &mut Snapshot, changed: bool) {
        let store = self.store.as_ref().expect("only with a store");
        snapshot.due |= changed || store.needs_snapshot(&session.graph.name);
        let affordable = match snapshot.last {
            _ if session.graph.nodes.len() <= SNAPSHOT_AT_ONCE => true,
            None => true,
            Some((at, took)) => at.elapsed() > took * 20,
        };
        if snapshot.due && affordable {
            self.snapshot(session, snapshot);
        }
    }

    fn snapshot(&self, session: &Session, snapshot: &mut Snapshot) {
        let Some(store) = &self.store else {
            return;
        };
        let begun = Instant::now();
        let mut nodes = (0..session.graph.nodes.len() as u32)
            .filter(|node| session.is_seen(*node))
            .map(|node| {
                let name = session.graph.node(node).location.node.clone();
                (name, session.key(node).signature)
            });
        if let Err(error) = store.snapshot(&session.graph.name, &mut nodes) {
            tracing::warn!(%error, "metadata.json was not written");
        }
        snapshot.last = Some((Instant::now(), begun.elapsed()));
        snapshot.due = false;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for live in std::mem::take(&mut *lock(&self.sessions)) {
            let mut snapshot = lock(&live.snapshot);
            if snapshot.due {
                self.snapshot(&lock(&live.session), &mut snapshot);
            }
        }
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Runner").field(&self.shared.config).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The targets' outputs. A value made in this run is kept with the run; the
/// session lets go of it where the store can give it again.
fn outputs(
    session: &Session,
    targets: &[u32],
    driven: &Driven,
) -> rustc_hash::FxHashMap<u32, Target> {
    let has_output = |node: &&u32| {
        let at = driven
            .entries
            .binary_search_by_key(*node, |(node, _)| *node);
        let outcome = at.ok().map(|at| driven.entries[at].1.outcome);
        matches!(
            outcome,
            Some(Outcome::Executed | Outcome::Hit | Outcome::Cutoff)
        )
    };
    let target = |node: &u32| {
        let handle = session.output(*node);
        let value = handle.in_hand();
        handle.release();
        (*node, Target { handle, value })
    };
    targets.iter().filter(has_output).map(target).collect()
}

fn count(nodes: usize, entries: &[(u32, Entry)]) -> Counts {
    let mut counts = Counts {
        unneeded: nodes - entries.len(),
        ..Counts::default()
    };
    for (_, entry) in entries {
        *match entry.outcome {
            Outcome::Executed => &mut counts.executed,
            Outcome::Hit => &mut counts.hit,
            Outcome::Cutoff => &mut counts.cutoff,
            Outcome::Unneeded => &mut counts.unneeded,
            Outcome::Failed => &mut counts.failed,
            Outcome::Blocked => &mut counts.blocked,
            Outcome::Cancelled => &mut counts.cancelled,
        } += 1;
    }
    counts
}

/// What stands for the state that a run found or left: the targets' signatures.
fn state(session: &Session, targets: &[u32]) -> Digest {
    let mut bytes = Vec::with_capacity(targets.len() * 32);
    for target in targets {
        bytes.extend_from_slice(session.key(*target).signature.as_bytes());
    }
    Digest::of(&bytes)
}

/// The signatures that the store should know as the nodes' latest and does not
/// yet: of the nodes looked at, and of what changed above those that were found.
/// Above a node that is what it was, everything is.
fn latest(session: &mut Session, entries: &[(u32, Entry)]) -> Vec<(Arc<str>, Signature)> {
    let has_output =
        |outcome| matches!(outcome, Outcome::Executed | Outcome::Cutoff | Outcome::Hit);
    let looked_at = entries
        .iter()
        .filter(|(_, entry)| has_output(entry.outcome));
    let mut stack: Vec<u32> = looked_at.map(|(node, _)| *node).collect();
    let mut told = Vec::new();
    while let Some(node) = stack.pop() {
        let signature = session.key(node).signature;
        if session.before(node) == Some(signature) {
            continue;
        }
        session.is_now(node, signature);
        told.push((session.graph.node(node).location.node.clone(), signature));
        stack.extend(session.graph.parents(node));
    }
    told
}
