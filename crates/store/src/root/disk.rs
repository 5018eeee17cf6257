//! The moments at which a cache directory changes, each told before it comes.
//!
//! Nobody listens but tests, which let a process end at each of these moments in turn. Unaware of what is changed.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use cap_std::fs::File;

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A file, directory or link comes to be.
    Create,
    /// Bytes are added to a file, or taken from its end.
    Write,
    /// A file or directory gets another name, or one name more.
    Rename,
    /// A file, link or directory goes, with all that is in it.
    Remove,
    /// A transaction of the database begins, or its file is made.
    Begin,
    /// A transaction of the database ends.
    Commit,
    /// The database is closed, and what is in its log may be moved into it.
    Close,
}

/// Is told of every change.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Told before the change; after an error nothing is changed, as if the disk had refused it.
    fn before(&self, change: Change, name: &Path) -> io::Result<()>;
}

/// The disk as it is.
#[derive(Debug)]
pub(crate) struct Plain;

impl Disk for Plain {
    fn before(&self, _: Change, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A file whose writes are told.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: File,
    disk: &'static dyn Disk,
}

impl Written {
    pub(super) fn new(file: File, disk: &'static dyn Disk) -> Self {
        Self { file, disk }
    }

    /// Makes the file end after so many bytes.
    pub(crate) fn set_len(&mut self, size: u64) -> io::Result<()> {
        self.disk.before(Change::Write, Path::new(""))?;
        self.file.set_len(size)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.before(Change::Write, Path::new(""))?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
