//! Failed nodes in words: the name, the place, what was said, and what was
//! printed by then.

use std::collections::HashSet;
use std::fmt::Write;

use refrain::{Location, NodeReport};

use crate::style::{BAD, DIM, NAME};

/// How many lines of what was printed are shown: the last ones.
const SHOWN: usize = 50;

/// Says what there is to say about a failure, in lines.
pub fn describe(location: &Location, node: &NodeReport) -> String {
    let mut text = format!("{BAD}error{BAD:#}: {NAME}{}{NAME:#} failed", node.name);
    if !location.file.is_empty() {
        let _ = write!(
            text,
            "{DIM} in {} ({}:{}){DIM:#}",
            location.function, location.file, location.line
        );
    }
    text.push('\n');
    let log = node.log.as_deref().unwrap_or_default();
    let printed: HashSet<&str> = log.lines().collect();
    // A message may quote the end of the log, which is told whole.
    let note = node.note.as_deref().unwrap_or_default().lines();
    let mut note = note.filter(|line| !printed.contains(line));
    if let Some(first) = note.next() {
        let _ = writeln!(text, "  {first}");
    }
    let left_out = log.lines().count().saturating_sub(SHOWN);
    if left_out > 0 {
        let all = format!("{left_out} lines before these are in `log @ {}`", node.name);
        let _ = writeln!(text, "  {DIM}| [{all}]{DIM:#}");
    }
    for line in log.lines().skip(left_out) {
        let _ = writeln!(text, "  {DIM}|{DIM:#} {line}");
    }
    for line in note {
        let _ = writeln!(text, "  {line}");
    }
    text
}
