//! The live sessions of a runner, one for each pipeline that somebody holds. It
//! is unaware of runs: it only hands out what they work on.

use std::sync::{Arc, Mutex, Weak};

use refrain_store::Store;

use super::lock;
use super::snapshot::Snapshot;
use crate::config::CacheConfig;
use crate::db::Context;
use crate::graph::Graph;
use crate::pipeline::Pipeline;
use crate::session::Session;

/// All live sessions, and what a new one starts with.
pub(super) struct Sessions {
    config: CacheConfig,
    store: Option<Arc<Store>>,
    live: Mutex<Vec<Live>>,
}

/// A pipeline that was run, as long as somebody holds it.
#[derive(Clone)]
pub(super) struct Live {
    graph: Weak<Graph>,
    /// Locked before the snapshot, where both are.
    pub session: Arc<Mutex<Session>>,
    pub snapshot: Arc<Mutex<Snapshot>>,
}

impl Sessions {
    pub fn new(config: CacheConfig, store: Option<Arc<Store>>) -> Self {
        Sessions {
            config,
            store,
            live: Mutex::default(),
        }
    }

    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// The session of this pipeline. Without caching nothing is remembered
    /// between runs, not even in memory.
    pub fn live(&self, pipeline: &Pipeline) -> Live {
        let mut all = lock(&self.live);
        let gone: Vec<Live> = all.extract_if(.., |live| !live.is_held()).collect();
        let same = |live: &&Live| std::ptr::eq(live.graph.as_ptr(), Arc::as_ptr(&pipeline.graph));
        let live = all.iter().find(same).cloned().unwrap_or_else(|| {
            let live = self.start(pipeline);
            if self.store.is_some() {
                all.push(live.clone());
            }
            live
        });
        drop(all);
        self.write_due(&gone);
        live
    }

    /// Writes those snapshots that are due.
    pub fn write_snapshots(&self) {
        let all = lock(&self.live).clone();
        self.write_due(&all);
    }

    fn start(&self, pipeline: &Pipeline) -> Live {
        let context = Context::new(self.config.clone(), self.store.clone());
        let session = Session::new(pipeline.graph.clone(), Arc::new(context));
        Live {
            graph: Arc::downgrade(&pipeline.graph),
            session: Arc::new(Mutex::new(session)),
            snapshot: Arc::default(),
        }
    }

    fn write_due(&self, sessions: &[Live]) {
        for live in sessions {
            if let Some(store) = &self.store
                && lock(&live.snapshot).is_due()
            {
                let session = lock(&live.session);
                lock(&live.snapshot).write(store, &session);
            }
        }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        lock(&self.live).len()
    }
}

impl Live {
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
