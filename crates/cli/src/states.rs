//! The state of every node: whether its output is what a run would make it. It
//! runs nothing.

use std::sync::Arc;

use refrain::{Plan, Planned, Prospect, Runner};

use crate::error::Result;
use crate::project::Project;

/// How a node's output stands to what it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A run would find it.
    Current,
    /// A run would execute the node.
    Stale,
    /// A run would execute the node, unless what it reads gives the same again.
    Perhaps,
    /// Nothing keeps it: the node executes whenever it is needed.
    Uncached,
    /// A run would not need it, and it is not there.
    Absent,
}

impl State {
    /// The state in one word.
    pub fn name(self) -> &'static str {
        match self {
            State::Current => "current",
            State::Stale => "stale",
            State::Perhaps => "perhaps",
            State::Uncached => "uncached",
            State::Absent => "absent",
        }
    }
}

/// One node and its state.
#[derive(Debug)]
pub struct NodeState {
    /// The node.
    pub name: Arc<str>,
    /// Its state.
    pub state: State,
    /// What is known of it besides; an uncached node that nothing needs has
    /// nothing.
    pub planned: Option<Planned>,
}

/// The states of all nodes, in topological order. What the pipeline's targets
/// need counts first, so that nothing is stale that a run would not execute.
pub fn states(project: &Project, runner: &Runner) -> Result<Vec<NodeState>> {
    let pipeline = &project.pipeline;
    let needed = runner.plan(pipeline, project.inputs.clone())?;
    let cached = |name: &&str| pipeline.node(name).is_ok_and(|node| node.cached);
    let rest = if needed.nodes.len() < pipeline.nodes().count() {
        let all = pipeline.targets(pipeline.nodes().filter(cached))?;
        runner.plan(&all, project.inputs.clone())?
    } else {
        Plan { nodes: Vec::new() }
    };
    let (mut needed, mut rest) = (by_name(needed), by_name(rest));
    let state = |name: &str| {
        let found = needed.remove(name);
        let is_needed = found.is_some();
        let planned = found.or_else(|| rest.remove(name));
        let prospect = planned.as_ref().map(|planned| planned.prospect);
        let state = match prospect {
            _ if !cached(&name) => State::Uncached,
            Some(Prospect::Hit | Prospect::Cutoff) => State::Current,
            Some(Prospect::Run) if is_needed => State::Stale,
            Some(Prospect::Perhaps) if is_needed => State::Perhaps,
            _ => State::Absent,
        };
        NodeState {
            name: name.into(),
            state,
            planned,
        }
    };
    Ok(pipeline.nodes().map(state).collect())
}

fn by_name(plan: Plan) -> std::collections::HashMap<Arc<str>, Planned> {
    let nodes = plan.nodes.into_iter();
    nodes.map(|node| (node.name.clone(), node)).collect()
}
