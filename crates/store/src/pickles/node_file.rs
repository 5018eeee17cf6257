//! The file of one node: what stands in it, where, and how something is added.
//!
//! The file is one pickle at every moment. What is added goes behind its end first, where nobody reads it; then one
//! byte is changed, the end itself, and the pickle goes on. So readers see all of an addition or nothing of it, also
//! those that are Python, and nothing that was written moves. Unaware of other files and of who may write.

use std::io::{self, Read, Seek, SeekFrom, Write};

use rustc_hash::FxHashMap;

use super::addition::Given;
use super::entry::{self, Header, Place};
use super::scan::{Next, Scanner, is_foreign};
use super::{BEGIN, JOINT};
use crate::codec::Codec;
use crate::codec::opcodes::STOP;
use crate::digest::Digest;
use crate::error::Damage;
use crate::root::{Identity, Root};

/// More of entries that others took the place of than of those, and the file is written anew.
const SPARE: usize = 64;

/// What stands in a file.
#[derive(Debug)]
pub(super) struct NodeFile {
    /// The state of the file when it was read.
    state: Option<Identity>,
    /// Where the pickle ends.
    end: u64,
    /// All of it was written by refrain, as far as anybody has looked.
    pub(super) is_sound: bool,
    /// In their order; the numbers of entries are their places here.
    pub(super) entries: Vec<(Header, Place)>,
    by_digest: FxHashMap<Digest, u32>,
    by_key: FxHashMap<[u8; 32], u32>,
}

impl NodeFile {
    /// Reads what stands in the file `name`; `None`: nothing is there. What is no regular file has nothing.
    pub(super) fn read(dir: &Root, name: &str) -> io::Result<Option<Self>> {
        let mut file = Self {
            state: None,
            end: 0,
            is_sound: false,
            entries: Vec::new(),
            by_digest: FxHashMap::default(),
            by_key: FxHashMap::default(),
        };
        match dir.read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // A link, a directory, a device.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
            Err(error) => return Err(error),
            Ok((found, state)) => {
                file.state = Some(state);
                let scanner = Scanner::begin(found, state.size);
                file.take(scanner)?;
            }
        }
        Ok(Some(file))
    }

    /// Reads what was added since. `None`: nothing is there any more.
    pub(super) fn caught_up(mut self, dir: &Root, name: &str) -> io::Result<Option<Self>> {
        let (Some(seen), Ok((found, state))) = (self.state, dir.read(name)) else {
            return Self::read(dir, name);
        };
        if self.is_same(&state) {
            return Ok(Some(self));
        }
        if (seen.dev, seen.ino) == (state.dev, state.ino) && self.is_sound {
            self.state = Some(state);
            let scanner = Scanner::resume(found, self.end, state.size);
            self.take(scanner)?;
            if self.is_sound {
                return Ok(Some(self));
            }
        }
        // Another file, even if it has the number of the old one.
        Self::read(dir, name)
    }

    /// Takes what the scanner reads, as far as it is ours.
    fn take<R: Read + Seek>(&mut self, scanner: io::Result<Scanner<R>>) -> io::Result<()> {
        let taken = || -> io::Result<u64> {
            let mut scanner = scanner?;
            loop {
                match scanner.next()? {
                    Next::Entry(header, place) => self.add(header, place),
                    Next::End(end) => return Ok(end),
                }
            }
        };
        match taken() {
            Ok(end) => {
                self.end = end;
                self.is_sound = true;
                Ok(())
            }
            Err(error) if is_foreign(&error) => {
                self.is_sound = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn add(&mut self, header: Header, place: Place) {
        let number = self.entries.len() as u32;
        if place.bytes.is_some() {
            self.by_digest.insert(header.digest, number);
        }
        self.by_key.insert(header.key, number);
        self.entries.push((header, place));
    }

    /// The number of an entry with the bytes of this digest.
    pub(super) fn number_of(&self, digest: &Digest) -> Option<u32> {
        self.by_digest.get(digest).copied()
    }

    /// Says whether the file is in the state in which it was read.
    pub(super) fn is_same(&self, state: &Identity) -> bool {
        self.state.is_some_and(|seen| seen.same_bytes(state))
    }

    /// The digests of all outputs whose bytes are here.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.by_digest.keys()
    }

    /// The entries that no later one took the place of.
    pub(super) fn current(&self) -> impl Iterator<Item = &(Header, Place)> {
        let numbered = self.entries.iter().zip(0..);
        numbered
            .filter(|((header, _), number)| self.by_key.get(&header.key) == Some(number))
            .map(|(entry, _)| entry)
    }

    /// Says whether the file would be much smaller if it were written anew.
    pub(super) fn is_wasteful(&self) -> bool {
        self.entries.len() > 2 * self.by_key.len() + SPARE
    }

    /// Reads the bytes of an output that are here, and verifies them. `None`: they are not, or the file is another one
    /// by now.
    pub(super) fn load(
        &self,
        dir: &Root,
        name: &str,
        digest: &Digest,
    ) -> Option<Result<Vec<u8>, Damage>> {
        let number = self.number_of(digest)?;
        let (header, place) = &self.entries[number as usize];
        let read = || -> io::Result<Option<Vec<u8>>> {
            let (mut file, state) = dir.read(name)?;
            let same = self.state.map(|seen| (seen.dev, seen.ino)) == Some((state.dev, state.ino));
            let (Some(at), Some(inside), true) =
                (place.bytes, entry::inside(header.codec, header.size), same)
            else {
                return Ok(None);
            };
            file.seek(SeekFrom::Start(at))?;
            // No more memory than there are bytes: the file may be shorter than it was.
            let mut bytes = Vec::new();
            file.take(inside).read_to_end(&mut bytes)?;
            Ok(Some(entry::whole(header.codec, bytes)))
        };
        let corrupt = |reason: &dyn std::fmt::Display| {
            Damage::Corrupt(format!("{} in {name} {reason}", header.digest))
        };
        match read() {
            Ok(None) => None,
            Ok(Some(bytes)) if Digest::of(&bytes) == *digest => Some(Ok(bytes)),
            Ok(Some(_)) => Some(Err(corrupt(&"holds other bytes than its digest says"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(corrupt(&format_args!("cannot be read: {error}")))),
        }
    }

    /// Adds entries, as they are written; the file must be sound, and in the state in which it was read.
    pub(super) fn append(&self, dir: &Root, name: &str, added: &[u8]) -> io::Result<()> {
        let mut file = dir.edit(name)?;
        // What a process left that was stopped before it was read by anybody.
        file.set_len(self.end + 1)?;
        file.file.seek(SeekFrom::Start(self.end + 1))?;
        let behind = [&JOINT[1..], added, &[STOP]].concat();
        file.write_all(&behind)?;
        file.file.seek(SeekFrom::Start(self.end))?;
        file.write_all(&JOINT[..1])
    }

    /// Puts a file in the place of this one that has the entries which are to be kept and whose bytes are what they
    /// were; says whether there are any.
    pub(super) fn rewrite(
        &self,
        root: &Root,
        dir: &Root,
        name: &str,
        keep: &dyn Fn(&Header) -> bool,
    ) -> io::Result<bool> {
        let kept = self.current().map(|(header, _)| header);
        let mut kept: Vec<&Header> = kept.filter(|header| keep(header)).collect();
        // What a list refers to stands before it.
        kept.sort_by_key(|header| header.codec == Codec::LIST);
        let mut numbers: FxHashMap<Digest, u32> = FxHashMap::default();
        let mut number = 0;
        root.replace(dir, name, 0o644, |file| {
            file.write_all(&BEGIN)?;
            for header in kept {
                let content = match numbers.get(&header.digest) {
                    Some(same) => Given::Same(*same),
                    None => match self.load(dir, name, &header.digest) {
                        Some(Ok(bytes)) => Given::Bytes(bytes.into()),
                        _ => continue,
                    },
                };
                let mut entry = Vec::new();
                let known = |digest: &Digest| numbers.get(digest).copied();
                content.put(&mut entry, header, number, known);
                file.write_all(&entry)?;
                numbers.entry(header.digest).or_insert(number);
                number += 1;
            }
            file.write_all(&[STOP])
        })?;
        Ok(number > 0)
    }
}

/// Puts an empty pickle at `name`.
pub(super) fn create(root: &Root, dir: &Root, name: &str) -> io::Result<()> {
    root.replace(dir, name, 0o644, |file| {
        file.write_all(&[&BEGIN[..], &[STOP]].concat())
    })
    .map(drop)
}
