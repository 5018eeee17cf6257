//! Directories removed with all that is in them, whatever its modes.

use std::io;
use std::path::Path;

use cap_std::fs::{Dir, Permissions, PermissionsExt};

use super::{Change, Root};

impl Root {
    /// Removes whatever stands at `name`: a file, a link itself, or a directory with all below it.
    /// Nothing there is fine.
    pub(crate) fn remove_tree(&self, name: impl AsRef<Path>) -> io::Result<()> {
        let name = name.as_ref();
        match self.stat(name)? {
            None => return Ok(()),
            Some(found) if !found.is_dir() => return self.remove(name),
            Some(_) => {}
        }
        self.before(Change::Remove, name)?;
        let removed = match self.dir.remove_dir_all(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // Who made it may have taken the right to change it.
                open_up(&self.dir, name)?;
                self.dir.remove_dir_all(name)
            }
            removed => removed,
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Lets the owner change every directory from `name` down.
fn open_up(parent: &Dir, name: &Path) -> io::Result<()> {
    parent.set_permissions(name, Permissions::from_mode(0o700))?;
    let dir = parent.open_dir(name)?;
    for entry in dir.entries()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&dir, entry.file_name().as_ref())?;
        }
    }
    Ok(())
}
