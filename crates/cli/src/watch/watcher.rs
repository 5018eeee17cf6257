//! Watches directories, and tells of every change of a name or a content in
//! them. It is unaware of which changes matter.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::changes::Change;
use super::poller::Poller;

/// How often it is looked where the system tells nothing.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// Is told of changes, on any thread.
pub trait Tell: Fn(Change) + Clone + Send + 'static {}
impl<F: Fn(Change) + Clone + Send + 'static> Tell for F {}

/// Watches directories, each by itself: what is in directories in them is not
/// told. One that is gone is watched no longer, and has to be asked for again.
pub struct Watcher<T> {
    tell: T,
    eyes: Eyes,
    watched: BTreeSet<PathBuf>,
}

/// How changes are found.
enum Eyes {
    /// The system tells of them.
    System(RecommendedWatcher),
    /// It is looked for them.
    Poller(Poller),
}

/// Why the system cannot tell of changes.
pub struct Blind(pub notify::Error);

impl<T: Tell> Watcher<T> {
    /// A watcher that is told by the system.
    pub fn told(tell: T) -> Result<Self, Blind> {
        let teller = tell.clone();
        let watcher = RecommendedWatcher::new(
            move |event| changes(event).into_iter().for_each(&teller),
            notify::Config::default().with_follow_symlinks(false),
        );
        Ok(Watcher {
            tell,
            eyes: Eyes::System(watcher.map_err(Blind)?),
            watched: BTreeSet::new(),
        })
    }

    /// A watcher that looks for itself, as often as this.
    pub fn polling(tell: T, interval: Duration) -> Self {
        Watcher {
            eyes: Eyes::Poller(Poller::start(tell.clone(), interval)),
            tell,
            watched: BTreeSet::new(),
        }
    }

    /// Watches these directories and no others. Gives those that it did not
    /// watch before: what changed in them until now was not told.
    pub fn follow(&mut self, folders: BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, Blind> {
        let new: Vec<PathBuf> = folders.difference(&self.watched).cloned().collect();
        match &mut self.eyes {
            Eyes::Poller(poller) => poller.follow(&folders),
            Eyes::System(watcher) => {
                for path in self.watched.difference(&folders) {
                    // One that is gone is not watched any more.
                    let _ = watcher.unwatch(path);
                }
                for path in &new {
                    if let Err(error) = watch(watcher, path) {
                        self.watched.clear();
                        return Err(Blind(error));
                    }
                }
            }
        }
        self.watched = folders;
        Ok(new)
    }

    /// Watches these directories as well, as far as that is possible.
    pub fn also(&mut self, folders: Vec<PathBuf>) {
        for path in folders {
            if let Eyes::System(watcher) = &mut self.eyes
                && watch(watcher, &path).is_err()
            {
                break;
            }
            self.watched.insert(path);
        }
        if let Eyes::Poller(poller) = &mut self.eyes {
            poller.follow(&self.watched);
        }
    }

    /// From now on looks for itself, and watches nothing until it is asked to.
    pub fn poll(&mut self, interval: Duration) {
        *self = Watcher::polling(self.tell.clone(), interval);
    }

    /// Is to be told of every change: a directory whose own name changed is
    /// another one, and those in it may be.
    pub fn heed(&mut self, change: &Change) {
        let Change::Name(path) = change else { return };
        if !self.watched.contains(path) {
            return;
        }
        let gone: Vec<PathBuf> = below(&self.watched, path).cloned().collect();
        for path in gone {
            self.watched.remove(&path);
            if let Eyes::System(watcher) = &mut self.eyes {
                let _ = watcher.unwatch(&path);
            }
        }
    }
}

/// A directory and all that are in it.
fn below<'a>(folders: &'a BTreeSet<PathBuf>, path: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
    let from = folders.range::<Path, _>((Bound::Included(path), Bound::Unbounded));
    from.take_while(move |other| other.starts_with(path))
}

fn watch(watcher: &mut RecommendedWatcher, path: &Path) -> notify::Result<()> {
    use notify::ErrorKind;
    match watcher.watch(path, RecursiveMode::NonRecursive) {
        Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => Err(error),
        // It is gone, which the directory above it tells of, or cannot be read.
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a directory is not watched");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// What an event of the system tells.
fn changes(event: notify::Result<Event>) -> Vec<Change> {
    let Ok(event) = event else {
        return vec![Change::Anything];
    };
    if event.need_rescan() {
        return vec![Change::Anything];
    }
    let change = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Change::Content,
        EventKind::Access(_) => return Vec::new(),
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => Change::Content,
        _ => Change::Name,
    };
    event.paths.into_iter().map(change).collect()
}
