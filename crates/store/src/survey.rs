//! What is in a directory, without reading its files.
//!
//! Unaware of what becomes of them.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cap_std::fs::{FileType, FileTypeExt};

use crate::root::Root;
use crate::tree::{Entry, Kind, Tree};

/// Why a directory cannot be taken over: the path in it, and what is there.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot be read.
    Failed(PathBuf, io::Error),
    /// It is nothing that an output can have.
    Unfit(PathBuf, String),
}

/// Lists what is below `top`.
pub(crate) fn survey(top: &Root) -> Result<Tree<()>, Refusal> {
    let mut entries = Vec::new();
    let mut ahead = vec![PathBuf::new()];
    while let Some(directory) = ahead.pop() {
        let failed = |error| Refusal::Failed(directory.clone(), error);
        let dir = match directory.as_os_str().is_empty() {
            true => top.names(),
            false => top.subdirectory(&directory).and_then(|dir| dir.names()),
        };
        for name in dir.map_err(failed)? {
            let path = directory.join(name);
            let kind = kind_of(top, &path)?;
            if let Kind::Directory = kind {
                ahead.push(path.clone());
            }
            entries.push(Entry::new(&path, kind));
        }
    }
    Tree::new(entries).map_err(|unfit| {
        let path = Path::new(std::ffi::OsStr::from_bytes(&unfit.path)).to_owned();
        Refusal::Unfit(path, format!("it is {}", unfit.reason))
    })
}

fn kind_of(top: &Root, path: &Path) -> Result<Kind<()>, Refusal> {
    let failed = |error| Refusal::Failed(path.to_owned(), error);
    let found = top
        .stat(path)
        .and_then(|found| found.ok_or_else(|| io::ErrorKind::NotFound.into()));
    let kind = found.map_err(failed)?.file_type();
    if kind.is_dir() {
        Ok(Kind::Directory)
    } else if kind.is_file() {
        Ok(Kind::File(()))
    } else if kind.is_symlink() {
        let target = top.link_target(path).map_err(failed)?;
        Ok(Kind::Link(target.as_os_str().as_bytes().into()))
    } else {
        let reason = format!(
            "it is {}; an output has files, directories and links inside it",
            name_of(kind)
        );
        Err(Refusal::Unfit(path.to_owned(), reason))
    }
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}
