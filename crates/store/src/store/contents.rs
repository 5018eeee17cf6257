//! What outputs refer to, and all records with it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Store, lists, trees};
use crate::blob::Blob;
use crate::codec::Codec;
use crate::database::{Database, Stored};
use crate::digest::{Digest, Signature};
use crate::error::{Damage, StoreError};
use crate::inventory::{Contents, Inventory};
use crate::opening;
use crate::parcel;
use crate::record::Output;
use crate::root::Identity;

/// What stands in the directory.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) blobs: FxHashMap<Blob, Identity>,
    pub(super) trees: FxHashSet<Digest>,
    /// The bytes of entries in pickles, by their signatures.
    pub(super) pickled: FxHashMap<Signature, u64>,
    /// Records came from tiers: that a blob is not here does not say that it is lost.
    pub(super) elsewhere: bool,
}

impl Standing {
    /// The bytes of a blob, where it stands.
    pub(super) fn size(&self, blob: &Blob) -> u64 {
        self.blobs.get(blob).map_or(0, |found| found.size)
    }
}

impl Store {
    /// Looks what stands in the directory.
    pub(super) fn standing(&self) -> Result<Standing, StoreError> {
        let failed = |source| StoreError::Io {
            operation: "list what is in",
            path: self.root.own_path().to_owned(),
            source,
        };
        self.pickles.look().map_err(failed)?;
        Ok(Standing {
            pickled: self.pickles.sizes(),
            blobs: self.blobs.all().map_err(failed)?,
            trees: self.trees.all().map_err(failed)?.into_iter().collect(),
            elsewhere: self.index.ask(Database::has_origins).unwrap_or(false),
        })
    }

    /// Adds all records with ids above `after`, and says what of them is damaged; the highest id.
    pub(super) fn take_inventory(
        &self,
        inventory: &mut Inventory,
        after: i64,
        standing: &Standing,
        mut damaged: impl FnMut(Option<&Stored>, String),
    ) -> Result<i64, String> {
        self.index.all_rows(after, |row| match row {
            Ok(mut row) => {
                let pickled = standing.pickled.get(&row.record.signature);
                row.bytes += pickled.copied().unwrap_or_default();
                let mut contents = Contents::default();
                if let Err(damage) = self.contents(&row.record.output, standing, &mut contents) {
                    damaged(Some(&row), damage.to_string());
                }
                let made = contents
                    .trees
                    .iter()
                    .filter(|tree| standing.trees.contains(&tree.digest));
                let made = made.map(|tree| (tree.digest, tree.clone()));
                inventory.trees.extend(made);
                inventory.add(row, contents);
            }
            Err(reason) => damaged(None, reason),
        })
    }

    /// Adds all that `output` refers to. Where a listing is damaged, that is what could be read.
    fn contents(
        &self,
        output: &Output,
        standing: &Standing,
        contents: &mut Contents,
    ) -> Result<(), Damage> {
        let blob = Blob::of(output);
        // One that is inline or in a pickle has a blob while it is placed.
        let is_blob = output.inline.is_none() && !self.pickles.has(&output.digest);
        if is_blob || standing.blobs.contains_key(&blob) {
            contents.blobs.push((blob, output.size));
        }
        if !parcel::is_listing(output) {
            return Ok(());
        }
        if output.codec == Codec::TREE {
            contents.trees.push(output.clone());
        }
        let bytes = match self.bytes_here(output) {
            Err(Damage::Missing(_)) if standing.elsewhere => return Ok(()),
            bytes => bytes?,
        };
        match output.codec {
            Codec::TREE => {
                let tree = trees::decode(output, &bytes)?;
                let files = tree.files().map(|file| (file.blob, file.size));
                contents.blobs.extend(files);
                Ok(())
            }
            Codec::LIST => {
                let mut done = Ok(());
                for entry in lists::decode(output, &bytes)? {
                    // As elsewhere, a list in a list is taken at its word.
                    if entry.output.codec == Codec::LIST {
                        contents
                            .blobs
                            .push((Blob::of(&entry.output), entry.output.size));
                    } else {
                        done = done.and(self.contents(&entry.output, standing, contents));
                    }
                }
                done
            }
            _ => Ok(()),
        }
    }

    /// The error for records that cannot be read as a whole.
    pub(super) fn unreadable(&self, reason: String) -> StoreError {
        StoreError::Io {
            operation: "read all of",
            path: self.root.path(opening::FILE),
            source: std::io::Error::other(reason),
        }
    }
}
