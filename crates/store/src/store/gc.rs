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
use super::pickled::Named;
use crate::blob::Blob;
use crate::claim::{Alive, Alone, Claim, Locks};
use crate::collect::{self, Aim, Collected, Limits, References, Tally};
use crate::database::{Collection, Database, Latest, Shared, Use};
use crate::digest::Digest;
use crate::error::StoreError;
use crate::fields::millis;
use crate::inventory::{Inventory, Item};
use crate::placed::InUse;
use crate::root::Identity;

/// How long a record is on its way after its blob, at most: an hour, in nanoseconds.
const ON_ITS_WAY: i128 = 3_600_000_000_000;

/// Records removed in one transaction, so that others have their turn.
const BATCH: usize = 1024;

/// What is there, and which of it goes.
struct Plan<'a> {
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
    /// What the clock of evictions is to be then.
    clock: f64,
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
    /// What the last runs stand on goes last. Other processes may use the directory meanwhile; what they have placed,
    /// and what is younger than an hour while they write, stays. Not to be called while this store has a run. With
    /// `dry_run` nothing is removed.
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
        let _alone = self.alone_to_collect(locks)?;
        self.collect(&Aim::at(limits, now), locks, now, dry_run)
    }

    /// Keeps others from collecting.
    pub(super) fn alone_to_collect(
        &self,
        locks: &Arc<Locks>,
    ) -> Result<(Claim, Alive), StoreError> {
        let alive = locks.show_life();
        let alone = locks.alone(Alone::Collect);
        let alone = alone.map_err(|frozen| {
            StoreError::frozen("collect in", self.root.own_path().to_owned(), frozen)
        })?;
        Ok((alone, alive))
    }

    /// Brings about `aim`; nobody else collects.
    pub(super) fn collect(
        &self,
        aim: &Aim,
        locks: &Arc<Locks>,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Collected, StoreError> {
        self.queue_used();
        self.flush();
        let before = self.counted();
        let mut plan = self.survey(aim, locks, now, dry_run)?;
        if !dry_run {
            self.evict(&mut plan)?;
        }
        let collected = self.sweep(&plan)?;
        if !dry_run {
            self.tidy(&plan)?;
            let done = Collection {
                at_ms: millis(now),
                left: collected.left,
                disturbed: plan.spared_since != i128::MAX,
            };
            self.account(&done, before, plan.clock)?;
        }
        Ok(collected)
    }

    fn survey<'a>(
        &self,
        aim: &Aim,
        locks: &'a Arc<Locks>,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Plan<'a>, StoreError> {
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
        let uses = self
            .index
            .ask(Database::uses)
            .map_err(|reason| self.unreadable(reason))?;
        let unused = Use {
            times: 1,
            clock: 0.0,
        };
        let used = |item: &Item| uses.get(&item.id).copied().unwrap_or(unused);
        let worths = collect::worth(&inventory, &sizes, used);
        let choice = collect::choose(&inventory, &ranks, &worths, &sizes, cannot_go, size, aim);
        Ok(Plan {
            locks,
            dry_run,
            spared_since,
            inventory,
            standing,
            latest,
            last_id,
            going: choice.going,
            clock: choice.clock,
        })
    }

    /// Removes the records that are to go. One that was used meanwhile stays.
    fn evict(&self, plan: &mut Plan<'_>) -> Result<(), StoreError> {
        let (items, last_id) = (&plan.inventory.items, plan.last_id);
        let mut gone = FxHashSet::default();
        for batch in plan.going.chunks(BATCH) {
            let evict = |database: &mut Database, step: usize| {
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
        plan.going.retain(|at| gone.contains(at));
        self.index.start_afresh();
        Ok(())
    }

    /// Removes blobs and trees that no record refers to any more, and adds up what went.
    fn sweep(&self, plan: &Plan<'_>) -> Result<Collected, StoreError> {
        let inventory = &plan.inventory;
        let mut tally = Tally::default();
        let mut references = References::of(inventory);
        for at in &plan.going {
            let item = &inventory.items[*at];
            tally.record(item);
            references.drop_item(item, |blob| {
                let (name, _) = &inventory.blobs[blob];
                tally.blob(item.node, blob as u32, plan.standing.size(name));
            });
        }
        let kept = self.kept(plan, references)?;
        let going = plan.going.iter().map(|at| &inventory.items[*at]);
        let mut collected = Collected {
            records: plan.going.len() as u64,
            bytes: going.map(|item| item.bytes).sum(),
            ..Collected::default()
        };
        self.remove_blobs(plan, &kept, &mut collected)?;
        self.remove_trees(plan, &kept, &mut collected)?;
        collected.left = size_of(inventory, &plan.standing) - collected.bytes;
        collected.nodes = tally.into_usage(inventory);
        collected.elapsed = collected.nodes.iter().map(|node| node.elapsed).sum();
        Ok(collected)
    }

    /// What the records refer to that are there now.
    fn kept(&self, plan: &Plan<'_>, references: References) -> Result<Kept, StoreError> {
        let mut later = Inventory::default();
        self.take_inventory(&mut later, plan.last_id, &plan.standing, |_, _| ())
            .map_err(|reason| self.unreadable(reason))?;
        let going: FxHashSet<usize> = plan.going.iter().copied().collect();
        let items = plan.inventory.items.iter().enumerate();
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
        plan: &Plan<'_>,
        kept: &Kept,
        collected: &mut Collected,
    ) -> Result<(), StoreError> {
        let mut going: Vec<(&Blob, &Identity)> = plan.standing.blobs.iter().collect();
        going.retain(|(blob, found)| !plan.keeps(blob, found, kept));
        let remove =
            |(blob, found): &(&Blob, &Identity)| self.blobs.remove(blob, found).unwrap_or(false);
        self.remove_unused(plan, &mut going, |(blob, _)| blob.digest, remove)?;
        collected.blobs = going.len() as u64;
        collected.bytes += going.iter().map(|(_, found)| found.size).sum::<u64>();
        Ok(())
    }

    /// Removes trees that cannot be asked for any more.
    fn remove_trees(
        &self,
        plan: &Plan<'_>,
        kept: &Kept,
        collected: &mut Collected,
    ) -> Result<(), StoreError> {
        let mut going: Vec<&Digest> = plan.standing.trees.iter().collect();
        going.retain(|digest| !kept.trees.contains(digest));
        if !going.is_empty() {
            // Moved away at once, and removed with this.
            let work = self.scratch()?;
            let remove = |digest: &&Digest| self.trees.remove(digest, &work).is_ok();
            self.remove_unused(plan, &mut going, |digest| **digest, remove)?;
        }
        collected.trees = going.len() as u64;
        Ok(())
    }

    /// Removes what is not placed by a live process, and keeps in `going` what went.
    fn remove_unused<T: Copy>(
        &self,
        plan: &Plan<'_>,
        going: &mut Vec<T>,
        digest: impl Fn(&T) -> Digest,
        remove: impl Fn(&T) -> bool,
    ) -> Result<(), StoreError> {
        let mut in_use = InUse::default();
        let mut gone = Vec::with_capacity(going.len());
        for batch in going.chunks(BATCH) {
            let path = || self.root.own_path().to_owned();
            let swept = plan.locks.sweeping(|| {
                in_use.refresh(&self.root, plan.locks)?;
                let goes =
                    |one: &&T| !in_use.contains(&digest(one)) && (plan.dry_run || remove(one));
                gone.extend(batch.iter().filter(goes));
                Ok(())
            });
            let swept = swept.map_err(|frozen| StoreError::frozen("collect in", path(), frozen))?;
            swept.map_err(|source| StoreError::Io {
                operation: "read what is placed in",
                path: path(),
                source,
            })?;
        }
        *going = gone;
        Ok(())
    }

    /// Removes what is kept for several records and belongs to none any more, and writes the snapshots of which records
    /// went anew.
    fn tidy(&self, plan: &Plan<'_>) -> Result<(), StoreError> {
        let mut shared = Shared::default();
        let mut named = Named::default();
        let last_id = self
            .index
            .all_rows(0, |row| {
                if let Ok(row) = row {
                    shared.add(&row.record);
                    named.add(self, &row.record);
                }
            })
            .map_err(|reason| self.unreadable(reason))?;
        self.tidy_pickles(plan.locks, &named, plan.spared_since)?;
        self.index
            .transaction(1, |database, _| database.sweep(last_id, shared.clone()))
            .map_err(StoreError::Known)?;
        if !plan.going.is_empty() {
            // Any section may name one of them: it may be older than its pipeline's last run, and its last state the same.
            let pipelines: BTreeSet<&Arc<str>> =
                plan.latest.iter().map(|latest| &latest.pipeline).collect();
            for pipeline in pipelines {
                let nodes = self.latest_signatures(pipeline);
                self.write_snapshot(pipeline, nodes.into_iter().collect(), false)?;
            }
        }
        // Others may be at it: then another collection does this.
        let _ = self.index.ask(|database| database.shrink());
        Ok(())
    }
}

impl Plan<'_> {
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
