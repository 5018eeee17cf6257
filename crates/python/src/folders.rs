//! The folders of a project as they are listed: each is read once, and nothing outside is seen.
//!
//! Paths are relative to the project's root, which is the empty path.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A regular file whose name ends in `.py`.
    Module,
    /// A folder.
    Folder,
    /// A link out of the project.
    Outside,
}

/// The names in a folder that may matter.
type List = BTreeMap<OsString, Kind>;

/// The folders looked at so far.
pub(crate) struct Folders {
    root: PathBuf,
    lists: HashMap<PathBuf, Rc<List>>,
}

impl Folders {
    /// None looked at yet. Whether there is a root at all shows when something is looked for.
    pub(crate) fn new(root: &Path) -> Self {
        Folders {
            root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            lists: HashMap::new(),
        }
    }

    /// Those that were listed.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Path> {
        self.lists.keys().map(PathBuf::as_path)
    }

    /// Where `path` is on this machine.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    /// What `path` is, if it is something that may matter and no part of it leads out of the project.
    pub(crate) fn kind(&mut self, path: &Path) -> Option<Kind> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return path.as_os_str().is_empty().then_some(Kind::Folder);
        };
        if let Some(list) = self.lists.get(folder) {
            return list.get(name).copied();
        }
        // From the root on, so that nothing is kept of paths that lead nowhere.
        let mut way = PathBuf::new();
        for part in folder {
            let kind = self.listed(&way).get(part).copied();
            kind.filter(|kind| *kind == Kind::Folder)?;
            way.push(part);
        }
        self.listed(&way).get(name).copied()
    }

    /// Whether `path` is a folder of the project.
    pub(crate) fn is_folder(&mut self, path: &Path) -> bool {
        self.kind(path) == Some(Kind::Folder)
    }

    /// `path` relative to the project, without `.` and `..`; none if that is outside.
    pub(crate) fn relative(&self, path: &Path) -> Option<PathBuf> {
        match path.strip_prefix(&self.root) {
            Ok(inside) => joined(Path::new(""), inside),
            Err(_) if path.is_absolute() => None,
            Err(_) => joined(Path::new(""), path),
        }
    }

    /// The file that `path` leads to, as it is named and as it is called behind all links; none if it is
    /// outside or no regular file.
    pub(crate) fn script(&self, path: &Path) -> Option<(PathBuf, PathBuf)> {
        let real = self.root.join(path).canonicalize().ok()?;
        let called = real.strip_prefix(&self.root).ok()?.to_owned();
        // Behind a link `..` is somewhere else than it looks.
        let leads_there = |named: &PathBuf| {
            let there = self.root.join(named).canonicalize();
            there.is_ok_and(|there| there == real)
        };
        let named = self.relative(path).filter(leads_there);
        real.is_file()
            .then(|| (named.unwrap_or_else(|| called.clone()), called))
    }

    /// `path` behind all links.
    pub(crate) fn real(&self, path: &Path) -> PathBuf {
        let absolute = self.absolute(path);
        absolute.canonicalize().unwrap_or(absolute)
    }

    /// The names in a folder that may matter; none if it is no folder or cannot be read, as Python has it.
    pub(crate) fn list(&mut self, folder: &Path) -> Rc<List> {
        match self.is_folder(folder) {
            true => self.listed(folder),
            false => Rc::default(),
        }
    }

    /// The same for what is known to be a folder.
    fn listed(&mut self, folder: &Path) -> Rc<List> {
        if let Some(list) = self.lists.get(folder) {
            return Rc::clone(list);
        }
        let list = Rc::new(self.read(folder));
        self.lists.insert(folder.to_owned(), Rc::clone(&list));
        list
    }

    fn read(&self, folder: &Path) -> List {
        let entries = fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten();
        let kinds = entries.filter_map(|entry| {
            let name = entry.file_name();
            Some((self.kind_of(&entry)?, name))
        });
        kinds.map(|(kind, name)| (name, kind)).collect()
    }

    fn kind_of(&self, entry: &fs::DirEntry) -> Option<Kind> {
        let is_module = entry.path().extension() == Some(OsStr::new("py"));
        let mut kind = entry.file_type().ok()?;
        if kind.is_symlink() {
            let real = entry.path().canonicalize().ok()?;
            kind = fs::metadata(&real).ok()?.file_type();
            if !real.starts_with(&self.root) {
                return (kind.is_dir() || is_module).then_some(Kind::Outside);
            }
        }
        match (kind.is_dir(), kind.is_file() && is_module) {
            (true, _) => Some(Kind::Folder),
            (_, true) => Some(Kind::Module),
            _ => None,
        }
    }

    /// All Python files in `folder` and below, without installed packages.
    pub(crate) fn modules_below(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut modules = Vec::new();
        let mut folders = vec![folder.to_owned()];
        // By their real paths: links may lead in circles.
        let mut seen = HashSet::new();
        while let Some(folder) = folders.pop() {
            let is_environment = self.absolute(&folder.join("pyvenv.cfg")).exists();
            if is_environment || !seen.insert(self.real(&folder)) {
                continue;
            }
            for (name, kind) in self.list(&folder).iter() {
                let hidden = name.as_encoded_bytes().starts_with(b".");
                let installed = ["__pycache__", "site-packages", "node_modules"];
                match kind {
                    Kind::Module => modules.push(folder.join(name)),
                    Kind::Folder if !hidden && !installed.iter().any(|other| name == other) => {
                        folders.push(folder.join(name));
                    }
                    Kind::Folder | Kind::Outside => {}
                }
            }
        }
        modules
    }
}

/// `path` taken from `base`, without `.` and `..`; none if that leads out of the project.
pub(crate) fn joined(base: &Path, path: &Path) -> Option<PathBuf> {
    let mut joined = base.to_owned();
    for component in path.components() {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::ParentDir => {
                if !joined.pop() {
                    return None;
                }
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(joined)
}
