//! The tables beside the records: notes, last signatures, source files, facts.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::Database;
use crate::digest::{Digest, Signature};

impl Database {
    pub(crate) fn note(&mut self, digest: &Digest) -> rusqlite::Result<Option<Arc<str>>> {
        let text: Option<Arc<str>> = self
            .connection
            .prepare_cached("SELECT text FROM notes WHERE digest = ?1")?
            .query_row([digest.as_bytes()], |row| row.get(0))
            .optional()?;
        Ok(text.filter(|text| Digest::of(text.as_bytes()) == *digest))
    }

    /// The texts of those notes that are there. All are read in one transaction: each would lock the file by itself.
    pub(crate) fn notes(
        &mut self,
        digests: &[Digest],
    ) -> rusqlite::Result<Vec<(Digest, Arc<str>)>> {
        let alone = self.connection.is_autocommit();
        if alone {
            self.execute("BEGIN")?;
        }
        let texts = digests.iter().filter_map(|digest| {
            let text = self.note(digest).transpose()?;
            Some(text.map(|text| (*digest, text)))
        });
        let texts: rusqlite::Result<_> = texts.collect();
        if alone {
            self.execute("COMMIT")?;
        }
        texts
    }

    pub(crate) fn latest(
        &mut self,
        pipeline: &str,
        node: &str,
    ) -> rusqlite::Result<Option<Signature>> {
        self.connection
            .prepare_cached(
                "SELECT signature FROM latest JOIN pipelines ON id = pipeline WHERE name = ?1 AND node = ?2",
            )?
            .query_row([pipeline, node], |row| row.get(0).map(Signature::from_bytes))
            .optional()
    }

    /// The last signature of every node of a pipeline.
    pub(crate) fn all_latest(
        &mut self,
        pipeline: &str,
    ) -> rusqlite::Result<Vec<(Arc<str>, Signature)>> {
        self.connection
            .prepare_cached(
                "SELECT node, signature FROM latest JOIN pipelines ON id = pipeline WHERE name = ?1",
            )?
            .query_map([pipeline], |row| {
                Ok((row.get(0)?, Signature::from_bytes(row.get(1)?)))
            })?
            .collect()
    }

    pub(crate) fn has_latest(&mut self, pipeline: &str) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT 1 FROM pipelines WHERE name = ?1 AND EXISTS (SELECT 1 FROM latest WHERE pipeline = id)",
            )?
            .exists([pipeline])
    }

    pub(crate) fn set_latest<'a>(
        &mut self,
        pipeline: &Arc<str>,
        latest: impl Iterator<Item = (&'a Arc<str>, &'a Signature)>,
    ) -> rusqlite::Result<()> {
        let pipeline = self.pipeline_id(pipeline)?;
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO latest (pipeline, node, signature) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET signature = excluded.signature WHERE signature != excluded.signature",
        )?;
        for (node, signature) in latest {
            statement.execute(params![pipeline, node, signature.as_bytes()])?;
        }
        Ok(())
    }

    /// The state that the pipeline's last run left.
    pub(crate) fn state(&mut self, pipeline: &str) -> rusqlite::Result<Option<Digest>> {
        let state = self.fact(&state_fact(pipeline))?;
        Ok(state.and_then(|text| text.parse().ok()))
    }

    pub(crate) fn set_state(&mut self, pipeline: &str, state: &Digest) -> rusqlite::Result<()> {
        self.set_fact(&state_fact(pipeline), &state.to_string())
    }

    pub(crate) fn file(&mut self, path: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
        self.connection
            .prepare_cached("SELECT body FROM files WHERE path = ?1")?
            .query_row([path], |row| row.get(0))
            .optional()
    }

    /// Hands out what is kept of files from the path `from` on, in the order of their paths, at most `limit` of them.
    pub(crate) fn files(
        &mut self,
        from: &[u8],
        limit: i64,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT path, body FROM files WHERE path >= ?1 ORDER BY path LIMIT ?2",
        )?;
        let mut rows = statement.query(params![from, limit])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        }
        Ok(())
    }

    pub(crate) fn set_file(&mut self, path: &[u8], body: &[u8]) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO files (path, body) VALUES (?1, ?2)")?
            .execute([path, body])
            .map(drop)
    }

    pub(crate) fn fact(&mut self, name: &str) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()
    }

    pub(crate) fn set_fact(&mut self, name: &str, value: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)")?
            .execute([name, value])
            .map(drop)
    }

    /// Says whether any record ever came from a tier.
    pub(crate) fn has_origins(&mut self) -> rusqlite::Result<bool> {
        self.connection
            .query_row("SELECT EXISTS (SELECT 1 FROM origins)", [], |row| {
                row.get(0)
            })
    }

    /// The number of where a record came from; 0 for those made here.
    pub(super) fn origin_id(&mut self, name: Option<&Arc<str>>) -> rusqlite::Result<i64> {
        let Some(name) = name else { return Ok(0) };
        self.connection
            .prepare_cached(
                "INSERT INTO origins (name) VALUES (?1)
                 ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id",
            )?
            .query_row([name], |row| row.get(0))
    }

    pub(crate) fn insert_note(&mut self, digest: &Digest, text: &str) -> rusqlite::Result<()> {
        if self.notes.contains(digest) {
            return Ok(());
        }
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO notes (digest, text) VALUES (?1, ?2)")?
            .execute(params![digest.as_bytes(), text])?;
        self.new_notes.push(*digest);
        Ok(())
    }

    pub(super) fn pipeline_id(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.pipelines.get(name) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO pipelines (name) VALUES (?1)")?
            .execute([name])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM pipelines WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        self.pipelines.insert(Arc::clone(name), id);
        Ok(id)
    }
}

/// The name of the fact under which a pipeline's last state is kept.
fn state_fact(pipeline: &str) -> String {
    format!("state of {pipeline}")
}
