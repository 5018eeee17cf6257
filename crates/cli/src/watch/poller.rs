//! Looks for changes in directories again and again, for file systems that tell
//! of none. Files are compared by their stamps to the nanosecond and by what
//! else the system keeps of them; nothing is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam::channel::{RecvTimeoutError, Sender, bounded};

use super::changes::Change;

/// A file that changed so shortly before it was looked at may have changed
/// again under the same stamp.
const TICK: Duration = Duration::from_millis(20);

/// The directories that are looked at, each with what was in it.
type Lists = BTreeMap<PathBuf, List>;
/// What is in a directory; nothing if it is not there.
type List = HashMap<OsString, Seen>;

/// A thread that looks at directories.
pub struct Poller {
    lists: Arc<Mutex<Lists>>,
    /// Ends the thread when it is gone.
    _alive: Sender<()>,
}

/// A file as it was seen.
struct Seen {
    stamp: Stamp,
    /// Whether it may change again under the same stamp.
    fresh: bool,
}

/// What the system keeps of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    kind: u32,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Poller {
    /// Looks as often as this, and tells of what it sees.
    pub fn start(tell: impl Fn(Change) + Send + 'static, interval: Duration) -> Self {
        let lists = Arc::new(Mutex::new(Lists::new()));
        let (alive, gone) = bounded::<()>(0);
        let looked_at = lists.clone();
        thread::spawn(move || {
            while gone.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let mut lists = looked_at.lock().unwrap_or_else(PoisonError::into_inner);
                let changes: Vec<Change> = lists.iter_mut().flat_map(look).collect();
                drop(lists);
                changes.into_iter().for_each(&tell);
            }
        });
        Poller {
            lists,
            _alive: alive,
        }
    }

    /// Looks at these directories from now on, and at no others.
    pub fn follow(&mut self, folders: &BTreeSet<PathBuf>) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|path, _| folders.contains(path));
        for path in folders {
            if !lists.contains_key(path) {
                lists.insert(path.clone(), list(path));
            }
        }
    }
}

/// What has changed in a directory.
fn look((folder, before): (&PathBuf, &mut List)) -> Vec<Change> {
    let now = list(folder);
    let mut changes = Vec::new();
    for (name, Seen { stamp, .. }) in &now {
        let path = || folder.join(name);
        match before.remove(name) {
            None => changes.push(Change::Name(path())),
            Some(old) if old.stamp.is_another(stamp) => changes.push(Change::Name(path())),
            Some(old) if old.fresh || old.stamp != *stamp => changes.push(Change::Content(path())),
            Some(_) => {}
        }
    }
    let gone = before.keys().map(|name| Change::Name(folder.join(name)));
    changes.extend(gone);
    *before = now;
    changes
}

fn list(folder: &Path) -> List {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let seen = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some((entry.file_name(), Seen::of(&metadata)))
    });
    seen.collect()
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        let (seconds, nanos) = (metadata.ctime(), metadata.ctime_nsec());
        let changed = UNIX_EPOCH + Duration::new(seconds as u64, nanos as u32);
        Seen {
            stamp: Stamp {
                inode: (metadata.dev(), metadata.ino()),
                kind: metadata.mode() & 0o170_000,
                length: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (seconds, nanos),
            },
            fresh: metadata.is_file() && changed + TICK >= SystemTime::now(),
        }
    }
}

impl Stamp {
    fn is_another(&self, other: &Stamp) -> bool {
        (self.inode, self.kind) != (other.inode, other.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["same", "edited", "replaced", "gone"] {
            fs::write(path(name), "1").unwrap();
        }
        let folder = dir.path().to_owned();
        let mut before = list(&folder);
        before.values_mut().for_each(|seen| seen.fresh = false);
        fs::write(path("edited"), "2 ").unwrap();
        fs::write(path("new"), "").unwrap();
        fs::rename(path("new"), path("replaced")).unwrap();
        fs::write(path("new"), "").unwrap();
        fs::remove_file(path("gone")).unwrap();
        let mut changes = look((&folder, &mut before));
        changes.sort_by_key(|change| format!("{change:?}"));
        let expected = [
            Change::Content(path("edited")),
            Change::Name(path("gone")),
            Change::Name(path("new")),
            Change::Name(path("replaced")),
        ];
        assert_eq!(changes, expected);
        // These changed just now, so that they are looked at once more.
        let again = look((&folder, &mut before));
        assert!(
            again.contains(&Change::Content(path("edited"))),
            "{again:?}"
        );
    }
}
