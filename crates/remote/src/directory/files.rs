//! The files of a shared directory: opened, read, and put there whole. Calls here may hang.
//!
//! No name can leave the directory, links are not followed, and what is no regular file is not waited for. Unaware of
//! threads and of time.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use refrain_store::Name;
use ulid::Ulid;

/// Where files are that have no name yet.
const PARTS: &str = "parts";

/// A part this old belongs to nobody: no write goes on for that long.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A shared directory, open.
pub(super) struct Files {
    dir: Dir,
}

impl Files {
    /// Opens the directory at `path`. `None` where it is missing and its parent is not.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match Dir::open_ambient_dir(path, ambient_authority()) {
            Ok(dir) => Ok(Some(Self { dir })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A directory that is to be made is one thing, a file system that is not mounted another.
                let parent = Path::new(".").join(path.parent().unwrap_or(path));
                let parent = Dir::open_ambient_dir(parent, ambient_authority());
                let said = "neither the directory nor its parent is there; mount or create it";
                parent
                    .map(|_| None)
                    .map_err(|_| io::Error::new(error.kind(), said))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the directory at `path`, and makes it where its parent is there.
    pub(super) fn open_or_create(path: &Path) -> io::Result<Self> {
        if let Some(files) = Self::open(path)? {
            return Ok(files);
        }
        match Dir::create_ambient_dir_all(path, ambient_authority()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { dir })
    }

    /// Opens what is under `name`.
    pub(super) fn read(&self, name: &Name) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        // Opening a pipe does not wait for who writes into it.
        options
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
        match self.dir.open_with(name.to_string(), &options) {
            Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
            Ok(_) => Err(not_regular()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => Err(not_regular()),
            Err(error) => Err(error),
        }
    }

    /// Reads what is under `name`, one byte more than `limit` at most.
    pub(super) fn read_small(&self, name: &Name, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.read(name)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        if file.metadata()?.len() <= limit {
            file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
            return Ok(Some(bytes));
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("more than {limit} bytes"),
        ))
    }

    /// Says whether there is a file under `name`.
    pub(super) fn has(&self, name: &Name) -> io::Result<bool> {
        match self.dir.symlink_metadata(name.to_string()) {
            Ok(metadata) => Ok(metadata.is_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins a file that will be `name`.
    pub(super) fn begin(&self, name: &Name) -> io::Result<Part<'_>> {
        let name = PathBuf::from(name.to_string());
        let part = format!("{PARTS}/{}", Ulid::generate());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let file = match self.dir.open_with(&part, &options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.prepare()?;
                self.dir.open_with(&part, &options)?
            }
            opened => opened?,
        };
        Ok(Part {
            files: self,
            part,
            name,
            file: Some(file),
        })
    }

    /// Makes the directories of the layout.
    fn prepare(&self) -> io::Result<()> {
        for directory in [PARTS, "records", "blobs"] {
            match self.dir.create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what writers left that died. How old it is, is told by the stamps of one machine: that with the files.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let now = Ulid::generate().to_string();
        let here = format!("{PARTS}/{now}");
        let modified = |file: File| file.metadata()?.modified();
        let mut options = OpenOptions::new();
        let now = modified(
            self.dir
                .open_with(&here, options.write(true).create_new(true))?,
        )?;
        for entry in self.dir.read_dir(PARTS)? {
            let entry = entry?;
            let old = entry.metadata().and_then(|metadata| metadata.modified());
            let age = old.map(|old| now.duration_since(old).unwrap_or_default());
            if age.is_ok_and(|age| age > ABANDONED) {
                // Another may be at it too.
                let _ = entry.remove_file();
            }
        }
        self.dir.remove_file(&here)
    }
}

/// A file that nobody looks for yet; removed when dropped.
pub(super) struct Part<'a> {
    files: &'a Files,
    part: String,
    name: PathBuf,
    file: Option<File>,
}

impl Part<'_> {
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file
            .as_mut()
            .map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// Gives the file its name. Whatever stands there is replaced and never written through.
    pub(super) fn finish(mut self) -> io::Result<()> {
        // A network file system may say only now that it is full.
        if let Some(file) = self.file.take() {
            nix::unistd::close(file.into_std())?;
        }
        let dir = &self.files.dir;
        match dir.rename(&self.part, dir, &self.name) {
            // Somebody removed a directory that is made only once.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.files.prepare()?;
                dir.rename(&self.part, dir, &self.name)
            }
            renamed => renamed,
        }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // It has its name already, or is swept by a later writer where even this fails.
        let _ = self.files.dir.remove_file(&self.part);
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a regular file")
}
