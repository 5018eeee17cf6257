//! A revision in one line: what changed, what executed and why, what did not
//! have to, and how long it took.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use refrain::{NodeReport, Outcome, Report, Status, shown_path};

use crate::figures::elapsed;
use crate::style::{BAD, DIM, GOOD, NAME, WARN, paint};
use crate::tally::tally;

/// How many names of one kind are told.
const TOLD: usize = 3;

/// The line of a revision that these paths brought about.
pub fn line(report: &Report, nodes: &[NodeReport], changed: &BTreeSet<PathBuf>) -> String {
    let style = match report.status() {
        Status::Ok => GOOD,
        Status::Failed => BAD,
        Status::Cancelled => WARN,
    };
    let mut line = format!("{style}{:>9}{style:#} ", report.status().name());
    if !changed.is_empty() {
        line += &format!("{NAME}{}{NAME:#}: ", some(outermost(changed)));
    }
    line += &done(report, nodes).join(", ");
    line += &format!(" in {}", elapsed(report.elapsed()));
    match report.saved() {
        Duration::ZERO => line,
        saved => line + &paint(DIM, format_args!(", {} saved", elapsed(saved))),
    }
}

/// The paths that lie in no other one.
fn outermost(paths: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut last: Option<&PathBuf> = None;
    // A directory comes right before all that is in it.
    let outermost = paths.iter().filter(|path| {
        let inside = last.is_some_and(|last| path.starts_with(last));
        last = last.filter(|_| inside).or(Some(path));
        !inside
    });
    outermost.map(|path| shown_path(path)).collect()
}

/// What became of the nodes.
fn done(report: &Report, nodes: &[NodeReport]) -> Vec<String> {
    let told = tally(report.counts()).map(|(count, name)| match name {
        "executed" => {
            let executed = |node: &&NodeReport| node.outcome == Outcome::Executed;
            format!(
                "{count} executed ({})",
                reasons(nodes.iter().filter(executed))
            )
        }
        name => format!("{count} {name}"),
    });
    told.collect()
}

/// Why these nodes executed: each reason with the names of some.
fn reasons<'a>(nodes: impl Iterator<Item = &'a NodeReport>) -> String {
    let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    for node in nodes {
        let reason = node.reason.as_ref();
        let reason = reason.map_or("", |reason| reason.kind.name());
        let name = match node.items {
            Some(items) => format!("{} {}/{}", node.name, items.executed, items.total),
            None => node.name.to_string(),
        };
        match by_reason.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((reason, vec![name])),
        }
    }
    let reasons = by_reason.into_iter();
    let told = reasons.map(|(reason, names)| format!("{reason}: {}", some(names)));
    told.collect::<Vec<_>>().join("; ")
}

/// The first few of a list.
fn some(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    let told = names.join(", ");
    match more {
        0 => told,
        _ => format!("{told} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_all_that_is_in_it() {
        let paths = ["a", "a/b", "a/b/c", "a.txt", "b/c"].map(PathBuf::from);
        assert_eq!(outermost(&paths.into()), ["a", "a.txt", "b/c"]);
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(some(names.into()), "a, b, c and 2 more");
    }
}
