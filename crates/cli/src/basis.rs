//! What a project was made of, as far as it lies in files. It is unaware of who
//! watches these.

use std::collections::BTreeSet;
use std::path::PathBuf;

use refrain::Digest;

/// Where it was looked when a project was made: once one of these changes, the
/// project may be another one. Relative paths are relative to the root.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    /// Files, whether they were there or not.
    pub files: BTreeSet<PathBuf>,
    /// Directories in which any new name may matter.
    pub folders: BTreeSet<PathBuf>,
    /// What stood there, as far as it makes the project what it is; `None` if it
    /// was not read to its end.
    pub state: Option<Digest>,
}
