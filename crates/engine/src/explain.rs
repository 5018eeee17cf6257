//! Why something ran: a walk down two trees of parts to the first difference.
//! It compares what was recorded; it hashes nothing itself.

use std::fmt;
use std::sync::Arc;

use refrain_store::{Digest, Leaf, Lookup, Part, Parts, Record, Signature, Store};
use rustc_hash::FxHashSet;
use serde::Serialize;

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
    /// What that leaf was, where it is known.
    pub old: Option<Arc<str>>,
    /// What it is, where it is known.
    pub new: Option<Arc<str>>,
}

impl Explanation {
    /// The way down from a node to what differs between two of its signatures;
    /// `None` where a record is no longer kept. There are no steps if nothing
    /// differs.
    pub fn between(
        store: &Store,
        node: &Arc<str>,
        before: &Signature,
        now: &Signature,
    ) -> Option<Self> {
        let (before, now) = (recorded(store, before)?, recorded(store, now)?);
        let texts = Texts {
            store: Some(store),
            fresh: &[],
        };
        Some(Explanation {
            steps: descend(node, &before.parts, &now.parts, &texts),
        })
    }
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

/// Looks up the texts that leaves point at.
pub(crate) struct Texts<'a> {
    pub store: Option<&'a Store>,
    /// Texts of the present tree, which may not be stored yet.
    pub fresh: &'a [(Digest, Arc<str>)],
}

impl Texts<'_> {
    fn of(&self, leaf: &Option<Leaf>) -> Option<Arc<str>> {
        let note = leaf.as_ref()?.note?;
        let fresh = self.fresh.iter().find(|(digest, _)| *digest == note);
        fresh
            .map(|(_, text)| text.clone())
            .or_else(|| self.store?.note(&note))
    }
}

impl Difference {
    /// The step that tells of this difference at `node`.
    pub fn step(&self, node: &Arc<str>, texts: &Texts<'_>) -> Step {
        let (old, new) = (texts.of(&self.old), texts.of(&self.new));
        let detail = self.detail(old.as_deref(), new.as_deref());
        Step {
            node: node.clone(),
            reason: Reason::new(self.kind, detail),
            leaf: Some(self.leaf.clone()),
            old,
            new,
        }
    }

    fn detail(&self, old: Option<&str>, new: Option<&str>) -> String {
        let name = &self.leaf;
        if is_code(old) || is_code(new) {
            return code_detail(name, old, new, self.old.is_none(), self.new.is_none());
        }
        match (&self.old, &self.new) {
            (None, _) => format!(
                "{name} is new{}",
                new.map(|n| format!(": {n}")).unwrap_or_default()
            ),
            (_, None) => format!(
                "{name} is gone{}",
                old.map(|o| format!(" (it was {o})")).unwrap_or_default()
            ),
            _ => match (old, new) {
                (Some(old), Some(new)) => format!("{name}: {old} -> {new}"),
                _ => format!("{name} changed"),
            },
        }
    }

    /// The old and new signatures of the parent that differs, if it is one.
    pub fn parent(&self) -> Option<(Signature, Signature)> {
        let (old, new) = (self.old.as_ref()?, self.new.as_ref()?);
        let key = |leaf: &Leaf| Signature::from_bytes(*leaf.digest.as_bytes());
        (self.kind == ReasonKind::Dependency && new.note.is_none()).then(|| (key(old), key(new)))
    }
}

/// A text of code starts with a line `file:line`.
fn is_code(text: Option<&str>) -> bool {
    text.and_then(|text| text.split_once('\n')).is_some()
}

fn code_detail(
    name: &str,
    old: Option<&str>,
    new: Option<&str>,
    added: bool,
    gone: bool,
) -> String {
    let place_and_text = |text: Option<&str>| -> (String, String) {
        let (place, text) = text
            .and_then(|text| text.split_once('\n'))
            .unwrap_or_default();
        (place.to_owned(), text.to_owned())
    };
    let ((old_place, old), (new_place, new)) = (place_and_text(old), place_and_text(new));
    let at = |place: &str| match place.rsplit_once(':') {
        Some((file, line)) if !file.is_empty() && line != "0" => format!(" ({place})"),
        _ => String::new(),
    };
    if added {
        return format!("{name}{} is used now and was not", at(&new_place));
    }
    if gone {
        return format!("{name}{} is used no more", at(&old_place));
    }
    match changed_line(&old, &new) {
        Some((was, is)) => format!("{name}{}: `{was}` -> `{is}`", at(&new_place)),
        None => format!("{name}{} changed", at(&new_place)),
    }
}

/// The first line that differs, before and after; an empty text where a line
/// was added or removed.
fn changed_line<'a>(old: &'a str, new: &'a str) -> Option<(&'a str, &'a str)> {
    let (mut was, mut is) = (old.lines(), new.lines());
    loop {
        match (was.next(), is.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or(""), b.unwrap_or(""));
                // A line put in or taken out is told as such.
                if new.lines().count() > old.lines().count() && is.clone().next() == Some(a) {
                    return Some(("", b.trim()));
                }
                if old.lines().count() > new.lines().count() && was.clone().next() == Some(b) {
                    return Some((a.trim(), ""));
                }
                return Some((a.trim(), b.trim()));
            }
        }
    }
}

/// Walks from a difference at `node` down through the recorded parents to the
/// node where the change is.
pub(crate) fn descend(node: &Arc<str>, old: &Parts, new: &Parts, texts: &Texts<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut node, mut old, mut new) = (node.clone(), old.clone(), new.clone());
    while let Some(found) = difference(&old, &new) {
        steps.push(found.step(&node, texts));
        let Some((was, is)) = found.parent() else {
            break;
        };
        let record = |key| texts.store.and_then(|store| recorded(store, key));
        let (Some(was), Some(is)) = (record(&was), record(&is)) else {
            break;
        };
        node = is.node.clone();
        (old, new) = (was.parts.clone(), is.parts.clone());
    }
    steps
}

/// The record of a signature, if there is a sound one.
pub(crate) fn recorded(store: &Store, key: &Signature) -> Option<Arc<Record>> {
    match store.find(key) {
        Lookup::Hit(record) => Some(record),
        Lookup::Absent | Lookup::Damaged(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::changed_line;

    #[test]
    fn the_changed_line_is_the_first_that_differs() {
        assert_eq!(changed_line("a\nb\nc", "a\nx\nc"), Some(("b", "x")));
        assert_eq!(changed_line("a\nc", "a\nb\nc"), Some(("", "b")));
        assert_eq!(changed_line("a\nb\nc", "a\nc"), Some(("b", "")));
        assert_eq!(changed_line("a", "a"), None);
        assert_eq!(changed_line("a", "a\nb"), Some(("", "b")));
    }
}
