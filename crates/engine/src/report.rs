//! What a run did, node by node: for people as text, for programs as JSON.

mod json;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Digest, Signature, Store, Traffic};

use crate::explain::Reason;
use crate::graph::Graph;
use crate::reasons::Cause;

/// What became of a node in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It ran.
    Executed,
    /// Its output was found under its signature.
    Hit,
    /// Its output was found under its resolved signature: what it reads ran
    /// again and gave the same (early cutoff).
    Cutoff,
    /// Nothing that had to run needed it.
    Unneeded,
    /// It ran and gave no output.
    Failed,
    /// Something that it needs failed.
    Blocked,
    /// The run ended before it could start.
    Cancelled,
}

impl Outcome {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Executed => "executed",
            Outcome::Hit => "hit",
            Outcome::Cutoff => "cutoff",
            Outcome::Unneeded => "unneeded",
            Outcome::Failed => "failed",
            Outcome::Blocked => "blocked",
            Outcome::Cancelled => "cancelled",
        }
    }

    pub(crate) fn has_output(self) -> bool {
        matches!(self, Outcome::Executed | Outcome::Hit | Outcome::Cutoff)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every target has its output.
    Ok,
    /// A node failed.
    Failed,
    /// The run was cancelled.
    Cancelled,
}

impl Status {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

/// What a run did with one node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeReport {
    /// The node's name.
    pub name: Arc<str>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it ran, if it did.
    pub reason: Option<Reason>,
    /// Its signature in this run.
    pub signature: Option<Signature>,
    /// The digest of its output, where the output has bytes.
    pub digest: Option<Digest>,
    /// The number of those bytes.
    pub bytes: Option<u64>,
    /// How long it ran.
    pub elapsed: Duration,
    /// How long it did not have to run.
    pub saved: Duration,
    /// What else there is to say: why it failed, by what it is blocked, why
    /// its output is not cached.
    pub note: Option<Arc<str>>,
    /// What it printed, if it failed.
    pub log: Option<Arc<str>>,
    /// What became of its items, if it is mapped and they were looked at.
    pub items: Option<ItemCounts>,
    /// The tier that it was found in, where that was not the cache directory.
    pub tier: Option<Arc<str>>,
}

/// What became of the items of a mapped node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ItemCounts {
    /// How many there are.
    pub total: usize,
    /// How many executed.
    pub executed: usize,
    /// How many were found.
    pub hit: usize,
    /// How many executed and gave no output.
    pub failed: usize,
}

/// What a run keeps of a node: small, for there may be many.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub outcome: Outcome,
    pub cause: Option<Cause>,
    pub signature: Signature,
    pub digest: Option<Digest>,
    pub bytes: Option<u64>,
    pub elapsed: Duration,
    pub saved: Duration,
    pub note: Option<Arc<str>>,
    /// What it printed, if it failed.
    pub log: Option<Arc<str>>,
    pub items: Option<ItemCounts>,
    pub tier: Option<Arc<str>>,
}

impl Entry {
    /// The entry with its reason told.
    pub fn report(&self, name: Arc<str>, store: Option<&Store>) -> NodeReport {
        NodeReport {
            name,
            outcome: self.outcome,
            reason: self
                .cause
                .as_ref()
                .map(|cause| cause.tell(store, &self.signature)),
            signature: Some(self.signature),
            digest: self.digest,
            bytes: self.bytes,
            elapsed: self.elapsed,
            saved: self.saved,
            note: self.note.clone(),
            log: self.log.clone(),
            items: self.items,
            tier: self.tier.clone(),
        }
    }
}

/// How many nodes had each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[allow(missing_docs)] // the outcomes' names
pub struct Counts {
    pub executed: usize,
    pub hit: usize,
    pub cutoff: usize,
    pub unneeded: usize,
    pub failed: usize,
    pub blocked: usize,
    pub cancelled: usize,
}

impl Counts {
    /// Counts what a run did with so many nodes.
    pub(crate) fn of(entries: &[(u32, Entry)], nodes: usize) -> Self {
        let mut counts = Counts {
            unneeded: nodes - entries.len(),
            ..Counts::default()
        };
        for (_, entry) in entries {
            *match entry.outcome {
                Outcome::Executed => &mut counts.executed,
                Outcome::Hit => &mut counts.hit,
                Outcome::Cutoff => &mut counts.cutoff,
                Outcome::Unneeded => &mut counts.unneeded,
                Outcome::Failed => &mut counts.failed,
                Outcome::Blocked => &mut counts.blocked,
                Outcome::Cancelled => &mut counts.cancelled,
            } += 1;
        }
        counts
    }

    /// How a run ended that counts these.
    pub(crate) fn status(&self) -> Status {
        if self.failed > 0 {
            Status::Failed
        } else if self.cancelled > 0 {
            Status::Cancelled
        } else {
            Status::Ok
        }
    }
}

/// What a run did. `Display` is the text for people; `Serialize` is the JSON
/// object described in the documentation.
#[derive(Clone)]
pub struct Report {
    pub(crate) run: Arc<str>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) targets: Arc<[u32]>,
    pub(crate) revision: u64,
    pub(crate) status: Status,
    pub(crate) elapsed: Duration,
    pub(crate) counts: Counts,
    /// The nodes that the run looked at, by number; all others were unneeded.
    pub(crate) entries: Arc<[(u32, Entry)]>,
    /// Where the records are that reasons are told from.
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) warnings: Vec<Arc<str>>,
    /// What had gone to and come from tiers before.
    pub(crate) traffic: Vec<Traffic>,
}

impl Report {
    /// The run's id: unique, and sorted by time.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The number of the revision that the run brought up to date: a live
    /// pipeline's first is 1, and each change that is taken up makes the next.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How the run ended.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// How many nodes had each outcome.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What became of each node, in topological order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeReport> {
        let mut entries = self.entries.iter().peekable();
        (0..self.graph.nodes.len() as u32).map(move |node| {
            entries
                .next_if(|(touched, _)| *touched == node)
                .map_or_else(|| self.unneeded(node), |(_, entry)| self.tell(node, entry))
        })
    }

    /// What became of one node; `None` if the pipeline has none of that name.
    pub fn node(&self, name: &str) -> Option<NodeReport> {
        let node = self.graph.find(name).ok()?;
        Some(match self.entry(node) {
            Some(entry) => self.tell(node, entry),
            None => self.unneeded(node),
        })
    }

    /// What became of one node.
    pub fn outcome(&self, name: &str) -> Option<Outcome> {
        let entry = self.entry(self.graph.find(name).ok()?);
        Some(entry.map_or(Outcome::Unneeded, |entry| entry.outcome))
    }

    /// The names of the nodes that ran, in topological order.
    pub fn executed(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.outcome == Outcome::Executed)
            .map(|(node, _)| &**self.graph.name_of(*node))
            .collect()
    }

    /// What the user should know and that stopped nothing.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(|warning| &**warning)
    }

    /// The time that past executions took and that was not spent again.
    pub fn saved(&self) -> Duration {
        self.entries.iter().map(|(_, entry)| entry.saved).sum()
    }

    /// What went to and came from each tier since the run began, up to now: what
    /// it made may still be on its way.
    pub fn traffic(&self) -> Vec<Traffic> {
        let now = self
            .store
            .as_ref()
            .map_or_else(Vec::new, |store| store.traffic());
        let before = |tier: &Traffic| self.traffic.iter().find(|before| before.tier == tier.tier);
        now.into_iter()
            .map(|now| before(&now).map_or_else(|| now.clone(), |before| now.since(before)))
            .collect()
    }

    pub(crate) fn entry(&self, node: u32) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&node, |(node, _)| *node);
        at.ok().map(|at| &self.entries[at].1)
    }

    fn tell(&self, node: u32, entry: &Entry) -> NodeReport {
        let name = self.graph.node(node).location.node.clone();
        entry.report(name, self.store.as_deref())
    }

    fn unneeded(&self, node: u32) -> NodeReport {
        NodeReport {
            name: self.graph.node(node).location.node.clone(),
            outcome: Outcome::Unneeded,
            reason: None,
            signature: None,
            digest: None,
            bytes: None,
            elapsed: Duration::ZERO,
            saved: Duration::ZERO,
            note: None,
            log: None,
            items: None,
            tier: None,
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (node, entry) in self.entries.iter() {
            writeln!(f, "{}", self.tell(*node, entry))?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let counts = [
            (self.counts.executed, "executed"),
            (self.counts.hit, "hit"),
            (self.counts.cutoff, "cut off"),
            (self.counts.unneeded, "unneeded"),
            (self.counts.failed, "failed"),
            (self.counts.blocked, "blocked"),
            (self.counts.cancelled, "cancelled"),
        ];
        let told: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        write!(
            f,
            "{}: {} in {:.1?}",
            self.status.name(),
            told.join(", "),
            self.elapsed
        )?;
        match self.saved() {
            Duration::ZERO => Ok(()),
            saved => write!(f, ", {saved:.1?} saved"),
        }
    }
}

impl fmt::Display for NodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Executed => "executed",
            Outcome::Hit => "hit",
            Outcome::Cutoff => "cutoff",
            Outcome::Unneeded => "unneeded",
            Outcome::Failed => "failed",
            Outcome::Blocked => "blocked",
            Outcome::Cancelled => "cancelled",
        };
        write!(f, "{outcome:>9} {}", self.name)?;
        if self.outcome == Outcome::Executed {
            write!(f, " in {:.1?}", self.elapsed)?;
        }
        if let Some(items) = &self.items {
            write!(f, ", {} of {} items", items.executed, items.total)?;
            if items.failed > 0 {
                write!(f, ", {} failed", items.failed)?;
            }
        }
        if let Some(tier) = &self.tier {
            write!(f, " from {tier}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}
