//! `records.db` and its companions as files, before SQLite may touch them: SQLite opens them by path, believes what stands
//! in them, and writes where they are.
//!
//! Unaware of tables.

use std::io::{self, Read, Seek, SeekFrom};

use cap_std::fs::MetadataExt;

use crate::root::Root;
use crate::schema::{APPLICATION, FORMAT, OLDEST};

/// The file, its companions, and where a damaged one is kept until the next one is.
pub(crate) const FILE: &str = "records.db";
pub(super) const COMPANIONS: [&str; 3] = ["records.db-wal", "records.db-shm", "records.db-journal"];
const ASIDE: &str = "records.db.damaged";

/// All of these.
pub(crate) const FILES: [&str; 5] = [FILE, COMPANIONS[0], COMPANIONS[1], COMPANIONS[2], ASIDE];

/// The bytes of a page.
pub(super) const PAGE: u64 = 4096;

/// How a rollback journal ends that names another one (sqlite.org/fileformat.html, 3).
const NAMES_ANOTHER: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// What the file is.
pub(super) enum File {
    Absent,
    Good,
    Damaged(String),
    Newer(i64),
}

/// Reads the header of the file (sqlite.org/fileformat.html, 1.3), before SQLite may touch it.
pub(super) fn inspect(root: &Root) -> io::Result<File> {
    for name in COMPANIONS {
        // Never through a link: SQLite opens these by path.
        if let Some(found) = root.stat(name)?
            && !found.is_file()
        {
            return Ok(File::Damaged(format!("{name} is not a regular file")));
        }
    }
    if names_another_file(root)? {
        return Ok(File::Damaged("its journal names another file".into()));
    }
    let (header, size) = match root.stat(FILE)? {
        None => return Ok(File::Absent),
        Some(found) if !found.is_file() => {
            return Ok(File::Damaged("it is not a regular file".into()));
        }
        Some(_) => {
            let mut header = Vec::with_capacity(100);
            let (file, identity) = root.read(FILE)?;
            file.take(100).read_to_end(&mut header)?;
            (header, identity.size)
        }
    };
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(<[u8]>::first_chunk);
        i64::from(bytes.copied().map_or(0, u32::from_be_bytes))
    };
    Ok(match (number(60), number(68)) {
        _ if header.is_empty() => File::Damaged("it is empty".into()),
        _ if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") => {
            File::Damaged("it is not a database".into())
        }
        (found, APPLICATION) if found > FORMAT => File::Newer(found),
        _ if is_cut_off(root, size, number(28))? => File::Damaged("its end is missing".into()),
        // A file whose first transaction is still beside it has neither number yet.
        (OLDEST..=FORMAT, APPLICATION) | (0, 0) => File::Good,
        (found, application) => File::Damaged(format!(
            "it is a database of another application ({application:#x}, version {found})"
        )),
    })
}

/// Gives files that have other names too, and may stand outside by these, names of their own: SQLite writes into them
/// where they are.
pub(super) fn make_own(root: &Root) -> io::Result<()> {
    for name in [FILE].iter().chain(&COMPANIONS) {
        let found = root.stat(name)?;
        if found.is_some_and(|found| found.is_file() && found.nlink() > 1) {
            let (mut file, _) = root.read(name)?;
            root.replace(root, name, 0o644, |copy| {
                io::copy(&mut file, copy).map(drop)
            })?;
        }
    }
    Ok(())
}

/// Says whether the rollback journal names a journal of several databases. SQLite removes that, wherever it is.
fn names_another_file(root: &Root) -> io::Result<bool> {
    let Some(journal) = root.regular(COMPANIONS[2])? else {
        return Ok(false);
    };
    let mut end = [0; 8];
    if journal.size < end.len() as u64 {
        return Ok(false);
    }
    let (mut file, _) = root.read(COMPANIONS[2])?;
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut end)?;
    Ok(end == NAMES_ANOTHER)
}

/// Says whether the file is shorter than its header says, in pages. SQLite would read zeros there.
/// As long as there is a write-ahead log, pages may be in that and not in the file yet.
fn is_cut_off(root: &Root, size: u64, pages: i64) -> io::Result<bool> {
    let logged = root.regular(COMPANIONS[0])?.is_some_and(|wal| wal.size > 0);
    Ok(!logged && size < pages.unsigned_abs() * PAGE)
}

/// Makes room for a new file, and keeps the old one until the next is damaged.
pub(super) fn put_aside(root: &Root) -> io::Result<()> {
    if root.move_aside(FILE, ASIDE).is_err() {
        root.remove(FILE)?;
    }
    remove_companions(root)
}

/// Removes what is of no use without the file.
pub(super) fn remove_companions(root: &Root) -> io::Result<()> {
    COMPANIONS.iter().try_for_each(|name| root.remove(name))
}
