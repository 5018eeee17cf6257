//! The listing of a directory, whose files are blobs.
//!
//! Canonical: equal directories have equal listings. Checked: whatever the bytes, no entry of a listing is
//! outside of its directory, and no link leads out. The format is docs/storage-format.md's "Trees". Unaware of
//! any file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::blob::Blob;
use crate::fields::{Reader, put_bytes, put_number};

/// The first byte of a listing.
const FORMAT: u8 = 1;

const DIRECTORY: u8 = 0;
const FILE: u8 = 1;
const PROGRAM: u8 = 2;
const LINK: u8 = 3;

/// The fewest bytes of an entry.
const SMALLEST: usize = 3;

/// Links followed one after the other, at most, as Linux does.
const HOPS: usize = 40;

/// Names that the links of a tree may lead through in all, and so many more for each entry: a few links that are long,
/// with many that lead through them, are more work than their bytes pay for.
const FREE_NAMES: usize = 1 << 20;
const NAMES_EACH: usize = 64;

/// One thing in a directory; `F` is what is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<F = Content> {
    /// From the directory, without a slash at either end.
    path: Box<[u8]>,
    pub(crate) kind: Kind<F>,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind<F = Content> {
    Directory,
    File(F),
    /// A symbolic link; where it leads to, from where it stands.
    Link(Box<[u8]>),
}

/// The bytes of a file, their number, and whether it can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) blob: Blob,
    pub(crate) size: u64,
}

impl<F> Entry<F> {
    pub(crate) fn new(path: &Path, kind: Kind<F>) -> Self {
        let path = path.as_os_str().as_bytes().into();
        Self { path, kind }
    }

    pub(crate) fn path(&self) -> &Path {
        path_of(&self.path)
    }
}

/// All that is in a directory, in the order of the bytes of the paths; a directory stands before what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree<F = Content> {
    entries: Vec<Entry<F>>,
}

/// An entry that cannot be in a tree: its path, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) path: Box<[u8]>,
    pub(crate) reason: &'static str,
}

impl Tree {
    /// The contents of the files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Content> {
        self.entries.iter().filter_map(|entry| match &entry.kind {
            Kind::File(content) => Some(content),
            Kind::Directory | Kind::Link(_) => None,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::with_capacity(16 + 80 * self.entries.len());
        to.push(FORMAT);
        put_number(&mut to, self.entries.len() as u64);
        for entry in &self.entries {
            to.push(match &entry.kind {
                Kind::Directory => DIRECTORY,
                Kind::File(content) if content.blob.executable => PROGRAM,
                Kind::File(_) => FILE,
                Kind::Link(_) => LINK,
            });
            put_bytes(&mut to, &entry.path);
            match &entry.kind {
                Kind::Directory => {}
                Kind::File(content) => {
                    put_number(&mut to, content.size);
                    to.extend_from_slice(content.blob.digest.as_bytes());
                }
                Kind::Link(target) => put_bytes(&mut to, target),
            }
        }
        to
    }

    /// Reads what [`Tree::encode`] wrote; the error is a sentence.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        match bytes.first() {
            Some(&FORMAT) => {}
            Some(newer) if *newer > FORMAT => {
                return Err(format!("the listing has the newer format {newer}"));
            }
            _ => return Err("the listing has no format".into()),
        }
        let mut from = Reader(&bytes[1..]);
        let entries = read_entries(&mut from).filter(|_| from.0.is_empty());
        let tree = Self {
            entries: entries.ok_or("the listing is malformed")?,
        };
        match tree.check() {
            Ok(()) => Ok(tree),
            Err(unfit) => Err(format!(
                "the listing has {}: {}",
                path_of(&unfit.path).display(),
                unfit.reason
            )),
        }
    }
}

impl<F> Tree<F> {
    /// A tree of these entries, in any order.
    pub(crate) fn new(mut entries: Vec<Entry<F>>) -> Result<Self, Unfit> {
        entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let tree = Self { entries };
        tree.check().map(|()| tree)
    }

    pub(crate) fn entries(&self) -> &[Entry<F>] {
        &self.entries
    }

    /// The same tree, with what `content` knows of each file by its path.
    pub(crate) fn with_files<G, E>(
        self,
        mut content: impl FnMut(&Path, F) -> Result<G, E>,
    ) -> Result<Tree<G>, E> {
        let with = |Entry { path, kind }| {
            let kind = match kind {
                Kind::Directory => Kind::Directory,
                Kind::File(file) => Kind::File(content(path_of(&path), file)?),
                Kind::Link(target) => Kind::Link(target),
            };
            Ok(Entry { path, kind })
        };
        let entries = self.entries.into_iter().map(with);
        Ok(Tree {
            entries: entries.collect::<Result<_, E>>()?,
        })
    }

    /// The entry at a path.
    fn find(&self, path: &[u8]) -> Option<&Entry<F>> {
        let found = self
            .entries
            .binary_search_by(|entry| (*entry.path).cmp(path));
        found.ok().map(|at| &self.entries[at])
    }

    fn check(&self) -> Result<(), Unfit> {
        let mut before: Option<&Entry<F>> = None;
        let mut names = FREE_NAMES + NAMES_EACH * self.entries.len();
        for entry in &self.entries {
            let refuse = |reason| {
                let path = entry.path.clone();
                Err(Unfit { path, reason })
            };
            if before.is_some_and(|before| before.path >= entry.path) {
                return refuse("its place in the order is another");
            }
            before = Some(entry);
            if let Err(reason) = check_path(&entry.path) {
                return refuse(reason);
            }
            let parent = parent_of(&entry.path);
            let is_directory = |entry: &Entry<F>| matches!(entry.kind, Kind::Directory);
            if !(parent.is_empty() || self.find(parent).is_some_and(is_directory)) {
                return refuse("what it is in is no directory");
            }
            if let Kind::Link(target) = &entry.kind
                && let Err(reason) = self.check_link(parent, target, &mut names)
            {
                return refuse(reason);
            }
        }
        Ok(())
    }

    /// Follows a link as the system would, through other links too, and refuses it where that leads out. `names` is
    /// how many more may be followed.
    fn check_link(
        &self,
        parent: &[u8],
        target: &[u8],
        names: &mut usize,
    ) -> Result<(), &'static str> {
        const OUT: &str = "a link that leads out of the directory";
        if target.is_empty() || target.contains(&0) {
            return Err("a link that leads nowhere");
        }
        if target[0] == b'/' {
            return Err(OUT);
        }
        let mut at = parent.to_vec();
        let mut ahead: Vec<&[u8]> = target.split(is_slash).rev().collect();
        let mut hops = 1;
        while let Some(name) = ahead.pop() {
            *names = names
                .checked_sub(1)
                .ok_or("one of too many links that lead through others")?;
            match name {
                b"" | b"." => continue,
                b".." if at.is_empty() => return Err(OUT),
                b".." => {
                    at.truncate(parent_of(&at).len());
                    continue;
                }
                name => {
                    if !at.is_empty() {
                        at.push(b'/');
                    }
                    at.extend_from_slice(name);
                }
            }
            if let Some(Entry {
                kind: Kind::Link(target),
                ..
            }) = self.find(&at)
            {
                hops += 1;
                if hops > HOPS {
                    return Err("a link that leads nowhere");
                }
                if target.first() == Some(&b'/') {
                    return Err(OUT);
                }
                at.truncate(parent_of(&at).len());
                ahead.extend(target.split(is_slash).rev());
            }
        }
        Ok(())
    }
}

fn read_entries(from: &mut Reader<'_>) -> Option<Vec<Entry>> {
    let count = usize::try_from(from.number()?).ok()?;
    let mut entries = Vec::with_capacity(count.min(from.0.len() / SMALLEST));
    for _ in 0..count {
        let [kind] = *from.array()?;
        let path = from.sized()?.into();
        let kind = match kind {
            DIRECTORY => Kind::Directory,
            FILE | PROGRAM => Kind::File(Content {
                size: from.number()?,
                blob: Blob {
                    digest: from.digest()?,
                    executable: kind == PROGRAM,
                },
            }),
            LINK => Kind::Link(from.sized()?.into()),
            _ => return None,
        };
        entries.push(Entry { path, kind });
    }
    Some(entries)
}

fn check_path(path: &[u8]) -> Result<(), &'static str> {
    if path.contains(&0) {
        return Err("a path with a zero byte");
    }
    match path
        .split(is_slash)
        .any(|name| matches!(name, b"" | b"." | b".."))
    {
        true => Err("a path that is not plain"),
        false => Ok(()),
    }
}

fn parent_of(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    &path[..slash.unwrap_or(0)]
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests;
