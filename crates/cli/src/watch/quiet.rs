//! The quiet after a change: editors and checkouts change many files one after
//! another, and all of that should be one revision. Time comes in as `now`.

use std::time::{Duration, Instant};

/// How long nothing must change.
const PERIOD: Duration = Duration::from_millis(50);
/// How long a change waits at most, where something changes all the time.
const PATIENCE: Duration = Duration::from_secs(1);

/// When changes are due.
#[derive(Debug, Default)]
pub struct Quiet {
    /// When the first and the last change that waits was heard of.
    waiting: Option<(Instant, Instant)>,
}

impl Quiet {
    /// Notes a change.
    pub fn hear(&mut self, now: Instant) {
        let first = self.waiting.map_or(now, |(first, _)| first);
        self.waiting = Some((first, now));
    }

    /// When the changes are to be looked at; `None` where none waits.
    pub fn due(&self) -> Option<Instant> {
        let (first, last) = self.waiting?;
        Some((last + PERIOD).min(first + PATIENCE))
    }

    /// Nothing waits any more.
    pub fn clear(&mut self) {
        self.waiting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_wait_for_quiet_and_not_for_ever() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut quiet = Quiet::default();
        assert_eq!(quiet.due(), None);
        quiet.hear(at(0));
        assert_eq!(quiet.due(), Some(at(50)));
        quiet.hear(at(40));
        assert_eq!(quiet.due(), Some(at(90)));
        for millis in (80..=1_000).step_by(40) {
            quiet.hear(at(millis));
        }
        assert_eq!(quiet.due(), Some(at(1_000)));
        quiet.clear();
        assert_eq!(quiet.due(), None);
    }
}
