//! What a cache directory allows, and which records are open in it then.
//!
//! Unaware of who asks for records.

use std::sync::Arc;

use crate::claim::Locks;
use crate::database::Database;
use crate::error::StoreError;
use crate::opening;
use crate::root::Root;
use crate::snapshot;

/// What may be done with the directory.
pub(crate) enum Access {
    /// Everything.
    Write(Arc<Locks>),
    /// Nothing is written: the directory cannot be, or its records are of a newer format.
    Read,
}

/// Opens the best that `access` allows: less access and a problem where it turns out to be less.
pub(crate) fn open(
    root: &Root,
    access: Access,
    problem: Option<StoreError>,
) -> Result<(Access, Database, Option<StoreError>), StoreError> {
    let opened = match &access {
        Access::Write(locks) => open_writable(root, locks, false).map(Some),
        Access::Read => readable(root),
    };
    match (opened, access) {
        (Ok(Some(database)), access) => Ok((access, database, problem)),
        (Ok(None), _) => Err(problem.unwrap_or_else(|| unreadable(root))),
        // Left untouched: what cannot be read of it is as good as not there.
        (Err(error @ (StoreError::Newer { .. } | StoreError::Frozen { .. })), _) => {
            let database = match readable(root)? {
                Some(database) => database,
                None => in_memory(root, |_| Ok(()))?,
            };
            Ok((Access::Read, database, Some(error)))
        }
        (Err(error), Access::Write(_)) => match readable(root) {
            Ok(Some(database)) => Ok((Access::Read, database, Some(error))),
            _ => Err(error),
        },
        (Err(error), Access::Read) => Err(error),
    }
}

/// Device and number of `records.db`.
pub(crate) fn file_of(root: &Root) -> Option<(u64, u64)> {
    let identity = root.regular(opening::FILE).ok()??;
    Some((identity.dev, identity.ino))
}

pub(crate) fn open_writable(
    root: &Root,
    locks: &Arc<Locks>,
    suspect: bool,
) -> Result<Database, StoreError> {
    opening::open(root, locks, suspect, |database| {
        snapshot::restore(root, database)
    })
}

/// What can be read where nothing can be written: the records, else the snapshot.
fn readable(root: &Root) -> Result<Option<Database>, StoreError> {
    if let Some(database) = opening::open_read_only(root) {
        return Ok(Some(database));
    }
    match root.regular(snapshot::FILE) {
        Ok(Some(_)) => in_memory(root, |database| snapshot::restore(root, database)).map(Some),
        _ => Ok(None),
    }
}

fn in_memory(
    root: &Root,
    fill: impl Fn(&mut Database) -> rusqlite::Result<()>,
) -> Result<Database, StoreError> {
    opening::open_in_memory(fill).map_err(|source| StoreError::Database {
        operation: "open",
        path: root.path(opening::FILE),
        source,
    })
}

pub(crate) fn unreadable(root: &Root) -> StoreError {
    StoreError::Unusable {
        operation: "read",
        path: root.own_path().to_owned(),
        source: std::io::ErrorKind::PermissionDenied.into(),
        advice: "make it writable or choose another cache directory",
    }
}
