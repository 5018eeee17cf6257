//! One execution of a node as its action sees it: where it may write, when it
//! is to end early, and what it has to tell besides its output. It knows no
//! node and no record.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use refrain_store::Store;

use crate::cancel::{Cancel, Hook};

/// One execution of a node. An action reaches it by
/// [`Args::execution`](crate::Args::execution).
pub struct Execution {
    stop: Arc<Stop>,
    store: Option<Arc<Store>>,
    told: Mutex<Told>,
}

/// What an action told besides its output.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What it printed.
    pub log: Option<String>,
    /// The files it read besides its arguments.
    pub discovered: Option<Vec<PathBuf>>,
}

impl Execution {
    pub(crate) fn new(stop: Arc<Stop>, store: Option<Arc<Store>>) -> Self {
        Execution {
            stop,
            store,
            told: Mutex::default(),
        }
    }

    /// Cancelled when this execution is to end early: its run was cancelled, or
    /// its time is over. An action that asks for it is expected to heed it.
    pub fn stop(&self) -> &Cancel {
        self.stop.listen()
    }

    /// A fresh directory for this execution to write in, where the store can
    /// take files over without copying them.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn scratch(&self) -> io::Result<Scratch> {
        let cached = self.store.as_ref().and_then(|store| {
            let made = store.scratch();
            made.inspect_err(|error| tracing::warn!(%error, "scratch outside of the cache"))
                .ok()
        });
        Ok(Scratch(match cached {
            Some(scratch) => Place::Cache(Arc::new(scratch)),
            None => Place::Own(Arc::new(tempfile::tempdir()?)),
        }))
    }

    /// Tells what the action printed. It is kept with the record.
    pub fn set_log(&self, log: String) {
        self.told().log = Some(log);
    }

    /// Tells which files the action read besides its arguments: the next
    /// lookup counts them as inputs.
    pub fn discover(&self, files: Vec<PathBuf>) {
        self.told().discovered = Some(files);
    }

    pub(crate) fn take_told(&self) -> Told {
        std::mem::take(&mut self.told())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Execution")
    }
}

/// A directory to write in. It is removed with everything in it when the last
/// that holds it lets go.
#[derive(Clone, Debug)]
pub struct Scratch(Place);

#[derive(Clone, Debug)]
enum Place {
    Cache(Arc<refrain_store::Scratch>),
    Own(Arc<tempfile::TempDir>),
}

impl Scratch {
    /// The directory's absolute path.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Place::Cache(scratch) => scratch.path(),
            Place::Own(dir) => dir.path(),
        }
    }
}

/// What ends one piece of work early: the cancellation of its run, or the end
/// of its time.
#[derive(Debug)]
pub(crate) struct Stop {
    run: Cancel,
    own: Cancel,
    /// There as soon as an action listens.
    link: OnceLock<Hook>,
}

impl Stop {
    pub fn new(run: Cancel) -> Self {
        Stop {
            run,
            own: Cancel::default(),
            link: OnceLock::new(),
        }
    }

    fn listen(&self) -> &Cancel {
        self.link.get_or_init(|| {
            let own = self.own.clone();
            self.run.hook(move || own.cancel())
        });
        &self.own
    }

    /// Whether the action listens: it can be stopped.
    pub fn is_heard(&self) -> bool {
        self.link.get().is_some()
    }

    /// Whether the action was asked to end, and heard it.
    pub fn was_heard(&self) -> bool {
        self.is_heard() && self.own.is_cancelled()
    }

    /// Asks the action to end.
    pub fn stop(&self) {
        self.own.cancel();
    }
}
