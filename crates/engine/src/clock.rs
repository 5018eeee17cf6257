//! The clock by which file systems stamp changes. It stands still between
//! ticks of some milliseconds, so of two things in one tick nobody can say
//! which came first.

use std::time::{Duration, SystemTime};

/// The time that a file would be stamped with that changed now.
pub(crate) fn stamp() -> SystemTime {
    #[cfg(target_os = "linux")]
    {
        use nix::time::{ClockId, clock_gettime};
        if let Ok(time) = clock_gettime(ClockId::CLOCK_REALTIME_COARSE) {
            return SystemTime::UNIX_EPOCH + Duration::from(time);
        }
    }
    SystemTime::now()
}

/// The time that no change so far bears a later stamp than. File systems stamp
/// some changes between ticks, by a clock that is ahead of theirs.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// What tells by which time outputs are made and are too old.
pub(crate) type Clock = fn() -> SystemTime;

/// The time in milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| since.as_millis());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// The stamp of now, as soon as it is later than `earlier`: what changed before
/// `earlier` was taken bears an older one. A clock that was set back is not
/// waited for.
pub(crate) fn stamp_after(earlier: SystemTime) -> SystemTime {
    for _ in 0..100 {
        let now = stamp();
        if now > earlier {
            return now;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    stamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_stamp_is_waited_for() {
        let earlier = now();
        assert!(stamp_after(earlier) > earlier);
        let long_ago = earlier - Duration::from_secs(60);
        assert!(stamp_after(long_ago) >= earlier);
    }
}
