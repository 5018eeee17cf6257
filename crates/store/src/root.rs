//! The cache directory as a capability: every file below it is reached through here.
//!
//! No name can leave the directory, symbolic links are never followed to their end, and files are
//! replaced whole. Unaware of what the files mean. (SQLite opens its files by path; [`Root::regular`] is
//! asked about them first.)

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use nix::fcntl::OFlag;

/// Temporary files carry this, the process and a number: `.tmp-<pid>-<n>`.
const TEMPORARY: &str = ".tmp-";

/// A temporary file this old belongs to nobody: no write of ours takes an hour.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What makes a file this file in this state; it changes whenever the contents may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) mtime: i128,
    /// Nanoseconds since 1970.
    pub(crate) ctime: i128,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let nanos =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            size: metadata.size(),
            mtime: nanos(metadata.mtime(), metadata.mtime_nsec()),
            ctime: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// An open directory and its path, which is for messages and for SQLite only.
#[derive(Debug)]
pub(crate) struct Root {
    dir: Dir,
    path: PathBuf,
}

impl Root {
    /// Opens the directory, which must exist.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // SQLite is told to follow no link anywhere in the path, so the path must have none.
        let path = std::fs::canonicalize(path)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Self { dir, path })
    }

    /// The path of a file in the directory, for messages and SQLite.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The directory's own path.
    pub(crate) fn own_path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory inside this one; a link is refused.
    pub(crate) fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits());
        let file = self.dir.open_with(name, &options)?;
        Ok(Self {
            dir: Dir::from_std_file(file.into_std()),
            path: self.path.join(name),
        })
    }

    /// Opens a directory inside this one; what stands in its place and is none is replaced.
    pub(crate) fn subdirectory_or_create(&self, name: &str) -> io::Result<Self> {
        if self.stat(name)?.is_some_and(|metadata| !metadata.is_dir()) {
            self.dir.remove_file(name)?;
        }
        match self.dir.create_dir(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.subdirectory(name),
        }
    }

    /// What stands at `name`, itself and not what it may point to. `None`: nothing.
    pub(crate) fn stat(&self, name: &str) -> io::Result<Option<Metadata>> {
        match self.dir.symlink_metadata(name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The identity of the regular file at `name`; `None` when nothing is there; anything else is refused.
    pub(crate) fn regular(&self, name: &str) -> io::Result<Option<Identity>> {
        match self.stat(name)? {
            None => Ok(None),
            Some(metadata) if metadata.is_file() => Ok(Some(Identity::of(&metadata))),
            Some(_) => Err(not_regular()),
        }
    }

    /// Opens a regular file for reading. Links, pipes and devices are refused, without waiting on them.
    pub(crate) fn read(&self, name: &str) -> io::Result<(File, Identity)> {
        self.open_with(name, OpenOptions::new().read(true))
    }

    /// Opens a regular file for reading and writing, creating it empty.
    pub(crate) fn read_write(&self, name: &str) -> io::Result<File> {
        let (file, _) = self.open_with(
            name,
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .mode(0o666),
        )?;
        Ok(file)
    }

    /// Reads the whole of a regular file; `None` when it is not there.
    pub(crate) fn read_all(&self, name: &str) -> io::Result<Option<(Vec<u8>, Identity)>> {
        let (mut file, identity) = match self.read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::with_capacity(usize::try_from(identity.size).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(Some((bytes, identity)))
    }

    /// Replaces `name` in `target` by a file with what `fill` writes, whole or not at all.
    ///
    /// The one place where files come to be. The temporary file stands in this directory, which is on
    /// the same file system; whatever stands at `name`, a link too, is replaced and never written through.
    pub(crate) fn replace(
        &self,
        target: &Root,
        name: &str,
        mode: u32,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Identity> {
        let (mut file, temporary) = self.temporary(mode)?;
        let done = fill(&mut file)
            .and_then(|()| file.flush())
            .and_then(|()| match self.dir.rename(&temporary, &target.dir, name) {
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    target.dir.remove_dir_all(name)?;
                    self.dir.rename(&temporary, &target.dir, name)
                }
                renamed => renamed,
            })
            .and_then(|()| Ok(Identity::of(&file.metadata()?)));
        if done.is_err() {
            // Nothing half-written stays; where even this fails, the sweep of a later open does it.
            let _ = self.dir.remove_file(&temporary);
        }
        done
    }

    /// Removes a file or link; one that is not there is fine.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Moves whatever stands at `name` to `aside`, replacing what stood there.
    pub(crate) fn move_aside(&self, name: &str, aside: &str) -> io::Result<()> {
        match self.dir.rename(name, &self.dir, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes temporary files that a process left behind before `now`.
    pub(crate) fn sweep(&self, now: SystemTime) -> io::Result<()> {
        for entry in self.dir.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with(TEMPORARY) {
                continue;
            }
            let modified = entry.metadata()?.modified()?.into_std();
            if now
                .duration_since(modified)
                .is_ok_and(|age| age > ABANDONED)
            {
                self.dir.remove_file(&name)?;
            }
        }
        Ok(())
    }

    fn open_with(&self, name: &str, options: &mut OpenOptions) -> io::Result<(File, Identity)> {
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        let file = self.dir.open_with(name, options).map_err(|error| {
            match error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) {
                true => not_regular(),
                false => error,
            }
        })?;
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok((file, Identity::of(&metadata))),
            false => Err(not_regular()),
        }
    }

    fn temporary(&self, mode: u32) -> io::Result<(File, String)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{TEMPORARY}{}-{number}", std::process::id());
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode);
            match self.dir.open_with(&name, &options) {
                // Left by another process of the same number, here or in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return opened.map(|file| (file, name)),
            }
        }
    }
}

fn not_regular() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "not a regular file (a link, a directory or a device)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().expect("tempdir");
        let root = Root::open(dir.path()).expect("open");
        (dir, root)
    }

    fn put(root: &Root, name: &str, bytes: &[u8]) -> io::Result<Identity> {
        root.replace(root, name, 0o644, |file| file.write_all(bytes))
    }

    #[test]
    fn a_failed_fill_leaves_the_old_file_and_nothing_else() {
        let (dir, root) = root();
        put(&root, "a", b"old").expect("put");
        let failed = root.replace(&root, "a", 0o644, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(dir.path().join("a")).expect("read"), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).expect("list").count(), 1);
    }

    #[test]
    fn links_are_neither_read_nor_written_through() {
        let (dir, root) = root();
        let outside = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(outside.path(), b"outside").expect("write");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("a")).expect("link");
        assert!(root.read("a").is_err());
        assert!(root.regular("a").is_err());
        put(&root, "a", b"inside").expect("put");
        assert_eq!(std::fs::read(outside.path()).expect("read"), b"outside");
        assert_eq!(
            root.read_all("a").expect("read").expect("there").0,
            b"inside"
        );
    }

    #[test]
    fn a_link_inside_the_directory_is_refused_as_well() {
        let (dir, root) = root();
        put(&root, "b", b"b").expect("put");
        std::os::unix::fs::symlink("b", dir.path().join("a")).expect("link");
        assert!(root.read("a").is_err());
    }

    #[test]
    fn a_directory_in_the_way_is_replaced() {
        let (dir, root) = root();
        std::fs::create_dir_all(dir.path().join("a/b")).expect("mkdir");
        assert!(root.read("a").is_err());
        put(&root, "a", b"x").expect("put");
        assert_eq!(root.read_all("a").expect("read").expect("there").0, b"x");
    }

    #[test]
    fn only_old_temporaries_are_swept() {
        let (dir, root) = root();
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
