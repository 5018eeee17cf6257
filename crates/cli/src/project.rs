//! What every command works on: a pipeline, what it is given, and where its
//! outputs are remembered.

use std::num::NonZeroUsize;
use std::sync::Arc;

use refrain::{CacheConfig, Inputs, Pipeline, Runner};
use refrain_store::Store;

use crate::args::Assignment;
use crate::error::{Error, Result};
use crate::values::assign;

/// A pipeline with its surroundings. All relative paths are relative to the
/// project's root, which is the process's working directory.
#[derive(Debug)]
pub struct Project {
    /// The pipeline with its default targets.
    pub pipeline: Pipeline,
    /// What its inputs are given.
    pub inputs: Inputs,
    /// How outputs are remembered.
    pub cache: CacheConfig,
    /// How many nodes run at once, if the user has a wish.
    pub jobs: Option<NonZeroUsize>,
    /// Whether a run goes on after a failure.
    pub keep_going: bool,
}

impl Project {
    /// Gives inputs other values.
    pub fn set(mut self, assigned: &[Assignment]) -> Result<Self> {
        self.inputs = assign(&self.pipeline, self.inputs, assigned)?;
        Ok(self)
    }

    /// Asks for these nodes; for the default targets where none are named.
    pub fn targets(mut self, names: &[String]) -> Result<Self> {
        if !names.is_empty() {
            self.pipeline = self.pipeline.targets(names.iter().map(String::as_str))?;
        }
        Ok(self)
    }

    /// A runner for the pipeline.
    pub fn runner(&self) -> Result<Runner> {
        Ok(Runner::new(self.cache.clone())?)
    }

    /// The store alone, for commands that run nothing.
    pub fn store(&self) -> Result<Arc<Store>> {
        if !self.cache.enabled {
            return Err(Error::CachingOff);
        }
        Ok(Arc::new(Store::open(&self.cache.cache_dir)?))
    }
}
