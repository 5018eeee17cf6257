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

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::digest::{Digest, Seal};
use crate::fields::check;
use crate::root::Identity;
use crate::seal::{self, SealKey};

/// Two seconds, the coarsest times of a file system in use (FAT).
const COARSEST_TIME: i128 = 2_000_000_000;

/// How often a file is read anew that changes while it is read.
const ATTEMPTS: usize = 4;

/// The bytes of one entry: five numbers, a digest, a check.
const ENTRY: usize = 8 + 8 + 8 + 16 + 16 + 32 + 8;

/// The bytes of the seal that may follow an entry.
const SEAL: usize = 32;

/// Rows that are read together, at first and at most.
const FIRST: i64 = 8;
const MOST: i64 = 1024;

/// Neighbours are read together as long as one in this many was asked for.
const WORTH: i64 = 8;

/// A state of a file, and its contents then.
type Entry = (Identity, Digest);

/// What this process knows about source files.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// `None`: earlier processes kept nothing.
    known: RwLock<FxHashMap<PathBuf, Option<Entry>>>,
    /// With it only what a holder kept is believed.
    key: Option<SealKey>,
}

impl Sources {
    /// Nothing is known yet; with a key only what its holders kept will be.
    pub(crate) fn new(key: Option<SealKey>) -> Self {
        let known = RwLock::default();
        Self { known, key }
    }

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
        let asked = self.known.read().get(path).copied();
        let entry = asked.unwrap_or_else(|| {
            let kept = recall().and_then(|bytes| self.unsealed(path, &bytes));
            self.known.write().insert(path.to_owned(), kept);
            kept
        });
        if let Some((known, digest)) = entry
            && known == identity
        {
            return Ok((digest, identity.size));
        }
        let (identity, digest) = read(path)?;
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos().cast_signed());
        if now - identity.mtime.max(identity.ctime) > COARSEST_TIME {
            let entry = Some((identity, digest));
            self.known.write().insert(path.to_owned(), entry);
            keep(self.sealed(path, encode(path, &identity, &digest)));
        }
        Ok((digest, identity.size))
    }

    /// Takes over what earlier processes kept of `paths`, for those who ask for them next.
    ///
    /// `read` hands out the entries from a path on, in the order of their paths and at most so many, and says
    /// whether it could. Neighbours are read together where enough of them are asked for.
    pub(crate) fn recall<'a>(
        &self,
        paths: impl Iterator<Item = &'a Path>,
        mut read: impl FnMut(&Path, i64, &mut dyn FnMut(&[u8], &[u8])) -> bool,
    ) {
        let mut known = self.known.write();
        let mut paths: Vec<&Path> = paths.filter(|path| !known.contains_key(*path)).collect();
        paths.sort_unstable_by_key(|path| bytes_of(path));
        paths.dedup();
        known.reserve(paths.len());
        let (mut next, mut span) = (0, FIRST);
        while let Some(first) = paths.get(next) {
            let (mut seen, mut used) = (0, 0);
            let could = read(first, span, &mut |path, entry| {
                seen += 1;
                while let Some(wanted) = paths.get(next)
                    && bytes_of(wanted) <= path
                {
                    let found = bytes_of(wanted) == path;
                    used += i64::from(found);
                    let kept = found.then(|| self.unsealed(wanted, entry)).flatten();
                    known.insert((*wanted).to_owned(), kept);
                    next += 1;
                }
            });
            if !could {
                return;
            }
            if seen < span {
                // The end of what is kept.
                let rest = paths[next..].iter();
                known.extend(rest.map(|path| ((*path).to_owned(), None)));
                return;
            }
            span = match used * WORTH >= seen {
                true => (span * 2).min(MOST),
                false => (span / 2).max(1),
            };
        }
    }

    /// The entry as it is kept.
    fn sealed(&self, path: &Path, mut entry: Vec<u8>) -> Vec<u8> {
        if let Some(key) = &self.key {
            let seal = key.seal_file(bytes_of(path), &entry);
            entry.extend_from_slice(seal.as_bytes());
        }
        entry
    }

    /// The entry that was kept, if it is to be believed.
    fn unsealed(&self, path: &Path, kept: &[u8]) -> Option<Entry> {
        let (entry, seal) = kept.split_at_checked(ENTRY)?;
        let genuine = match (&self.key, <&[u8; SEAL]>::try_from(seal)) {
            (None, sealed) => seal.is_empty() || sealed.is_ok(),
            (Some(_), Err(_)) => false,
            (Some(key), Ok(seal)) => {
                let wanted = key.seal_file(bytes_of(path), entry);
                seal::is_same(&Seal::from_bytes(*seal), &wanted)
            }
        };
        genuine.then(|| decode(path, entry)).flatten()
    }
}

fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
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
    let sum = check(&[&bytes, bytes_of(path)]);
    bytes.extend_from_slice(&sum);
    bytes
}

/// `None`: these bytes were not written for this path.
fn decode(path: &Path, bytes: &[u8]) -> Option<(Identity, Digest)> {
    let (entry, sum) = bytes.split_last_chunk()?;
    if bytes.len() != ENTRY || check(&[entry, bytes_of(path)]) != *sum {
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
        assert!(sources.known.read().values().all(Option::is_none));
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

    /// Recalls `asked` from a table with an entry for each of `kept`, both numbers; how often it was read from.
    fn recalled(kept: std::ops::Range<usize>, asked: &[usize]) -> (Sources, usize) {
        let file = file(b"text");
        let identity = identity_of(&file.as_file().metadata().expect("metadata"));
        let path = |number: &usize| PathBuf::from(format!("s/{number:05}"));
        let entry = |number| {
            let path = path(&number);
            let entry = encode(&path, &identity, &Digest::of(bytes_of(&path)));
            (bytes_of(&path).to_owned(), entry)
        };
        let table: Vec<_> = kept.map(entry).collect();
        let sources = Sources::default();
        let asked: Vec<PathBuf> = asked.iter().map(path).collect();
        let mut reads = 0;
        sources.recall(asked.iter().map(|path| &**path), |from, limit, each| {
            reads += 1;
            let rows = table.iter().filter(|(path, _)| **path >= *bytes_of(from));
            let rows = rows.take(usize::try_from(limit).expect("few"));
            rows.for_each(|(path, entry)| each(path, entry));
            true
        });
        (sources, reads)
    }

    #[test]
    fn many_files_are_recalled_together() {
        let asked: Vec<usize> = (0..9_000).rev().chain([20_000]).collect();
        let (sources, reads) = recalled(0..10_000, &asked);
        let known = sources.known.read();
        assert_eq!(known.len(), 9_001);
        for (path, entry) in &*known {
            let kept = entry.map(|(_, digest)| digest);
            let expected = Digest::of(bytes_of(path));
            assert_eq!(kept, (path != Path::new("s/20000")).then_some(expected));
        }
        assert!(reads < 20, "{reads}");
    }

    #[test]
    fn few_files_among_many_are_recalled_one_by_one() {
        let asked: Vec<usize> = (0..100).map(|number| number * 500).collect();
        let (sources, reads) = recalled(0..100_000, &asked);
        assert_eq!(sources.known.read().values().flatten().count(), 100);
        assert!((100..110).contains(&reads), "{reads}");
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
    fn with_a_key_only_what_its_holders_kept_is_believed() {
        let file = file(b"text");
        let holder = |byte| Sources::new(Some(SealKey::new(&[byte; 32])));
        let kept = RefCell::default();
        let truth = Digest::of(b"text");
        ask(&holder(1), file.path(), later(), &kept);
        let genuine = kept.take().expect("kept");
        let (identity, _) = decode(file.path(), &genuine[..ENTRY]).expect("entry");
        // Another digest shows what is believed.
        let lie = encode(file.path(), &identity, &Digest::of(b"lie"));
        let lying = |sources: &Sources, seal: &[u8]| {
            let kept = RefCell::new(Some([&lie, seal].concat()));
            ask(sources, file.path(), later(), &kept).0 != truth
        };
        assert!(!lying(&holder(1), &[]), "no seal");
        assert!(
            !lying(&holder(1), &genuine[ENTRY..]),
            "the seal of another entry"
        );
        assert!(!lying(&holder(1), &[0; 32]));
        let sealed = |path: &str| holder(1).sealed(Path::new(path), lie.clone());
        assert!(!lying(&holder(1), &sealed("elsewhere")[ENTRY..]));
        let right = sealed(file.path().to_str().expect("text"));
        assert!(lying(&holder(1), &right[ENTRY..]));
        assert!(!lying(&holder(2), &right[ENTRY..]), "another key");
        assert!(lying(&Sources::default(), &right[ENTRY..]), "no key");
        assert!(lying(&Sources::default(), &[]));
        assert!(!lying(&Sources::default(), &[0; 3]));
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
