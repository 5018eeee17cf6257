//! The rows of runs, with what each of them changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::Database;
use crate::changes;
use crate::digest::{Digest, Signature};
use crate::fields::micros;
use crate::record::{NodeChange, RunEntry};

impl Database {
    pub(crate) fn insert_run(
        &mut self,
        run: &RunEntry,
        changes: &[NodeChange],
    ) -> rusqlite::Result<()> {
        let pipeline = self.pipeline_id(&run.pipeline)?;
        let elapsed = i64::try_from(micros(run.elapsed)).unwrap_or(i64::MAX);
        for log in changes.iter().filter_map(|change| change.log.as_ref()) {
            self.insert_note(&Digest::of(log.as_bytes()), log)?;
        }
        let body = changes::encode(&run.id, changes, |log| Digest::of(log.as_bytes()));
        self.connection
            .prepare_cached(
                "INSERT INTO runs (name, pipeline, started_ms, elapsed_us, status, counts, changes, size)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                         (SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'size'))",
            )?
            .execute(params![
                run.id,
                pipeline,
                run.started_ms,
                elapsed,
                run.status,
                run.counts,
                body
            ])?;
        Ok(())
    }

    /// The newest runs, newest first.
    pub(crate) fn runs(&mut self, limit: usize) -> rusqlite::Result<Vec<RunEntry>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "SELECT runs.name, pipelines.name, started_ms, elapsed_us, status, counts
                 FROM runs JOIN pipelines ON pipelines.id = pipeline ORDER BY runs.id DESC LIMIT ?1",
            )?
            .query_map([limit], entry)?
            .collect()
    }

    /// The last number of a run, and the ids of the runs of a pipeline that came after the one of number `since`.
    pub(crate) fn runs_since(
        &mut self,
        pipeline: &str,
        since: Option<i64>,
    ) -> rusqlite::Result<(i64, Vec<String>)> {
        let last: i64 = self
            .connection
            .prepare_cached("SELECT coalesce(max(id), 0) FROM runs")?
            .query_row([], |row| row.get(0))?;
        let Some(since) = since.filter(|since| *since < last) else {
            return Ok((last, Vec::new()));
        };
        let ids = self
            .connection
            .prepare_cached(
                "SELECT name FROM runs WHERE id > ?1 AND id <= ?2
                 AND pipeline = (SELECT id FROM pipelines WHERE name = ?3)",
            )?
            .query_map(params![since, last, pipeline], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok((last, ids))
    }

    /// The run of this id, or the only one whose id begins so, in upper or lower case.
    pub(crate) fn run(&mut self, id: &str) -> rusqlite::Result<Option<RunEntry>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT runs.name, pipelines.name, started_ms, elapsed_us, status, counts
             FROM runs JOIN pipelines ON pipelines.id = pipeline
             WHERE upper(substr(runs.name, 1, length(?1))) = upper(?1)
             ORDER BY runs.name = ?1 DESC LIMIT 2",
        )?;
        let found: Vec<RunEntry> = statement
            .query_map([id], entry)?
            .collect::<Result<_, _>>()?;
        let alone = found.len() == 1;
        Ok(found.into_iter().next().filter(|run| alone || run.id == id))
    }

    /// What the run of this id changed; what is damaged of it is left out.
    pub(crate) fn changes(&mut self, id: &str) -> rusqlite::Result<Vec<NodeChange>> {
        let body: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT changes FROM runs WHERE name = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let log = |digest| self.note(&digest).ok().flatten();
        Ok(body
            .and_then(|body| changes::decode(id, &body, log))
            .unwrap_or_default())
    }

    /// The last signatures of the nodes of the run's pipeline, when the run had ended.
    pub(crate) fn signatures_at(
        &mut self,
        id: &str,
    ) -> rusqlite::Result<BTreeMap<Arc<str>, Signature>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, changes FROM runs
             WHERE id <= (SELECT id FROM runs WHERE name = ?1)
             AND pipeline = (SELECT pipeline FROM runs WHERE name = ?1) ORDER BY id",
        )?;
        let mut rows = statement.query([id])?;
        let mut signatures = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob()?;
            let changes = changes::decode(row.get_ref(0)?.as_str()?, body, |_| None);
            let latest = changes.into_iter().flatten().filter(NodeChange::is_latest);
            signatures.extend(latest.map(|change| (change.node, change.signature)));
        }
        Ok(signatures)
    }

    /// The last run in which the node failed, and how.
    pub(crate) fn failed(
        &mut self,
        pipeline: &str,
        node: &str,
    ) -> rusqlite::Result<Option<(String, NodeChange)>> {
        let Some(run) = self.last_failed(pipeline, node)? else {
            return Ok(None);
        };
        let mut changes = self.changes(&run)?.into_iter();
        let change = changes.find(|change| *change.node == *node);
        Ok(change.map(|change| (run, change)))
    }

    fn last_failed(&mut self, pipeline: &str, node: &str) -> rusqlite::Result<Option<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT runs.name, changes FROM runs JOIN pipelines ON pipelines.id = pipeline
             WHERE pipelines.name = ?1 AND length(changes) > 0 ORDER BY runs.id DESC",
        )?;
        let mut rows = statement.query([pipeline])?;
        while let Some(row) = rows.next()? {
            let run: String = row.get(0)?;
            let changes = changes::decode(&run, row.get_ref(1)?.as_blob()?, |_| None);
            let failed = |change: NodeChange| *change.node == *node && &*change.outcome == "failed";
            if changes.into_iter().flatten().any(failed) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<RunEntry> {
    Ok(RunEntry {
        id: row.get(0)?,
        pipeline: row.get(1)?,
        started_ms: row.get(2)?,
        elapsed: Duration::from_micros(row.get::<_, i64>(3)?.unsigned_abs()),
        status: row.get(4)?,
        counts: row.get(5)?,
    })
}
