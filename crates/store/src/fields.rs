//! The fields of every format of our own: fixed bytes, varints, lengths before bytes, and a check.
//!
//! Reading is total: any bytes give a field or nothing, and no length is believed before the bytes for it are
//! there. Unaware of what the fields mean.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::digest::Digest;

/// The bytes of a check.
pub(crate) const CHECK: usize = 8;

/// Eight bytes of BLAKE3 over the fields in order; every field but the last has a fixed length.
pub(crate) fn check(fields: &[&[u8]]) -> [u8; CHECK] {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(field);
    }
    let mut sum = [0; CHECK];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECK]);
    sum
}

/// A duration in whole microseconds; five hundred thousand years are the most there is.
pub(crate) fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// A time as milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

/// Writes a varint: seven bits a byte, the lowest first.
pub(crate) fn put_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Writes the number of bytes, and the bytes.
pub(crate) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// A signed number as one that is small where its distance from zero is.
pub(crate) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// The number that [`zigzag`] was given.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Takes fields off the front of a slice; `None` when they are not there.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// What [`put_bytes`] wrote, as a text.
    pub(crate) fn text(&mut self) -> Option<Arc<str>> {
        let len = self.number()?;
        self.utf8(len).map(Into::into)
    }

    /// What [`put_bytes`] wrote.
    pub(crate) fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?;
        self.bytes(usize::try_from(len).ok()?)
    }

    pub(crate) fn utf8(&mut self, len: u64) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(usize::try_from(len).ok()?)?).ok()
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        self.array().copied().map(Digest::from_bytes)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }
}
