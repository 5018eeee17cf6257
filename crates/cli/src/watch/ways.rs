//! The ways to paths: each name on them that could come to stand for something
//! else, behind all links. It is unaware of what paths are for.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// How many links a path may lead through.
const LINKS: usize = 40;

/// A name in a directory, whose path is absolute and without links.
pub type Place = (PathBuf, OsString);

/// Follows paths, those that lead to one directory once.
pub struct Ways {
    /// The project's root, without links.
    root: PathBuf,
    /// Where directories are; `None` for those that are not there.
    known: HashMap<PathBuf, Option<PathBuf>>,
    /// The names that lead to them.
    steps: Vec<Place>,
}

/// Where a path ends.
#[derive(Default)]
pub struct End {
    /// Its last name and, where that is a link, those that the link leads to.
    pub places: Vec<Place>,
    /// The directory that it is, if it is one.
    pub folder: Option<PathBuf>,
}

impl Ways {
    /// Ways from the project's root, an absolute path without links.
    pub fn new(root: &Path) -> Self {
        Ways {
            root: root.to_owned(),
            known: HashMap::new(),
            steps: Vec::new(),
        }
    }

    /// Where a path ends, which is relative to the root or absolute.
    pub fn end(&mut self, path: &Path) -> End {
        let mut path = self.root.join(path);
        let mut end = End::default();
        for _ in 0..LINKS {
            let Some(name) = path.file_name().map(OsString::from) else {
                end.folder = self.folder(&path, LINKS);
                break;
            };
            let parent = path.parent().unwrap_or(Path::new("/")).to_owned();
            let Some(parent) = self.folder(&parent, LINKS) else {
                break;
            };
            path = parent.join(&name);
            end.places.push((parent, name));
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                break;
            };
            if metadata.is_dir() {
                end.folder = self.folder(&path, LINKS);
            }
            let target = metadata.is_symlink().then(|| fs::read_link(&path));
            let Some(Ok(target)) = target else {
                break;
            };
            path = beside(&path, &target);
        }
        end
    }

    /// The names that lead to all directories that were on the way. Those that
    /// lead to the root itself are not among them.
    pub fn into_steps(self) -> Vec<Place> {
        self.steps
    }

    /// Where a directory is; `None` if it is not there.
    fn folder(&mut self, path: &Path, links: usize) -> Option<PathBuf> {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let found = self.find(path, links);
        self.known.insert(path.to_owned(), found.clone());
        found
    }

    fn find(&mut self, path: &Path, links: usize) -> Option<PathBuf> {
        let Some(parent) = path.parent() else {
            return Some(path.to_owned());
        };
        let parent = self.folder(parent, links)?;
        let name = match path.components().next_back()? {
            Component::Normal(name) => name,
            Component::ParentDir => return Some(parent.parent().unwrap_or(&parent).to_owned()),
            _ => return Some(parent),
        };
        let here = parent.join(name);
        if !self.root.starts_with(&here) {
            self.steps.push((parent, name.to_owned()));
        }
        let metadata = fs::symlink_metadata(&here).ok()?;
        if metadata.is_symlink() && links > 0 {
            let target = fs::read_link(&here).ok()?;
            return self.folder(&beside(&here, &target), links - 1);
        }
        metadata.is_dir().then_some(here)
    }
}

/// Where a link leads that is there.
fn beside(link: &Path, target: &Path) -> PathBuf {
    link.parent().unwrap_or(Path::new("/")).join(target)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_ends_at_every_name_that_its_links_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let root = top.join("project");
        fs::create_dir_all(root.join("data/v1")).unwrap();
        fs::create_dir_all(top.join("beside")).unwrap();
        fs::write(root.join("data/v1/x"), "").unwrap();
        symlink("v1", root.join("data/now")).unwrap();
        symlink("../data/now/x", root.join("data/link")).unwrap();
        let place = |dir: &str, name: &str| (top.join(dir), OsString::from(name));

        let mut ways = Ways::new(&root);
        let end = ways.end(Path::new("data/link"));
        let expected = [place("project/data", "link"), place("project/data/v1", "x")];
        assert_eq!(end.places, expected);
        assert_eq!(
            ways.end(Path::new("data/now")).folder,
            Some(root.join("data/v1"))
        );
        assert!(ways.end(Path::new("none/x")).places.is_empty());
        assert!(ways.end(Path::new("../beside/./y")).places == [place("beside", "y")]);
        let steps = ways.into_steps();
        for step in [
            place("project", "data"),
            place("project/data", "now"),
            place("project/data", "v1"),
            place("project", "none"),
            place("", "beside"),
        ] {
            assert!(steps.contains(&step), "{step:?}");
        }
        assert!(!steps.contains(&place("", "project")));
    }

    #[test]
    fn links_in_a_circle_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        let mut ways = Ways::new(&root);
        assert_eq!(ways.end(Path::new("a")).folder, None);
        assert!(ways.end(Path::new("a/x")).places.is_empty());
    }
}
