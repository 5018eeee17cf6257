//! What a run would do, doing nothing.

mod planner;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Output, Signature};
use serde::Serialize;

use crate::explain::Reason;

pub(crate) use planner::{plan, plan_and_find};

/// What would become of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prospect {
    /// It would run.
    Run,
    /// It would run, unless what it reads runs again and gives the same.
    Perhaps,
    /// Its output would be found under its signature.
    Hit,
    /// Its output would be found under its resolved signature.
    Cutoff,
}

/// One node of a plan.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Planned {
    /// The node's name.
    pub name: Arc<str>,
    /// What would become of it.
    pub prospect: Prospect,
    /// Why it would run.
    pub reason: Option<Reason>,
    /// How long it took the last time.
    #[serde(skip)]
    pub expected: Option<Duration>,
    /// Of a mapped node whose lists are known: how many items there are, and
    /// how many of them would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<PlannedItems>,
    /// Its signature.
    #[serde(skip)]
    pub signature: Signature,
    /// The stored output that would be found.
    #[serde(skip)]
    pub output: Option<Output>,
}

/// The items of a mapped node in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedItems {
    /// How many there are.
    pub total: usize,
    /// How many would run.
    pub to_run: usize,
}

/// What a run would do with every node that it would look at, in topological
/// order.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The nodes that the run would look at.
    pub nodes: Vec<Planned>,
}

impl Plan {
    /// The names of the nodes that would run, or perhaps run.
    pub fn to_run(&self) -> Vec<&str> {
        self.nodes
            .iter()
            .filter(|node| matches!(node.prospect, Prospect::Run | Prospect::Perhaps))
            .map(|node| &*node.name)
            .collect()
    }

    /// What would become of one node; `None` if the run would not look at it.
    pub fn node(&self, name: &str) -> Option<&Planned> {
        self.nodes.iter().find(|node| &*node.name == name)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let prospect = match node.prospect {
                Prospect::Run => "run",
                Prospect::Perhaps => "perhaps",
                Prospect::Hit => "hit",
                Prospect::Cutoff => "cutoff",
            };
            write!(f, "{prospect:>9} {}", node.name)?;
            if let Some(reason) = &node.reason {
                write!(f, " ({reason})")?;
            }
            if let Some(expected) = node.expected {
                write!(f, ", {expected:.1?} the last time")?;
            }
            writeln!(f)?;
        }
        write!(f, "{} to run", self.to_run().len())
    }
}
