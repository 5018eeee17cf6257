//! Whether a tier is still asked: after repeated failures it is left alone until the next run.
//!
//! Knows failures and times; unaware of what was asked for. Times come in from outside.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::tier::{TierError, Trouble};

/// So many failures in a row, and a tier is left alone.
const FAILURES: u32 = 3;

/// So many answers without sense in all, and a tier is left alone.
const GARBLED: u32 = 16;

/// How long is waited after a first failure; four times as long after each further one.
const PAUSE: Duration = Duration::from_millis(50);

/// A tier that wants to be left alone for longer is left alone altogether.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be done after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same may be tried again, after so long.
    Again(Duration),
    /// This is given up.
    GiveUp,
    /// This and all that follows is given up: it turned out now that the tier is to be left alone.
    LeaveAlone,
}

/// What is known of one way (reading or writing) to one tier.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Failures without a success between them.
    failures: u32,
    garbled: u32,
    last: Option<Instant>,
    off: bool,
}

impl Breaker {
    /// Says whether the tier is asked at all.
    pub(crate) fn is_on(&self) -> bool {
        !self.0.lock().off
    }

    /// Asks again what was left alone; it has one try then.
    pub(crate) fn try_again(&self) {
        let mut state = self.0.lock();
        if state.off {
            state.off = false;
            state.failures = FAILURES - 1;
        }
    }

    /// Notes an answer.
    pub(crate) fn answered(&self) {
        self.0.lock().failures = 0;
    }

    /// Notes a failure of a call that began at `began` and ended `now`. Calls that were under way together and fail
    /// together are one failure.
    pub(crate) fn failed(&self, error: &TierError, began: Instant, now: Instant) -> Next {
        let mut state = self.0.lock();
        if state.off {
            return Next::GiveUp;
        }
        if error.trouble == Trouble::Garbled {
            state.garbled += 1;
            let enough = state.garbled >= GARBLED;
            return state.give_up_if(enough);
        }
        let together = state.last.is_some_and(|last| began < last);
        if !together {
            state.failures += 1;
            state.last = Some(now);
        }
        if state.failures >= FAILURES {
            return state.give_up_if(true);
        }
        let pause = PAUSE * 4_u32.pow(state.failures.saturating_sub(1));
        match error.trouble {
            Trouble::Busy(Some(wanted)) if wanted > PATIENCE => state.give_up_if(true),
            Trouble::Busy(Some(wanted)) => Next::Again(wanted.max(pause)),
            Trouble::Busy(None) | Trouble::Unreachable => Next::Again(pause),
            Trouble::Refused | Trouble::Garbled => Next::GiveUp,
        }
    }
}

impl State {
    fn give_up_if(&mut self, enough: bool) -> Next {
        self.off |= enough;
        match enough {
            true => Next::LeaveAlone,
            false => Next::GiveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(trouble: Trouble) -> TierError {
        TierError {
            label: "x".into(),
            trouble,
            message: "y".into(),
        }
    }

    #[test]
    fn a_tier_that_keeps_failing_is_left_alone_until_it_gets_another_try() {
        let breaker = Breaker::default();
        let now = Instant::now();
        let dead = error(Trouble::Unreachable);
        assert_eq!(breaker.failed(&dead, now, now), Next::Again(PAUSE));
        assert_eq!(breaker.failed(&dead, now, now), Next::Again(PAUSE * 4));
        assert_eq!(breaker.failed(&dead, now, now), Next::LeaveAlone);
        assert!(!breaker.is_on());
        assert_eq!(breaker.failed(&dead, now, now), Next::GiveUp);
        breaker.try_again();
        assert!(breaker.is_on());
        assert_eq!(breaker.failed(&dead, now, now), Next::LeaveAlone);
        breaker.try_again();
        breaker.answered();
        assert_eq!(breaker.failed(&dead, now, now), Next::Again(PAUSE));
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let breaker = Breaker::default();
        let began = Instant::now();
        let ended = began + Duration::from_secs(1);
        let dead = error(Trouble::Unreachable);
        for _ in 0..10 {
            assert_eq!(breaker.failed(&dead, began, ended), Next::Again(PAUSE));
        }
        assert!(breaker.is_on());
    }

    #[test]
    fn what_a_tier_asks_for_is_honoured_within_reason() {
        let breaker = Breaker::default();
        let now = Instant::now();
        let wanted = Duration::from_secs(2);
        let busy = error(Trouble::Busy(Some(wanted)));
        assert_eq!(breaker.failed(&busy, now, now), Next::Again(wanted));
        let long = error(Trouble::Busy(Some(Duration::from_secs(60))));
        assert_eq!(breaker.failed(&long, now, now), Next::LeaveAlone);
    }

    #[test]
    fn nonsense_is_put_up_with_for_a_while() {
        let breaker = Breaker::default();
        let now = Instant::now();
        let garbled = error(Trouble::Garbled);
        for _ in 1..GARBLED {
            assert_eq!(breaker.failed(&garbled, now, now), Next::GiveUp);
        }
        assert_eq!(breaker.failed(&garbled, now, now), Next::LeaveAlone);
    }
}
