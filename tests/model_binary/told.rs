//! What processes print, and whether it agrees with what is expected. It is unaware of how they are started.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desk::Said;
use crate::model::check::{self, Checked};
use crate::model::names::Named;
use crate::model::oracle::{Expected, Fate};
use crate::model::world::NODE_NAMES;

/// What a process prints as JSON that fails at most because a node does.
pub fn parsed(said: Said) -> Result<Value, String> {
    ensure!(matches!(said.code, Some(0 | 1)), "{said:?}");
    serde_json::from_str(&said.out).map_err(|error| format!("{error}: {said:?}"))
}

pub fn node_of<'a>(told: &'a Value, name: &str) -> Option<&'a Value> {
    told["nodes"]
        .as_array()?
        .iter()
        .find(|node| node["name"] == name)
}

pub fn told(why: &str, expected: &Expected, report: &Value) -> String {
    format!("{why}\n{expected:?}\n{report}")
}

/// The nodes that surely execute, each with the reason that somebody knows, if it is sure.
pub fn reasons(
    named: &Named<'_>,
    expected: &Expected,
    reason: impl Fn(usize) -> Option<&'static str>,
) -> BTreeMap<usize, &'static str> {
    let twins = check::twins(named);
    let ran = |fate: Fate| matches!(fate, Fate::Executed | Fate::Failed);
    let nodes = (0..expected.fates.len()).filter(|node| ran(expected.fates[*node]));
    let nodes = nodes.filter(|node| !twins.contains(node) && !expected.loose.contains(node));
    nodes
        .filter_map(|node| Some((node, reason(node)?)))
        .collect()
}

pub fn agree(
    who: &str,
    told: &Value,
    member: &str,
    reasons: &BTreeMap<usize, &'static str>,
) -> Checked {
    for (node, right) in reasons {
        let reason = node_of(told, NODE_NAMES[*node]).map(|node| &node[member]);
        let kind = reason.map(|reason| &reason["kind"]);
        ensure!(
            kind.is_some_and(|kind| kind == right),
            "n{node} is to run for {right}, and {who} says {reason:?}"
        );
    }
    Ok(())
}

/// Whether a run did what was planned.
pub fn foretold(plan: &Value, named: &Named<'_>, expected: &Expected) -> Checked {
    let twins = check::twins(named);
    for (node, fate) in expected.fates.iter().enumerate() {
        let planned = node_of(plan, NODE_NAMES[node]).and_then(|node| node["prospect"].as_str());
        let fits = expected.loose.contains(&node)
            || twins.contains(&node)
            || check::is_foretold(*fate, planned, expected.any_fails());
        ensure!(fits, "n{node} is planned {planned:?}, and is {fate:?}");
    }
    Ok(())
}
