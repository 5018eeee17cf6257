//! Files on their way: written beside where they go, and put there whole or not at all.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cap_std::fs::{OpenOptions, OpenOptionsExt};

use super::{Change, Identity, Root, Written};

/// Temporary files carry this, the process and a number: `.tmp-<pid>-<n>`.
const TEMPORARY: &str = ".tmp-";

/// A temporary file this old belongs to nobody: none of ours goes without a write for an hour.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A file that has no name yet which anybody looks for; removed when dropped.
pub(crate) struct Temporary<'a> {
    root: &'a Root,
    name: String,
    pub(crate) file: Written,
}

impl Temporary<'_> {
    /// Puts the file at `name` in `target`, which is on the same file system. Whatever stands there, a
    /// link too, is replaced and never written through.
    pub(crate) fn put(mut self, target: &Root, name: impl AsRef<Path>) -> io::Result<Identity> {
        self.file.flush()?;
        self.root.rename(&self.name, target, name)?;
        self.name.clear();
        Ok(Identity::of(&self.file.file.metadata()?))
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // Where even this fails, the sweep of a later open does it.
            let _ = self.root.remove(&self.name);
        }
    }
}

impl Root {
    /// A new file in this directory. The one place where files come to be.
    pub(crate) fn temporary(&self, mode: u32) -> io::Result<Temporary<'_>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{TEMPORARY}{}-{number}", std::process::id());
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode);
            self.before(Change::Create, &name)?;
            match self.dir.open_with(&name, &options) {
                // Left by another process of the same number, here or in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => {
                    return Ok(Temporary {
                        root: self,
                        name,
                        file: Written::new(opened?, self.disk),
                    });
                }
            }
        }
    }

    /// Replaces `name` in `target` by a file with what `fill` writes, whole or not at all.
    pub(crate) fn replace(
        &self,
        target: &Self,
        name: impl AsRef<Path>,
        mode: u32,
        fill: impl FnOnce(&mut Written) -> io::Result<()>,
    ) -> io::Result<Identity> {
        let mut temporary = self.temporary(mode)?;
        fill(&mut temporary.file)?;
        temporary.put(target, name)
    }

    /// Removes all temporary files.
    pub(crate) fn remove_temporaries(&self) -> io::Result<()> {
        self.temporaries()?
            .iter()
            .try_for_each(|name| self.remove_tree(name))
    }

    fn temporaries(&self) -> io::Result<Vec<OsString>> {
        let mut names = self.names()?;
        names.retain(|name| name.to_string_lossy().starts_with(TEMPORARY));
        Ok(names)
    }

    /// Removes temporary files that a process left behind before `now`.
    pub(crate) fn sweep(&self, now: SystemTime) -> io::Result<()> {
        for name in self.temporaries()? {
            let Some(found) = self.stat(&name)? else {
                continue;
            };
            let age = now.duration_since(found.modified()?.into_std());
            if age.is_ok_and(|age| age > ABANDONED) {
                self.remove_tree(&name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().expect("tempdir");
        let root = Root::open(dir.path()).expect("open");
        root.replace(&root, "a", 0o644, |file| file.write_all(b"old"))
            .expect("put");
        let failed = root.replace(&root, "a", 0o644, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(dir.path().join("a")).expect("read"), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 1);
    }

    #[test]
    fn only_old_temporaries_are_swept() {
        let dir = tempfile::tempdir().expect("tempdir");
        let root = Root::open(dir.path()).expect("open");
        std::fs::write(dir.path().join(".tmp-1-1"), b"").expect("write");
        std::fs::write(dir.path().join("kept"), b"").expect("write");
        let now = SystemTime::now();
        root.sweep(now).expect("sweep");
        assert!(dir.path().join(".tmp-1-1").exists());
        root.sweep(now + ABANDONED * 2).expect("sweep");
        assert!(!dir.path().join(".tmp-1-1").exists());
        assert!(dir.path().join("kept").exists());
    }
}
