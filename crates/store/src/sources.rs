//! The content digests of source files, which stand outside the cache directory.
//!
//! A file whose identity (device, number, size, both times) is as it was when it was read is not read
//! again. A file changed so recently that a further change might leave the same times is not remembered
//! (git's rule for "racily clean" entries). Unaware of what the files are for.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::digest::Digest;
use crate::fields::check;
use crate::root::Identity;

/// Two seconds, the coarsest times of a file system in use (FAT).
const COARSEST_TIME: i128 = 2_000_000_000;

/// How often a file is read anew that changes while it is read.
const ATTEMPTS: usize = 4;

/// The bytes of one entry: five numbers, a digest, a check.
const ENTRY: usize = 8 + 8 + 8 + 16 + 16 + 32 + 8;

/// What this process knows about source files.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    known: Mutex<FxHashMap<PathBuf, (Identity, Digest)>>,
}

impl Sources {
    /// The digest and size of the file at `path`, at the time `now`.
    ///
    /// `recall` gives an entry kept from earlier processes, `keep` takes one for later ones.
    pub(crate) fn digest(
        &self,
        path: &Path,
        now: SystemTime,
        recall: impl FnOnce() -> Option<Vec<u8>>,
        keep: impl FnOnce(Vec<u8>),
    ) -> io::Result<(Digest, u64)> {
        let identity = identity_of(&regular(std::fs::metadata(path)?)?);
        if let Some((known, digest)) = self.known.lock().get(path)
            && *known == identity
        {
            return Ok((*digest, identity.size));
        }
        if let Some((known, digest)) = recall().and_then(|bytes| decode(path, &bytes))
            && known == identity
        {
            self.known
                .lock()
                .insert(path.to_owned(), (identity, digest));
            return Ok((digest, identity.size));
        }
        let (identity, digest) = read(path)?;
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos().cast_signed());
        if now - identity.mtime.max(identity.ctime) > COARSEST_TIME {
            self.known
                .lock()
                .insert(path.to_owned(), (identity, digest));
            keep(encode(path, &identity, &digest));
        }
        Ok((digest, identity.size))
    }
}

/// Reads a file that stays the same from before to after; tries again, a few times, where it does not.
fn read(path: &Path) -> io::Result<(Identity, Digest)> {
    for _ in 0..ATTEMPTS {
        let mut file = File::open(path)?;
        let before = identity_of(&regular(file.metadata()?)?);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file)?;
        let after = identity_of(&file.metadata()?);
        if before == after && hasher.count() == after.size {
            return Ok((after, Digest::from_bytes(*hasher.finalize().as_bytes())));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("the file changed while it was read, {ATTEMPTS} times in a row"),
    ))
}

fn regular(metadata: std::fs::Metadata) -> io::Result<std::fs::Metadata> {
    match metadata.is_file() {
        true => Ok(metadata),
        false if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // Reading a pipe or device may wait for ever.
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}

fn identity_of(metadata: &std::fs::Metadata) -> Identity {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Identity {
        dev: metadata.dev(),
        ino: metadata.ino(),
        size: metadata.size(),
        mtime: nanos(metadata.mtime(), metadata.mtime_nsec()),
        ctime: nanos(metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn encode(path: &Path, identity: &Identity, digest: &Digest) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENTRY);
    for number in [identity.dev, identity.ino, identity.size] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for time in [identity.mtime, identity.ctime] {
        bytes.extend_from_slice(&time.to_le_bytes());
    }
    bytes.extend_from_slice(digest.as_bytes());
    let sum = check(&[&bytes, path.as_os_str().as_encoded_bytes()]);
    bytes.extend_from_slice(&sum);
    bytes
}

/// `None`: these bytes were not written for this path.
fn decode(path: &Path, bytes: &[u8]) -> Option<(Identity, Digest)> {
    let (entry, sum) = bytes.split_last_chunk()?;
    if bytes.len() != ENTRY || check(&[entry, path.as_os_str().as_encoded_bytes()]) != *sum {
        return None;
    }
    let number = |at: usize| entry[at..].first_chunk().copied().map(u64::from_le_bytes);
    let time = |at: usize| entry[at..].first_chunk().copied().map(i128::from_le_bytes);
    let identity = Identity {
        dev: number(0)?,
        ino: number(8)?,
        size: number(16)?,
        mtime: time(24)?,
        ctime: time(40)?,
    };
    Some((identity, Digest::from_bytes(*entry[56..].first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    /// Asks for the digest, with the entries that were kept; says whether the file was read.
    fn ask(
        sources: &Sources,
        path: &Path,
        now: SystemTime,
        kept: &RefCell<Option<Vec<u8>>>,
    ) -> (Digest, u64) {
        sources
            .digest(
                path,
                now,
                || kept.borrow().clone(),
                |entry| *kept.borrow_mut() = Some(entry),
            )
            .expect("digest")
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), bytes).expect("write");
        file
    }

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3600)
    }

    #[test]
    fn an_old_file_is_remembered_for_the_next_process() {
        let file = file(b"text");
        let kept = RefCell::default();
        assert_eq!(
            ask(&Sources::default(), file.path(), later(), &kept),
            (Digest::of(b"text"), 4)
        );
        let entry = kept.borrow().clone().expect("kept");
        let (identity, digest) = decode(file.path(), &entry).expect("entry");
        assert_eq!((identity.size, digest), (4, Digest::of(b"text")));
        // An entry with another digest shows that it is believed.
        *kept.borrow_mut() = Some(encode(file.path(), &identity, &Digest::of(b"kept")));
        assert_eq!(
            ask(&Sources::default(), file.path(), later(), &kept).0,
            Digest::of(b"kept")
        );
    }

    #[test]
    fn a_file_changed_just_now_is_not_remembered() {
        let file = file(b"text");
        let kept = RefCell::default();
        let sources = Sources::default();
        ask(&sources, file.path(), SystemTime::now(), &kept);
        assert!(kept.borrow().is_none());
        assert!(sources.known.lock().is_empty());
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let file = file(b"text");
        let kept = RefCell::default();
        let sources = Sources::default();
        ask(&sources, file.path(), later(), &kept);
        std::fs::write(file.path(), b"more text").expect("write");
        assert_eq!(
            ask(&sources, file.path(), later(), &kept),
            (Digest::of(b"more text"), 9)
        );
        // The same size and times, but another file in its place.
        let other = self::file(b"less text");
        std::fs::rename(other.path(), file.path()).expect("rename");
        assert_eq!(
            ask(&sources, file.path(), later(), &kept).0,
            Digest::of(b"less text")
        );
    }

    #[test]
    fn a_damaged_entry_is_not_believed() {
        let file = file(b"text");
        let kept = RefCell::default();
        ask(&Sources::default(), file.path(), later(), &kept);
        for at in 0..ENTRY {
            let mut entry = kept.borrow().clone().expect("kept");
            entry[at] ^= 1;
            assert!(decode(file.path(), &entry).is_none(), "byte {at}");
        }
        let entry = kept.borrow().clone().expect("kept");
        assert!(decode(Path::new("elsewhere"), &entry).is_none());
        assert!(decode(file.path(), &entry[1..]).is_none());
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let dir = tempfile::tempdir().expect("tempdir");
        let ask = |path: &Path| Sources::default().digest(path, later(), || None, |_| ());
        assert_eq!(
            ask(dir.path()).expect_err("directory").kind(),
            io::ErrorKind::IsADirectory
        );
        assert_eq!(
            ask(&dir.path().join("x")).expect_err("absent").kind(),
            io::ErrorKind::NotFound
        );
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).expect("mkfifo");
        assert_eq!(
            ask(&pipe).expect_err("pipe").kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
