//! What a collection asks and removes.

use std::sync::Arc;

use rusqlite::params;
use rustc_hash::FxHashSet;

use super::{Database, tell};
use crate::body;
use crate::changes;
use crate::digest::{Digest, Signature};
use crate::record::Record;
use crate::root::Change;

/// The fact that changes whenever rows were removed that others may remember.
const COLLECTED: &str = "collected";

/// The last signature of a node, and when its pipeline last ran.
pub(crate) struct Latest {
    pub(crate) pipeline: Arc<str>,
    pub(crate) signature: Signature,
    pub(crate) ran_ms: i64,
}

/// Of parts and notes, those that are still referred to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shared {
    pub(crate) parts: FxHashSet<Digest>,
    pub(crate) notes: FxHashSet<Digest>,
}

impl Database {
    /// The last signatures of all pipelines.
    pub(crate) fn latest_of_all(&mut self) -> rusqlite::Result<Vec<Latest>> {
        self.connection
            .prepare(
                "SELECT name, signature, coalesce(ran, 0) FROM latest
                 JOIN pipelines ON pipelines.id = latest.pipeline
                 LEFT JOIN (SELECT pipeline AS of, max(started_ms) AS ran FROM runs GROUP BY pipeline)
                 ON of = latest.pipeline",
            )?
            .query_map([], |row| {
                Ok(Latest {
                    pipeline: row.get(0)?,
                    signature: Signature::from_bytes(row.get(1)?),
                    ran_ms: row.get(2)?,
                })
            })?
            .collect()
    }

    /// Removes the record with this id, if it was not used since; says whether it did. `last` was the highest id.
    pub(crate) fn evict(&mut self, id: i64, used_ms: i64, last: i64) -> rusqlite::Result<bool> {
        // The highest id is never given out twice.
        let sql = match id == last {
            true => {
                "UPDATE records SET signature = 0, resolved = 0, body = zeroblob(50)
                 WHERE id = ?1 AND used_ms = ?2"
            }
            false => "DELETE FROM records WHERE id = ?1 AND used_ms = ?2",
        };
        let rows = self
            .connection
            .prepare_cached(sql)?
            .execute([id, used_ms])?;
        Ok(rows > 0)
    }

    /// Removes what is left of discarded records, and all parts and notes but those in `kept`, those of records with
    /// ids above `after`, and the logs of runs. One step of a transaction.
    pub(crate) fn sweep(&mut self, after: i64, mut kept: Shared) -> rusqlite::Result<()> {
        self.connection.execute(
            "DELETE FROM records WHERE signature = 0 AND resolved = 0 AND body = zeroblob(50)
             AND id < (SELECT max(id) FROM records)",
            [],
        )?;
        self.scan(
            after,
            i64::MAX,
            |_| true,
            |row| {
                if let Ok(row) = row {
                    kept.add(&row.record);
                }
            },
        )?;
        self.remove_parts(&mut kept)?;
        self.add_logs(&mut kept.notes)?;
        self.remove_notes(kept.notes)?;
        let count = self.fact(COLLECTED)?.and_then(|text| text.parse().ok());
        self.set_fact(COLLECTED, &(count.unwrap_or(0_u64) + 1).to_string())?;
        self.notice_collection()
    }

    /// Forgets what may have been removed, if somebody collected.
    pub(super) fn notice_collection(&mut self) -> rusqlite::Result<()> {
        let collected = self.fact(COLLECTED)?;
        if self.collected != collected {
            self.part_ids.clear();
            self.notes.clear();
            self.collected = collected;
            self.read_clock()?;
        }
        Ok(())
    }

    /// Gives pages that are not used back to the file system, where they are many.
    pub(crate) fn shrink(&mut self) -> rusqlite::Result<()> {
        let number = |name| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        if number("freelist_count")? * 4 > number("page_count")? {
            tell(self.disk, Change::Commit)?;
            self.connection.execute_batch("VACUUM")?;
        }
        Ok(())
    }

    /// Hands out the notes whose text is not theirs.
    pub(crate) fn damaged_notes(&mut self) -> rusqlite::Result<Vec<Digest>> {
        let mut statement = self.connection.prepare("SELECT digest, text FROM notes")?;
        let mut rows = statement.query([])?;
        let mut damaged = Vec::new();
        while let Some(row) = rows.next()? {
            let digest = Digest::from_bytes(row.get(0)?);
            if Digest::of(row.get_ref(1)?.as_bytes()?) != digest {
                damaged.push(digest);
            }
        }
        Ok(damaged)
    }

    /// Removes parts that are not kept, and adds the notes of the others.
    fn remove_parts(&mut self, kept: &mut Shared) -> rusqlite::Result<()> {
        let last: i64 =
            self.connection
                .query_row("SELECT coalesce(max(id), 0) FROM parts", [], |row| {
                    row.get(0)
                })?;
        let mut unused: Vec<i64> = Vec::new();
        let mut statement = self
            .connection
            .prepare("SELECT id, hash, body FROM parts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, hash) = (row.get(0)?, Digest::from_bytes(row.get(1)?));
            // As with records.
            if !kept.parts.contains(&hash) && id != last {
                unused.push(id);
            } else if let Some(part) = body::decode_part(hash, row.get_ref(2)?.as_blob()?) {
                let notes = part.leaves.iter().filter_map(|leaf| leaf.note);
                kept.notes.extend(notes);
            }
        }
        for id in unused {
            self.connection
                .prepare_cached("DELETE FROM parts WHERE id = ?1")?
                .execute([id])?;
            self.parts.remove(&id.cast_unsigned());
        }
        Ok(())
    }

    /// Adds the logs of nodes that failed.
    fn add_logs(&mut self, notes: &mut FxHashSet<Digest>) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare("SELECT name, changes FROM runs WHERE length(changes) > 0")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob()?;
            changes::decode(row.get_ref(0)?.as_str()?, body, |log| {
                notes.insert(log);
                None
            });
        }
        Ok(())
    }

    fn remove_notes(&mut self, kept: FxHashSet<Digest>) -> rusqlite::Result<()> {
        let mut unused: FxHashSet<Digest> = self
            .connection
            .prepare("SELECT digest FROM notes")?
            .query_map([], |row| row.get(0).map(Digest::from_bytes))?
            .collect::<Result<_, _>>()?;
        let mut ahead: Vec<Digest> = kept.into_iter().collect();
        while let Some(digest) = ahead.pop() {
            if unused.remove(&digest)
                && let Some(text) = self.note(&digest)?
            {
                ahead.extend(digests_in(&text));
            }
        }
        for digest in unused {
            self.connection
                .prepare_cached("DELETE FROM notes WHERE digest = ?1")?
                .execute(params![digest.as_bytes()])?;
        }
        Ok(())
    }
}

/// The digests that a text names.
fn digests_in(text: &str) -> impl Iterator<Item = Digest> {
    text.split(|c: char| !c.is_ascii_hexdigit())
        .filter_map(|word| word.parse().ok())
}

impl Shared {
    /// Adds what a record refers to.
    pub(crate) fn add(&mut self, record: &Record) {
        let parts = &record.parts;
        for part in [&parts.code, &parts.env].into_iter().flatten() {
            self.parts.insert(part.hash);
        }
        for part in [&parts.inputs, &parts.deps].into_iter().flatten() {
            let notes = part.leaves.iter().filter_map(|leaf| leaf.note);
            self.notes.extend(notes);
        }
        self.notes.extend(record.log);
    }
}
