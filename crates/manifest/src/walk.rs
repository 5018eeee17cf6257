//! Finds the files that patterns match, in one walk through the project.
//!
//! It knows nothing of who asks for them. What git ignores is left out, by the `.gitignore` files of the
//! project and, inside a repository, of the directories above it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobSet, GlobSetBuilder};
use ignore::{DirEntry, WalkBuilder};
use rustc_hash::FxHashSet;

use crate::pattern::Pattern;

/// What has been found.
#[derive(Default)]
pub(crate) struct Found {
    /// For each pattern its files, in the order of their paths' bytes.
    pub(crate) files: Vec<Vec<PathBuf>>,
    /// For each pattern that matches nothing, how many files it would if git ignored none.
    pub(crate) ignored: Vec<usize>,
    /// What could not be read.
    pub(crate) failures: Vec<String>,
    /// The directories walked through.
    pub(crate) folders: FxHashSet<PathBuf>,
}

/// A search for what patterns match.
pub(crate) struct Walk {
    rules: Arc<Rules>,
    set: GlobSet,
}

/// Where to look.
struct Rules {
    root: PathBuf,
    patterns: Vec<Pattern>,
    /// Paths, relative to the root, that are nobody's files.
    left_out: FxHashSet<PathBuf>,
}

/// What git's rules are taken from.
#[derive(Clone, Copy, PartialEq)]
enum Ignore {
    /// The project and what is above it in its repository.
    Repository,
    /// The directory walked through.
    Here,
    Nothing,
}

impl Walk {
    /// `root` is the project's directory; paths are relative to it.
    pub(crate) fn new(
        root: &Path,
        patterns: Vec<Pattern>,
        left_out: FxHashSet<PathBuf>,
    ) -> io::Result<Self> {
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            set.add(pattern.glob().map_err(io::Error::other)?);
        }
        let rules = Rules {
            root: root.canonicalize()?,
            patterns,
            left_out,
        };
        Ok(Walk {
            rules: Arc::new(rules),
            set: set.build().map_err(io::Error::other)?,
        })
    }

    pub(crate) fn run(&self) -> Found {
        let count = self.rules.patterns.len();
        let mut found = Found {
            files: vec![Vec::new(); count],
            ignored: vec![0; count],
            ..Found::default()
        };
        let all: Vec<usize> = (0..count).collect();
        found.folders = self.look(&self.rules.root, &all, Ignore::Repository, &mut found);
        for at in 0..count {
            // Whoever names an ignored directory wants what is in it.
            let base = Path::new(self.rules.patterns[at].base());
            let named = !base.as_os_str().is_empty() && !found.folders.contains(base);
            if named && self.is_inside(base) {
                let start = self.rules.root.join(base);
                let seen = self.look(&start, &[at], Ignore::Here, &mut found);
                found.folders.extend(seen);
            }
            found.files[at].sort_unstable_by(|a, b| bytes(a).cmp(bytes(b)));
        }
        self.count_ignored(&mut found);
        found
    }

    fn count_ignored(&self, found: &mut Found) {
        let empty = |at: &usize| found.files[*at].is_empty();
        let empty: Vec<usize> = (0..found.files.len()).filter(empty).collect();
        if empty.is_empty() {
            return;
        }
        let mut all = Found {
            files: vec![Vec::new(); found.files.len()],
            ..Found::default()
        };
        self.look(&self.rules.root, &empty, Ignore::Nothing, &mut all);
        found.ignored = all.files.iter().map(Vec::len).collect();
    }

    /// Looks below `start` for what the `wanted` patterns match, in order, and tells the directories seen.
    fn look(
        &self,
        start: &Path,
        wanted: &[usize],
        ignore: Ignore,
        found: &mut Found,
    ) -> FxHashSet<PathBuf> {
        let mut seen = FxHashSet::default();
        let mut matching = Vec::new();
        for entry in self.walker(start, wanted, ignore) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let gone = error.io_error().map(io::Error::kind);
                    if gone != Some(io::ErrorKind::NotFound) {
                        found.failures.push(error.to_string());
                    }
                    continue;
                }
            };
            let path = self.rules.relative(entry.path());
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                seen.insert(path.to_owned());
                continue;
            }
            self.set.matches_into(path, &mut matching);
            matching.retain(|at| {
                wanted.binary_search(at).is_ok() && self.rules.patterns[*at].admits(bytes(path))
            });
            if !matching.is_empty() && self.is_file(&entry) {
                matching
                    .iter()
                    .for_each(|at| found.files[*at].push(path.to_owned()));
            }
        }
        seen
    }

    fn walker(&self, start: &Path, wanted: &[usize], ignore: Ignore) -> ignore::Walk {
        let rules = self.rules.clone();
        let wanted = wanted.to_vec();
        let mut walker = WalkBuilder::new(start);
        walker
            .standard_filters(false)
            .git_ignore(ignore != Ignore::Nothing)
            .parents(ignore == Ignore::Repository && in_repository(start))
            .require_git(false)
            .filter_entry(move |entry| rules.admit(entry, &wanted));
        walker.build()
    }

    /// Whether an entry is a regular file, or a link to one in the project.
    fn is_file(&self, entry: &DirEntry) -> bool {
        match entry.file_type() {
            Some(kind) if kind.is_symlink() => fs::canonicalize(entry.path())
                .is_ok_and(|path| path.starts_with(&self.rules.root) && path.is_file()),
            Some(kind) => kind.is_file(),
            None => false,
        }
    }

    /// Whether there is such a directory in the project, also through links.
    fn is_inside(&self, dir: &Path) -> bool {
        fs::canonicalize(self.rules.root.join(dir))
            .is_ok_and(|path| path.starts_with(&self.rules.root) && path.is_dir())
    }
}

impl Rules {
    fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// Whether an entry may match, or something below it.
    fn admit(&self, entry: &DirEntry, wanted: &[usize]) -> bool {
        let path = self.relative(entry.path());
        if self.left_out.contains(path) || entry.file_name() == ".git" {
            return false;
        }
        if entry.depth() == 0 || !entry.file_type().is_some_and(|kind| kind.is_dir()) {
            return true;
        }
        wanted
            .iter()
            .any(|at| self.patterns[*at].reaches(bytes(path)))
    }
}

fn in_repository(dir: &Path) -> bool {
    dir.ancestors().any(|dir| dir.join(".git").exists())
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
