//! How many nodes had each outcome, in words.

use refrain::Counts;

/// Each outcome that some node had, with their number.
pub fn tally(counts: Counts) -> impl Iterator<Item = (usize, &'static str)> {
    let all = [
        (counts.executed, "executed"),
        (counts.hit, "hit"),
        (counts.cutoff, "cut off"),
        (counts.unneeded, "unneeded"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.cancelled, "cancelled"),
    ];
    all.into_iter().filter(|(count, _)| *count > 0)
}
