//! How much the directory holds, kept up with every transaction, and the clock of evictions.
//!
//! Both are facts. What is kept up errs where a process is killed between a blob and its record; a collection counts anew.

use super::Database;

/// The bytes of all blobs and records; missing while nobody has counted.
const SIZE: &str = "size";

/// The highest rank of what was evicted so far, see `rank`.
const CLOCK: &str = "clock";

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

    /// Learns what others made of the clock.
    pub(super) fn read_clock(&mut self) -> rusqlite::Result<()> {
        let text = self.fact(CLOCK)?;
        let clock = text.and_then(|text| text.parse::<f64>().ok());
        let clock = clock.filter(|clock| clock.is_finite());
        self.clock = self.clock.max(clock.unwrap_or(0.0));
        Ok(())
    }
}
