//! Making a cache directory smaller, beside others who use it.
//!
//! Records go before their blobs, so that who finds a record has a miss at worst. A blob stays while a live process has
//! placed it, and when somebody wrote it again meanwhile. As long as another process may have written blobs that it did
//! not record yet, those younger than an hour stay.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use rustc_hash::FxHashSet;

use super::Store;
use super::contents::Standing;
use crate::blob::Blob;
use crate::claim::{Alone, Locks};
use crate::collect::{self, Collected, Limits, References, Tally};
use crate::database::{Latest, Shared};
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::fields::millis;
use crate::inventory::Inventory;
use crate::placed::InUse;
use crate::root::Identity;

/// How long a record is on its way after its blob, at most: an hour, in nanoseconds.
const ON_ITS_WAY: i128 = 3_600_000_000_000;

/// Records removed in one transaction, so that others have their turn.
const BATCH: usize = 1024;

/// What is there, and which of it goes.
struct Collection<'a> {
    locks: &'a Arc<Locks>,
    dry_run: bool,
    /// Blobs changed since then stay, in nanoseconds since 1970.
    spared_since: i128,
    inventory: Inventory,
    standing: Standing,
    latest: Vec<Latest>,
    /// The highest id when the records were read.
    last_id: i64,
    /// The records that go, by their places.
    going: Vec<usize>,
}

/// What must stay, as far as records say.
struct Kept {
    references: References,
    /// Of records that were written since the others were read.
    blobs: FxHashSet<Blob>,
    trees: FxHashSet<Digest>,
}

impl Store {
    /// Removes records until the directory keeps `limits`, and whatever nothing refers to: blobs, trees, notes.
    ///
    /// The least recently used go first; what the last runs stand on goes last. Other processes may use the directory
    /// meanwhile; what they have placed, and what is younger than an hour while they write, stays. Not to be called
    /// while this store has a run. With `dry_run` nothing is removed.
    pub fn gc(
        &self,
        limits: &Limits,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Collected, StoreError> {
        let Some(locks) = self.index.locks() else {
            return match self.problem() {
                Some(problem) => Err(StoreError::Known(problem)),
                None => Ok(Collected::default()),
            };
        };
        self.queue_used();
        self.flush();
        let _alone = locks.alone(Alone::Collect);
        let before = self.counted();
        let mut collection = self.survey(limits, locks, now, dry_run)?;
        if !dry_run {
            self.evict(&mut collection)?;
        }
        let collected = self.sweep(&collection)?;
        if !dry_run {
            self.tidy(&collection)?;
            self.count(collected.left, before)?;
        }
        Ok(collected)
    }

    /// The bytes of all blobs and records as they were kept up; `None`: nobody has counted.
    fn counted(&self) -> Option<u64> {
        self.index.ask(crate::database::Database::size).ok()?
    }

    /// Says that `left` bytes were counted, beside what was added since there were `before`.
    fn count(&self, left: u64, before: Option<u64>) -> Result<(), StoreError> {
        let count = |database: &mut crate::database::Database, _| {
            let now = database.size()?;
            let added = before
                .zip(now)
                .map_or(0, |(before, now)| now.saturating_sub(before));
            database.set_size(left + added)
        };
        self.index.transaction(1, count).map_err(StoreError::Known)
    }

    fn survey<'a>(
        &self,
        limits: &Limits,
        locks: &'a Arc<Locks>,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Collection<'a>, StoreError> {
        // In this order: what another process writes from now on is seen to have changed.
        let standing = self.standing()?;
        let spared_since = match locks.is_written() {
            true => i128::from(millis(now)) * 1_000_000 - ON_ITS_WAY,
            false => i128::MAX,
        };
        let mut inventory = Inventory::default();
        let last_id = self
            .take_inventory(&mut inventory, 0, &standing, |_, _| ())
            .map_err(|reason| self.unreadable(reason))?;
        let latest = self
            .index
            .ask(|database| database.latest_of_all())
            .map_err(|reason| self.unreadable(reason))?;
        let inside = |list: usize| {
            let entries = self.load_list(&inventory.lists[list].1).unwrap_or_default();
            let digests = entries.iter().map(|entry| entry.output.digest);
            digests.collect()
        };
        let ranks = collect::rank(&inventory, &latest, inside, |item| {
            locks.is_claimed(&item.resolved)
        });
        let blobs = inventory.blobs.iter();
        let sizes: Vec<u64> = blobs.map(|(blob, _)| standing.size(blob)).collect();
        let size = size_of(&inventory, &standing);
        let cannot_go = |blob: usize| {
            let found = standing.blobs.get(&inventory.blobs[blob].0);
            found.is_some_and(|found| found.ctime >= spared_since)
        };
        let now_ms = millis(now);
        let going = collect::choose(&inventory, &ranks, &sizes, cannot_go, size, limits, now_ms);
        Ok(Collection {
            locks,
            dry_run,
            spared_since,
            inventory,
            standing,
            latest,
            last_id,
            going,
        })
    }

    /// Removes the records that are to go. One that was used meanwhile stays.
    fn evict(&self, collection: &mut Collection<'_>) -> Result<(), StoreError> {
        let (items, last_id) = (&collection.inventory.items, collection.last_id);
        let mut gone = FxHashSet::default();
        for batch in collection.going.chunks(BATCH) {
            let evict = |database: &mut crate::database::Database, step: usize| {
                let (at, item) = (batch[step], &items[batch[step]]);
                match database.evict(item.id, item.used_ms, last_id)? {
                    true => gone.insert(at),
                    false => gone.remove(&at),
                };
                Ok(())
            };
            self.index
                .transaction(batch.len(), evict)
                .map_err(StoreError::Known)?;
        }
        collection.going.retain(|at| gone.contains(at));
        self.index.start_afresh();
        Ok(())
    }

    /// Removes blobs and trees that no record refers to any more, and adds up what went.
    fn sweep(&self, collection: &Collection<'_>) -> Result<Collected, StoreError> {
        let inventory = &collection.inventory;
        let mut tally = Tally::default();
        let mut references = References::of(inventory);
        for at in &collection.going {
            let item = &inventory.items[*at];
            tally.record(item);
            references.drop_item(item, |blob| {
                let (name, _) = &inventory.blobs[blob];
                tally.blob(item.node, blob as u32, collection.standing.size(name));
            });
        }
        let kept = self.kept(collection, references)?;
        let going = collection.going.iter().map(|at| &inventory.items[*at]);
        let mut collected = Collected {
            records: collection.going.len() as u64,
            bytes: going.map(|item| item.bytes).sum(),
            ..Collected::default()
        };
        self.remove_blobs(collection, &kept, &mut collected)?;
        self.remove_trees(collection, &kept, &mut collected)?;
        collected.left = size_of(inventory, &collection.standing) - collected.bytes;
        collected.nodes = tally.into_usage(inventory);
        collected.elapsed = collected.nodes.iter().map(|node| node.elapsed).sum();
        Ok(collected)
    }

    /// What the records refer to that are there now.
    fn kept(
        &self,
        collection: &Collection<'_>,
        references: References,
    ) -> Result<Kept, StoreError> {
        let mut later = Inventory::default();
        self.take_inventory(
            &mut later,
            collection.last_id,
            &collection.standing,
            |_, _| (),
        )
        .map_err(|reason| self.unreadable(reason))?;
        let going: FxHashSet<usize> = collection.going.iter().copied().collect();
        let items = collection.inventory.items.iter().enumerate();
        let staying = items.filter(|(at, _)| !going.contains(at));
        let staying = staying.map(|(_, item)| item).chain(&later.items);
        Ok(Kept {
            references,
            trees: staying
                .flat_map(|item| item.trees.iter().copied())
                .collect(),
            blobs: later.blobs.iter().map(|(blob, _)| *blob).collect(),
        })
    }

    /// Removes blobs that nothing refers to.
    fn remove_blobs(
        &self,
        collection: &Collection<'_>,
        kept: &Kept,
        collected: &mut Collected,
    ) -> Result<(), StoreError> {
        let mut going: Vec<(&Blob, &Identity)> = collection.standing.blobs.iter().collect();
        going.retain(|(blob, found)| !collection.keeps(blob, found, kept));
        let remove =
            |(blob, found): &(&Blob, &Identity)| self.blobs.remove(blob, found).unwrap_or(false);
        self.remove_unused(collection, &mut going, |(blob, _)| blob.digest, remove)?;
        collected.blobs = going.len() as u64;
        collected.bytes += going.iter().map(|(_, found)| found.size).sum::<u64>();
        Ok(())
    }

    /// Removes trees that cannot be asked for any more.
    fn remove_trees(
        &self,
        collection: &Collection<'_>,
        kept: &Kept,
        collected: &mut Collected,
    ) -> Result<(), StoreError> {
        let mut going: Vec<&Digest> = collection.standing.trees.iter().collect();
        going.retain(|digest| !kept.trees.contains(digest));
        if !going.is_empty() {
            // Moved away at once, and removed with this.
            let work = self.scratch()?;
            let remove = |digest: &&Digest| self.trees.remove(digest, &work).is_ok();
            self.remove_unused(collection, &mut going, |digest| **digest, remove)?;
        }
        collected.trees = going.len() as u64;
        Ok(())
    }

    /// Removes what is not placed by a live process, and keeps in `going` what went.
    fn remove_unused<T: Copy>(
        &self,
        collection: &Collection<'_>,
        going: &mut Vec<T>,
        digest: impl Fn(&T) -> Digest,
        remove: impl Fn(&T) -> bool,
    ) -> Result<(), StoreError> {
        let mut in_use = InUse::default();
        let mut gone = Vec::with_capacity(going.len());
        for batch in going.chunks(BATCH) {
            let swept = collection.locks.sweeping(|| {
                in_use.refresh(&self.root, collection.locks)?;
                let goes = |one: &&T| {
                    !in_use.contains(&digest(one)) && (collection.dry_run || remove(one))
                };
                gone.extend(batch.iter().filter(goes));
                Ok(())
            });
            swept.map_err(|source| StoreError::Io {
                operation: "read what is placed in",
                path: self.root.own_path().to_owned(),
                source,
            })?;
        }
        *going = gone;
        Ok(())
    }

    /// Removes what is kept for several records and belongs to none any more, and writes the snapshots of which records
    /// went anew.
    fn tidy(&self, collection: &Collection<'_>) -> Result<(), StoreError> {
        let mut shared = Shared::default();
        let last_id = self
            .index
            .all_rows(0, |row| {
                if let Ok(row) = row {
                    shared.add(&row.record);
                }
            })
            .map_err(|reason| self.unreadable(reason))?;
        self.index
            .transaction(1, |database, _| database.sweep(last_id, shared.clone()))
            .map_err(StoreError::Known)?;
        let items = &collection.inventory.items;
        let going = collection.going.iter().map(|at| items[*at].signature);
        let going: FxHashSet<Signature> = going.collect();
        let with_loss = collection
            .latest
            .iter()
            .filter(|latest| going.contains(&latest.signature));
        let pipelines: BTreeSet<&Arc<str>> = with_loss.map(|latest| &latest.pipeline).collect();
        for pipeline in pipelines {
            if !self.needs_snapshot(pipeline) {
                let nodes = self.latest_signatures(pipeline);
                self.write_snapshot(pipeline, nodes.into_iter().collect(), false)?;
            }
        }
        // Others may be at it: then another collection does this.
        let _ = self.index.ask(|database| database.shrink());
        Ok(())
    }
}

impl Collection<'_> {
    /// Says whether a record refers to the blob, or may soon.
    fn keeps(&self, blob: &Blob, found: &Identity, kept: &Kept) -> bool {
        let number = self.inventory.number_of(blob);
        found.ctime >= self.spared_since
            || kept.blobs.contains(blob)
            || number.is_some_and(|number| kept.references.is_referred_to(number))
    }
}

/// The bytes of all blobs and records.
fn size_of(inventory: &Inventory, standing: &Standing) -> u64 {
    let blobs = standing.blobs.values().map(|found| found.size);
    let records = inventory.items.iter().map(|item| item.bytes);
    blobs.sum::<u64>() + records.sum::<u64>()
}
