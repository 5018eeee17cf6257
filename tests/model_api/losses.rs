//! Hears of outputs that a run finds lost, which it tells as warnings: what was in flight then is told of otherwise than
//! it was done, and what is not cached may execute again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, subscriber};

use crate::model::oracle::Expected;

/// Who tells of a loss: a run that meets one, or whoever asks for an output that is one.
pub const RUN: &str = "refrain::scheduler";
pub const ASKED: &str = "refrain::runner";

/// Does something on this thread; gives also how many outputs it was told to be lost.
pub fn heard<T>(from: &'static [&'static str], work: impl FnOnce() -> T) -> (T, usize) {
    let heard = Arc::new(AtomicUsize::new(0));
    let ear = Ear {
        from,
        heard: heard.clone(),
    };
    let given = subscriber::with_default(ear, work);
    (given, heard.load(Ordering::Relaxed))
}

/// What is called for at the most where so many outputs turn out lost in the middle.
pub fn beside(mut expected: Expected, losses: usize) -> Expected {
    for times in expected.executions.values_mut() {
        times.called *= 1 + losses;
    }
    expected
}

struct Ear {
    from: &'static [&'static str],
    heard: Arc<AtomicUsize>,
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && self.from.contains(&metadata.target())
    }

    fn event(&self, _event: &Event<'_>) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
