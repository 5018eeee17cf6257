//! What goes to and comes from remotes: waiting for what is still on its way,
//! and telling how much it was.

use std::time::{Duration, Instant};

use refrain::Store;
use refrain_store::{Pending, Traffic};

use crate::figures::bytes;
use crate::printer::Printer;
use crate::style::DIM;

/// How long a command waits for remotes that take nothing more.
const STUCK: Duration = Duration::from_secs(60);

/// After this long somebody who waits is told what for.
const TELL: Duration = Duration::from_secs(1);

/// Waits until all that was made is in the remotes, as long as they take
/// something and nobody wants an end. Gives how many records were left behind.
pub fn finish(store: &Store, printer: &Printer, is_over: impl Fn() -> bool) -> u64 {
    let begun = Instant::now();
    let mut last = (store.pending().left, begun);
    let mut told = false;
    while !store.finish_uploads(Duration::from_millis(100), &mut |_: Pending| ()) {
        let Pending { left, total } = store.pending();
        if left != last.0 {
            last = (left, Instant::now());
        }
        if begun.elapsed() > TELL && !std::mem::replace(&mut told, true) {
            printer.note(format_args!("uploading, {left} of {total} records to go"));
        }
        if is_over() || last.1.elapsed() > STUCK {
            break;
        }
    }
    let left = store.pending().left;
    if left > 0 {
        store.abandon_uploads();
        printer.warning(format_args!(
            "{left} records are not in every remote; \"refrain push\" puts them there"
        ));
    }
    left
}

/// Tells what turned out about remotes after a report was made.
pub fn tell_problems(store: &Store, already: &[String], printer: &Printer) {
    for problem in store.tier_problems() {
        if !already.iter().any(|known| **known == *problem) {
            printer.warning(problem);
        }
    }
}

/// One line for each remote that something went to or came from.
pub fn lines(traffic: &[Traffic]) -> String {
    let used = traffic.iter().filter(|tier| tier.is_any());
    used.map(|tier| format!("\n{}", line(tier))).collect()
}

fn line(tier: &Traffic) -> String {
    let way = |verb: &str, records: u64, blobs: u64| match (records, blobs) {
        (0, 0) => None,
        (records, 0) => Some(format!("{verb} {records} records")),
        (records, blobs) => Some(format!("{verb} {records} records and {blobs} blobs")),
    };
    let down = way("downloaded", tier.records_down, tier.blobs_down);
    let up = way("uploaded", tier.records_up, tier.blobs_up);
    let down = down.map(|told| format!("{told}, {}", bytes(tier.bytes_down)));
    let up = up.map(|told| format!("{told}, {}", bytes(tier.bytes_up)));
    let told: Vec<String> = down.into_iter().chain(up).collect();
    format!(
        "{DIM}{:>9} {}: {}{DIM:#}",
        "remote",
        tier.tier,
        told.join("; ")
    )
}
