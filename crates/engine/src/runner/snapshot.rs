//! When the portable snapshot of a pipeline is written. What is in it is the
//! store's business.

use std::time::{Duration, Instant};

use refrain_store::Store;

use crate::live::Live;

/// Up to this many nodes the snapshot is written before a run returns, so that
/// the directory is whole by then; above, it is written when the time it takes
/// is small against the time since the last one.
const AT_ONCE: usize = 5_000;

/// How small that is: one part in this many.
const SMALL_SHARE: u32 = 20;

/// The snapshot of one pipeline.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// When it was last written, and how long that took.
    last: Option<(Instant, Duration)>,
    due: bool,
}

impl Snapshot {
    /// Whether something is not in it yet.
    pub fn is_due(&self) -> bool {
        self.due
    }

    /// Writes the snapshot after a run, or leaves it due until it costs less.
    pub fn after_run(&mut self, store: &Store, live: &Live, changed: bool) {
        self.due |= changed || store.needs_snapshot(&live.graph.name);
        let affordable = live.graph.nodes.len() <= AT_ONCE
            || self
                .last
                .is_none_or(|(at, took)| at.elapsed() > took * SMALL_SHARE);
        if self.due && affordable {
            self.write(store, live);
        }
    }

    /// Writes the snapshot. Failing that costs the snapshot only.
    pub fn write(&mut self, store: &Store, live: &Live) {
        let begun = Instant::now();
        let graph = &live.graph;
        let mut nodes = (0..graph.nodes.len() as u32)
            .filter(|node| live.is_seen(*node))
            .map(|node| (graph.name_of(node).clone(), live.key(node).signature))
            .chain(live.side_records());
        if let Err(error) = store.snapshot(&graph.name, &mut nodes) {
            tracing::warn!(%error, "metadata.json was not written");
        }
        self.last = Some((Instant::now(), begun.elapsed()));
        self.due = false;
    }
}
