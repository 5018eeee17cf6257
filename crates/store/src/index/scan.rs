//! Many records at once.

use rustc_hash::FxHashMap;

use super::{Index, SCAN_SPEED};
use crate::database::{Database, Key, Stored};
use crate::digest::Signature;
use crate::record::{Lookup, Record};

/// Rows read under one lock.
const SCAN_ROWS: i64 = 4096;

impl Index {
    /// Hands out the records of the signatures in `wanted`; what could not be used is left out. Where there are
    /// several of one signature the newest comes last.
    pub(crate) fn each<T>(
        &self,
        wanted: &FxHashMap<Signature, T>,
        mut visit: impl FnMut(&T, &Record),
    ) {
        let rows = self.ask(Database::last_id).unwrap_or(0);
        let few = i64::try_from(wanted.len()).is_ok_and(|wanted| wanted < rows / SCAN_SPEED);
        if few {
            for (signature, what) in wanted {
                if let Lookup::Hit(record) = self.find(Key::Signature, signature) {
                    visit(what, &record);
                }
            }
            return;
        }
        let discarded = self.recent.lock().discarded().clone();
        let mut after = 0;
        loop {
            // In pieces, so that others have their turn.
            let scanned = self.ask(|database| {
                let wants = |signature: Option<&Signature>| {
                    signature.is_some_and(|signature| {
                        wanted.contains_key(signature) && !discarded.contains(signature)
                    })
                };
                database.scan(after, SCAN_ROWS, wants, |row| {
                    if let Ok(row) = row
                        && self.accepts(&row.record).is_ok()
                        && let Some(what) = wanted.get(&row.record.signature)
                    {
                        visit(what, &row.record);
                    }
                })
            });
            match scanned {
                Ok(Some(last)) => after = last,
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// Hands out every row after the one with the id `after`, in pieces, so that others have their turn. The last id.
    pub(crate) fn all_rows(
        &self,
        mut after: i64,
        mut visit: impl FnMut(Result<Stored, String>),
    ) -> Result<i64, String> {
        loop {
            let mut rows = Vec::new();
            let scanned = self
                .ask(|database| database.scan(after, SCAN_ROWS, |_| true, |row| rows.push(row)))?;
            rows.into_iter().for_each(&mut visit);
            match scanned {
                Some(last) => after = last,
                None => return Ok(after),
            }
        }
    }
}
