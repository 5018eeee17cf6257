//! Files of a project as items of code, each read once. Why a file counts is not known here.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use refrain::{Digest, Item, shown_path};
use rustc_hash::FxHashMap;

/// A longer file is known by its digest alone: nobody looks for the changed line in it.
const SHOWN: u64 = 64 * 1024;

/// A file that is code.
pub(crate) struct CodeFile {
    pub item: Arc<Item>,
    /// Where it is and the digest of its bytes, unless it cannot be read.
    pub read: Option<(PathBuf, Digest)>,
    /// Whether any byte of it counts.
    pub by_bytes: bool,
}

/// Files that are code, and why there may be more.
#[derive(Clone, Default)]
pub(crate) struct Found {
    pub files: Vec<Arc<CodeFile>>,
    pub incomplete: Option<String>,
}

impl Found {
    pub fn extend(&mut self, other: Found) {
        self.files.extend(other.files);
        self.incomplete = self.incomplete.take().or(other.incomplete);
    }

    /// Puts them in order. Of a file that comes twice, what counts by its bytes stays, or else what is nearer.
    pub fn tidy(&mut self) {
        let rank = |file: &CodeFile| (!file.by_bytes, file.item.level);
        let order = |file: &CodeFile, other: &CodeFile| {
            let by_path = file.item.path.cmp(&other.item.path);
            by_path.then(rank(file).cmp(&rank(other)))
        };
        self.files.sort_by(|file, other| order(file, other));
        self.files
            .dedup_by(|next, file| next.item.path == file.item.path);
    }
}

/// The files of a project that were looked up so far.
pub(crate) struct Files {
    root: PathBuf,
    /// The root without symbolic links in it.
    real_root: PathBuf,
    /// What is at each path, as it is written.
    known: FxHashMap<PathBuf, Option<Arc<CodeFile>>>,
}

impl Files {
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Files {
            root: root.to_owned(),
            real_root: root.canonicalize()?,
            known: FxHashMap::default(),
        })
    }

    /// A regular file inside the project, by its bytes.
    pub fn get(&mut self, path: &Path) -> Option<Arc<CodeFile>> {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let file = self.root.join(path);
        let inside = file.is_file() && self.is_inside(&file);
        let found = inside.then(|| Arc::new(by_bytes(&self.normal(path), file)));
        self.known.insert(path.to_owned(), found.clone());
        found
    }

    /// The paths inside the project that were looked up, whether anything was there or not.
    pub fn looked_up(&self) -> impl Iterator<Item = &Path> {
        let paths = self.known.iter().filter(|(path, found)| {
            let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            found.is_some() || path.components().all(plain)
        });
        paths.map(|(path, _)| path.as_path())
    }

    /// The path of a directory inside the project, relative to the root.
    pub fn dir(&self, path: &Path) -> Option<PathBuf> {
        let path = self.normal(path);
        let dir = self.root.join(&path);
        (dir.is_dir() && self.is_inside(&dir)).then_some(path)
    }

    fn is_inside(&self, path: &Path) -> bool {
        let real = path.canonicalize();
        real.is_ok_and(|real| real.starts_with(&self.real_root))
    }

    /// A path relative to the root, if it is below it, and without `.` in it.
    fn normal(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        let parts = path.components();
        parts.filter(|part| *part != Component::CurDir).collect()
    }
}

/// A file, by its bytes. One that cannot be read is known as that.
fn by_bytes(path: &Path, file: PathBuf) -> CodeFile {
    let name = shown_path(path);
    let contents = read(&file);
    let readable = contents.as_ref().ok().map(|(digest, _)| *digest);
    let (hash, text) = contents.unwrap_or_else(|error| {
        let told = format!("cannot be read: {error}");
        (Digest::of(told.as_bytes()), told)
    });
    let item = Item {
        level: 0,
        path: Cow::Owned(name.clone()),
        hash,
        text: Cow::Owned(text),
        file: Cow::Owned(name),
        line: 0,
        lines: Cow::Borrowed(&[]),
    };
    CodeFile {
        item: Arc::new(item),
        read: readable.map(|digest| (file, digest)),
        by_bytes: true,
    }
}

/// The digest of a file, and its text if it is one that is worth showing.
fn read(path: &Path) -> io::Result<(Digest, String)> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= SHOWN {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let digest = Digest::of(&bytes);
        return Ok((digest, String::from_utf8(bytes).unwrap_or_default()));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
    Ok((digest, String::new()))
}
