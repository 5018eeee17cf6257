//! Where an action runs. An executor is given the handles of a node's inputs
//! and gives the handle of its output; it knows no graph and no database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use refrain_store::{Claimed, Digest, Lookup, Output, Parts, Record, Signature, Store};
use rustc_hash::FxHashSet;

use crate::db::Spec;
use crate::files::Tracked;
use crate::handle::{EXPLAINS_ONLY, Handle, Lost};
use crate::node::{Args, Failure};
use crate::signature::Notes;
use crate::value::Value;

/// Runs actions: in this process, or one day elsewhere.
pub(crate) trait Executor: Send + Sync {
    /// Runs one piece of work to its end.
    fn execute(&self, work: &Work) -> Done;
}

/// One node to execute, with everything that this takes.
pub(crate) struct Work {
    pub spec: Arc<Spec>,
    /// The resolved signature: the name of this very work.
    pub key: Signature,
    pub args: Vec<Arg>,
    /// File sources among the arguments: still the same when it has run?
    pub files: Vec<Arc<Tracked>>,
    /// What goes into the record; without it nothing is recorded.
    pub draft: Option<Draft>,
    /// Whether an output found under the key will do.
    pub forced: bool,
}

/// The argument of one parameter.
pub(crate) enum Arg {
    Given(Value),
    /// The output of the node of this number.
    Output(u32, Arc<Handle>),
}

/// The part of a record that is known before the work is done.
pub(crate) struct Draft {
    pub signature: Signature,
    pub parts: Parts,
    pub notes: Notes,
    /// Whether the output is stored; otherwise the record only explains.
    pub keeps_output: bool,
}

/// How a piece of work ended.
pub(crate) enum Done {
    /// It ran. `note` says why the output is not cached, if it is not.
    Made {
        handle: Arc<Handle>,
        elapsed: Duration,
        note: Option<Arc<str>>,
    },
    /// Another process had just made it.
    Found(Arc<Record>),
    /// It ran and gave no output.
    Failed {
        message: Arc<str>,
        elapsed: Duration,
    },
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
}

impl Local {
    pub fn new(store: Option<Arc<Store>>) -> Self {
        Local {
            store,
            running: Mutex::default(),
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, FxHashSet<Signature>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, work: &Work) -> Result<Args, Done> {
        let values = work.args.iter().map(|arg| match arg {
            Arg::Given(value) => Ok(value.clone()),
            Arg::Output(parent, handle) => handle
                .load(self.store.as_deref())
                .map_err(|lost| Done::Lost(*parent, lost)),
        });
        values.collect::<Result<_, _>>().map(Args)
    }

    /// Stores an output and records it. An output that cannot be stored stays
    /// in memory, with a note of the reason: it costs the caching, not the run.
    fn keep(
        &self,
        work: &Work,
        value: Value,
        elapsed: Duration,
        claim: Option<refrain_store::Claim>,
    ) -> Done {
        let kept = match (&work.draft, &self.store) {
            (Some(draft), Some(store)) => self.record(store, draft, work, &value, elapsed, claim),
            _ => Ok(None),
        };
        let (handle, note) = match kept {
            Ok(Some(handle)) => (handle, None),
            Ok(None) => (Handle::in_memory(&work.key, value, elapsed), None),
            Err(why) => (
                Handle::in_memory(&work.key, value, elapsed),
                Some(format!("not cached: {why}").into()),
            ),
        };
        Done::Made {
            handle: Arc::new(handle),
            elapsed,
            note,
        }
    }

    fn record(
        &self,
        store: &Store,
        draft: &Draft,
        work: &Work,
        value: &Value,
        elapsed: Duration,
        claim: Option<refrain_store::Claim>,
    ) -> Result<Option<Handle>, String> {
        if let Some(path) = work
            .files
            .iter()
            .find_map(|files| files.changed(Some(store)))
        {
            return Err(format!("{} changed while the node ran", path.display()));
        }
        let codec = work.spec.node.output.codec().filter(|_| draft.keeps_output);
        let output = match codec {
            Some(codec) => {
                let (codec, bytes) = codec.encode(value)?;
                store.write(&bytes, codec).map_err(|e| e.to_string())?
            }
            None => Output {
                digest: Digest::from_bytes([0; 32]),
                size: 0,
                codec: EXPLAINS_ONLY,
                inline: Some(Arc::from([])),
            },
        };
        let record = Record {
            node: work.spec.node.location.node.clone(),
            signature: draft.signature,
            resolved: work.key,
            parts: draft.parts.clone(),
            output: output.clone(),
            created_ms: jiff::Timestamp::now().as_millisecond(),
            elapsed,
        };
        store.commit(record, draft.notes.clone(), claim);
        Ok(codec.map(|codec| Handle::stored(output, codec, elapsed, Some(value.clone()))))
    }
}

impl Executor for Local {
    fn execute(&self, work: &Work) -> Done {
        let keeps = work.draft.as_ref().is_some_and(|draft| draft.keeps_output);
        if !keeps {
            return self.run(work, None);
        }
        if !self.running().insert(work.key) {
            return Done::Busy;
        }
        let done = self.claimed(work);
        self.running().remove(&work.key);
        done
    }
}

impl Local {
    fn claimed(&self, work: &Work) -> Done {
        let Some(store) = &self.store else {
            return self.run(work, None);
        };
        let Claimed::Mine(claim) = store.claim(&work.key) else {
            return Done::Busy;
        };
        if !work.forced
            && let Lookup::Hit(record) = store.find_resolved(&work.key)
            && record.output.codec != EXPLAINS_ONLY
            && store.present(&record.output).is_ok()
        {
            return Done::Found(record);
        }
        self.run(work, Some(claim))
    }

    fn run(&self, work: &Work, claim: Option<refrain_store::Claim>) -> Done {
        let args = match self.load(work) {
            Ok(args) => args,
            Err(done) => return done,
        };
        let node = &work.spec.node;
        let _span = tracing::info_span!("node", name = node.name()).entered();
        let start = Instant::now();
        let mut outcome = attempt(work, &args);
        for _ in 0..node.retries {
            if outcome.is_ok() {
                break;
            }
            outcome = attempt(work, &args);
        }
        let elapsed = start.elapsed();
        match outcome {
            Ok(value) => self.keep(work, value, elapsed, claim),
            Err(failure) => Done::Failed {
                message: failure.message.into(),
                elapsed,
            },
        }
    }
}

/// Runs the action once. A panic of the function is a failure like another.
fn attempt(work: &Work, args: &Args) -> Result<Value, Failure> {
    let action = &work.spec.node.action;
    catch_unwind(AssertUnwindSafe(|| action(args))).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Failure::new(match said {
            Some(said) => format!("panicked: {said}"),
            None => "panicked".to_owned(),
        }))
    })
}
