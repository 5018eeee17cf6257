//! Stored outputs in the user's hands: put at a path, whole or not at all. It
//! is unaware of which output is asked for, and why.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use refrain_store::{Codec, ListEntry, Output, Store};

/// Puts an output at `to`, in place of what is there. What a mapped node gave
/// becomes a directory with a file for each item, by its key.
pub fn put(store: &Store, output: &Output, to: &Path) -> io::Result<()> {
    if output.codec != Codec::LIST {
        return store.export(output, to);
    }
    let damaged = |damage| io::Error::new(io::ErrorKind::InvalidData, damage);
    let entries = store.load_list(output).map_err(damaged)?;
    let names = entries.iter().map(|entry| file_name(&entry.key));
    let names: Vec<PathBuf> = names.collect::<io::Result<_>>()?;
    if stands(store, &entries, &names, to)? {
        return Ok(());
    }
    let parent = above(to);
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new()
        .prefix(".refrain-")
        .tempdir_in(parent)?;
    let (new, old) = (fresh.path().join("new"), fresh.path().join("old"));
    fs::create_dir(&new)?;
    for (entry, name) in entries.iter().zip(&names) {
        store.export(&entry.output, &new.join(name))?;
    }
    match fs::rename(to, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(new, to),
    }
}

/// Puts a copy of a file at `to`, for an output that nothing keeps.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let parent = above(to);
    fs::create_dir_all(parent)?;
    let mut fresh = tempfile::NamedTempFile::new_in(parent)?;
    let mut file = fs::File::open(from)?;
    let mode = file.metadata()?.permissions();
    io::copy(&mut file, &mut fresh)?;
    fresh.as_file().set_permissions(mode)?;
    fresh.persist(to).map_err(|error| error.error).map(drop)
}

fn above(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// The path of an item in the directory of its list.
fn file_name(key: &str) -> io::Result<PathBuf> {
    let path = Path::new(key);
    let mut parts = path.components();
    match !key.is_empty() && parts.all(|part| matches!(part, Component::Normal(_))) {
        true => Ok(path.to_owned()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            format!("the item {key:?} is no path below a directory"),
        )),
    }
}

/// Whether exactly these outputs stand there.
fn stands(store: &Store, entries: &[ListEntry], names: &[PathBuf], to: &Path) -> io::Result<bool> {
    if !to.is_dir() {
        return Ok(false);
    }
    let equal = entries.iter().zip(names).all(|(entry, name)| {
        let found = store.file_digest(&to.join(name));
        found.is_ok_and(|(digest, _)| digest == entry.output.digest)
    });
    let names: BTreeSet<&Path> = names.iter().map(PathBuf::as_path).collect();
    Ok(equal && count_files(to)? == names.len())
}

fn count_files(dir: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        count += match entry.file_type()?.is_dir() {
            true => count_files(&entry.path())?,
            false => 1,
        };
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_directory_of_exactly_its_items() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("cache")).unwrap();
        let entry = |key: &str, text: &str| ListEntry {
            key: key.into(),
            output: store.write(text.as_bytes(), Codec::FILE).unwrap(),
        };
        let to = dir.path().join("deep/list");
        let put_list = |entries: &[ListEntry]| {
            let list = store.write_list(entries).unwrap();
            put(&store, &list, &to)
        };
        put_list(&[entry("a/b.txt", "one"), entry("c", "two")]).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b.txt")).unwrap(), "one");
        let before = fs::metadata(&to).unwrap().modified().unwrap();
        put_list(&[entry("a/b.txt", "one"), entry("c", "two")]).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), before);

        fs::write(to.join("stray"), "").unwrap();
        put_list(&[entry("c", "three")]).unwrap();
        assert_eq!(fs::read_to_string(to.join("c")).unwrap(), "three");
        assert_eq!(count_files(&to).unwrap(), 1);
        for key in ["../out", "/out", "", "a/../../out"] {
            assert!(put_list(&[entry(key, "x")]).is_err(), "{key}");
        }
        let left = fs::read_dir(dir.path().join("deep")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }
}
