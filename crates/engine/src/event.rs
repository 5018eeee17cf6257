//! What happens during a run, as it happens. The library prints nothing;
//! whoever subscribes decides what to show.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Sender;

use crate::report::{ItemCounts, NodeReport, Outcome};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum RunEvent {
    /// A run began.
    Started {
        /// The run's id.
        run: Arc<str>,
        /// The pipeline's name.
        pipeline: Arc<str>,
    },
    /// So many nodes have no output yet: each will execute, be cut off, or turn
    /// out not to be needed. Told again if a stored output turns out lost.
    ToMake {
        /// How many.
        nodes: usize,
    },
    /// Edits were taken up in the middle of the run: from now on it is a run of
    /// this revision. What was told of nodes may be told again.
    Edited {
        /// The number of the revision.
        revision: u64,
    },
    /// A node began to execute, or waits for another process that executes it.
    NodeStarted {
        /// The node's name.
        node: Arc<str>,
    },
    /// One item of a mapped node is done with.
    ItemFinished {
        /// The node's name.
        node: Arc<str>,
        /// The item's key.
        key: Arc<str>,
        /// What became of it.
        outcome: Outcome,
        /// How long it ran.
        elapsed: Duration,
        /// How many of the node's items are done with so far.
        items: ItemCounts,
    },
    /// A node is done with, one way or another.
    NodeFinished(Box<NodeReport>),
    /// Something that the user should know and that stops nothing.
    Warning(Arc<str>),
    /// The run ended.
    Finished {
        /// The run's id.
        run: Arc<str>,
        /// How it ended.
        status: crate::report::Status,
    },
}

/// Tells subscribers what happened; it is put into words only if there are any.
pub(crate) fn emit(subscribers: &[Sender<RunEvent>], event: impl Fn() -> RunEvent) {
    for subscriber in subscribers {
        // A subscriber that has gone is no concern of the run.
        let _ = subscriber.send(event());
    }
}
