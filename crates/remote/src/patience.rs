//! How long a call may still take, by what it has got done.
//!
//! Unaware of what is waited for.

use std::time::{Duration, Instant};

use crate::options::Options;

/// What an answer counts for at least: small things are slow by their number.
const ANSWER: u64 = 4 * 1024;

/// Whoever asks for more than a year asks for no limit, and a clock has an end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// The end of one call, which moves as bytes do.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    end: Instant,
    limit: Duration,
    rate: u64,
}

impl Patience {
    /// For a call that begins now.
    pub(crate) fn new(options: &Options) -> Self {
        Self::within(options.call, options)
    }

    /// For being connected, which begins now.
    #[cfg(any(feature = "redis", feature = "services"))]
    pub(crate) fn connecting(options: &Options) -> Self {
        Self::within(options.connect.min(options.call), options)
    }

    fn within(limit: Duration, options: &Options) -> Self {
        Self {
            end: Instant::now() + limit.min(LONGEST),
            limit,
            rate: options.rate,
        }
    }

    /// What is left; zero when it is over.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Tells of `bytes` that went over.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.end += Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / self.rate);
    }

    /// Tells of an answer of so many bytes, or of none.
    pub(crate) fn answered(&mut self, bytes: usize) {
        self.moved(ANSWER.max(bytes as u64));
    }

    /// What to say when it is over.
    pub(crate) fn over(&self) -> String {
        format!("no answer within {:?}", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_prolongs_and_what_stands_still_does_not() {
        let options = Options::default().call(Duration::from_secs(100)).rate(1024);
        let mut patience = Patience::new(&options);
        assert!(patience.left() <= Duration::from_secs(100));
        patience.moved(200 * 1024);
        assert!(patience.left() > Duration::from_secs(200));
        assert!(patience.left() <= Duration::from_secs(300));
        let mut over = Patience::new(&options.call(Duration::ZERO));
        assert_eq!(over.left(), Duration::ZERO);
        over.answered(0);
        assert!(over.left() > Duration::ZERO);
    }
}
