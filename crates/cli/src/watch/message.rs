//! What somebody who keeps a project current waits for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use refrain::Run;

use super::changes::Change;
use super::keys::Key;

/// One thing that happened.
pub enum Message {
    /// Something changed.
    Changed(Change),
    /// A key was pressed.
    Pressed(Key),
    /// The session is up to date, or cannot be; with the files that nodes found
    /// so far.
    Done(refrain::Result<Arc<Run>>, BTreeSet<PathBuf>),
    /// Somebody wants an end.
    Interrupted,
}
