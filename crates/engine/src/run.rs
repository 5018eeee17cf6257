//! What a run leaves in the caller's hands: its report, and its outputs,
//! loaded when they are asked for.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::explain::{Explanation, Step};
use crate::handle::Handle;
use crate::inputs::Inputs;
use crate::pipeline::Pipeline;
use crate::reasons::Cause;
use crate::report::{Outcome, Report, Status};
use crate::runner::Runner;
use crate::value::Value;

/// A run that has ended.
pub struct Run {
    pub(crate) runner: Runner,
    pub(crate) pipeline: Pipeline,
    pub(crate) inputs: Inputs,
    pub(crate) report: Report,
    pub(crate) outputs: Mutex<FxHashMap<u32, Target>>,
}

/// The output of a target as this run left it.
pub(crate) struct Target {
    pub handle: Arc<Handle>,
    /// The value itself where it was made in this run.
    pub value: Option<Value>,
}

impl Run {
    /// What the run did, node by node.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// How the run ended.
    pub fn status(&self) -> Status {
        self.report.status()
    }

    /// The output of a target, loaded and verified now. A stored output that
    /// turns out lost or damaged is made again.
    ///
    /// # Errors
    /// The name is no target of this run, the node failed or was blocked or
    /// cancelled, or its output is not a `T`.
    pub fn get<T: Any + Send + Sync>(&self, name: &str) -> Result<Arc<T>> {
        let node = self.pipeline.graph.find(name)?;
        if !self.pipeline.targets.contains(&node) {
            return Err(Error::NotATarget(name.to_owned()));
        }
        let declared = &self.pipeline.graph.node(node).output;
        if declared.id() != std::any::TypeId::of::<T>() {
            return Err(Error::OutputType {
                node: name.to_owned(),
                given: declared.name(),
                wanted: std::any::type_name::<T>(),
            });
        }
        let value = self.value(node)?;
        Ok(value.arc().expect("an output has its declared type"))
    }

    fn value(&self, node: u32) -> Result<Value> {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = outputs.get_mut(&node) else {
            return Err(absence(&self.report, node));
        };
        if let Some(value) = &target.value {
            return Ok(value.clone());
        }
        let store = self.runner.store();
        let lost = match target.handle.load(store.as_deref()) {
            Ok(value) => {
                target.handle.release();
                target.value = Some(value.clone());
                return Ok(value);
            }
            Err(lost) => lost,
        };
        let healed = self
            .runner
            .make_again(&self.pipeline, &self.inputs, node, &lost)?;
        let mut made = healed
            .outputs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(made) = made.remove(&node) else {
            return Err(absence(&healed.report, node));
        };
        let value = match made.value {
            Some(value) => Ok(value),
            None => made.handle.load(store.as_deref()),
        };
        let value = value.map_err(|lost| Error::OutputLost {
            node: self.pipeline.graph.name_of(node).to_string(),
            why: lost.message,
        })?;
        target.value = Some(value.clone());
        Ok(value)
    }

    /// Why a node ran: the way down to the first thing that changed. A node
    /// that did not run has no steps.
    ///
    /// # Errors
    /// No node has that name.
    pub fn explain(&self, name: &str) -> Result<Explanation> {
        let node = self.pipeline.graph.find(name)?;
        let entry = self.report.entry(node);
        let Some((entry, cause)) = entry.and_then(|entry| Some((entry, entry.cause.as_ref()?)))
        else {
            return Ok(Explanation { steps: Vec::new() });
        };
        let name = self.pipeline.graph.name_of(node);
        let store = self.runner.store();
        let mut steps = match (cause, &store) {
            (Cause::Changed { before }, Some(store)) => {
                let explained = Explanation::between(store, name, before, &entry.signature);
                explained.map_or_else(Vec::new, |explained| explained.steps)
            }
            _ => Vec::new(),
        };
        if steps.is_empty() {
            steps.push(Step {
                node: name.clone(),
                reason: cause.tell(store.as_deref(), &entry.signature),
                leaf: None,
                place: None,
                old: None,
                new: None,
            });
        }
        Ok(Explanation { steps })
    }
}

/// Why a target has no output.
fn absence(report: &Report, node: u32) -> Error {
    let location = report.graph.node(node).location.clone();
    let entry = report.entry(node);
    let message = entry
        .and_then(|entry| entry.note.as_deref())
        .unwrap_or_default()
        .to_owned();
    match entry.map(|entry| entry.outcome) {
        Some(Outcome::Failed) => Error::NodeFailed { location, message },
        Some(Outcome::Blocked) => Error::NodeBlocked {
            node: location.node.to_string(),
            message,
        },
        _ => Error::Cancelled(location.node.to_string()),
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Run").field(&self.report).finish()
    }
}
