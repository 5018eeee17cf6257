//! Running pipelines: the outermost room of the library. A runner holds the
//! store, the worker threads, and one live session per pipeline.

mod aftermath;
mod going;
mod moving;
mod sessions;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

use crossbeam::channel::{Receiver, Sender, unbounded};
use refrain_store::{Codec, Damage, Options, Output, Statistics, Store, Tier, TierUse};

pub(crate) use self::going::Wish;
pub use self::moving::Warmed;
use self::sessions::Sessions;
use crate::cancel::Cancel;
use crate::clock::{self, Clock};
use crate::config::{CacheConfig, check_backend};
use crate::edits::Look;
use crate::error::Result;
use crate::event::RunEvent;
use crate::executor::Local;
use crate::explain::Explanation;
use crate::force::Forced;
use crate::handle::Lost;
use crate::inputs::Inputs;
use crate::live::Live;
use crate::mode::{Mode, Pace};
use crate::pipeline::Pipeline;
use crate::plan::{self, Plan};
use crate::pool::Pool;
use crate::rerun::{self, Rerun};
use crate::run::Run;
use crate::tiers;
use crate::why;

/// Runs pipelines and remembers what they gave. Cheap to clone; clones share
/// everything but `jobs`, `keep_going`, `mode`, `batch_threshold` and `force`.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    keep_going: bool,
    pace: Pace,
    forced: Arc<BTreeSet<String>>,
    now: Clock,
}

struct Shared {
    store: Option<Arc<Store>>,
    /// Why there is no store although caching is on.
    unusable: Option<Arc<str>>,
    executor: Arc<Local>,
    sessions: Sessions,
    subscribers: Mutex<Vec<Sender<RunEvent>>>,
    cancel: Cancel,
    /// Shared by runs that go on; taken alone to make room in the store.
    going: RwLock<()>,
}

impl Runner {
    /// A runner. A cache directory that cannot be used costs the caching and
    /// not the runs: each run's report then says so in a warning.
    ///
    /// # Errors
    /// A storage backend that is not known, a remote that cannot be one, or a key
    /// that cannot be read.
    pub fn new(config: CacheConfig) -> Result<Self> {
        let tiers = match config.enabled {
            true => tiers::open(&config.remote)?,
            false => Vec::new(),
        };
        Self::with_tiers(config, tiers)
    }

    /// A runner whose tiers are these, whatever the configuration names.
    ///
    /// # Errors
    /// A storage backend that is not known, or a key that cannot be read.
    pub fn with_tiers(config: CacheConfig, tiers: Vec<(Arc<dyn Tier>, TierUse)>) -> Result<Self> {
        check_backend(&config.backend, "")?;
        let options = config.enabled.then(|| config.store_options()).transpose()?;
        let opened = options.map(|options| {
            let add = |options: Options, (tier, usage)| options.tier(tier, usage);
            let options = tiers.into_iter().fold(options, add);
            Store::open_with(&config.cache_dir, &options)
        });
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
                sessions: Sessions::new(config, store.clone()),
                store,
                unusable,
                executor,
                subscribers: Mutex::default(),
                cancel: Cancel::default(),
                going: RwLock::default(),
            }),
            keep_going: false,
            pace: Pace::default(),
            forced: Arc::default(),
            now: clock::now,
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

    /// How items of mapped nodes are handed to functions that take several at once;
    /// by default [`Mode::Auto`]. Nothing that is remembered depends on it.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.pace.mode = mode;
        self
    }

    /// From how many missing items on [`Mode::Auto`] hands them over together; by
    /// default from 2 on.
    pub fn batch_threshold(mut self, items: usize) -> Self {
        self.pace.threshold = items;
        self
    }

    /// Executes these nodes in every run whose targets stand on them, whatever
    /// is remembered, and below them whatever gets something else to read.
    pub fn force<'a>(mut self, nodes: impl IntoIterator<Item = &'a str>) -> Self {
        self.forced = Arc::new(nodes.into_iter().map(str::to_owned).collect());
        self
    }

    /// Tells the time by another clock than the system's: when outputs are made, and
    /// which are too old. For tests.
    pub fn clock(mut self, now: fn() -> SystemTime) -> Self {
        self.now = now;
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
        let forced = self.forced_nodes(pipeline)?;
        self.run_forced(pipeline, inputs, &forced)
    }

    /// What [`run`](Self::run) would execute and why, executing nothing.
    ///
    /// # Errors
    /// As for `run`.
    pub fn plan(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<Plan> {
        self.check_backends(pipeline)?;
        let forced = self.forced_nodes(pipeline)?;
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        live.bind(&inputs, &pipeline.targets, &Look::everywhere())?;
        self.tell_time(&mut live);
        Ok(plan::plan(&mut live, &pipeline.targets, &forced))
    }

    /// Why a node would run now: the way down to the first thing that changed.
    /// For a node that would not run it is what there is to say if it did.
    ///
    /// # Errors
    /// As for `run`; or no node has that name.
    pub fn why(&self, pipeline: &Pipeline, inputs: Inputs, node: &str) -> Result<Explanation> {
        let only = pipeline.targets([node])?;
        let node = pipeline.graph.find(node)?;
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        live.bind(&inputs, &only.targets, &Look::everywhere())?;
        self.tell_time(&mut live);
        Ok(why::why(&mut live, node))
    }

    /// Executes again what is remembered of the targets and all that they need,
    /// as far as it is chosen by the names of nodes and items, and says whether
    /// it gave the same. Nothing is recorded.
    ///
    /// # Errors
    /// As for `run`.
    pub fn rerun(
        &self,
        pipeline: &Pipeline,
        inputs: Inputs,
        choose: impl Fn(&str) -> bool,
    ) -> Result<Vec<Rerun>> {
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        live.bind(&inputs, &pipeline.targets, &Look::everywhere())?;
        let nodes = pipeline.graph.ancestors(&pipeline.targets);
        let (pool, cancel) = (&self.pool, &self.shared.cancel);
        Ok(rerun::rerun(&mut live, &nodes, pool, cancel, &choose))
    }

    /// Waits until everything finished is on disk, the snapshot included.
    pub fn flush(&self) {
        self.shared.sessions.write_snapshots();
        if let Some(store) = &self.shared.store {
            store.flush();
        }
    }

    /// The store of its cache directory; `None` where nothing is cached.
    pub fn store(&self) -> Option<Arc<Store>> {
        self.shared.store.clone()
    }

    /// What the runs of a pipeline did so far, what they were spared, and what is
    /// kept in its cache directory; all zero where nothing is cached.
    pub fn stats(&self, pipeline: &Pipeline) -> Statistics {
        let store = self.shared.store.as_ref();
        store.map_or_else(Statistics::default, |store| {
            store.statistics(Some(pipeline.name()))
        })
    }

    /// A stored output of a node as JSON has it, for people and other programs.
    /// `None` where the stored bytes are what they want: bytes, texts, files,
    /// and what JSON cannot have.
    ///
    /// # Errors
    /// The output is lost.
    pub fn plain(
        &self,
        pipeline: &Pipeline,
        node: &str,
        output: &Output,
    ) -> Result<Option<serde_json::Value>, Damage> {
        let node = pipeline.graph.find(node).ok();
        let node = node.map(|node| pipeline.graph.node(node));
        // Of a mapped node it may be the output of one item.
        let codec = node.and_then(|node| match &node.map {
            Some(map) if output.codec != Codec::LIST => map.item.codec(),
            _ => node.output.codec(),
        });
        match (codec, self.store()) {
            (Some(codec), Some(store)) => match output.codec {
                Codec::BINCODE | Codec::PICKLE | Codec::LIST => {
                    Ok(codec.plain(&codec.get(&store, output)?))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
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
        let forced = Forced::new(&only.graph, &only.targets, &[node]);
        self.run_forced(&only, inputs.clone(), &forced)
    }

    /// What stays between the runs of a session.
    pub(crate) fn start_live(&self, pipeline: &Pipeline) -> Result<Live> {
        self.check_backends(pipeline)?;
        Ok(self.shared.sessions.start(pipeline))
    }

    /// Says to what is live what time it is.
    pub(crate) fn tell_time(&self, live: &mut Live) {
        live.look_at_clock(self.now);
    }

    /// Makes room in the store, where there is too much in it and nothing else runs.
    fn keep_limits(&self) {
        if let Some(store) = &self.shared.store
            && let Ok(_alone) = self.shared.going.try_write()
            && let Err(error) = store.keep_limits((self.now)())
        {
            tracing::warn!(%error, "the cache is not made smaller");
        }
    }

    pub(crate) fn config(&self) -> &CacheConfig {
        self.shared.sessions.config()
    }

    /// The nodes to execute in every run.
    pub(crate) fn forced_names(&self) -> impl Iterator<Item = Arc<str>> {
        self.forced.iter().map(|name| name.as_str().into())
    }

    fn forced_nodes(&self, pipeline: &Pipeline) -> Result<Forced> {
        let numbers = self.forced.iter().map(|name| pipeline.graph.find(name));
        let nodes = numbers.collect::<Result<Vec<u32>>>()?;
        Ok(Forced::new(&pipeline.graph, &pipeline.targets, &nodes))
    }

    pub(crate) fn check_backends(&self, pipeline: &Pipeline) -> Result<()> {
        for node in &pipeline.graph.nodes {
            if let Some(backend) = &node.cache_backend {
                check_backend(backend, &format!(" at {}", node.location))?;
            }
        }
        Ok(())
    }

    fn run_forced(&self, pipeline: &Pipeline, inputs: Inputs, forced: &Forced) -> Result<Run> {
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        if live.revision() == 0 {
            self.check_backends(pipeline)?;
        }
        live.bind(&inputs, &pipeline.targets, &Look::everywhere())?;
        let wish = Wish {
            pipeline: pipeline.clone(),
            inputs,
            forced: forced.clone(),
            edits: None,
        };
        self.run_live(&mut live, &held.snapshot, wish)
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Runner").field(self.config()).finish()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
