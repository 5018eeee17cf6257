//! The cache directory as a capability: every file below it is reached through here.
//!
//! No name can leave the directory, symbolic links are never followed to their end, and files are
//! replaced whole. Unaware of what the files mean. (SQLite opens its files by path; [`Root::regular`] is
//! asked about them first.)

mod disk;
mod removal;
mod temporary;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use nix::fcntl::OFlag;

pub(crate) use disk::{Change, Disk, Plain, Written};
pub(crate) use temporary::Temporary;

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

    /// Says whether this is the same file with the same bytes; its name, links or mode may have changed.
    pub(crate) fn same_bytes(&self, other: &Self) -> bool {
        let bytes = |identity: &Self| (identity.dev, identity.ino, identity.size, identity.mtime);
        bytes(self) == bytes(other)
    }
}

/// The most bytes of a file that is read whole, other than an output: a snapshot of two million nodes.
const LARGEST: u64 = 1 << 31;

/// An open directory and its path, which is for messages and for SQLite only.
#[derive(Debug)]
pub(crate) struct Root {
    dir: Dir,
    path: PathBuf,
    disk: &'static dyn Disk,
}

impl Root {
    /// Opens the directory, which must exist.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::open_on(&Plain, path)
    }

    /// Opens the directory; `disk` is told of every change below it.
    pub(crate) fn open_on(disk: &'static dyn Disk, path: &Path) -> io::Result<Self> {
        // SQLite is told to follow no link anywhere in the path, so the path must have none.
        let path = std::fs::canonicalize(path)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        Ok(Self { dir, path, disk })
    }

    /// The path of a file in the directory, for messages and SQLite.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// The directory's own path.
    pub(crate) fn own_path(&self) -> &Path {
        &self.path
    }

    /// Who is told of changes below the directory.
    pub(crate) fn disk(&self) -> &'static dyn Disk {
        self.disk
    }

    /// Opens a directory inside this one; a link is refused.
    pub(crate) fn subdirectory(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        let name = name.as_ref();
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits());
        let file = self.dir.open_with(name, &options)?;
        Ok(Self {
            dir: Dir::from_std_file(file.into_std()),
            path: self.path.join(name),
            disk: self.disk,
        })
    }

    /// Opens a directory inside this one; what stands in its place and is none is replaced.
    pub(crate) fn subdirectory_or_create(&self, name: impl AsRef<Path>) -> io::Result<Self> {
        let name = name.as_ref();
        match self.stat(name)? {
            Some(found) if found.is_dir() => return self.subdirectory(name),
            Some(_) => self.remove(name)?,
            None => {}
        }
        match self.create(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.subdirectory(name),
        }
    }

    /// Makes a directory, which must not exist.
    pub(crate) fn create(&self, name: impl AsRef<Path>) -> io::Result<()> {
        self.before(Change::Create, &name)?;
        self.dir.create_dir(name)
    }

    /// Says whether a directory is as [`Root::create`] makes it: empty, and with the mode of this one.
    pub(crate) fn is_as_made(&self, name: impl AsRef<Path>) -> io::Result<bool> {
        let made = self.subdirectory(name)?;
        let mode = |dir: &Dir| dir.dir_metadata().map(|found| found.mode());
        Ok(mode(&made.dir)? == mode(&self.dir)? && made.dir.entries()?.next().is_none())
    }

    /// Makes a symbolic link, which must not exist.
    pub(crate) fn link(&self, name: impl AsRef<Path>, target: impl AsRef<Path>) -> io::Result<()> {
        self.before(Change::Create, &name)?;
        self.dir.symlink(target, name)
    }

    /// Where the symbolic link `name` leads to, as it stands there.
    pub(crate) fn link_target(&self, name: impl AsRef<Path>) -> io::Result<PathBuf> {
        self.dir.read_link_contents(name)
    }

    /// Gives the file `name` another name, `to` in `target`, which must not exist.
    pub(crate) fn hard_link(
        &self,
        name: impl AsRef<Path>,
        target: &Self,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        self.before(Change::Rename, &name)?;
        self.dir.hard_link(name, &target.dir, to)
    }

    /// Makes a file with what `from` gives, which must not exist.
    pub(crate) fn copy(
        &self,
        from: &mut File,
        name: impl AsRef<Path>,
        mode: u32,
    ) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        self.before(Change::Create, &name)?;
        let mut to = self.dir.open_with(&name, &options)?;
        self.before(Change::Write, &name)?;
        io::copy(from, &mut to).map(drop)
    }

    /// Removes a directory, which must be empty.
    pub(crate) fn remove_empty(&self, name: impl AsRef<Path>) -> io::Result<()> {
        self.before(Change::Remove, &name)?;
        self.dir.remove_dir(name)
    }

    /// What stands at `name`, itself and not what it may point to. `None`: nothing.
    pub(crate) fn stat(&self, name: impl AsRef<Path>) -> io::Result<Option<Metadata>> {
        match self.dir.symlink_metadata(name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The identity of the regular file at `name`; `None` when nothing is there; anything else is refused.
    pub(crate) fn regular(&self, name: impl AsRef<Path>) -> io::Result<Option<Identity>> {
        match self.stat(name)? {
            None => Ok(None),
            Some(metadata) if metadata.is_file() => Ok(Some(Identity::of(&metadata))),
            Some(_) => Err(not_regular()),
        }
    }

    /// Opens a regular file for reading. Links, pipes and devices are refused, without waiting on them.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> io::Result<(File, Identity)> {
        let (file, metadata) = self.open_file(name)?;
        Ok((file, Identity::of(&metadata)))
    }

    /// Does what [`Root::read`] does, and gives all that is known of the file.
    pub(crate) fn open_file(&self, name: impl AsRef<Path>) -> io::Result<(File, Metadata)> {
        self.open_with(name, OpenOptions::new().read(true))
    }

    /// Opens a regular file for reading and writing, creating it empty.
    pub(crate) fn read_write(&self, name: impl AsRef<Path>) -> io::Result<File> {
        self.before(Change::Create, &name)?;
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

    /// Opens a regular file for adding to its end, creating it empty.
    pub(crate) fn append(&self, name: impl AsRef<Path>) -> io::Result<Written> {
        self.before(Change::Create, &name)?;
        let mut options = OpenOptions::new();
        let (file, _) = self.open_with(name, options.append(true).create(true).mode(0o666))?;
        Ok(Written::new(file, self.disk))
    }

    /// Opens a regular file, which must exist, for changing it where it stands.
    pub(crate) fn edit(&self, name: impl AsRef<Path>) -> io::Result<Written> {
        let (file, _) = self.open_with(name, OpenOptions::new().write(true))?;
        Ok(Written::new(file, self.disk))
    }

    /// Reads the whole of a regular file of at most [`LARGEST`] bytes; `None` when it is not there.
    pub(crate) fn read_all(
        &self,
        name: impl AsRef<Path>,
    ) -> io::Result<Option<(Vec<u8>, Identity)>> {
        let (mut file, identity) = match self.read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if identity.size > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{} bytes are more than {LARGEST}", identity.size),
            ));
        }
        let mut bytes = room_for(identity.size)?;
        file.read_to_end(&mut bytes)?;
        Ok(Some((bytes, identity)))
    }

    /// The names in the directory, in no order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let entries = self.dir.entries()?;
        entries.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// Says whether somebody removed the directory since it was opened.
    pub(crate) fn is_removed(&self) -> io::Result<bool> {
        Ok(self.dir.dir_metadata()?.nlink() == 0)
    }

    /// The device that the directory is on.
    pub(crate) fn device(&self) -> io::Result<u64> {
        Ok(self.dir.dir_metadata()?.dev())
    }

    /// Moves `name` to `to` in `target`, replacing what stands there; nothing is copied.
    pub(crate) fn rename(
        &self,
        name: impl AsRef<Path>,
        target: &Self,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        let (name, to) = (name.as_ref(), to.as_ref());
        self.before(Change::Rename, name)?;
        match self.dir.rename(name, &target.dir, to) {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                target.remove_tree(to)?;
                self.dir.rename(name, &target.dir, to)
            }
            renamed => renamed,
        }
    }

    /// Removes a file or link; one that is not there is fine.
    pub(crate) fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
        self.before(Change::Remove, &name)?;
        match self.dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Moves whatever stands at `name` to `aside`, replacing what stood there.
    pub(crate) fn move_aside(&self, name: &str, aside: &str) -> io::Result<()> {
        self.before(Change::Rename, name)?;
        match self.dir.rename(name, &self.dir, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn before(&self, change: Change, name: impl AsRef<Path>) -> io::Result<()> {
        self.disk.before(change, name.as_ref())
    }

    fn open_with(
        &self,
        name: impl AsRef<Path>,
        options: &mut OpenOptions,
    ) -> io::Result<(File, Metadata)> {
        options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        let file = self.dir.open_with(name, options).map_err(|error| {
            match error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) {
                true => not_regular(),
                false => error,
            }
        })?;
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok((file, metadata)),
            false => Err(not_regular()),
        }
    }
}

/// Room for so many bytes; an error, and no end of the process, where there is none.
pub(crate) fn room_for(size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let size = usize::try_from(size).map_err(io::Error::other)?;
    bytes.try_reserve_exact(size).map_err(io::Error::other)?;
    Ok(bytes)
}

fn not_regular() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "not a regular file (a link, a directory or a device)",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
}
