//! Several pieces of work done at once, by an action that takes several items:
//! each is claimed, recorded and told of by itself.

use std::sync::Arc;
use std::time::Instant;

use refrain_store::{Claim, Wanted};

use super::ahead::first_wanted;
use super::{Done, Local, attempt, keeps};
use crate::clock;
use crate::execution::{Execution, Told};
use crate::map::{Batch, Unmade};
use crate::node::Failure;
use crate::recorder;
use crate::value::Value;
use crate::work::Work;

/// A piece of work that is taken up, and its place among those asked for.
struct Mine<'a> {
    at: usize,
    work: &'a Work,
    claim: Option<Claim>,
    args: Vec<Value>,
}

impl Local {
    pub(super) fn together(&self, works: &[Arc<Work>], batch: &Batch) -> Vec<Done> {
        let mut ends: Vec<Option<Done>> = Vec::with_capacity(works.len());
        let mut mine = Vec::with_capacity(works.len());
        self.ask_for(works);
        for (at, work) in works.iter().enumerate() {
            match self.take_up(at, work) {
                Ok(taken) => {
                    mine.push(taken);
                    ends.push(None);
                }
                Err(done) => ends.push(Some(done)),
            }
        }
        let keys: Vec<_> = mine.iter().map(|mine| mine.work.key).collect();
        for (at, done) in self.run_together(mine, batch) {
            ends[at] = Some(done);
        }
        let mut running = self.running();
        for key in &keys {
            running.remove(key);
        }
        ends.into_iter().flatten().collect()
    }

    /// Asks the tiers for all of them at once.
    fn ask_for(&self, works: &[Arc<Work>]) {
        if let Some(store) = &self.store {
            let wanted = works.iter().filter(|work| !work.forced);
            let wanted: Vec<Wanted> = wanted.map(|work| first_wanted(work)).collect();
            store.ask_tiers_for(&wanted);
        }
    }

    /// Takes up a piece of work with its arguments.
    fn take_up<'a>(&self, at: usize, work: &'a Work) -> Result<Mine<'a>, Done> {
        let keeps = keeps(work);
        if keeps && !self.running().insert(work.key) {
            return Err(Done::Busy);
        }
        let taken = match keeps {
            true => self.claim(work),
            false => Ok(None),
        };
        let taken = taken.and_then(|claim| {
            let args = self.load(work)?;
            Ok(Mine {
                at,
                work,
                claim,
                args,
            })
        });
        if taken.is_err() && keeps {
            self.running().remove(&work.key);
        }
        taken
    }

    fn run_together(&self, mine: Vec<Mine<'_>>, batch: &Batch) -> Vec<(usize, Done)> {
        let Some(first) = mine.first().map(|first| first.work) else {
            return Vec::new();
        };
        let execution = Arc::new(Execution::new(first.stop.clone(), self.store.clone()));
        let name = first.spec.node.name();
        let _span = tracing::info_span!("node", name, items = mine.len()).entered();
        let args = || mine.iter().map(|mine| mine.args.clone()).collect();
        let start = Instant::now();
        let outcome = attempt(first, || batch.apply(args(), &execution));
        let each = start.elapsed() / u32::try_from(mine.len()).unwrap_or(u32::MAX);
        let log = execution.take_told().log;
        let fail = |failure: &Failure| Done::Failed {
            failure: failure.clone(),
            elapsed: each,
        };
        let values = match outcome {
            Ok(values) => values,
            Err(_) if first.stop.was_heard() => {
                let stopped = |mine: &Mine| (mine.at, Done::Stopped { log: log.clone() });
                return mine.iter().map(stopped).collect();
            }
            Err(Unmade::Miscounted(failure)) => {
                return mine.iter().map(|mine| (mine.at, fail(&failure))).collect();
            }
            // One by one, so that the item is named that fails, and no other is lost.
            Err(Unmade::Failed(failure)) => {
                let alone = mine.len() == 1;
                let one = |mine: Mine| match alone {
                    true => (mine.at, fail(&failure)),
                    false => (mine.at, self.run(mine.work, mine.claim)),
                };
                return mine.into_iter().map(one).collect();
            }
        };
        let made = mine.into_iter().zip(values).map(|(mine, value)| {
            let execution = recorder::Execution {
                value,
                told: Told {
                    log: log.clone(),
                    discovered: None,
                },
                started: mine.work.looked_at,
                elapsed: each,
                created_ms: clock::millis((mine.work.clock)()),
            };
            let kept = recorder::keep(self.store.as_deref(), mine.work, execution, mine.claim);
            (
                mine.at,
                Done::Made {
                    kept,
                    elapsed: each,
                },
            )
        });
        made.collect()
    }
}
