//! A pipeline that is kept alive while people edit it. It holds what is wanted
//! and the last revision that is complete; how a revision is made is the
//! runner's business.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crossbeam::channel::Receiver;

use crate::cancel::Cancel;
#[cfg(doc)]
use crate::config::CacheConfig;
use crate::edits::{Edits, Which};
use crate::error::{Error, Result, suggest};
use crate::event::RunEvent;
use crate::explain::Explanation;
use crate::inputs::{Inputs, IntoInput};
use crate::live::Live;
use crate::pipeline::Pipeline;
use crate::plan::{self, Plan};
use crate::report::Status;
use crate::run::Run;
use crate::runner::snapshot::Snapshot;
use crate::runner::{Runner, Wish, lock};
use crate::why;

/// A pipeline kept alive: its inputs, its files and the pipeline itself are
/// edited, and a run executes only what the edits invalidated. Cheap to clone:
/// all clones are one session, which may be edited from any thread at any time,
/// also while it runs. A run that is going on takes the edits up: nodes that
/// execute what is still wanted go on, what no longer counts is cancelled, and
/// the run ends with outputs of one revision.
///
/// Outputs of earlier runs are held in memory up to [`CacheConfig::memory`]
/// bytes, and loaded again beyond that.
///
/// ```
/// use refrain::{CacheConfig, Pipeline, Runner, func, functions, inputs};
///
/// #[func(output = "shout", cache)]
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
///
/// # let dir = tempfile::tempdir()?;
/// let runner = Runner::new(CacheConfig::new(dir.path()))?;
/// let pipeline = Pipeline::new(functions![shout])?;
/// let session = runner.session(&pipeline, inputs! { text: "hello" })?;
/// assert_eq!(*session.run()?.get::<String>("shout")?, "HELLO");
///
/// session.set_input("text", "good bye")?;
/// let run = session.run()?;
/// assert_eq!(*run.get::<String>("shout")?, "GOOD BYE");
/// assert_eq!(run.report().executed(), ["shout"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    runner: Runner,
    edits: Edits,
    /// Locked for as long as a run goes on, and before the snapshot.
    live: Mutex<Live>,
    snapshot: Mutex<Snapshot>,
    last: Mutex<Option<Arc<Run>>>,
}

/// The files that a session stands on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionFiles {
    /// Files and directories that are inputs, as they were given.
    pub inputs: BTreeSet<PathBuf>,
    /// Files that nodes' code was read from.
    pub code: BTreeSet<PathBuf>,
    /// Files that nodes found while they ran.
    pub found: BTreeSet<PathBuf>,
}

impl Runner {
    /// Keeps a pipeline alive with these inputs. Nothing runs yet.
    ///
    /// # Errors
    /// A storage backend that is not known.
    pub fn session(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<Session> {
        let live = self.start_live(pipeline)?.with_memory(self.config().memory);
        let edits = Edits::new(pipeline.clone(), inputs);
        edits.force(self.forced_names());
        Ok(Session(Arc::new(Inner {
            runner: self.clone(),
            edits,
            live: Mutex::new(live),
            snapshot: Mutex::default(),
            last: Mutex::default(),
        })))
    }
}

impl Session {
    /// Brings every target up to date with all edits; those that arrive
    /// meanwhile are taken up. The failure of a node is an outcome in the
    /// report. One run goes on at a time; a second one waits for it.
    ///
    /// # Errors
    /// Inputs that are missing, unknown, unreadable or of a wrong type. What was
    /// finished by then is kept, and the last complete revision stays.
    pub fn run(&self) -> Result<Arc<Run>> {
        let inner = &*self.0;
        let mut live = lock(&inner.live);
        let edit = inner.edits.begin();
        let taken_up = live.take_up(&edit);
        let ran = taken_up.and_then(|_| {
            let wish = Wish {
                forced: edit.forced(),
                pipeline: edit.pipeline,
                inputs: edit.inputs,
                edits: Some(&inner.edits),
            };
            inner.runner.run_live(&mut live, &inner.snapshot, wish)
        });
        let run = Arc::new(ran.inspect_err(|_| inner.edits.put_back())?);
        inner.edits.end();
        if run.status() == Status::Ok {
            *lock(&inner.last) = Some(run.clone());
        }
        Ok(run)
    }

    /// The last run that was complete. Its outputs can be read while the next
    /// one goes on.
    pub fn last(&self) -> Option<Arc<Run>> {
        lock(&self.0.last).clone()
    }

    /// Whether there are edits that no run has taken up.
    pub fn is_edited(&self) -> bool {
        self.0.edits.is_pending()
    }

    /// The pipeline as it is wanted now.
    pub fn pipeline(&self) -> Pipeline {
        self.0.edits.wanted().pipeline
    }

    /// Gives an input another value. An equal value changes nothing.
    ///
    /// # Errors
    /// The pipeline takes no input of that name.
    pub fn set_input(&self, name: &str, value: impl IntoInput) -> Result<()> {
        let graph = self.pipeline().graph;
        if !graph.source_by_name.contains_key(name) {
            let names = || graph.sources.iter().map(|source| &*source.name);
            return Err(Error::UnknownInput {
                input: name.to_owned(),
                suggestion: suggest(name, names()),
            });
        }
        self.0.edits.set_input(name, value.into_input());
        Ok(())
    }

    /// Puts another pipeline with its inputs in the place of the present one.
    /// Nodes and inputs of equal names are compared: what is the same stays up
    /// to date, wherever it stands in the graph.
    ///
    /// # Errors
    /// A storage backend that is not known.
    pub fn set_pipeline(&self, pipeline: &Pipeline, inputs: Inputs) -> Result<()> {
        self.0.runner.check_backends(pipeline)?;
        self.0.edits.set_pipeline(pipeline.clone(), inputs);
        Ok(())
    }

    /// Has the next run look at all files again.
    pub fn refresh_files(&self) {
        self.0.edits.look_at(Which::All);
    }

    /// Has the next run look at these files again, and at no others: that is
    /// quicker where there are many. Of a path in a directory that is an input,
    /// the whole directory is looked at.
    pub fn refresh_paths<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) {
        let absolute = |path: P| {
            let path = path.as_ref();
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
        };
        let paths = paths.into_iter().map(absolute).collect();
        self.0.edits.look_at(Which::These(paths));
    }

    /// Has the next run execute these nodes whatever is remembered, if its
    /// targets stand on them.
    ///
    /// # Errors
    /// A name that no node gives.
    pub fn force<'a>(&self, nodes: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let graph = self.pipeline().graph;
        let name = |node: &str| graph.find(node).map(|node| graph.name_of(node).clone());
        let names = nodes.into_iter().map(name).collect::<Result<Vec<_>>>()?;
        self.0.edits.force(names);
        Ok(())
    }

    /// What a run would do now, running nothing. It waits for a run that is
    /// going on.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn plan(&self) -> Result<Plan> {
        let mut live = lock(&self.0.live);
        let edit = self.0.edits.wanted();
        live.take_up(&edit)?;
        self.0.runner.tell_time(&mut live);
        Ok(plan::plan(
            &mut live,
            &edit.pipeline.targets,
            &edit.forced(),
        ))
    }

    /// Why a node would run now; see [`Runner::why`]. It waits for a run that is
    /// going on.
    ///
    /// # Errors
    /// As for [`run`](Self::run); or no node has that name.
    pub fn why(&self, node: &str) -> Result<Explanation> {
        let mut live = lock(&self.0.live);
        let edit = self.0.edits.wanted();
        let node = edit.pipeline.graph.find(node)?;
        live.take_up(&edit)?;
        self.0.runner.tell_time(&mut live);
        Ok(why::why(&mut live, node))
    }

    /// Everything that happens in this session's runner from now on.
    pub fn subscribe(&self) -> Receiver<RunEvent> {
        self.0.runner.subscribe()
    }

    /// What ends a run early.
    pub fn cancel(&self) -> Cancel {
        self.0.runner.cancel()
    }

    /// The files that nodes found while they ran, as far as the last run looked.
    /// It waits for a run that is going on.
    pub fn found_files(&self) -> BTreeSet<PathBuf> {
        let live = lock(&self.0.live);
        live.found_files().map(Path::to_owned).collect()
    }

    /// The files that the session stands on, as its inputs and its pipeline are
    /// now, with those that were found by the last run. It waits for a run that
    /// is going on.
    pub fn files(&self) -> SessionFiles {
        let wanted = self.0.edits.wanted();
        let nodes = wanted.pipeline.graph.nodes.iter();
        let code = nodes.flat_map(|node| node.code_files.files().map(|(path, _)| path));
        SessionFiles {
            inputs: wanted.inputs.paths().collect(),
            code: code.map(Path::to_owned).collect(),
            found: self.found_files(),
        }
    }

    /// Waits until everything finished is on disk, the snapshot included.
    pub fn flush(&self) {
        let inner = &*self.0;
        if let Some(store) = inner.runner.store() {
            let live = lock(&inner.live);
            let mut snapshot = lock(&inner.snapshot);
            if snapshot.is_due() {
                snapshot.write(&store, &live);
            }
            store.flush();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let live = self.live.get_mut();
        let live = live.unwrap_or_else(std::sync::PoisonError::into_inner);
        let snapshot = self.snapshot.get_mut();
        let snapshot = snapshot.unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Some(store), true) = (self.runner.store(), snapshot.is_due()) {
            snapshot.write(&store, live);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.pipeline()).finish()
    }
}
