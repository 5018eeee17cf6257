//! Limits that are kept by themselves: when it is time to collect, told by what was counted and not by looking.
//!
//! Unaware of how anything is collected.

use std::time::SystemTime;

use super::Store;
use crate::claim::Locks;
use crate::collect::{Aim, Collected, Limits};
use crate::database::{Collection, Database, USED_WITHIN};
use crate::error::StoreError;
use crate::fields::millis;

/// A directory that is too large is made smaller than it may be by one part in this many, so that it is not for each
/// record anew.
const ROOM: u64 = 10;

/// Where others were in the way, it is tried again after so many milliseconds.
const DISTURBED: i64 = 60_000;

impl Store {
    /// Does what [`Store::gc`] does with the limits that the store was opened with, if the directory may have grown
    /// beyond them: some room is made then. What the last runs stand on stays, but for what is too old, and so does what
    /// is younger than an hour while another process has a run that writes.
    ///
    /// To be called when a run has ended, and not while this store has another one: other processes are told that
    /// nothing of this one is on its way. Costs next to nothing while the limits are kept. `None`: nothing was to be done.
    pub fn keep_limits(&self, now: SystemTime) -> Result<Option<Collected>, StoreError> {
        let (Some(limits), Some(locks)) = (self.limits, self.index.locks()) else {
            return Ok(None);
        };
        self.rest(locks);
        if !self.exceeds(&limits, now) {
            return Ok(None);
        }
        let _alone = self.alone_to_collect(locks)?;
        // Somebody else may have done it meanwhile.
        if !self.exceeds(&limits, now) {
            return Ok(None);
        }
        let aim = Aim {
            size: limits.max_size.map(|limit| limit - limit / ROOM),
            spares_last_runs: true,
            ..Aim::at(&limits, now)
        };
        self.collect(&aim, locks, now, false).map(Some)
    }

    /// Tells others that all blobs of this store have their records, until it writes again.
    fn rest(&self, locks: &Locks) {
        let mut writing = self.writing.lock();
        if std::mem::take(&mut *writing) {
            self.flush();
            locks.rest();
        }
    }

    /// Refuses an output of so many bytes where that is more than [`Options::max_entry_size`](crate::Options).
    ///
    /// Files and directories are asked for when they are taken over; who writes bytes asks.
    pub fn admit(&self, size: u64) -> Result<(), StoreError> {
        match self.max_entry_size {
            Some(limit) if size > limit => Err(StoreError::TooLarge { size, limit }),
            _ => Ok(()),
        }
    }

    /// Says whether the directory may be larger or older than the limits allow.
    fn exceeds(&self, limits: &Limits, now: SystemTime) -> bool {
        let last = self.index.ask(Database::last_collection).ok().flatten();
        let is_due = |last: &Collection| (millis(now) - last.at_ms).abs() > USED_WITHIN;
        if limits.max_age.is_some() && last.as_ref().is_none_or(is_due) {
            return true;
        }
        let Some(limit) = limits.max_size else {
            return false;
        };
        self.flush();
        // Where what has to stay is more than the limit, looking again is of use only when there is more to go.
        let is_settled = |last: &Collection| {
            !last.disturbed || (0..DISTURBED).contains(&(millis(now) - last.at_ms))
        };
        let most = last
            .filter(is_settled)
            .map_or(limit, |last| limit.max(last.left + last.left / ROOM));
        self.counted().is_none_or(|size| size > most)
    }

    /// The bytes of all blobs and records as they were kept up; `None`: nobody has counted.
    pub(super) fn counted(&self) -> Option<u64> {
        self.index.ask(Database::size).ok()?
    }

    /// Says what was counted, beside what was added since there were `before` bytes, and sets the clock.
    pub(super) fn account(
        &self,
        done: &Collection,
        before: Option<u64>,
        clock: f64,
    ) -> Result<(), StoreError> {
        let account = |database: &mut Database, _| {
            let now = database.size()?;
            let added = before
                .zip(now)
                .map_or(0, |(before, now)| now.saturating_sub(before));
            database.set_size(done.left + added)?;
            database.set_last_collection(done)?;
            database.set_clock(clock)
        };
        self.index
            .transaction(1, account)
            .map_err(StoreError::Known)
    }
}
