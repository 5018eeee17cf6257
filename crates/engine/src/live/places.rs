//! Where the inputs of a live pipeline are read from: which of them stand on a
//! path. It reads nothing.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::inputs::{Input, Kind};

/// The sources by the absolute paths of their files and directories. Paths that
/// a source stands on no more may stay: looking at it once too often is no harm.
#[derive(Default)]
pub(super) struct Places(FxHashMap<PathBuf, SmallVec<[u32; 2]>>);

impl Places {
    /// Where these inputs are read from, each with its source's number.
    pub fn of<'a>(given: impl Iterator<Item = (u32, &'a Input)>) -> Self {
        let mut places = Places::default();
        given.for_each(|(source, input)| places.add(source, input));
        places
    }

    /// Notes what the source of this number is read from.
    pub fn add(&mut self, source: u32, input: &Input) {
        match &input.0 {
            Kind::Typed(_) => {}
            Kind::File { path, .. } | Kind::Dir { path, .. } => self.note(source, path),
            Kind::Files(paths) => paths.iter().for_each(|path| self.note(source, path)),
        }
    }

    fn note(&mut self, source: u32, path: &Path) {
        let sources = self.0.entry(absolute(path)).or_default();
        if !sources.contains(&source) {
            sources.push(source);
        }
    }

    /// The sources that stand on a path: on the file there, on a directory that
    /// it is in.
    pub fn sources(&self, path: &Path) -> impl Iterator<Item = u32> {
        let path = absolute(path);
        let above: Vec<PathBuf> = path.ancestors().map(Path::to_owned).collect();
        above.into_iter().flat_map(|path| {
            let sources = self.0.get(&path);
            sources.into_iter().flatten().copied()
        })
    }
}

/// The path from the root, by its words alone.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dir, file, files};

    #[test]
    fn a_path_leads_to_what_stands_on_it_or_above_it() {
        let mut places = Places::default();
        places.add(0, &file("a/one.txt"));
        places.add(1, &files(["a/one.txt", "./b/two.txt"]));
        places.add(2, &dir("b"));
        let at = |path: &str| places.sources(Path::new(path)).collect::<Vec<_>>();
        assert_eq!(at("a/one.txt"), [0, 1]);
        assert_eq!(at("b/two.txt"), [1, 2]);
        assert_eq!(at("b/new/three.txt"), [2]);
        assert_eq!(at("a/other.txt"), [] as [u32; 0]);
        let whole = std::env::current_dir().unwrap().join("a/one.txt");
        assert_eq!(places.sources(&whole).collect::<Vec<_>>(), [0, 1]);
    }
}
