//! Durations, ages and sizes as people read them.

use std::num::{NonZeroU64, ParseIntError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SpanRelativeTo, Timestamp};

/// A duration, to about three digits.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        _ if time.is_zero() => "0s".to_owned(),
        0..60 => format!("{time:.1?}"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A duration that is still growing: in tenths of a second at the finest.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1}s", time.as_secs_f64()),
        _ => elapsed(time),
    }
}

/// How long ago something was.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86400 => (seconds / 3600, "h"),
        _ => (seconds / 86400, "d"),
    };
    format!("{count} {unit} ago")
}

/// A moment as clocks here show it.
pub fn clock(moment: Timestamp) -> String {
    let here = moment.to_zoned(TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A number of bytes.
pub fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// Milliseconds with microseconds as the fraction, as in all JSON.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// Reads a length of time such as `30d`, `12h` or `1h 30m`.
pub fn read_time(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    let time = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let time = time.map_err(|e| e.to_string())?;
    Duration::try_from(time).map_err(|_| "a length of time is not negative".to_owned())
}

/// Reads a number of milliseconds, at least one.
pub fn read_interval(text: &str) -> Result<Duration, String> {
    let millis: NonZeroU64 = text.parse().map_err(|e: ParseIntError| e.to_string())?;
    Ok(Duration::from_millis(millis.get()))
}

/// Reads a number of bytes such as `500 MB`, `2GiB` or `4096`.
pub fn read_size(text: &str) -> Result<u64, String> {
    let size: bytesize::ByteSize = text.parse()?;
    Ok(size.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_to_three_digits() {
        assert_eq!(elapsed(Duration::from_micros(1234)), "1.2ms");
        assert_eq!(elapsed(Duration::from_secs(125)), "2m 05s");
        assert_eq!(elapsed(Duration::from_secs(7260)), "2h 01m");
    }

    #[test]
    fn limits_are_read_with_their_units() {
        assert_eq!(read_time("30d"), Ok(Duration::from_secs(30 * 86400)));
        assert_eq!(read_time("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(read_time("soon").is_err());
        assert!(read_time("-1h").is_err());
        assert_eq!(read_size("1.5MB"), Ok(1_500_000));
        assert_eq!(read_size("2 GiB"), Ok(2 << 30));
        assert_eq!(read_size("4096"), Ok(4096));
        assert!(read_size("MB").is_err());
        assert!(read_size("1 acre").is_err());
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let age = |seconds: i64| ago(Timestamp::from_second(1_000_000 - seconds).unwrap(), now);
        assert_eq!(age(59), "59 s ago");
        assert_eq!(age(3 * 86400 + 5), "3 d ago");
        assert_eq!(age(-5), "0 s ago", "clocks may differ");
    }
}
