//! Seals: how a holder of a key says that it wrote something, so that others cannot.
//!
//! A [`SealKey`] is 32 secret bytes; a seal is keyed BLAKE3 over everything that a record says. It stands on one
//! encoding that names no row and no file, so that a record keeps its seal wherever it is kept. Unaware of where that is,
//! and of what becomes of a record that is refused.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::body::put_leaves;
use crate::digest::{Digest, Seal, unhex};
use crate::fields::{micros, put_bytes, put_number, zigzag};
use crate::record::{Leaf, Record};

/// What seals are made for: seals of different things are made with different keys.
const RECORDS: &str = "refrain 2026-11-23 seal of a record";
const FILES: &str = "refrain 2026-11-23 seal of what is known of a source file";

/// The first byte of what is sealed of a record.
const FORMAT: u8 = 1;

/// The bytes of a key.
const KEY: usize = 32;

/// A secret shared by those whose records a store accepts.
///
/// It is never written anywhere, and [`fmt::Debug`] tells nothing of it.
#[derive(Clone)]
pub struct SealKey {
    records: [u8; KEY],
    files: [u8; KEY],
}

/// Says why something is not a key. It never quotes what it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A text that is not 64 hexadecimal digits.
    #[error("a key is 32 bytes, written as 64 lowercase hexadecimal digits")]
    Malformed,
    /// A file with something else in it than a key.
    #[error("read the key in {}: expected 32 bytes, or 64 lowercase hexadecimal digits", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be read.
    #[error("read the key in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SealKey {
    /// Takes 32 secret bytes, which should be random.
    pub fn new(secret: &[u8; KEY]) -> Self {
        let key_for = |purpose| blake3::derive_key(purpose, secret);
        Self {
            records: key_for(RECORDS),
            files: key_for(FILES),
        }
    }

    /// Reads 64 lowercase hexadecimal digits; white space around them does not count.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let secret = unhex(text.trim().as_bytes()).map_err(|_| KeyError::Malformed)?;
        Ok(Self::new(&secret))
    }

    /// Reads a file of 32 bytes, or of 64 lowercase hexadecimal digits.
    #[allow(
        clippy::disallowed_methods,
        reason = "a key stands outside of the cache directory"
    )]
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(256).read_to_end(&mut bytes))
            .map_err(|source| KeyError::Io {
                path: path.to_owned(),
                source,
            })?;
        if let Ok(secret) = <&[u8; KEY]>::try_from(&*bytes) {
            return Ok(Self::new(secret));
        }
        let text = std::str::from_utf8(&bytes).ok();
        let key = text.and_then(|text| Self::from_hex(text).ok());
        key.ok_or_else(|| KeyError::NoKey {
            path: path.to_owned(),
        })
    }

    /// The seal of a record, whatever seal it has.
    pub fn seal(&self, record: &Record) -> Seal {
        Seal::from_bytes(*blake3::keyed_hash(&self.records, &sealed_bytes(record)).as_bytes())
    }

    /// Says whether a holder of the key made the record; the error is a sentence.
    pub fn accepts(&self, record: &Record) -> Result<(), String> {
        let wanted = self.seal(record);
        match &record.seal {
            Some(seal) if is_same(seal, &wanted) => Ok(()),
            Some(_) => Err("the record is not signed by a holder of the key".into()),
            None => {
                Err("the record is not signed, and only those of holders of the key count".into())
            }
        }
    }

    /// The seal of what is known of the source file at `path`.
    pub(crate) fn seal_file(&self, path: &[u8], entry: &[u8]) -> Seal {
        let bytes = [entry, path].concat();
        Seal::from_bytes(*blake3::keyed_hash(&self.files, &bytes).as_bytes())
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl PartialEq for SealKey {
    /// Takes the same time wherever keys differ.
    fn eq(&self, other: &Self) -> bool {
        blake3::Hash::from_bytes(self.records) == blake3::Hash::from_bytes(other.records)
    }
}

impl Eq for SealKey {}

/// Compares seals, in the same time wherever they differ.
pub(crate) fn is_same(one: &Seal, other: &Seal) -> bool {
    blake3::Hash::from_bytes(*one.as_bytes()) == blake3::Hash::from_bytes(*other.as_bytes())
}

/// All that a record says. The bytes of an inline output count by their digest, parts that records share without the
/// texts of their leaves: of these only one is kept, and it explains.
fn sealed_bytes(record: &Record) -> Vec<u8> {
    let mut to = Vec::with_capacity(512);
    to.push(FORMAT);
    to.extend_from_slice(record.signature.as_bytes());
    to.extend_from_slice(record.resolved.as_bytes());
    put_bytes(&mut to, record.node.as_bytes());
    put_number(&mut to, u64::from(record.output.codec.0));
    put_number(&mut to, record.output.size);
    let inline = record.output.inline.as_deref().map(Digest::of);
    to.extend_from_slice(inline.unwrap_or(record.output.digest).as_bytes());
    put_number(&mut to, zigzag(record.created_ms));
    put_number(&mut to, micros(record.elapsed));
    let parts = &record.parts;
    for part in [&parts.code, &parts.env] {
        to.push(u8::from(part.is_some()));
        if let Some(part) = part {
            to.extend_from_slice(part.hash.as_bytes());
            put_names(&mut to, &part.leaves);
        }
    }
    for part in [&parts.inputs, &parts.deps] {
        to.push(u8::from(part.is_some()));
        if let Some(part) = part {
            to.extend_from_slice(part.hash.as_bytes());
            put_leaves(&mut to, &part.leaves);
        }
    }
    to.push(u8::from(record.log.is_some()));
    if let Some(log) = &record.log {
        to.extend_from_slice(log.as_bytes());
    }
    to
}

fn put_names(to: &mut Vec<u8>, leaves: &[Leaf]) {
    put_number(to, leaves.len() as u64);
    for leaf in leaves {
        put_bytes(to, leaf.name.as_bytes());
        to.extend_from_slice(leaf.digest.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::codec::Codec;
    use crate::digest::Signature;
    use crate::record::{Output, Part, Parts};

    fn part(word: &str) -> Option<Arc<Part>> {
        let leaf = |name: String| Leaf {
            digest: Digest::of(name.as_bytes()),
            note: Some(Digest::of(b"text")),
            name: name.into(),
        };
        Some(Arc::new(Part {
            hash: Digest::of(word.as_bytes()),
            leaves: vec![leaf(format!("{word} 1")), leaf(format!("{word} 2"))],
        }))
    }

    fn record() -> Record {
        Record {
            node: "node".into(),
            signature: Signature::from_bytes([1; 32]),
            resolved: Signature::from_bytes([2; 32]),
            parts: Parts {
                code: part("code"),
                env: part("env"),
                inputs: part("inputs"),
                deps: part("deps"),
            },
            output: Output {
                digest: Digest::of(b"output"),
                size: 6,
                codec: Codec::BYTES,
                inline: None,
            },
            created_ms: 1_790_000_000_000,
            elapsed: Duration::from_micros(1234),
            log: Some(Digest::of(b"log")),
            seal: None,
        }
    }

    fn key(byte: u8) -> SealKey {
        SealKey::new(&[byte; 32])
    }

    /// A part that differs in one thing.
    fn changed(part: &mut Option<Arc<Part>>, change: impl Fn(&mut Part)) {
        change(Arc::make_mut(part.as_mut().expect("part")));
    }

    #[test]
    fn a_seal_is_good_for_exactly_what_was_sealed() {
        let mut sealed = record();
        sealed.seal = Some(key(1).seal(&sealed));
        key(1).accepts(&sealed).expect("accepted");
        key(2).accepts(&sealed).expect_err("another key");
        let changes: Vec<fn(&mut Record)> = vec![
            |r| r.seal = None,
            |r| r.seal = Some(Seal::from_bytes([0; 32])),
            |r| r.node = "other".into(),
            |r| r.signature = r.resolved,
            |r| r.resolved = r.signature,
            |r| r.output.digest = Digest::of(b"other"),
            |r| r.output.size += 1,
            |r| r.output.codec = Codec::TEXT,
            |r| r.created_ms += 1,
            |r| r.elapsed += Duration::from_micros(1),
            |r| r.log = None,
            |r| r.log = Some(Digest::of(b"other")),
            |r| r.parts.code = None,
            |r| std::mem::swap(&mut r.parts.code, &mut r.parts.env),
            |r| std::mem::swap(&mut r.parts.inputs, &mut r.parts.deps),
            |r| r.parts.env = r.parts.code.clone(),
            |r| changed(&mut r.parts.code, |part| part.hash = Digest::of(b"other")),
            |r| {
                changed(&mut r.parts.code, |part| {
                    part.leaves[0].name = "other".into()
                })
            },
            |r| changed(&mut r.parts.env, |part| part.leaves[1].digest = part.hash),
            |r| changed(&mut r.parts.inputs, |part| part.leaves.swap(0, 1)),
            |r| changed(&mut r.parts.deps, |part| part.leaves[0].note = None),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = sealed.clone();
            change(&mut other);
            key(1)
                .accepts(&other)
                .expect_err(&format!("change {number}"));
        }
    }

    /// Worked out in another language, from the page on the format.
    #[test]
    fn seals_are_what_the_format_says() {
        assert_eq!(
            key(1).seal(&record()).to_string(),
            "74fc7917148aa443b94e74f6d3fe59ba334b4270a23517468180fbbc856fa3f8"
        );
        assert_eq!(
            key(1).seal_file(b"path", b"entry").to_string(),
            "f7adc36be007faab94c93c7fab21d5c9fd7fc1b55f4cba0e55d9ec96d3ec7cac"
        );
    }

    #[test]
    fn what_is_kept_otherwise_has_the_same_seal() {
        let seal = key(1).seal(&record());
        let mut other = record();
        // Of a part that records share one is kept, with the texts that came first.
        changed(&mut other.parts.code, |part| part.leaves[0].note = None);
        // Times are kept in microseconds.
        other.elapsed += Duration::from_nanos(1);
        other.seal = Some(Seal::from_bytes([9; 32]));
        // The digest of bytes that stand in the record is worked out when it is read.
        other.output.inline = Some(Arc::from(*b"output"));
        other.output.digest = Digest::from_bytes([0; 32]);
        assert_eq!(key(1).seal(&other), seal);
    }

    #[test]
    fn a_key_comes_as_bytes_or_digits_and_tells_nothing() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("key");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("write");
            SealKey::from_file(&path)
        };
        let digits = "07".repeat(32);
        assert_eq!(read(&[7; 32]).expect("bytes"), key(7));
        assert_eq!(
            read(format!("{digits}\n").as_bytes()).expect("digits"),
            key(7)
        );
        assert_ne!(key(7), key(8));
        for wrong in [
            &b""[..],
            &[7; 31],
            &[7; 33],
            &digits.as_bytes()[1..],
            &[b'0'; 300],
        ] {
            let error = read(wrong).expect_err("no key").to_string();
            assert!(error.contains("expected 32 bytes"), "{error}");
        }
        std::fs::remove_file(&path).expect("remove");
        SealKey::from_file(&path).expect_err("no file");
        let error = SealKey::from_hex(&digits[2..])
            .expect_err("short")
            .to_string();
        assert!(!error.contains("0707"), "{error}");
        assert_eq!(format!("{:?}", key(7)), "SealKey(..)");
    }
}
