//! What stands under a key: a thing as a whole, or where its parts are.
//!
//! A key of Redis holds half a gigabyte at most, and reading a large one holds up everybody. So a thing of more than
//! [`PART`] bytes is cut, its parts are written first, and its name, with the place of the parts, at last. Unaware of
//! connections.

use std::ops::Range;

use ulid::Ulid;

/// Bytes of a part, but for the last one.
pub(super) const PART: u64 = 4 * 1024 * 1024;

/// So many parts at most: a quarter of a terabyte.
const PARTS: u64 = 1 << 16;

/// Longer than any [`Cut`] as text.
pub(super) const HEAD: u64 = 80;

/// The bytes as they are follow.
const WHOLE: u8 = b'w';

/// The text of a [`Cut`] follows.
const CUT: u8 = b'p';

/// A thing in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) size: u64,
    part: u64,
    /// Of one writing, so that two who write one name at once do not meet.
    of: Ulid,
}

/// What a value turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Whole(Vec<u8>),
    Cut(Cut),
}

impl Found {
    /// Reads a value, or the first [`HEAD`] bytes of one. `None`: nobody like us wrote this.
    pub(super) fn read(mut value: Vec<u8>) -> Option<Self> {
        match value.first() {
            None => Some(Self::Nothing),
            Some(&WHOLE) if value.len() as u64 <= PART + 1 => {
                value.remove(0);
                Some(Self::Whole(value))
            }
            Some(&CUT) => Cut::read(std::str::from_utf8(&value[1..]).ok()?).map(Self::Cut),
            Some(_) => None,
        }
    }
}

/// The value of a thing as a whole.
pub(super) fn whole(bytes: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(bytes.len() + 1);
    value.push(WHOLE);
    value.extend_from_slice(bytes);
    value
}

impl Cut {
    /// Of something that is about to be written. `None` where it is too large.
    pub(super) fn new(size: u64) -> Option<Self> {
        let (part, of) = (PART, Ulid::generate());
        (size.div_ceil(part) <= PARTS).then_some(Self { size, part, of })
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let cut = Self {
            size: words.next()?.parse().ok()?,
            part: words.next()?.parse().ok()?,
            of: words.next()?.parse().ok()?,
        };
        // A part is held in memory, and the keys of all parts are.
        let fits = (1..=PART).contains(&cut.part) && cut.size > 0;
        let fits = fits && cut.size.div_ceil(cut.part) <= PARTS;
        (words.next().is_none() && fits).then_some(cut)
    }

    /// The value under the name.
    pub(super) fn value(&self) -> Vec<u8> {
        format!("{}{} {} {}", CUT as char, self.size, self.part, self.of).into_bytes()
    }

    /// The parts, by their numbers.
    pub(super) fn parts(&self) -> Range<u64> {
        0..self.size.div_ceil(self.part)
    }

    /// The key of a part, after the prefix.
    pub(super) fn key(&self, part: u64) -> String {
        format!("parts/{}/{part}", self.of)
    }

    /// How many bytes a part has.
    pub(super) fn bytes(&self, part: u64) -> u64 {
        self.part.min(self.size - part * self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        assert_eq!(Found::read(Vec::new()), Some(Found::Nothing));
        assert_eq!(
            Found::read(whole(b"abc")),
            Some(Found::Whole(b"abc".to_vec()))
        );
        let cut = Cut::new(2 * PART + 1).unwrap();
        assert!(cut.value().len() as u64 <= HEAD);
        assert_eq!(Found::read(cut.value()), Some(Found::Cut(cut)));
        assert_eq!(cut.parts(), 0..3);
        assert_eq!([0, 1, 2].map(|part| cut.bytes(part)), [PART, PART, 1]);
        let largest = Cut::new(PARTS * PART).unwrap();
        assert!(largest.value().len() as u64 <= HEAD);
        assert_eq!(Cut::new(PARTS * PART + 1), None);
        assert!(Found::read(whole(&vec![0; PART as usize])).is_some());
    }

    #[test]
    fn what_others_wrote_is_told_from_what_we_did() {
        let of = Ulid::generate();
        for value in [
            "hello".to_owned(),
            "p".to_owned(),
            "p1 2".to_owned(),
            format!("p0 4 {of}"),
            format!("p9 0 {of}"),
            format!("p9 {} {of}", PART + 1),
            format!("p{} 1 {of}", u64::MAX),
            "w".repeat(PART as usize + 2),
            format!("p9 4 {of} 1"),
            format!("p-9 4 {of}"),
        ] {
            let shown = format!("{:.40}", value);
            assert_eq!(Found::read(value.into_bytes()), None, "{shown}");
        }
    }
}
