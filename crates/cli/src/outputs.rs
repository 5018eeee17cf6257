//! Outputs in the user's hands: put at a path, whole or not at all. It is
//! unaware of which output is asked for, and why.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use refrain_store::{Codec, ListEntry, Output, Store, export};

/// Puts a stored output at `to`, in place of what is there; what is equal is
/// left alone. What a mapped node gave becomes a directory with an entry for
/// each item, by its key.
pub fn put(store: &Store, output: &Output, to: &Path) -> io::Result<()> {
    if output.codec != Codec::LIST {
        return store.export(output, to);
    }
    let damaged = |damage| io::Error::new(io::ErrorKind::InvalidData, damage);
    let entries = store.load_list(output).map_err(damaged)?;
    let places = places(entries.iter().map(|entry| &*entry.key))?;
    if stand(store, &entries, &places, to)? {
        return Ok(());
    }
    export::directory(to, |beside| {
        let mut items = entries.iter().zip(&places);
        items.try_for_each(|(entry, place)| store.export(&entry.output, &beside.join(place)))
    })
}

/// Puts a copy of what is at `from` at `to`, for an output that nothing keeps.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if found.is_dir() {
        return export::directory(to, |beside| {
            for entry in fs::read_dir(from)? {
                let name = entry?.file_name();
                copy(&from.join(&name), &beside.join(&name))?;
            }
            Ok(())
        });
    }
    let executable = found.permissions().mode() & 0o111 != 0;
    export::file(to, executable, |file| {
        io::copy(&mut File::open(from)?, file).map(drop)
    })
}

/// The same for the outputs of a mapped node, by the keys of its items.
pub fn copy_all(items: &[(&str, &Path)], to: &Path) -> io::Result<()> {
    let places = places(items.iter().map(|(key, _)| *key))?;
    export::directory(to, |beside| {
        let mut items = items.iter().zip(&places);
        items.try_for_each(|((_, from), place)| copy(from, &beside.join(place)))
    })
}

/// The path of each item in the directory of its list: its key, where slashes
/// divide directories. Refuses items that would be in one place, or one inside
/// of the other.
fn places<'k>(keys: impl Iterator<Item = &'k str>) -> io::Result<Vec<PathBuf>> {
    let place = |key: &str| key.split('/').map(name).collect();
    let keys: Vec<&str> = keys.collect();
    let places: Vec<PathBuf> = keys.iter().map(|key| place(key)).collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|item| &places[*item]);
    let clash = order
        .windows(2)
        .find(|pair| places[pair[1]].starts_with(&places[pair[0]]));
    match clash {
        None => Ok(places),
        Some(pair) => Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            format!(
                "the items {:?} and {:?} cannot both be there; give them other keys",
                keys[pair[0]], keys[pair[1]]
            ),
        )),
    }
}

/// A part of a key as the name of a file. What cannot be one is written as
/// `%` and the bytes in hexadecimal digits.
fn name(part: &str) -> String {
    match part {
        "" => "%".to_owned(),
        "." | ".." => part.replace('.', "%2e"),
        _ => part.replace('\0', "%00"),
    }
}

/// Whether exactly these outputs stand there.
fn stand(store: &Store, entries: &[ListEntry], places: &[PathBuf], to: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(to).is_ok_and(|found| found.is_dir()) {
        return Ok(false);
    }
    let items: BTreeSet<PathBuf> = places.iter().map(|place| to.join(place)).collect();
    let mut outputs = entries.iter().zip(places);
    let equal = outputs.all(|(entry, place)| store.stands_at(&entry.output, &to.join(place)));
    Ok(equal && has_only(to, &items)?)
}

/// Whether nothing is in a directory but items, and directories on the way to
/// them.
fn has_only(dir: &Path, items: &BTreeSet<PathBuf>) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if items.contains(&path) {
            continue;
        }
        let next = items.range(path.clone()..).next();
        let on_the_way = next.is_some_and(|item| item.starts_with(&path));
        if !on_the_way || !entry.file_type()?.is_dir() || !has_only(&path, items)? {
            return Ok(false);
        }
    }
    Ok(true)
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
        let made = || fs::metadata(&to).unwrap().modified().unwrap();
        put_list(&[entry("a/b.txt", "one"), entry("c", "two")]).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b.txt")).unwrap(), "one");
        let before = made();
        put_list(&[entry("a/b.txt", "one"), entry("c", "two")]).unwrap();
        assert_eq!(made(), before);

        for stray in ["stray", "a/stray"] {
            fs::write(to.join(stray), "").unwrap();
            put_list(&[entry("a/b.txt", "one"), entry("c", "two")]).unwrap();
            assert!(!to.join(stray).exists());
        }
        put_list(&[entry("c", "three")]).unwrap();
        assert_eq!(fs::read_to_string(to.join("c")).unwrap(), "three");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
        let left = fs::read_dir(dir.path().join("deep")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[test]
    fn whatever_keys_are_the_items_lie_in_the_directory() {
        let places = |keys: &[&str]| places(keys.iter().copied());
        let expected = [
            ("a b/c\n.txt", "a b/c\n.txt"),
            ("../../out", "%2e%2e/%2e%2e/out"),
            ("/out", "%/out"),
            ("", "%"),
            ("a/./b/", "a/%2e/b/%"),
            ("nul\0", "nul%00"),
        ];
        for (key, place) in expected {
            assert_eq!(places(&[key]).unwrap(), [Path::new(place)]);
        }
        for keys in [["a", "a/b"], [".", "%2e"]] {
            let refused = places(&["0", keys[0], "z", keys[1]]).unwrap_err();
            for key in keys {
                assert!(
                    refused.to_string().contains(&format!("{key:?}")),
                    "{refused}"
                );
            }
        }
        assert!(places(&["a", "a.b", "ab/c"]).is_ok());
    }
}
