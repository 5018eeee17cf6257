//! Changes of files as they are heard of. What they mean is not known here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One thing that is heard of. Paths are absolute and without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file may have another content.
    Content(PathBuf),
    /// A name may stand for something else: it is new, gone, or another file.
    Name(PathBuf),
    /// Something was missed, and anything may have changed.
    Anything,
}

/// All that was heard of since somebody looked.
#[derive(Debug, Default)]
pub struct Changes {
    /// Each path once, and whether the name changed or the content alone.
    paths: BTreeMap<PathBuf, bool>,
    anything: bool,
}

impl Changes {
    /// Adds one more.
    pub fn add(&mut self, change: Change) {
        match change {
            Change::Content(path) => _ = self.paths.entry(path).or_default(),
            Change::Name(path) => _ = self.paths.insert(path, true),
            Change::Anything => self.anything = true,
        }
    }

    /// Whether anything may have changed.
    pub fn anything(&self) -> bool {
        self.anything
    }

    /// Each path, and whether its name changed or its content alone.
    pub fn paths(&self) -> impl Iterator<Item = (&Path, bool)> {
        let paths = self.paths.iter();
        paths.map(|(path, renamed)| (path.as_path(), *renamed))
    }
}
