//! Files taken over as blobs: by their name where that is possible, else by their bytes.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use cap_std::fs::{File, Metadata, MetadataExt, Permissions, PermissionsExt};

use super::{Blobs, CHUNK, hash_file};
use crate::blob::{Blob, mode_like};
use crate::digest::Digest;
use crate::root::{Identity, Root};
use crate::tree::Content;

/// A regular file that is to be taken over, open.
pub(crate) struct Found<'a> {
    pub(crate) dir: &'a Root,
    pub(crate) name: &'a Path,
    pub(crate) file: File,
    pub(crate) metadata: Metadata,
}

impl<'a> Found<'a> {
    /// Opens the file `name` in `dir`, which must be a regular one.
    pub(crate) fn at(dir: &'a Root, name: &'a Path) -> io::Result<Self> {
        let (file, metadata) = dir.open_file(name)?;
        Ok(Self {
            dir,
            name,
            file,
            metadata,
        })
    }

    /// Says whether the file can be executed.
    pub(crate) fn is_program(&self) -> bool {
        self.metadata.mode() & 0o111 != 0
    }

    /// Reads the file whole, which must not change meanwhile.
    pub(crate) fn read_small(&self) -> io::Result<Vec<u8>> {
        let before = Identity::of(&self.metadata);
        let mut bytes = Vec::new();
        (&self.file).take(before.size + 1).read_to_end(&mut bytes)?;
        self.unchanged(&before)?;
        Ok(bytes)
    }

    fn blob(&self, digest: Digest) -> Blob {
        Blob {
            digest,
            executable: self.is_program(),
        }
    }

    fn mode(&self) -> u32 {
        mode_like(self.metadata.mode(), self.is_program())
    }

    /// Refuses a file that is not as it was `before`, when it began to be read.
    fn unchanged(&self, before: &Identity) -> io::Result<()> {
        match before.same_bytes(&Identity::of(&self.file.metadata()?)) {
            true => Ok(()),
            false => Err(changed()),
        }
    }
}

impl Blobs {
    /// Takes over a file, which is gone from where it stood: renamed on the same file system, else copied.
    /// A file that changes meanwhile is refused.
    pub(crate) fn adopt(&self, found: &Found<'_>) -> io::Result<Content> {
        let blobs = self.directory_or_create()?;
        // What has another name as well may be written through that.
        let movable = found.metadata.nlink() == 1 && found.metadata.dev() == blobs.device()?;
        if movable && let Some(blob) = self.rename(&blobs, found)? {
            return Ok(blob);
        }
        let blob = self.copy(&blobs, found)?;
        // It has been taken over, whether it can be removed or not.
        let _ = found.dir.remove(found.name);
        Ok(blob)
    }

    /// `None`: the file cannot be made ours and must be copied.
    fn rename(&self, blobs: &Root, found: &Found<'_>) -> io::Result<Option<Content>> {
        let mode = Permissions::from_mode(found.mode());
        if found.file.set_permissions(mode).is_err() {
            return Ok(None);
        }
        let before = Identity::of(&found.file.metadata()?);
        let blob = found.blob(hash_file(&found.file, before.size)?);
        found.unchanged(&before)?;
        if self.renew(&blob, before.size) {
            found.dir.remove(found.name)?;
            return Ok(Some(Content {
                blob,
                size: before.size,
            }));
        }
        match found.dir.rename(found.name, blobs, blob.name()) {
            // Two mounts of one file system.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(None),
            renamed => renamed?,
        }
        let after = blobs.regular(blob.name())?.ok_or_else(changed)?;
        if !before.same_bytes(&after) {
            blobs.remove(blob.name())?;
            return Err(changed());
        }
        self.arrived(&blob, &after);
        Ok(Some(Content {
            blob,
            size: after.size,
        }))
    }

    fn copy(&self, blobs: &Root, found: &Found<'_>) -> io::Result<Content> {
        let before = Identity::of(&found.file.metadata()?);
        let mut temporary = self.root.temporary(found.mode())?;
        (&found.file).rewind()?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK as usize];
        loop {
            match (&found.file).read(&mut chunk)? {
                0 => break,
                count => {
                    hasher.update(&chunk[..count]);
                    temporary.file.write_all(&chunk[..count])?;
                }
            }
        }
        found.unchanged(&before)?;
        let blob = found.blob(Digest::from_bytes(*hasher.finalize().as_bytes()));
        if !self.renew(&blob, before.size) {
            let identity = temporary.put(blobs, blob.name())?;
            self.arrived(&blob, &identity);
        }
        Ok(Content {
            blob,
            size: before.size,
        })
    }
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "the file changed while it was read; does something that was started still write to it?",
    )
}
