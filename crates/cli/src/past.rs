//! Past runs of a pipeline, and the short names that they go by: the last
//! characters of their ids, which are random and so differ.

use std::time::Duration;

use jiff::Timestamp;
use refrain::{Explanation, ReasonKind};
use refrain_store::{NodeChange, RunEntry, Store};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::project::Cache;

/// The fewest characters of a short id.
const SHORTEST: usize = 6;

/// The runs of one pipeline, the newest first.
#[derive(Debug)]
pub struct Past {
    /// The runs.
    pub runs: Vec<RunEntry>,
    /// How many characters tell them apart.
    length: usize,
}

impl Past {
    /// All that is remembered of a pipeline's runs.
    pub fn of(cache: &Cache, store: &Store) -> Self {
        let mut runs = store.runs(usize::MAX);
        runs.retain(|run| *run.pipeline == *cache.pipeline);
        Past::new(runs)
    }

    fn new(runs: Vec<RunEntry>) -> Self {
        let longest = runs.iter().map(|run| run.id.len()).max().unwrap_or(0);
        let distinct = |length: usize| {
            let mut ends: Vec<&str> = runs.iter().map(|run| end(&run.id, length)).collect();
            ends.sort_unstable();
            ends.windows(2).all(|pair| pair[0] != pair[1])
        };
        let length = (SHORTEST..longest).find(|length| distinct(*length));
        Past {
            length: length.unwrap_or(longest),
            runs,
        }
    }

    /// The short id of a run.
    pub fn short<'a>(&self, run: &'a RunEntry) -> &'a str {
        end(&run.id, self.length)
    }

    /// The run of an id: a short one, a whole one or its beginning, or `@` for
    /// the newest and `@1` for the one before it.
    pub fn find(&self, id: &str) -> Result<&RunEntry> {
        let unknown = || Error::UnknownRun(id.to_owned());
        if let Some(back) = id.strip_prefix('@') {
            let back = match back {
                "" => 0,
                back => back.parse().map_err(|_| unknown())?,
            };
            return self.runs.get(back).ok_or_else(unknown);
        }
        let wanted = id.to_ascii_uppercase();
        let fits = |run: &&RunEntry| run.id.ends_with(&wanted) || run.id.starts_with(&wanted);
        let found: Vec<&RunEntry> = self.runs.iter().filter(fits).collect();
        match found[..] {
            _ if wanted.is_empty() => Err(unknown()),
            [] => Err(unknown()),
            [run] => Ok(run),
            _ => Err(Error::AmbiguousRun {
                id: id.to_owned(),
                count: found.len(),
            }),
        }
    }
}

/// The counts of a run by outcome.
pub fn counts(run: &RunEntry) -> Vec<(String, u64)> {
    let counts: serde_json::Map<String, Value> =
        serde_json::from_str(&run.counts).unwrap_or_default();
    let numbers = counts.into_iter();
    numbers
        .filter_map(|(name, count)| Some((name, count.as_u64()?)))
        .collect()
}

/// The time that a run did not have to spend.
pub fn saved(run: &RunEntry) -> Duration {
    let told: Option<Value> = serde_json::from_str(&run.counts).ok();
    let saved = told.and_then(|told| told["saved_ms"].as_f64());
    Duration::try_from_secs_f64(saved.unwrap_or_default() / 1e3).unwrap_or_default()
}

/// When a run began.
pub fn started(run: &RunEntry) -> Timestamp {
    Timestamp::from_millisecond(run.started_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Why a run did with a node what it did, down to what changed. What changed
/// is no reason for what was executed by force.
pub fn explain(store: &Store, change: &NodeChange) -> Explanation {
    let steps = match &change.before {
        Some(before) if !change.reason.starts_with(ReasonKind::Forced.name()) => {
            Explanation::between(store, &change.node, before, &change.signature)
        }
        _ => None,
    };
    steps.unwrap_or(Explanation { steps: Vec::new() })
}

/// The same in one line; empty where there is nothing to say.
pub fn reason(store: &Store, change: &NodeChange) -> String {
    match explain(store, change).steps.first() {
        Some(step) => step.reason.to_string(),
        None => change.reason.to_string(),
    }
}

fn end(id: &str, length: usize) -> &str {
    id.get(id.len().saturating_sub(length)..).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(ids: &[&str]) -> Past {
        let run = |id: &&str| RunEntry {
            id: (*id).to_owned(),
            pipeline: "p".into(),
            started_ms: 0,
            elapsed: Duration::ZERO,
            status: "ok".into(),
            counts: "{}".to_owned(),
        };
        Past::new(ids.iter().map(run).collect())
    }

    #[test]
    fn a_short_id_is_as_long_as_it_takes() {
        let past = past(&["01J000AAXYZQRS", "01J000BBXYZQRS", "01J000CC123456"]);
        assert_eq!(past.short(&past.runs[0]), "AXYZQRS");
        assert_eq!(past.find("bxyzqrs").unwrap().id, "01J000BBXYZQRS");
        assert_eq!(past.find("456").unwrap().id, "01J000CC123456");
        assert!(matches!(
            past.find("QRS"),
            Err(Error::AmbiguousRun { count: 2, .. })
        ));
        assert!(matches!(
            past.find("01J"),
            Err(Error::AmbiguousRun { count: 3, .. })
        ));
        for unknown in ["", "nothing", "@3", "@x"] {
            assert!(
                matches!(past.find(unknown), Err(Error::UnknownRun(_))),
                "{unknown}"
            );
        }
        assert_eq!(past.find("@").unwrap().id, past.runs[0].id);
        assert_eq!(past.find("@2").unwrap().id, past.runs[2].id);
    }
}
