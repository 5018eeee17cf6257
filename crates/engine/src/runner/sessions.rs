//! The live sessions of a runner, one for each pipeline that somebody holds. It
//! is unaware of runs: it only hands out what they work on.

use std::sync::{Arc, Mutex, Weak};

use refrain_store::Store;

use super::lock;
use super::snapshot::Snapshot;
use crate::config::CacheConfig;
use crate::db::Context;
use crate::graph::Graph;
use crate::live::Live;
use crate::pipeline::Pipeline;

/// All live sessions, and what a new one starts with.
pub(super) struct Sessions {
    config: CacheConfig,
    store: Option<Arc<Store>>,
    held: Mutex<Vec<Held>>,
}

/// A pipeline that was run, as long as somebody holds it.
#[derive(Clone)]
pub(super) struct Held {
    graph: Weak<Graph>,
    /// Locked before the snapshot, where both are.
    pub live: Arc<Mutex<Live>>,
    pub snapshot: Arc<Mutex<Snapshot>>,
}

impl Sessions {
    pub fn new(config: CacheConfig, store: Option<Arc<Store>>) -> Self {
        Sessions {
            config,
            store,
            held: Mutex::default(),
        }
    }

    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// The session of this pipeline. Without caching nothing is remembered
    /// between runs, not even in memory.
    pub fn of(&self, pipeline: &Pipeline) -> Held {
        let mut all = lock(&self.held);
        let gone: Vec<Held> = all.extract_if(.., |held| !held.is_held()).collect();
        let same = |held: &&Held| std::ptr::eq(held.graph.as_ptr(), Arc::as_ptr(&pipeline.graph));
        let held = all.iter().find(same).cloned().unwrap_or_else(|| {
            let held = self.hold(pipeline);
            if self.store.is_some() {
                all.push(held.clone());
            }
            held
        });
        drop(all);
        self.write_due(&gone);
        held
    }

    /// Writes those snapshots that are due.
    pub fn write_snapshots(&self) {
        let all = lock(&self.held).clone();
        self.write_due(&all);
    }

    /// A pipeline that is live from now on.
    pub fn start(&self, pipeline: &Pipeline) -> Live {
        let context = Context::new(self.config.clone(), self.store.clone());
        Live::new(pipeline.graph.clone(), Arc::new(context))
    }

    fn hold(&self, pipeline: &Pipeline) -> Held {
        Held {
            graph: Arc::downgrade(&pipeline.graph),
            live: Arc::new(Mutex::new(self.start(pipeline))),
            snapshot: Arc::default(),
        }
    }

    fn write_due(&self, sessions: &[Held]) {
        for held in sessions {
            if let Some(store) = &self.store
                && lock(&held.snapshot).is_due()
            {
                let live = lock(&held.live);
                lock(&held.snapshot).write(store, &live);
            }
        }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        lock(&self.held).len()
    }
}

impl Held {
    /// Whether anybody but the session itself holds the pipeline.
    fn is_held(&self) -> bool {
        self.graph.strong_count() > 1
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.write_snapshots();
    }
}
