//! Why something ran: a walk down two trees of parts to the first difference.
//! It compares what was recorded; it hashes nothing itself.

use std::fmt;
use std::sync::Arc;

use refrain_store::{Digest, Leaf, Lookup, Part, Parts, Record, Signature, Store};
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::detail::{self, Texts};

/// Why a node was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The kind of reason.
    pub kind: ReasonKind,
    /// The first difference, for people: what it was and what it is.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub detail: Arc<str>,
}

/// The kinds of reasons for an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReasonKind {
    /// The node never ran here.
    FirstRun,
    /// Its code changed.
    Code,
    /// Its `cache_key` or the `env_hash` changed.
    Env,
    /// A direct input changed.
    Inputs,
    /// A parent changed, or imported code.
    Dependency,
    /// It was asked for by force.
    Forced,
    /// It is not cached, or nothing is.
    Uncached,
    /// Its record is there and its output is gone.
    Missing,
    /// Its record or output was damaged.
    Damaged,
    /// Its output was too old.
    Expired,
}

impl ReasonKind {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            ReasonKind::FirstRun => "first-run",
            ReasonKind::Code => "code",
            ReasonKind::Env => "env",
            ReasonKind::Inputs => "inputs",
            ReasonKind::Dependency => "dependency",
            ReasonKind::Forced => "forced",
            ReasonKind::Uncached => "uncached",
            ReasonKind::Missing => "missing",
            ReasonKind::Damaged => "damaged",
            ReasonKind::Expired => "expired",
        }
    }
}

impl Reason {
    pub(crate) fn new(kind: ReasonKind, detail: impl Into<Arc<str>>) -> Self {
        Reason {
            kind,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Why a node ran, down to the first differing leaf: one step for each node on
/// the way, the node asked about first, the node where the change is last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The way down.
    pub steps: Vec<Step>,
}

/// One node on the way to a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The node.
    pub node: Arc<str>,
    /// Why it ran, or is not what it was.
    pub reason: Reason,
    /// The name of the first differing leaf: a parameter, an item of code.
    pub leaf: Option<Arc<str>>,
    /// The file and line of the change, where it is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Arc<str>>,
    /// What that leaf was, where it is known.
    pub old: Option<Arc<str>>,
    /// What it is, where it is known.
    pub new: Option<Arc<str>>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.steps.iter().enumerate() {
            if depth > 0 {
                writeln!(f)?;
            }
            write!(
                f,
                "{:indent$}{}: {}",
                "",
                step.node,
                step.reason,
                indent = depth * 2
            )?;
        }
        Ok(())
    }
}

/// The first difference between two trees of parts.
pub(crate) struct Difference {
    pub kind: ReasonKind,
    pub leaf: Arc<str>,
    pub old: Option<Leaf>,
    pub new: Option<Leaf>,
}

/// Finds the first difference; `None` if there is none.
pub(crate) fn difference(old: &Parts, new: &Parts) -> Option<Difference> {
    let pairs = [
        (ReasonKind::Code, &old.code, &new.code),
        (ReasonKind::Env, &old.env, &new.env),
        (ReasonKind::Inputs, &old.inputs, &new.inputs),
        (ReasonKind::Dependency, &old.deps, &new.deps),
    ];
    pairs.into_iter().find_map(|(kind, old, new)| {
        let hash = |part: &Option<Arc<Part>>| part.as_ref().map(|part| part.hash);
        if hash(old) == hash(new) {
            return None;
        }
        first_differing(kind, leaves(old), leaves(new))
    })
}

fn leaves(part: &Option<Arc<Part>>) -> &[Leaf] {
    part.as_ref().map_or(&[], |part| &part.leaves)
}

/// The first leaf that is new, with the old one of its name, or else the first
/// that is gone. Several leaves may have one name: `impl` blocks of a type.
fn first_differing(kind: ReasonKind, old: &[Leaf], new: &[Leaf]) -> Option<Difference> {
    fn whole(leaf: &Leaf) -> (&str, Digest) {
        (&leaf.name, leaf.digest)
    }
    let (were, are): (FxHashSet<_>, FxHashSet<_>) = (
        old.iter().map(whole).collect(),
        new.iter().map(whole).collect(),
    );
    let came = new.iter().find(|leaf| !were.contains(&whole(leaf)));
    let mut gone = old.iter().filter(|leaf| !are.contains(&whole(leaf)));
    let (leaf, old) = match came {
        Some(came) => (came, gone.find(|leaf| leaf.name == came.name)),
        None => {
            let first = gone.next()?;
            (first, Some(first))
        }
    };
    Some(Difference {
        kind,
        leaf: leaf.name.clone(),
        old: old.cloned(),
        new: came.cloned(),
    })
}

impl Difference {
    /// The step that tells of this difference at `node`.
    pub fn step(&self, node: &Arc<str>, texts: &Texts<'_>) -> Step {
        let told = detail::tell(&self.leaf, self.old.as_ref(), self.new.as_ref(), texts);
        Step {
            node: node.clone(),
            reason: Reason::new(self.kind, told.line),
            leaf: Some(self.leaf.clone()),
            place: told.place,
            old: told.old,
            new: told.new,
        }
    }

    /// The old and new signatures of the parent that differs, if it is one.
    pub fn parent(&self) -> Option<(Signature, Signature)> {
        let (old, new) = (self.old.as_ref()?, self.new.as_ref()?);
        let key = |leaf: &Leaf| Signature::from_bytes(*leaf.digest.as_bytes());
        (self.kind == ReasonKind::Dependency && new.note.is_none()).then(|| (key(old), key(new)))
    }
}

/// The record of a signature, if there is a sound one.
pub(crate) fn recorded(store: &Store, key: &Signature) -> Option<Arc<Record>> {
    store.ask_tiers(&[*key]);
    match store.find(key) {
        Lookup::Hit(record) => Some(record),
        Lookup::Absent | Lookup::Damaged(_) => None,
    }
}
