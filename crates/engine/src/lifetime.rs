//! How old an output may be to count. Time comes in as what it is now; nothing
//! here looks at a clock.

use std::ops::RangeInclusive;
use std::time::Duration;

use refrain_store::{Signature, Wanted};

/// From when on an output must have been made to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetime {
    ttl: Option<Duration>,
    now_ms: i64,
}

/// Of an output that seems to be made later than now nobody can say how old it
/// is. It counts where the clocks of two machines may differ by as much: by its
/// time to live, within these bounds.
const LEAST_AHEAD: i64 = 60_000;
const MOST_AHEAD: i64 = 3_600_000;

impl Lifetime {
    /// For an output that counts for so long, as seen now.
    pub fn new(ttl: Option<Duration>, now_ms: i64) -> Self {
        Lifetime { ttl, now_ms }
    }

    /// What is to be asked for under a key, so that what comes counts.
    pub fn wants(&self, key: Signature) -> Wanted {
        Wanted {
            key,
            made: self.made(),
        }
    }

    /// When an output that counts was made.
    fn made(&self) -> RangeInclusive<i64> {
        let Some(ttl_ms) = self.ttl_ms() else {
            return i64::MIN..=i64::MAX;
        };
        let oldest = self.now_ms.saturating_sub(ttl_ms).saturating_add(1);
        oldest..=self.now_ms.saturating_add(ahead(ttl_ms))
    }

    fn ttl_ms(&self) -> Option<i64> {
        let ttl = self.ttl?;
        Some(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    }

    /// Why an output that was made then does not count any more; `None` if it does.
    pub fn over(&self, created_ms: i64) -> Option<String> {
        let ttl_ms = self.ttl_ms()?;
        let age = self.now_ms.saturating_sub(created_ms);
        if age < -ahead(ttl_ms) {
            let ahead = shown(age.unsigned_abs());
            return Some(format!(
                "it was made {ahead} from now, by a clock that was wrong"
            ));
        }
        let age = age.max(0);
        (age >= ttl_ms).then(|| {
            let (age, ttl) = (shown(age.unsigned_abs()), shown(ttl_ms.unsigned_abs()));
            format!("it was made {age} ago, and counts for {ttl}")
        })
    }

    /// Whether an output that was made then does not count any more.
    pub fn is_over(&self, created_ms: i64) -> bool {
        self.ttl.is_some() && self.over(created_ms).is_some()
    }
}

/// How far ahead an output may be that counts for so long.
fn ahead(ttl_ms: i64) -> i64 {
    ttl_ms.clamp(LEAST_AHEAD, MOST_AHEAD)
}

/// A span of time in its two largest units.
fn shown(millis: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut left = millis;
    let parts = UNITS.map(|(unit, length)| {
        let count = left / length;
        left %= length;
        (count, unit)
    });
    let first = parts.iter().position(|(count, _)| *count > 0);
    let Some(first) = first else {
        return "0ms".to_owned();
    };
    let told = parts[first..].iter().take(2);
    let told = told.filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, unit)| format!("{count}{unit}")).collect();
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn week(now_ms: i64) -> Lifetime {
        Lifetime::new(Some(Duration::from_secs(7 * 86_400)), now_ms)
    }

    #[test]
    fn an_output_counts_until_its_time_is_over() {
        assert!(!week(7 * DAY - 1).is_over(0));
        assert_eq!(
            week(8 * DAY + 7_200_000).over(0).as_deref(),
            Some("it was made 8d 2h ago, and counts for 7d")
        );
        assert!(!Lifetime::new(None, i64::MAX).is_over(i64::MIN));
    }

    #[test]
    fn a_clock_that_jumps_costs_an_execution_at_most() {
        // Two machines differ by some minutes.
        assert!(!week(0).is_over(600_000));
        // One was set a year ahead and back again.
        let told = week(0).over(365 * DAY).expect("over");
        assert_eq!(told, "it was made 365d from now, by a clock that was wrong");
        assert!(week(i64::MAX).is_over(i64::MIN) && week(i64::MIN).is_over(i64::MAX));
        let second = Lifetime::new(Some(Duration::from_secs(1)), 0);
        assert!(!second.is_over(59_000) && second.is_over(61_000));
    }

    #[test]
    fn what_is_wanted_is_what_counts() {
        for lifetime in [week(8 * DAY), week(0), Lifetime::new(None, 5)] {
            let made = lifetime.made();
            for moment in [
                0,
                DAY,
                DAY + 1,
                8 * DAY + MOST_AHEAD,
                8 * DAY + MOST_AHEAD + 1,
            ] {
                assert_eq!(
                    made.contains(&moment),
                    !lifetime.is_over(moment),
                    "{moment}"
                );
            }
        }
    }
}
