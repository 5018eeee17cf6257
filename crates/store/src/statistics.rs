//! What the history of runs and the records of a directory add up to.
//!
//! Plain data and sums that cannot overflow: a row of the history may say anything. Unaware of where rows come from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::record::NodeChange;

/// What runs did, what they were spared, and what is kept of them: see [`crate::Store::statistics`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// The number of runs that are remembered.
    pub runs: u64,
    /// How many of them tell less than they should: their rows are damaged.
    pub damaged: u64,
    /// When the earliest of them began, in milliseconds since 1970 (UTC), by the clock of then.
    pub since_ms: Option<i64>,
    /// Nodes by what became of them: `executed`, `hit`, `cutoff`, `unneeded`, `failed`, `blocked`, `cancelled`.
    pub outcomes: BTreeMap<Arc<str>, u64>,
    /// Executions by the kind of their reason, as in reports; `changed` where what changed is not kept any more.
    pub reasons: BTreeMap<Arc<str>, u64>,
    /// Nodes that were found in a tier, by its name.
    pub tiers: BTreeMap<Arc<str>, u64>,
    /// How long nodes ran.
    pub spent: Duration,
    /// How long they would have run that were found.
    pub saved: Duration,
    /// The nodes that ran or have records, in the order of their names.
    pub nodes: Vec<NodeStatistics>,
    /// What is kept, by codec.
    pub codecs: Vec<CodecUsage>,
    /// The size of the whole directory after runs, in the order in which these were recorded: at most
    /// [`Statistics::GROWTH`], spread evenly, with the last.
    pub growth: Vec<Growth>,
}

/// What became of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeStatistics {
    /// The node's name.
    pub node: Arc<str>,
    /// How often it executed.
    pub executed: u64,
    /// How often it failed.
    pub failed: u64,
    /// How long it ran.
    pub spent: Duration,
    /// The records of the node, with those of its items.
    pub records: u64,
    /// Their bytes, with what they share with other nodes.
    pub bytes: u64,
}

/// What the outputs of one codec take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecUsage {
    /// The codec.
    pub codec: Codec,
    /// The records with such outputs.
    pub records: u64,
    /// The bytes of these, and of blobs that no earlier one of the codecs counts.
    pub bytes: u64,
}

/// The size of a directory at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The run that had ended.
    pub run: String,
    /// When it began, in milliseconds since 1970 (UTC).
    pub started_ms: i64,
    /// The bytes of blobs and records.
    pub bytes: u64,
}

/// A row of the history; `None` is what cannot be read of it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) id: String,
    pub(crate) started_ms: Option<i64>,
    pub(crate) counts: Option<String>,
    pub(crate) changes: Option<Vec<NodeChange>>,
    pub(crate) size: Option<u64>,
}

impl Statistics {
    /// The most members of [`Statistics::growth`].
    pub const GROWTH: usize = 100;

    /// The part of nodes that were found, of all that were found, executed or failed; `None` where there are none.
    pub fn hit_rate(&self) -> Option<f64> {
        let found = self.count("hit").saturating_add(self.count("cutoff"));
        let made = self.count("executed").saturating_add(self.count("failed"));
        let all = found.saturating_add(made);
        (all > 0).then(|| found as f64 / all as f64)
    }

    /// How many nodes had this outcome.
    pub fn count(&self, outcome: &str) -> u64 {
        self.outcomes.get(outcome).copied().unwrap_or_default()
    }

    /// The bytes of everything that is kept.
    pub fn bytes(&self) -> u64 {
        let bytes = self.codecs.iter().map(|codec| codec.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    /// Adds a run, but for what it did with each node.
    pub(crate) fn add_run(&mut self, past: &Past) {
        self.runs += 1;
        let counts = past.counts.as_deref().map(serde_json::from_str);
        let counts: Option<serde_json::Map<String, serde_json::Value>> =
            counts.and_then(Result::ok);
        let whole = counts.is_some() && past.changes.is_some() && past.started_ms.is_some();
        self.damaged += u64::from(!whole);
        self.since_ms = [self.since_ms, past.started_ms].into_iter().flatten().min();
        for (name, count) in counts.into_iter().flatten() {
            match (&*name, count) {
                ("saved_ms", count) => {
                    let saved = count
                        .as_f64()
                        .map(|ms| Duration::try_from_secs_f64(ms / 1e3));
                    let saved = saved.and_then(Result::ok).unwrap_or_default();
                    self.saved = self.saved.saturating_add(saved);
                }
                ("from", serde_json::Value::Object(tiers)) => {
                    for (tier, count) in tiers {
                        add(&mut self.tiers, &tier, count.as_u64().unwrap_or_default());
                    }
                }
                (outcome, count) => {
                    add(
                        &mut self.outcomes,
                        outcome,
                        count.as_u64().unwrap_or_default(),
                    );
                }
            }
        }
        if let (Some(bytes), Some(started_ms)) = (past.size, past.started_ms) {
            let run = past.id.clone();
            self.growth.push(Growth {
                run,
                started_ms,
                bytes,
            });
        }
        // While there are many of them, every other one is enough.
        if self.growth.len() > 4 * Self::GROWTH {
            thin(&mut self.growth, 2 * Self::GROWTH);
        }
    }

    /// Ends the sums.
    pub(crate) fn finish(&mut self) {
        thin(&mut self.growth, Self::GROWTH);
    }
}

impl NodeStatistics {
    /// Adds what a run did with the node.
    pub(crate) fn add(&mut self, change: &NodeChange) {
        self.executed += u64::from(&*change.outcome == "executed");
        self.failed += u64::from(&*change.outcome == "failed");
        self.spent = self.spent.saturating_add(change.elapsed);
    }
}

/// The kind of a reason, as it stands in front of its details.
pub(crate) fn kind(reason: &str) -> &str {
    let kind = reason.split(':').next().unwrap_or_default();
    match kind
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    {
        true => kind,
        false => "other",
    }
}

/// Adds to a count.
pub(crate) fn add(counts: &mut BTreeMap<Arc<str>, u64>, name: &str, more: u64) {
    match counts.get_mut(name) {
        Some(count) => *count = count.saturating_add(more),
        None => {
            counts.insert(name.into(), more);
        }
    }
}

/// Leaves so many at the most, spread evenly, and the last.
fn thin<T>(all: &mut Vec<T>, left: usize) {
    let (from, mut at) = (all.len(), 0);
    if from > left {
        all.retain(|_| {
            at += 1;
            at * left / from > (at - 1) * left / from
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(counts: &str) -> Past {
        Past {
            started_ms: Some(5),
            counts: Some(counts.to_owned()),
            changes: Some(Vec::new()),
            ..Past::default()
        }
    }

    #[test]
    fn no_row_makes_a_sum_overflow() {
        let mut sums = Statistics::default();
        let most =
            r#"{"hit": 18446744073709551615, "executed": 1, "saved_ms": 1e22, "from": {"r": 3}}"#;
        let hostile = [
            most,
            most,
            "",
            "[]",
            "{\"hit\": -1}",
            "{\"saved_ms\": -5}",
            "{\"saved_ms\": 1e308}",
            "{\"from\": 7, \"hit\": \"x\"}",
            "{\"from\": {\"r\": \"x\"}}",
        ];
        for counts in hostile {
            sums.add_run(&past(counts));
        }
        sums.add_run(&Past::default());
        sums.finish();
        assert_eq!((sums.runs, sums.damaged), (10, 3));
        assert_eq!(sums.count("hit"), u64::MAX);
        assert_eq!(sums.tiers[&Arc::from("r")], 6);
        assert!(
            sums.hit_rate()
                .is_some_and(|rate| (0.0..=1.0).contains(&rate))
        );
    }

    #[test]
    fn growth_is_thinned_evenly_and_keeps_the_last() {
        for count in [0, 1, 99, 100, 101, 1000, 10_000] {
            let mut sums = Statistics::default();
            for at in 0..count {
                sums.add_run(&Past {
                    size: Some(at),
                    ..past("{}")
                });
            }
            sums.finish();
            let sizes: Vec<u64> = sums.growth.iter().map(|growth| growth.bytes).collect();
            assert!(sizes.len() as u64 == count.min(100), "{count}");
            assert_eq!(sizes.last().copied(), count.checked_sub(1));
            assert!(sizes.is_sorted());
        }
    }

    #[test]
    fn a_reason_begins_with_its_kind() {
        assert_eq!(kind("first-run"), "first-run");
        assert_eq!(kind("missing: blob x is not there"), "missing");
        assert_eq!(kind("Something Else"), "other");
    }
}
