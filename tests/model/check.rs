//! Holds what a run was seen to do against what it was to do. Whoever finds a difference says where.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Named;
use super::oracle::{Expected, Fate};

/// What is wrong, for people.
pub type Checked = Result<(), String>;

/// What a run was seen to do.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub fates: Vec<Option<Fate>>,
    /// The nodes whose items were looked at.
    pub itemised: BTreeSet<usize>,
    /// By label.
    pub executions: BTreeMap<String, usize>,
}

/// Fails with a message unless a condition holds.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}

/// Whether the executions are exactly those that were expected.
pub fn executions(expected: &Expected, seen: &Seen) -> Checked {
    for (label, times) in &expected.executions {
        let seen = seen.executions.get(label).copied().unwrap_or_default();
        ensure!(
            seen >= times.least,
            "stale: {label} executed {seen} times, and not {times:?}"
        );
        ensure!(
            seen <= times.most,
            "excess: {label} executed {seen} times, and not {times:?}"
        );
    }
    nothing_else(expected, seen)
}

/// Whether nothing executed that could have been found nowhere.
pub fn at_most(expected: &Expected, seen: &Seen) -> Checked {
    for (label, times) in &expected.executions {
        let seen = seen.executions.get(label).copied().unwrap_or_default();
        ensure!(
            seen <= times.called,
            "excess: {label} executed {seen} times, and not {times:?}"
        );
    }
    nothing_else(expected, seen)
}

fn nothing_else(expected: &Expected, seen: &Seen) -> Checked {
    for label in seen.executions.keys() {
        ensure!(
            expected.executions.contains_key(label),
            "excess: {label} executed"
        );
    }
    Ok(())
}

/// Nodes that are the same work as another one: either may be told of as the one that executed.
pub fn twins(named: &Named<'_>) -> BTreeSet<usize> {
    let same = |one: usize, other: usize| {
        let (one, other) = (&named.names[one].calls, &named.names[other].calls);
        let known = |(resolved, _): &&(_, _)| Option::is_some(resolved);
        one.iter()
            .filter(known)
            .any(|(call, _)| other.iter().any(|(other, _)| call == other))
    };
    let nodes = 0..named.names.len();
    let has_twin = |node: &usize| {
        nodes
            .clone()
            .any(|other| other != *node && same(*node, other))
    };
    nodes.clone().filter(has_twin).collect()
}

/// Whether every node has the fate that was expected.
pub fn fates(named: &Named<'_>, expected: &Expected, seen: &Seen) -> Checked {
    let twins = twins(named);
    for (node, fate) in expected.fates.iter().enumerate() {
        let Some(seen) = seen.fates[node] else {
            return Err(format!("n{node} is {fate:?} and nothing is said of it"));
        };
        let done = |fate: Fate| matches!(fate, Fate::Executed | Fate::Hit | Fate::Cutoff);
        let fits = expected.loose.contains(&node)
            || seen == *fate
            || twins.contains(&node) && done(seen) && done(*fate);
        ensure!(fits, "n{node} is {seen:?} and not {fate:?}");
    }
    Ok(())
}

/// Whether a plan may say this of a node that has this fate: `run`, `perhaps`, `hit`, `cutoff`, or nothing.
pub fn is_foretold(fate: Fate, planned: Option<&str>, any_fails: bool) -> bool {
    match (fate, planned) {
        (Fate::Executed | Fate::Failed, Some("run" | "perhaps")) => true,
        (Fate::Hit, Some("hit")) => true,
        (Fate::Cutoff, Some("cutoff" | "perhaps")) => true,
        (Fate::Unneeded, None | Some("perhaps")) => true,
        (Fate::Unneeded, Some("run")) => any_fails,
        (Fate::Blocked, Some("run" | "perhaps")) => any_fails,
        _ => false,
    }
}
