//! Outputs that are directories: taken over file by file, and made again from their listings.

use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::files::{damaged, not_taken};
use crate::blobs::Found;
use crate::claim::Alone;
use crate::codec::Codec;
use crate::error::{Damage, StoreError};
use crate::export;
use crate::parcel::Piece;
use crate::record::Output;
use crate::root::Root;
use crate::survey::{Refusal, survey};
use crate::tree::{Entry, Kind, Tree};
use crate::trees;

impl Store {
    /// Takes over the directory `dir` with all that is in it, as a [`Codec::TREE`]. Its files are gone from there
    /// then.
    ///
    /// Kept are names, bytes, whether a file can be executed, empty directories, and symbolic links that stay
    /// inside. Anything else is [`StoreError::Unfit`], which names its path, and then nothing was taken.
    pub fn adopt_tree(&self, dir: &Path) -> Result<Output, StoreError> {
        let top = self
            .place_of(dir)
            .and_then(|(parent, name)| parent.subdirectory(name))
            .map_err(|error| not_taken(dir, error))?;
        let tree = survey(&top).map_err(|refusal| match refusal {
            Refusal::Failed(path, error) => not_taken(&dir.join(path), error),
            Refusal::Unfit(path, reason) => StoreError::Unfit {
                path: dir.join(path),
                reason,
            },
        })?;
        if self.max_entry_size.is_some() {
            let files = tree.entries().iter();
            let files = files.filter(|entry| matches!(entry.kind, Kind::File(())));
            let size = |entry: &Entry<()>| {
                let found = top.regular(entry.path()).ok().flatten();
                found.map_or(0, |found| found.size)
            };
            self.admit(files.map(size).sum())?;
        }
        self.writable()?;
        let tree = tree.with_files(|path, ()| {
            let at = dir.join(path);
            let found = Found::at(&top, path).map_err(|error| not_taken(&at, error))?;
            self.adopt(&found, &at)
        })?;
        self.write(&tree.encode(), Codec::TREE)
    }

    /// Loads the listing of a tree, verified.
    pub(super) fn load_tree(&self, output: &Output) -> Result<Tree, Damage> {
        decode(output, &self.bytes_of(output)?)
    }

    /// Looks for the files of a tree.
    pub(super) fn present_tree(&self, tree: &Tree) -> Result<(), Damage> {
        self.present_all(&pieces(tree))
    }

    pub(super) fn place_tree(&self, output: &Output) -> Result<PathBuf, Damage> {
        let tree = self.load_tree(output)?;
        self.fetch_pieces(&pieces(&tree));
        let Some(locks) = self.index.locks() else {
            return self.spare.place_tree(&output.digest, &tree, &self.blobs);
        };
        let work = self
            .scratch()
            .map_err(|error| Damage::Unplaced(error.to_string()));
        let placed = work.and_then(|work| {
            let alone = || {
                let alone = locks.alone(Alone::Trees);
                alone.map_err(|frozen| Damage::Unplaced(frozen.to_string()))
            };
            self.trees
                .place(&output.digest, &tree, &self.blobs, &work, alone)
        });
        match placed {
            Err(Damage::Unplaced(_)) => self.spare.place_tree(&output.digest, &tree, &self.blobs),
            placed => placed,
        }
    }

    pub(super) fn export_tree(&self, output: &Output, to: &Path) -> io::Result<()> {
        let tree = self.load_tree(output).map_err(damaged)?;
        if self.is_tree_exported(&tree, to) {
            return Ok(());
        }
        self.fetch_pieces(&pieces(&tree));
        export::directory(to, |beside| {
            let dir = Root::open(beside)?;
            let made = trees::make(&dir, &tree, |content, path| {
                let mut bytes = self.blobs.open(&content.blob, content.size)?;
                let mode = if content.blob.executable {
                    0o777
                } else {
                    0o666
                };
                dir.copy(&mut bytes, path, mode)
                    .map_err(|error| trees::unplaced(&to.join(path), &error))
            });
            made.map_err(damaged)
        })
    }

    pub(super) fn is_tree_exported(&self, tree: &Tree, to: &Path) -> bool {
        let found = self
            .place_of(to)
            .and_then(|(parent, name)| parent.subdirectory(name))
            .ok()
            .and_then(|top| survey(&top).ok());
        found.is_some_and(|found| {
            let (found, listed) = (found.entries(), tree.entries());
            let same = |(found, listed): (&Entry<()>, &Entry)| {
                found.path() == listed.path()
                    && match (&found.kind, &listed.kind) {
                        (Kind::Directory, Kind::Directory) => true,
                        (Kind::Link(found), Kind::Link(listed)) => found == listed,
                        (Kind::File(()), Kind::File(content)) => {
                            self.is_exported(content, &to.join(listed.path()))
                        }
                        _ => false,
                    }
            };
            found.len() == listed.len() && found.iter().zip(listed).all(same)
        })
    }
}

/// The files of a tree as blobs.
fn pieces(tree: &Tree) -> Vec<Piece> {
    let files = tree.files();
    files.map(|content| (content.blob, content.size)).collect()
}

pub(super) fn decode(output: &Output, bytes: &[u8]) -> Result<Tree, Damage> {
    Tree::decode(bytes)
        .map_err(|reason| Damage::Corrupt(format!("tree {}: {reason}", output.digest)))
}
