//! What is known without asking the database: records on their way there, records discarded, records read
//! ahead, and the keys that are nowhere.
//!
//! Answers most questions in tens of nanoseconds. Unaware of SQLite and of locks.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ahead::Ahead;
use crate::database::{Key, Stored, USED_WITHIN};
use crate::digest::Signature;
use crate::record::{Lookup, Record};

/// What is known without asking.
#[derive(Default)]
pub(crate) struct Recent {
    by_signature: FxHashMap<Signature, Arc<Record>>,
    by_resolved: FxHashMap<Signature, Arc<Record>>,
    /// Discarded, with the row still there.
    discarded: FxHashSet<Signature>,
    /// The first eight bytes of every key in the database and on its way there, of both kinds: a key that
    /// is not in it is absent. `None`: not loaded yet.
    prefixes: Option<FxHashSet<u64>>,
    misses: i64,
    ahead: Ahead,
    /// Rows whose last use is to be noted, and the time by which an older one is.
    used: FxHashSet<i64>,
    due_ms: i64,
}

impl Recent {
    /// What `key` is, where that is known; `None`: the database must be asked.
    pub(crate) fn answer(&mut self, by: Key, key: &Signature) -> Option<Lookup> {
        let pending = match by {
            Key::Signature => self.by_signature.get(key),
            Key::Resolved => self.by_resolved.get(key),
        };
        if let Some(record) = pending {
            return Some(Lookup::Hit(Arc::clone(record)));
        }
        let prefixes = self.prefixes.as_ref();
        let absent = prefixes.is_some_and(|prefixes| !prefixes.contains(&key.prefix()));
        if absent || self.discarded.contains(key) {
            return Some(Lookup::Absent);
        }
        match by {
            Key::Signature => {
                let read = self.ahead.get(key)?;
                self.note_use(read.id, read.used_ms);
                Some(Lookup::Hit(read.record))
            }
            Key::Resolved => None,
        }
    }

    /// Takes note that the row `id` was used.
    pub(crate) fn note_use(&mut self, id: i64, used_ms: i64) {
        let known = self.due_ms..=self.due_ms.saturating_add(2 * USED_WITHIN);
        if !known.contains(&used_ms) {
            self.used.insert(id);
        }
    }

    /// Says what time it is, for uses noted from then on.
    pub(crate) fn set_now(&mut self, now_ms: i64) {
        self.due_ms = now_ms - USED_WITHIN;
    }

    /// The rows whose last use is to be written down.
    pub(crate) fn take_used(&mut self) -> FxHashSet<i64> {
        std::mem::take(&mut self.used)
    }

    /// Makes `record` findable; says whether its signature was surely absent so far.
    pub(crate) fn remember(&mut self, record: &Arc<Record>) -> bool {
        let mut new = !self.by_signature.contains_key(&record.signature);
        if !self.discarded.is_empty() {
            self.discarded.remove(&record.signature);
        }
        self.ahead.forget(&record.signature);
        match &mut self.prefixes {
            Some(prefixes) => {
                new &= prefixes.insert(record.signature.prefix());
                prefixes.insert(record.resolved.prefix());
            }
            None => new = false,
        }
        self.by_signature
            .insert(record.signature, Arc::clone(record));
        self.by_resolved.insert(record.resolved, Arc::clone(record));
        new
    }

    /// Lets go of a record that is in the database now, or will never be.
    pub(crate) fn let_go(&mut self, record: &Arc<Record>) {
        remove_same(&mut self.by_signature, &record.signature, record);
        remove_same(&mut self.by_resolved, &record.resolved, record);
    }

    /// Hides the record of `signature` until it is [`Recent::gone`].
    pub(crate) fn hide(&mut self, signature: &Signature) {
        if let Some(record) = self.by_signature.remove(signature) {
            remove_same(&mut self.by_resolved, &record.resolved, &record);
        }
        self.ahead.forget(signature);
        self.discarded.insert(*signature);
    }

    /// Takes note that the row of a hidden record is gone; one made again meanwhile is not hidden.
    pub(crate) fn gone(&mut self, signature: &Signature) {
        if self.discarded.remove(signature)
            && let Some(prefixes) = &mut self.prefixes
        {
            prefixes.remove(&signature.prefix());
        }
    }

    pub(crate) fn is_discarded(&self, signature: &Signature) -> bool {
        self.discarded.contains(signature)
    }

    pub(crate) fn discarded(&self) -> &FxHashSet<Signature> {
        &self.discarded
    }

    /// Says how many rows to read on after the row `id` was found.
    pub(crate) fn plan(&mut self, id: i64) -> Option<i64> {
        self.ahead.plan(id)
    }

    /// Takes rows read on up to the row `end`, but for those that were changed meanwhile.
    pub(crate) fn read_ahead(&mut self, rows: Vec<Stored>, end: i64) {
        let (pending, discarded) = (&self.by_signature, &self.discarded);
        let current = rows.into_iter().filter(|row| {
            let key = &row.record.signature;
            !pending.contains_key(key) && !discarded.contains(key)
        });
        self.ahead.fill(current, end);
    }

    /// Says whether absent keys are known to be so.
    pub(crate) fn knows_absent(&self) -> bool {
        self.prefixes.is_some()
    }

    /// Counts a question that the database was asked in vain.
    pub(crate) fn count_miss(&mut self) -> i64 {
        self.misses += 1;
        self.misses
    }

    /// Takes the set of prefixes away, to be added to.
    pub(crate) fn take_prefixes(&mut self) -> Option<FxHashSet<u64>> {
        self.prefixes.take()
    }

    /// Puts the set of prefixes back with what is new, or a new one; what was remembered meanwhile is added.
    pub(crate) fn add_prefixes(&mut self, mut prefixes: FxHashSet<u64>, new: &FxHashSet<u64>) {
        self.ahead.forget_all(new);
        prefixes.extend(new);
        self.set_prefixes(prefixes);
    }

    fn set_prefixes(&mut self, mut prefixes: FxHashSet<u64>) {
        for record in self.by_signature.values() {
            prefixes.insert(record.signature.prefix());
            prefixes.insert(record.resolved.prefix());
        }
        self.prefixes = Some(prefixes);
    }

    pub(crate) fn forget_prefixes(&mut self) {
        self.prefixes = None;
    }

    /// Forgets what was known of a file that another one took the place of.
    pub(crate) fn start_over(&mut self, empty: bool) {
        self.misses = 0;
        self.ahead = Ahead::default();
        self.used.clear();
        self.prefixes = None;
        if empty {
            self.set_prefixes(FxHashSet::default());
        }
    }
}

fn remove_same(
    records: &mut FxHashMap<Signature, Arc<Record>>,
    key: &Signature,
    record: &Arc<Record>,
) {
    if records
        .get(key)
        .is_some_and(|found| Arc::ptr_eq(found, record))
    {
        records.remove(key);
    }
}
