//! Failed nodes in words: the name, the place, what was said, and what was
//! printed by then.

use std::fmt::Write;

use refrain::{Location, NodeReport};

use crate::style::{BAD, DIM, NAME};

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
    for line in node.note.as_deref().unwrap_or_default().lines() {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(log) = &node.log {
        let _ = writeln!(text, "  {DIM}it printed:{DIM:#}");
        for line in log.lines() {
            let _ = writeln!(text, "  {DIM}|{DIM:#} {line}");
        }
    }
    text
}
