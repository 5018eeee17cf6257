//! Files that actions find while they run, such as the headers that a compiler
//! reads. A trail is one set of such files with the digests they had; the store
//! keeps the trails of a node under the key that its work has without them.
//! While some trail's files are what they were, the work is known to read
//! exactly them, and they count as its inputs. It knows no node and no session.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Digest, Lookup, Parts, Record, Signature, Store, codec};

/// How many trails are kept for one piece of work: versions of its files that
/// one can switch between.
const KEPT: usize = 32;

/// One set of files that an execution read, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail(Vec<(PathBuf, Digest)>);

impl Trail {
    /// A trail of these files.
    pub fn new(mut files: Vec<(PathBuf, Digest)>) -> Self {
        files.sort();
        files.dedup();
        Trail(files)
    }

    /// Adds the files of another trail.
    pub fn add(&mut self, other: &Trail) {
        self.0.extend(other.0.iter().cloned());
        self.0.sort();
        self.0.dedup();
    }

    /// The files with their digests.
    pub fn files(&self) -> impl Iterator<Item = (&Path, Digest)> {
        self.0
            .iter()
            .map(|(path, digest)| (path.as_path(), *digest))
    }

    /// The same files with the digests they have now; a file that is gone has
    /// none.
    pub fn now(&self, digest: impl Fn(&Path) -> Option<Digest>) -> Trail {
        let now = self.0.iter();
        let now = now.filter_map(|(path, _)| Some((path.clone(), digest(path)?)));
        Trail(now.collect())
    }
}

/// The trails known for one piece of work, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trails(Vec<Trail>);

/// Paths as bytes, as they are kept.
type Kept<'a> = Vec<Vec<(Cow<'a, [u8]>, [u8; 32])>>;

impl Trails {
    /// The trails that the store has for the work of this key.
    pub fn recall(store: &Store, work: &Signature) -> Self {
        store.ask_tiers(&[key(work)]);
        Self::known(store, work)
    }

    /// The trails that the tiers have for the work of this key, with those that the
    /// store had; `None` if no tier has others.
    pub fn recall_anew(store: &Store, node: &Arc<str>, work: &Signature) -> Option<Self> {
        if !store.has_tiers() {
            return None;
        }
        let had = Self::known(store, work);
        if had.0.is_empty() {
            // They were asked for.
            return None;
        }
        store.ask_tiers_anyway(&[key(work)]);
        let came = Self::known(store, work);
        if came == had {
            return None;
        }
        let mut all = came;
        for trail in had.0 {
            if !all.0.contains(&trail) {
                all.0.push(trail);
            }
        }
        // It costs a later run another question.
        let _ = all.keep(store, node, work);
        Some(all)
    }

    /// The trails that the store has by itself.
    fn known(store: &Store, work: &Signature) -> Self {
        let Lookup::Hit(record) = store.find(&key(work)) else {
            return Self::default();
        };
        let kept = store.load(&record.output).ok();
        let kept = kept.and_then(|bytes| codec::decode::<Kept>(record.output.codec, bytes).ok());
        let file = |(path, digest): (Cow<[u8]>, [u8; 32])| {
            (OsStr::from_bytes(&path).into(), Digest::from_bytes(digest))
        };
        let trail = |files: Vec<_>| Trail::new(files.into_iter().map(file).collect());
        Trails(kept.unwrap_or_default().into_iter().map(trail).collect())
    }

    /// The trail whose files are all what they were.
    pub fn matching(&self, digest: impl Fn(&Path) -> Option<Digest>) -> Option<&Trail> {
        let same = |trail: &&Trail| {
            let mut files = trail.files();
            files.all(|(path, was)| digest(path) == Some(was))
        };
        self.0.iter().find(same)
    }

    /// All files of all trails.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(Trail::files).map(|(path, _)| path)
    }

    /// Keeps a trail of the work of this key, as the newest one.
    pub fn remember(
        store: &Store,
        node: &Arc<str>,
        work: &Signature,
        trail: &Trail,
    ) -> Result<(), String> {
        let mut trails = Self::recall(store, work);
        trails.0.retain(|known| known != trail);
        trails.0.insert(0, trail.clone());
        trails.keep(store, node, work)
    }

    fn keep(&self, store: &Store, node: &Arc<str>, work: &Signature) -> Result<(), String> {
        let trails = &self.0[..self.0.len().min(KEPT)];
        let file = |(path, digest): (&'_ Path, Digest)| {
            let path = path.as_os_str().as_bytes().to_vec();
            (Cow::Owned(path), *digest.as_bytes())
        };
        let kept = trails.iter().map(|trail| trail.files().map(file).collect());
        let kept: Kept<'static> = kept.collect();
        let (codec, bytes) = codec::encode(&kept).map_err(|e| e.to_string())?;
        let output = store.write(&bytes, codec).map_err(|e| e.to_string())?;
        let record = Record {
            node: node.clone(),
            signature: key(work),
            resolved: key(work),
            parts: Parts::default(),
            output,
            created_ms: jiff::Timestamp::now().as_millisecond(),
            elapsed: Duration::ZERO,
            log: None,
            seal: None,
        };
        store.commit(record, Vec::new(), None);
        Ok(())
    }
}

/// Where the trails of some work are kept: no signature of work is equal to it.
pub(crate) fn key(work: &Signature) -> Signature {
    let bytes = [b"refrain/1\0trails".as_slice(), work.as_bytes()].concat();
    Signature::from_bytes(*Digest::of(&bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(files: &[(&str, &str)]) -> Trail {
        let file = |(path, text): &(&str, &str)| (PathBuf::from(path), Digest::of(text.as_bytes()));
        Trail::new(files.iter().map(file).collect())
    }

    #[test]
    fn the_trail_is_found_whose_files_are_what_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let work = Signature::from_bytes([7; 32]);
        let (old, new) = (trail(&[("a.h", "1")]), trail(&[("b.h", "2"), ("a.h", "2")]));
        let node: Arc<str> = "main".into();
        for kept in [&old, &new] {
            Trails::remember(&store, &node, &work, kept).unwrap();
        }
        let trails = Trails::recall(&store, &work);
        assert_eq!(trails.0.first(), Some(&new));
        let now = |text: &'static str| move |_: &Path| Some(Digest::of(text.as_bytes()));
        assert_eq!(trails.matching(now("1")), Some(&old));
        assert_eq!(trails.matching(now("2")), Some(&new));
        assert_eq!(trails.matching(now("3")), None);
        assert_eq!(trails.matching(|_| None), None);
    }
}
