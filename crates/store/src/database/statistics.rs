//! All rows of the history in one query, whatever stands in them.

use rusqlite::types::FromSql;
use rusqlite::{Row, params};

use super::Database;
use crate::changes;
use crate::statistics::Past;

impl Database {
    /// Hands out the runs of a pipeline, or all, in the order in which they were recorded.
    pub(crate) fn past(
        &mut self,
        pipeline: Option<&str>,
        mut each: impl FnMut(Past),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT runs.name, started_ms, counts, changes, size
             FROM runs LEFT JOIN pipelines ON pipelines.id = pipeline
             WHERE ?1 IS NULL OR pipelines.name = ?1 ORDER BY runs.id",
        )?;
        let mut rows = statement.query(params![pipeline])?;
        while let Some(row) = rows.next()? {
            each(past(row));
        }
        Ok(())
    }
}

fn past(row: &Row<'_>) -> Past {
    let id: String = column(row, 0).unwrap_or_default();
    let body = row.get_ref(3).ok();
    let body = body.and_then(|body| body.as_blob().ok());
    Past {
        started_ms: column(row, 1),
        counts: column(row, 2),
        changes: body.and_then(|body| changes::decode(&id, body, |_| None)),
        size: column(row, 4).and_then(|size: i64| u64::try_from(size).ok()),
        id,
    }
}

/// `None`: something else stands there.
fn column<T: FromSql>(row: &Row<'_>, number: usize) -> Option<T> {
    row.get(number).ok()
}
