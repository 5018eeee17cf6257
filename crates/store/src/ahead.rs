//! Records read before they are asked for.
//!
//! Who asks for the records of a whole pipeline asks roughly in the order in which they were made, which
//! is the order of their rows; reading on costs a fifth of a lookup. How far to read on follows from how
//! much of what was read was used. Unaware of SQLite and of locks.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::database::Stored;
use crate::digest::Signature;
use crate::record::Record;

/// Rows read on at first, and at most.
const FIRST: i64 = 8;
const MOST: i64 = 256;

/// A hit this many rows after the last one read is still in order: others made records in between.
const NEAR: i64 = 16;

/// A record that was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) id: i64,
    pub(crate) used_ms: i64,
    pub(crate) record: Arc<Record>,
}

/// The last two pieces that were read on, and where.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    newer: FxHashMap<Signature, Read>,
    older: FxHashMap<Signature, Read>,
    used: i64,
    span: i64,
    end: i64,
}

impl Ahead {
    /// The record, where it was read.
    pub(crate) fn get(&mut self, signature: &Signature) -> Option<Read> {
        let found = self
            .newer
            .get(signature)
            .or_else(|| self.older.get(signature))?;
        self.used += 1;
        Some(found.clone())
    }

    /// Says how many rows to read on after a lookup found the row `id`.
    pub(crate) fn plan(&mut self, id: i64) -> Option<i64> {
        let distance = id - self.end;
        if (1..=NEAR).contains(&distance) {
            self.span = match self.used * 2 >= self.span {
                true => (self.span * 2).clamp(FIRST, MOST),
                false => self.span / 2,
            };
        } else if (-2 * MOST..=0).contains(&distance) {
            // A straggler: the order is not quite that of the rows.
            return None;
        } else {
            self.span = 0;
        }
        self.end = id;
        (self.span > 0).then_some(self.span)
    }

    /// Takes what was read up to the row `end`.
    pub(crate) fn fill(&mut self, rows: impl Iterator<Item = Stored>, end: i64) {
        self.older = std::mem::take(&mut self.newer);
        let read = |row: Stored| Read {
            id: row.id,
            used_ms: row.used_ms,
            record: Arc::new(row.record),
        };
        self.newer = rows.map(|row| (row.record.signature, read(row))).collect();
        self.used = 0;
        self.end = end;
    }

    /// Forgets records of which there are newer ones; `prefixes` are the first eight bytes of what is new.
    pub(crate) fn forget_all(&mut self, prefixes: &FxHashSet<u64>) {
        for read in [&mut self.newer, &mut self.older] {
            read.retain(|signature, _| !prefixes.contains(&signature.prefix()));
        }
    }

    /// Forgets a record that was replaced or discarded.
    pub(crate) fn forget(&mut self, signature: &Signature) {
        if !(self.newer.is_empty() && self.older.is_empty()) {
            self.newer.remove(signature);
            self.older.remove(signature);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_on_grows_while_it_is_used_and_ends_when_not() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.plan(1000), None, "the first hit says nothing");
        assert_eq!(ahead.plan(1001), Some(FIRST));
        ahead.fill(std::iter::empty(), 1001 + FIRST);
        ahead.used = FIRST;
        assert_eq!(ahead.plan(1002 + FIRST), Some(2 * FIRST), "all was used");
        ahead.fill(std::iter::empty(), 1002 + 3 * FIRST);
        assert_eq!(
            ahead.plan(1003 + 3 * FIRST),
            Some(FIRST),
            "nothing was used"
        );
        ahead.fill(std::iter::empty(), 2000);
        assert_eq!(ahead.plan(1999), None, "a straggler");
        assert_eq!(ahead.end, 2000);
        assert_eq!(ahead.plan(9), None, "from the beginning");
        assert_eq!(ahead.plan(9 + NEAR), Some(FIRST));
    }
}
