//! The name of a blob's file: which bytes, and whether they can be executed.
//!
//! A blob is immutable with its mode: bytes that are an output as a file and as a program have two files, so that
//! neither changes under who uses the other.

use std::fmt;

use crate::codec::Codec;
use crate::digest::{Digest, hex};
use crate::record::Output;

/// What the name of a program ends with, after the digest.
const PROGRAM: &str = ".x";

/// One blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) executable: bool,
}

impl Blob {
    /// The blob that has the bytes of `output`, where they are not inline.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            digest: output.digest,
            executable: output.codec == Codec::PROGRAM,
        }
    }

    /// The name of its file.
    pub(crate) fn name(&self) -> String {
        let digits = hex(self.digest.as_bytes());
        let mut name = String::with_capacity(digits.len() + PROGRAM.len());
        name.push_str(std::str::from_utf8(&digits).unwrap_or_default());
        if self.executable {
            name.push_str(PROGRAM);
        }
        name
    }

    /// The blob of a file's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (digest, executable) = match name.strip_suffix(PROGRAM) {
            Some(digest) => (digest, true),
            None => (name, false),
        };
        Some(Self {
            digest: digest.parse().ok()?,
            executable,
        })
    }

    /// The mode of its file: read-only for everybody.
    pub(crate) fn mode(&self) -> u32 {
        mode_like(0o777, self.executable)
    }
}

/// The mode of a blob that is read by whom a file with the mode `found` was.
pub(crate) fn mode_like(found: u32, executable: bool) -> u32 {
    let read = found & 0o444 | 0o400;
    match executable {
        true => read | read >> 2,
        false => read,
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_bytes_and_mode() {
        for executable in [false, true] {
            let blob = Blob {
                digest: Digest::of(b"x"),
                executable,
            };
            assert_eq!(Blob::named(&blob.name()), Some(blob));
        }
        for wrong in ["", ".x", "x", &format!("{}.y", Digest::of(b"x"))] {
            assert_eq!(Blob::named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_blob_is_read_by_whom_the_file_was() {
        for (found, executable, mode) in [
            (0o644, false, 0o444),
            (0o600, false, 0o400),
            (0o755, true, 0o555),
            (0o700, true, 0o500),
            (0o311, true, 0o500),
        ] {
            assert_eq!(mode_like(found, executable), mode, "{found:o}");
        }
    }
}
