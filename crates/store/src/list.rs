//! The listing of a mapped node's outputs, in the order of its items.
//!
//! An output of few bytes stands in the listing, a larger one is referred to. The format is docs/storage-format.md's
//! "Lists". Unaware of any file.

use std::sync::Arc;

use crate::codec::Codec;
use crate::digest::Digest;
use crate::fields::{Reader, put_bytes, put_number};
use crate::record::Output;

/// The first byte of a listing.
const FORMAT: u8 = 1;

/// Outputs of at most this many bytes stand in the listing: a change of one item writes all of it anew, and
/// more would make many copies of much.
pub(crate) const SMALL: u64 = 256;

/// The fewest bytes of an entry: lengths of a key and of bytes, a codec.
const SMALLEST: usize = 3;

/// One item of a mapped node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// What the item is called among the others.
    pub key: Arc<str>,
    /// What the work on it gave.
    pub output: Output,
}

/// Says whether the bytes of `output` stand in a listing.
pub(crate) fn stands_inside(output: &Output) -> bool {
    output.size <= SMALL && output.inline.is_some()
}

pub(crate) fn encode<'a>(entries: impl ExactSizeIterator<Item = (&'a str, &'a Output)>) -> Vec<u8> {
    let mut to = Vec::with_capacity(16 + 128 * entries.len());
    to.push(FORMAT);
    put_number(&mut to, entries.len() as u64);
    for (key, output) in entries {
        put_bytes(&mut to, key.as_bytes());
        put_number(&mut to, u64::from(output.codec.0));
        let inside = output.inline.as_ref().filter(|_| stands_inside(output));
        put_number(&mut to, output.size << 1 | u64::from(inside.is_some()));
        match inside {
            Some(bytes) => to.extend_from_slice(bytes),
            None => to.extend_from_slice(output.digest.as_bytes()),
        }
    }
    to
}

/// Reads what [`encode`] wrote; the error is a sentence.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<ListEntry>, String> {
    match bytes.first() {
        Some(&FORMAT) => {}
        Some(newer) if *newer > FORMAT => {
            return Err(format!("the listing has the newer format {newer}"));
        }
        _ => return Err("the listing has no format".into()),
    }
    let mut from = Reader(&bytes[1..]);
    read_entries(&mut from)
        .filter(|_| from.0.is_empty())
        .ok_or_else(|| "the listing is malformed".into())
}

fn read_entries(from: &mut Reader<'_>) -> Option<Vec<ListEntry>> {
    let count = usize::try_from(from.number()?).ok()?;
    let mut entries = Vec::with_capacity(count.min(from.0.len() / SMALLEST));
    for _ in 0..count {
        let key = from.text()?;
        let codec = Codec(u16::try_from(from.number()?).ok()?);
        let size = from.number()?;
        let inside = size & 1 != 0;
        let size = size >> 1;
        let (digest, inline) = match inside {
            true => {
                let bytes = from.bytes(usize::try_from(size).ok()?)?;
                (Digest::of(bytes), Some(bytes.into()))
            }
            false => (from.digest()?, None),
        };
        let output = Output {
            digest,
            size,
            codec,
            inline,
        };
        entries.push(ListEntry { key, output });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn entry()(
            key in ".{0,20}",
            codec in any::<u16>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            inline in any::<bool>(),
        ) -> ListEntry {
            let inline = inline && bytes.len() as u64 <= SMALL;
            ListEntry {
                key: key.into(),
                output: Output {
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                    codec: Codec(codec),
                    inline: inline.then(|| bytes.into()),
                },
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            entries in proptest::collection::vec(entry(), 0..20),
            at in any::<prop::sample::Index>(),
        ) {
            let bytes = encode(entries.iter().map(|entry| (&*entry.key, &entry.output)));
            prop_assert_eq!(decode(&bytes), Ok(entries));
            prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
            prop_assert!(decode(&[&bytes[..], b"x"].concat()).is_err());
        }

        #[test]
        fn any_bytes_are_a_list_or_a_reason(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
            bytes.insert(0, FORMAT);
            let _ = decode(&bytes);
        }
    }
}
