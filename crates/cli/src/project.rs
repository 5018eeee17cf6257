//! What every command works on: a pipeline, what it is given, and where its
//! outputs are remembered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain::{CacheConfig, Inputs, Pipeline, Runner};
use refrain_manifest::Problems;
use refrain_store::Store;

use crate::args::Effort;
use crate::error::{Error, Result};
use crate::printer::Printer;

/// A pipeline with its surroundings. Relative paths are relative to the
/// project's root, which is the process's working directory.
#[derive(Clone, Debug)]
pub struct Project {
    /// The pipeline with its default targets.
    pub pipeline: Pipeline,
    /// What its inputs are given.
    pub inputs: Inputs,
    /// Inputs that are texts whatever they look like.
    pub texts: Vec<Arc<str>>,
    /// Where its outputs are remembered.
    pub cache: Cache,
    /// Where outputs are also put, by node.
    pub exports: BTreeMap<Arc<str>, PathBuf>,
    /// Where the user is, where that may be another place than the root.
    pub here: Option<Here>,
    /// How many nodes run at once, if the user has a wish.
    pub jobs: Option<NonZeroUsize>,
    /// Whether a run goes on after a failure.
    pub keep_going: bool,
    /// What may be wrong with it.
    pub warnings: Option<Problems>,
}

/// Where the user stands to a project; both are absolute, without links.
#[derive(Clone, Debug)]
pub struct Here {
    /// Where the user is.
    pub user: PathBuf,
    /// The project's root.
    pub root: PathBuf,
}

impl Project {
    /// A path that the user typed.
    pub fn path<'a>(&self, typed: &'a Path) -> Cow<'a, Path> {
        match &self.here {
            Some(here) => Cow::Owned(here.user.join(typed)),
            None => Cow::Borrowed(typed),
        }
    }

    /// The same for what is read: a path inside the project is relative to its
    /// root, as in the manifest, for a command may see it.
    pub fn input_path<'a>(&self, typed: &'a Path) -> Cow<'a, Path> {
        let path = self.path(typed);
        let inside = || {
            let root = &self.here.as_ref()?.root;
            let real = path.parent()?.canonicalize().ok()?.join(path.file_name()?);
            Some(real.strip_prefix(root).ok()?.to_owned())
        };
        match inside() {
            Some(inside) => Cow::Owned(inside),
            None => path,
        }
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
        Ok(Runner::new(self.cache.config.clone())?)
    }

    /// A runner for a command that executes nothing: no report will tell that
    /// the cache cannot be used, so that is told here.
    pub fn looker(&self, printer: &Printer) -> Result<Runner> {
        let runner = self.runner()?;
        if self.cache.config.enabled
            && let Err(error) = self.cache.store_of(&runner)
        {
            printer.warning(format_args!("nothing is cached: {error}"));
        }
        Ok(runner)
    }

    /// A runner that executes as it was asked for.
    pub fn at_work(&self, effort: &Effort) -> Result<Runner> {
        let keep_going = effort.keep_going || self.keep_going;
        let runner = self.runner()?.keep_going(keep_going);
        Ok(match effort.jobs.or(self.jobs) {
            Some(jobs) => runner.jobs(jobs.get()),
            None => runner,
        })
    }
}

/// Where a pipeline's outputs are remembered.
#[derive(Clone, Debug)]
pub struct Cache {
    /// The pipeline's name.
    pub pipeline: String,
    /// How they are.
    pub config: CacheConfig,
}

impl Cache {
    /// The store alone, for commands that run nothing.
    pub fn store(&self) -> Result<Store> {
        match self.config.enabled {
            true => {
                let options = self.config.store_options()?;
                Ok(Store::open_with(&self.config.cache_dir, &options)?)
            }
            false => Err(Error::CachingOff),
        }
    }

    /// The store that a runner works with, for commands that are about what is
    /// stored; or why there is none.
    pub fn store_of(&self, runner: &Runner) -> Result<Arc<Store>> {
        match runner.store() {
            Some(store) => Ok(store),
            None => self.store().map(Arc::new),
        }
    }
}
