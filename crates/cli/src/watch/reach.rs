//! Which paths matter, and for what. It hears of changes and says what they
//! mean; it watches nothing itself.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::changes::{Change, Changes};
use super::ways::{End, Ways};
use crate::basis::Basis;

/// File systems stamp changes by a clock that may lag behind ours so much.
const LAG: Duration = Duration::from_millis(20);

/// How many directories are taken in about at once: it is no harm to miss some.
const TAKEN_IN: usize = 1000;

/// What a project stands on, by directory.
#[derive(Debug, Default)]
pub struct Reach {
    root: PathBuf,
    folders: HashMap<PathBuf, Folder>,
    /// Where refrain itself writes.
    own: HashSet<PathBuf>,
}

/// What matters in one directory, whose path is absolute and without links.
#[derive(Debug, Default)]
struct Folder {
    names: HashMap<OsString, Stake>,
    /// The paths by which sources know it of which everything in it is a part.
    sources: Vec<PathBuf>,
    /// Whether a new name in it may make the project another one.
    basis: bool,
}

/// What hangs on one name.
#[derive(Debug, Default)]
struct Stake {
    /// The sources that are read there, by the paths by which they are known.
    sources: Vec<PathBuf>,
    /// Whether the project is made of it.
    basis: bool,
    /// Whether it is a directory on the way to a source.
    way: bool,
}

/// What changes come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Whether everything is to be looked at again.
    pub everything: bool,
    /// Whether the project may be another one.
    pub anew: bool,
    /// Whether there are other directories in sources than there were.
    pub moved: bool,
    /// The sources that may have another content, by the paths by which they
    /// are known.
    pub sources: BTreeSet<PathBuf>,
    /// What changed, for people.
    pub told: BTreeSet<PathBuf>,
}

impl Meaning {
    /// Whether the changes come to nothing.
    pub fn is_nothing(&self) -> bool {
        !self.everything && !self.anew && self.sources.is_empty()
    }
}

impl Reach {
    /// All that a project in `root` stands on: what it was made of, and the
    /// files and directories that its nodes read. `own` is where refrain writes.
    pub fn new<'a>(
        root: &Path,
        basis: &Basis,
        sources: impl IntoIterator<Item = &'a Path>,
        own: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let mut reach = Reach {
            root: root.to_owned(),
            ..Reach::default()
        };
        // The ways to these matter to nobody.
        let mut ways = Ways::new(root);
        for path in own {
            let places = ways.end(path).places.into_iter();
            let places = places.map(|(parent, name)| parent.join(name));
            reach.own.extend(places.chain([root.join(path)]));
        }
        let mut ways = Ways::new(root);
        for path in &basis.files {
            for (parent, name) in ways.end(path).places {
                reach.stake(parent, name).basis = true;
            }
        }
        for path in &basis.folders {
            if let Some(folder) = ways.end(path).folder {
                reach.folders.entry(folder).or_default().basis = true;
            }
        }
        for (parent, name) in ways.into_steps() {
            reach.stake(parent, name).basis = true;
        }
        let mut ways = Ways::new(root);
        for path in sources {
            reach.add_source(path, &mut ways);
        }
        for (parent, name) in ways.into_steps() {
            reach.stake(parent, name).way = true;
        }
        reach
    }

    /// The directories to watch; not what is in directories in them.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        self.folders.keys().cloned().collect()
    }

    /// Whether a change may matter, as far as that can be told without looking.
    pub fn concerns(&self, change: &Change) -> bool {
        let (path, renamed) = match change {
            Change::Content(path) => (path, false),
            Change::Name(path) => (path, true),
            Change::Anything => return true,
        };
        let (folder, stake) = self.at(path);
        let staked = stake.is_some_and(|stake| {
            stake.basis || !stake.sources.is_empty() || (stake.way && renamed)
        });
        let anywhere =
            folder.is_some_and(|folder| !folder.sources.is_empty() || (folder.basis && renamed));
        staked || (anywhere && !self.is_own(path))
    }

    /// Takes in a directory that is new, with those in it, so that whatever goes
    /// on there is heard of until somebody looks. Gives all of them.
    pub fn take_in(&mut self, path: &Path) -> Vec<PathBuf> {
        let mut taken = vec![path.to_owned()];
        let mut next = 0;
        while let Some(path) = taken.get(next).filter(|_| taken.len() < TAKEN_IN).cloned() {
            next += 1;
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            taken.extend(folders.map(|entry| entry.path()));
        }
        for path in &taken {
            self.folders.entry(path.clone()).or_default().basis = true;
        }
        taken
    }

    /// What changes mean, as files are now.
    pub fn meaning(&self, changes: &Changes) -> Meaning {
        let mut meaning = Meaning {
            everything: changes.anything(),
            anew: changes.anything(),
            ..Meaning::default()
        };
        for (path, renamed) in changes.paths() {
            self.judge(path, renamed, &mut meaning);
        }
        meaning
    }

    /// What has changed in these directories since a moment, while nobody
    /// watched them.
    pub fn newer(&self, folders: &[PathBuf], since: SystemTime) -> Vec<Change> {
        let since = since - LAG;
        let mut changes = Vec::new();
        for path in folders {
            let Some(folder) = self.folders.get(path) else {
                continue;
            };
            let is_newer = changed(path).is_none_or(|moment| moment >= since);
            if is_newer && (folder.basis || !folder.sources.is_empty()) {
                changes.push(Change::Anything);
            }
            for (name, stake) in &folder.names {
                let file = path.join(name);
                match changed(&file) {
                    Some(moment) if moment >= since => changes.push(Change::Content(file)),
                    None if is_newer && stake.sources.is_empty() => {
                        changes.push(Change::Anything);
                    }
                    None if is_newer => changes.push(Change::Name(file)),
                    _ => {}
                }
            }
        }
        changes
    }

    fn judge(&self, path: &Path, renamed: bool, meaning: &mut Meaning) {
        let (folder, stake) = self.at(path);
        let mut matters = false;
        if let Some(stake) = stake {
            if stake.way && renamed {
                meaning.everything = true;
                meaning.anew = true;
                matters = true;
            }
            meaning.anew |= stake.basis;
            meaning.sources.extend(stake.sources.iter().cloned());
            matters |= stake.basis || !stake.sources.is_empty();
        }
        if let Some(folder) = folder.filter(|_| !self.is_own(path)) {
            for source in &folder.sources {
                let name = path.file_name().unwrap_or_default();
                meaning.sources.insert(source.join(name));
                meaning.moved |= renamed && path.is_dir();
                matters = true;
            }
            let known = stake.is_some_and(|stake| !stake.sources.is_empty());
            if folder.basis && renamed && came_or_went(path, known) {
                meaning.anew = true;
                matters = true;
            }
        }
        if matters {
            let shown = path.strip_prefix(&self.root).unwrap_or(path);
            meaning.told.insert(shown.to_owned());
        }
    }

    fn add_source(&mut self, path: &Path, ways: &mut Ways) {
        let End { places, folder } = ways.end(path);
        for (parent, name) in places {
            self.stake(parent, name).sources.push(path.to_owned());
        }
        if folder.is_some() {
            self.add_tree(path, ways);
        }
    }

    /// Adds a directory that is a source, with all those in it.
    fn add_tree(&mut self, path: &Path, ways: &mut Ways) {
        let mut pending = vec![path.to_owned()];
        // Links may lead in circles.
        let mut seen = HashSet::new();
        while let Some(path) = pending.pop() {
            let folder = ways.end(&path).folder;
            let Some(folder) = folder.filter(|folder| seen.insert(folder.clone())) else {
                continue;
            };
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let folders = entries.filter(|entry| {
                let kind = entry.file_type();
                kind.is_ok_and(|kind| kind.is_dir() || kind.is_symlink())
            });
            pending.extend(folders.map(|entry| path.join(entry.file_name())));
            self.folders.entry(folder).or_default().sources.push(path);
        }
    }

    fn stake(&mut self, parent: PathBuf, name: OsString) -> &mut Stake {
        let folder = self.folders.entry(parent).or_default();
        folder.names.entry(name).or_default()
    }

    /// The directory that a path is in, and what hangs on its name there.
    fn at(&self, path: &Path) -> (Option<&Folder>, Option<&Stake>) {
        let folder = path.parent().and_then(|parent| self.folders.get(parent));
        let name: Option<&OsStr> = path.file_name();
        let stake = folder
            .zip(name)
            .and_then(|(folder, name)| folder.names.get(name));
        (folder, stake)
    }

    fn is_own(&self, path: &Path) -> bool {
        path.ancestors().any(|path| self.own.contains(path))
    }
}

/// Whether a name is new or gone, or its file is no file any more. What comes
/// and goes at once, as an editor's own files do, is neither.
fn came_or_went(path: &Path, known: bool) -> bool {
    match fs::symlink_metadata(path) {
        Ok(metadata) => !known || metadata.is_dir(),
        Err(_) => known,
    }
}

/// When a file, or its mode or place, last changed; `None` if it is not there.
fn changed(path: &Path) -> Option<SystemTime> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some(UNIX_EPOCH + Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32))
}
