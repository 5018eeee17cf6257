//! Where an action runs. An executor is given the handles of a node's inputs
//! and gives the handle of its output; it knows no graph and no database.

mod ahead;
mod together;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use refrain_store::{Claim, Claimed, Record, Signature, Store};
use rustc_hash::FxHashSet;

use self::ahead::Ahead;
use crate::clock;
use crate::execution::Execution;
use crate::handle::{self, Lost};
use crate::map::Batch;
use crate::node::{Args, Failure};
use crate::recorder::{self, Found, Kept};
use crate::trail::Trails;
use crate::value::Value;
use crate::work::{Arg, Work};

/// Runs actions: in this process, or one day elsewhere.
pub(crate) trait Executor: Send + Sync {
    /// Hears of work that is going to be executed soon.
    fn expect(&self, work: &Work);
    /// Runs one piece of work to its end.
    fn execute(&self, work: &Work) -> Done;
    /// Runs pieces of work that can be done at once to their ends, and gives how
    /// each of them ended.
    fn execute_together(&self, works: &[Arc<Work>], batch: &Batch) -> Vec<Done>;
}

/// How a piece of work ended.
pub(crate) enum Done {
    /// It ran.
    Made { kept: Kept, elapsed: Duration },
    /// Another process had just made it.
    Found(Arc<Record>),
    /// It ran and gave no output.
    Failed { failure: Failure, elapsed: Duration },
    /// It was asked to end early, and did.
    Stopped { log: Option<String> },
    /// The output of a parent, given by its number, could not be loaded.
    Lost(u32, Lost),
    /// Another live process or run is at it.
    Busy,
}

/// Runs actions on the calling thread of this process.
pub(crate) struct Local {
    store: Option<Arc<Store>>,
    /// Claims tell processes apart; runs of one store are told apart here.
    running: Mutex<FxHashSet<Signature>>,
    ahead: Ahead,
}

impl Local {
    pub fn new(store: Option<Arc<Store>>) -> Self {
        Local {
            store,
            running: Mutex::default(),
            ahead: Ahead::default(),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, FxHashSet<Signature>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, work: &Work) -> Result<Vec<Value>, Done> {
        let values = work.args.iter().map(|arg| match arg {
            Arg::Given(value) => Ok(value.clone()),
            Arg::Output(parent, handle) => handle
                .load(self.store.as_deref())
                .map_err(|lost| Done::Lost(*parent, lost)),
        });
        values.collect()
    }
}

impl Executor for Local {
    fn expect(&self, work: &Work) {
        if self.store.as_ref().is_some_and(|store| store.has_tiers()) {
            self.ahead.expect(work);
        }
    }

    fn execute(&self, work: &Work) -> Done {
        if !keeps(work) {
            return self.run(work, None);
        }
        if !self.running().insert(work.key) {
            return Done::Busy;
        }
        let done = self.claimed(work);
        self.running().remove(&work.key);
        done
    }

    fn execute_together(&self, works: &[Arc<Work>], batch: &Batch) -> Vec<Done> {
        self.together(works, batch)
    }
}

impl Local {
    fn claimed(&self, work: &Work) -> Done {
        match self.claim(work) {
            Ok(claim) => self.run(work, claim),
            Err(done) => done,
        }
    }

    /// Takes up work for this process, unless somebody else is at it or has done
    /// it.
    fn claim(&self, work: &Work) -> Result<Option<Claim>, Done> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let Claimed::Mine(claim) = store.claim(&work.key) else {
            return Err(Done::Busy);
        };
        let found = (!work.forced).then(|| self.known(store, work)).flatten();
        match found {
            Some(record) => Err(Done::Found(record)),
            None => Ok(Some(claim)),
        }
    }

    /// The record of equal work that somebody else has done meanwhile.
    fn known(&self, store: &Store, work: &Work) -> Option<Arc<Record>> {
        if store.has_tiers() {
            self.ahead.ask(store, work);
        }
        known(store, work)
    }

    fn run(&self, work: &Work, claim: Option<Claim>) -> Done {
        let values = match self.load(work) {
            Ok(values) => values,
            Err(done) => return done,
        };
        let args = Args {
            values,
            execution: Arc::new(Execution::new(work.stop.clone(), self.store.clone())),
        };
        let node = &work.spec.node;
        let _span = tracing::info_span!("node", name = node.name()).entered();
        // Of a file found later it must be sure that it did not change meanwhile.
        let started = match node.discovers {
            true => clock::stamp_after(work.looked_at),
            false => work.looked_at,
        };
        let start = Instant::now();
        let outcome = attempt(work, || (node.action)(&args));
        let elapsed = start.elapsed();
        match outcome {
            Ok(value) => {
                let execution = recorder::Execution {
                    value,
                    told: args.execution.take_told(),
                    started,
                    elapsed,
                    created_ms: clock::millis((work.clock)()),
                };
                let kept = recorder::keep(self.store.as_deref(), work, execution, claim);
                Done::Made { kept, elapsed }
            }
            Err(failure) if work.stop.was_heard() => Done::Stopped { log: failure.log },
            Err(failure) => Done::Failed { failure, elapsed },
        }
    }
}

/// Whether the output of the work is stored.
fn keeps(work: &Work) -> bool {
    work.draft.as_ref().is_some_and(|draft| draft.keeps_output)
}

/// The record of equal work that somebody else has done meanwhile; tiers were asked for what comes first.
fn known(store: &Store, work: &Work) -> Option<Arc<Record>> {
    let mut key = work.key;
    if work.spec.node.discovers {
        let digest = |path: &Path| store.file_digest(path).ok().map(|(digest, _)| digest);
        let trails = Trails::recall(store, &work.key);
        let trail = trails.matching(digest).cloned();
        let trail = trail.or_else(|| {
            let name = &work.spec.node.location.node;
            let trails = Trails::recall_anew(store, name, &work.key)?;
            trails.matching(digest).cloned()
        });
        key = Found::of(work, work.draft.as_ref()?, Some(&trail?)).resolved;
    }
    store.ask_tiers_for(&[work.lifetime.wants(key)]);
    handle::find(store, &key, work.lifetime)
}

/// Runs the action, again where that failed and is to be tried again. A panic of
/// the function is a failure like another.
fn attempt<T, E: From<Failure>>(work: &Work, action: impl Fn() -> Result<T, E>) -> Result<T, E> {
    let once = || {
        catch_unwind(AssertUnwindSafe(&action))
            .unwrap_or_else(|panic| Err(panicked(&*panic).into()))
    };
    let mut outcome = once();
    for _ in 0..work.spec.node.retries {
        if outcome.is_ok() || work.stop.was_heard() {
            break;
        }
        outcome = once();
    }
    outcome
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::new(match said {
        Some(said) => format!("panicked: {said}"),
        None => "panicked".to_owned(),
    })
}
