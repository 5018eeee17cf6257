//! Files and directories written outside of the cache directory: whole or not at all, and never a link into it.
//!
//! Unaware of what is exported.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts a file at `to` with what `fill` writes; directories on the way there are made.
///
/// # Errors
/// What `fill` gives, or the system where a file cannot be put; what stood at `to` still does then.
pub fn file(
    to: &Path,
    executable: bool,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let beside = beside(to)?;
    let done = create(&beside, executable)
        .and_then(|mut file| fill(&mut file))
        .and_then(|()| std::fs::rename(&beside, to));
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done
}

/// Puts a directory at `to` in which `fill` makes what it has; what stands there goes as a whole. `fill` is given
/// the path of the directory, which is empty and stands beside `to`.
///
/// # Errors
/// What `fill` gives, or the system where a directory cannot be put; what stood at `to` still does then.
pub fn directory(to: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(to)?;
    let done = std::fs::create_dir(&beside)
        .and_then(|()| fill(&beside))
        .and_then(|()| exchange(&beside, to));
    // What is there now is the half of a new one, or the old one.
    let removed = match beside.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(&beside),
        Ok(_) => std::fs::remove_file(&beside),
    };
    done.and(removed)
}

/// Puts `new` at `to` at once, and what stood there at `new`.
fn exchange(new: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_err() {
        return std::fs::rename(new, to);
    }
    if swap(new, to).is_ok() {
        return Ok(());
    }
    // Not here: the path is empty for a moment.
    let old = beside(to)?;
    std::fs::rename(to, &old)?;
    std::fs::rename(new, to)?;
    std::fs::rename(&old, new)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn swap(one: &Path, other: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    let flags = RenameFlags::RENAME_EXCHANGE;
    renameat2(AT_FDCWD, one, AT_FDCWD, other, flags).map_err(io::Error::from)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn swap(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A new file, with the mode that the process gives to files.
fn create(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(if executable { 0o777 } else { 0o666 });
    options.open(path)
}

/// A path that nobody has, in the directory of `to`, which is made.
fn beside(to: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file's name");
    let mut name = OsString::from(".");
    name.push(to.file_name().ok_or_else(invalid)?);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".refrain-{}-{number}", std::process::id()));
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            std::fs::create_dir_all(parent)?;
            Ok(parent.join(name))
        }
        _ => Ok(name.into()),
    }
}
