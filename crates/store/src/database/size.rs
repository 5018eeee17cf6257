//! How much the directory holds, kept up with every transaction, and what evictions go by.
//!
//! The size and the clock are facts. What is kept up errs where a process is killed between a blob and its record; a collection counts anew.

use rustc_hash::FxHashMap;

use super::Database;

/// The bytes of all blobs and records; missing while nobody has counted.
const SIZE: &str = "size";

/// What the most worth of all that had to make room so far was worth.
const CLOCK: &str = "clock";

/// When somebody last collected, and how much was left.
const COLLECTION: &str = "collection";

/// How often a record was of use, and the clock when it last was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) times: u32,
    pub(crate) clock: f64,
}

/// When somebody collected, in milliseconds since 1970, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Collection {
    pub(crate) at_ms: i64,
    /// The bytes that were left.
    pub(crate) left: u64,
    /// Something had to stay only because others were writing.
    pub(crate) disturbed: bool,
}

impl Database {
    /// The bytes of all blobs and records, as far as they were kept up; `None`: nobody has counted.
    pub(crate) fn size(&mut self) -> rusqlite::Result<Option<u64>> {
        let text = self.fact(SIZE)?;
        // Removals that were counted and additions that were not may leave less than nothing.
        let size = text.and_then(|text| text.parse::<i64>().ok());
        Ok(size.map(|size| size.max(0).cast_unsigned()))
    }

    /// Says what was counted.
    pub(crate) fn set_size(&mut self, bytes: u64) -> rusqlite::Result<()> {
        self.grown = 0;
        self.set_fact(SIZE, &bytes.to_string())
    }

    /// Writes down how much the open transaction adds: its records, and `blobs` bytes of blobs. Its last step.
    pub(crate) fn write_growth(&mut self, blobs: u64) -> rusqlite::Result<()> {
        let grown = std::mem::take(&mut self.grown).saturating_add_unsigned(blobs);
        if grown == 0 {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE facts SET value = CAST(value AS INTEGER) + ?2 WHERE name = ?1")?
            .execute((SIZE, grown))
            .map(drop)
    }

    /// The last collection, where there was one.
    pub(crate) fn last_collection(&mut self) -> rusqlite::Result<Option<Collection>> {
        let text = self.fact(COLLECTION)?.unwrap_or_default();
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<i64>().ok();
        let read = number().zip(number()).zip(number());
        Ok(read.map(|((at_ms, left), disturbed)| Collection {
            at_ms,
            left: left.unsigned_abs(),
            disturbed: disturbed != 0,
        }))
    }

    pub(crate) fn set_last_collection(&mut self, done: &Collection) -> rusqlite::Result<()> {
        let disturbed = u8::from(done.disturbed);
        self.set_fact(
            COLLECTION,
            &format!("{} {} {disturbed}", done.at_ms, done.left),
        )
    }

    /// Sets the clock on; it never goes back.
    pub(crate) fn set_clock(&mut self, clock: f64) -> rusqlite::Result<()> {
        self.clock = self.clock.max(clock);
        let text = self.clock.to_string();
        self.set_fact(CLOCK, &text)
    }

    /// How often each record was used, and the clock when it last was, by their ids.
    pub(crate) fn uses(&mut self) -> rusqlite::Result<FxHashMap<i64, Use>> {
        self.connection
            .prepare("SELECT id, uses, clock FROM records")?
            .query_map([], |row| {
                let times = row.get::<_, i64>(1)?;
                let used = Use {
                    times: u32::try_from(times).unwrap_or(u32::MAX),
                    clock: row.get(2)?,
                };
                Ok((row.get(0)?, used))
            })?
            .collect()
    }

    /// Learns what others made of the clock.
    pub(super) fn read_clock(&mut self) -> rusqlite::Result<()> {
        let text = self.fact(CLOCK)?;
        let clock = text.and_then(|text| text.parse::<f64>().ok());
        let clock = clock.filter(|clock| clock.is_finite());
        self.clock = self.clock.max(clock.unwrap_or(0.0));
        Ok(())
    }
}
