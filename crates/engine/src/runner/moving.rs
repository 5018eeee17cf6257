//! Bringing what is remembered to where it is needed: from tiers into the cache
//! directory, from there into tiers, and into archives.

use std::path::Path;

use refrain_store::{Carried, Output, Signature};

use super::{Runner, lock};
use crate::edits::Look;
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::live::Live;
use crate::pipeline::Pipeline;
use crate::plan;
use crate::stock;

/// What [`Runner::warm`] brought, or would bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed {
    /// The outputs that a run finds and that were not here.
    pub outputs: usize,
    /// The blobs that they stand on and that were not here.
    pub blobs: u64,
    /// The bytes of those, as they are here.
    pub bytes: u64,
    /// Outputs that could not be had after all: a run makes them.
    pub lost: usize,
    /// The nodes that a run would still have to execute.
    pub to_run: usize,
}

impl Runner {
    /// Brings from the tiers what a run of the targets would read, or with
    /// `everything` also what runs after any edit could; or only says how much
    /// that is.
    ///
    /// # Errors
    /// As for `run`.
    pub fn warm(
        &self,
        pipeline: &Pipeline,
        inputs: Inputs,
        everything: bool,
        dry_run: bool,
    ) -> Result<Warmed> {
        self.check_backends(pipeline)?;
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        live.bind(&inputs, &pipeline.targets, &Look::everywhere())?;
        let (plan, mut outputs) = plan::plan_and_find(&mut live, &pipeline.targets);
        if everything {
            let records = stock::records(&mut live, &pipeline.targets, true);
            outputs.extend(stock::outputs(&live, &records));
        }
        let mut warmed = Warmed {
            to_run: plan.to_run().len(),
            ..Warmed::default()
        };
        let Some(store) = self.store() else {
            return Ok(warmed);
        };
        let mut absent: Vec<&Output> = Vec::new();
        for output in &outputs {
            let missing = store.missing(output);
            warmed.outputs += usize::from(missing.blobs > 0);
            warmed.blobs += missing.blobs;
            warmed.bytes += missing.bytes;
            if missing.blobs > 0 {
                absent.push(output);
            }
        }
        if !dry_run {
            let fetched = store.fetch(&absent);
            warmed.lost = fetched.iter().filter(|fetched| fetched.is_err()).count();
        }
        Ok(warmed)
    }

    /// Queues all that is remembered of the targets and of what they need for the
    /// tiers that take something; gives the number of records.
    ///
    /// # Errors
    /// As for `run`.
    pub fn push(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<usize> {
        let records = self.records(pipeline, inputs)?;
        if let Some(store) = self.store() {
            store.push(&records);
        }
        Ok(records.len())
    }

    /// Writes all that is remembered of the targets and of what they need into
    /// one archive, which another cache directory can take in.
    ///
    /// # Errors
    /// As for `run`; the file cannot be written, or there is no store.
    pub fn export(&self, pipeline: &Pipeline, inputs: Inputs, to: &Path) -> Result<Carried> {
        let records = self.records(pipeline, inputs)?;
        let store = self.store().ok_or(Error::NoStore)?;
        Ok(store.export_archive(&records, to)?)
    }

    fn records(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<Vec<Signature>> {
        self.check_backends(pipeline)?;
        let held = self.shared.sessions.of(pipeline);
        let mut live = lock(&held.live);
        live.bind(&inputs, &pipeline.targets, &Look::everywhere())?;
        let live: &mut Live = &mut live;
        Ok(stock::records(live, &pipeline.targets, false))
    }
}
