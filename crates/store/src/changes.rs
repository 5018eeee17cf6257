//! The compact bytes of what a run changed, with a check over all of them.
//!
//! The format is docs/storage-format.md's "Body of changes". Unaware of SQLite.

use std::sync::Arc;
use std::time::Duration;

use crate::digest::{Digest, Signature};
use crate::fields::{CHECK, Reader, check, micros, put_bytes, put_number};
use crate::record::NodeChange;

/// The first byte.
const FORMAT: u8 = 1;

const HAS_BEFORE: u8 = 1;
const HAS_LOG: u8 = 2;

/// The fewest bytes of a change: flags, three lengths, a signature, a duration.
const SMALLEST: usize = 37;

/// Writes the changes of the run `id`; nothing where there are none. `log` gives the digest of a log's note.
pub(crate) fn encode(id: &str, changes: &[NodeChange], log: impl Fn(&str) -> Digest) -> Vec<u8> {
    if changes.is_empty() {
        return Vec::new();
    }
    let mut to = Vec::with_capacity(16 + 96 * changes.len());
    to.push(FORMAT);
    put_number(&mut to, changes.len() as u64);
    for change in changes {
        let before = if change.before.is_some() {
            HAS_BEFORE
        } else {
            0
        };
        let logged = if change.log.is_some() { HAS_LOG } else { 0 };
        to.push(before | logged);
        put_bytes(&mut to, change.node.as_bytes());
        to.extend_from_slice(change.signature.as_bytes());
        if let Some(before) = &change.before {
            to.extend_from_slice(before.as_bytes());
        }
        put_bytes(&mut to, change.outcome.as_bytes());
        put_bytes(&mut to, change.reason.as_bytes());
        put_number(&mut to, micros(change.elapsed));
        if let Some(text) = &change.log {
            to.extend_from_slice(log(text).as_bytes());
        }
    }
    let check = check(&[&to, id.as_bytes()]);
    to.extend_from_slice(&check);
    to
}

/// Reads what [`encode`] wrote for the run `id`; `log` gives the text of a log. `None`: it is damaged.
pub(crate) fn decode(
    id: &str,
    body: &[u8],
    mut log: impl FnMut(Digest) -> Option<Arc<str>>,
) -> Option<Vec<NodeChange>> {
    if body.is_empty() {
        return Some(Vec::new());
    }
    let (bytes, sum) = body.split_last_chunk::<CHECK>()?;
    if check(&[bytes, id.as_bytes()]) != *sum || *bytes.first()? != FORMAT {
        return None;
    }
    let mut from = Reader(&bytes[1..]);
    let count = usize::try_from(from.number()?).ok()?;
    let mut changes = Vec::with_capacity(count.min(from.0.len() / SMALLEST));
    for _ in 0..count {
        changes.push(read_change(&mut from, &mut log)?);
    }
    from.0.is_empty().then_some(changes)
}

fn read_change(
    from: &mut Reader<'_>,
    log: &mut impl FnMut(Digest) -> Option<Arc<str>>,
) -> Option<NodeChange> {
    let [flags] = *from.array()?;
    let node = from.text()?;
    let signature = Signature::from_bytes(*from.array()?);
    let before = match flags & HAS_BEFORE {
        0 => None,
        _ => Some(Signature::from_bytes(*from.array()?)),
    };
    Some(NodeChange {
        node,
        signature,
        before,
        outcome: from.text()?,
        reason: from.text()?,
        elapsed: Duration::from_micros(from.number()?),
        log: match flags & HAS_LOG {
            0 => None,
            // A note that is gone leaves no log.
            _ => log(from.digest()?),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn change()(
            texts in (".{0,20}", ".{0,9}", ".{0,40}"),
            signature in any::<[u8; 32]>(),
            before in proptest::option::of(any::<[u8; 32]>()),
            log in proptest::option::of(".{0,20}"),
            elapsed in any::<u64>(),
        ) -> NodeChange {
            NodeChange {
                node: texts.0.into(),
                signature: Signature::from_bytes(signature),
                before: before.map(Signature::from_bytes),
                outcome: texts.1.into(),
                reason: texts.2.into(),
                elapsed: Duration::from_micros(elapsed),
                log: log.map(Into::into),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            changes in proptest::collection::vec(change(), 0..9),
            at in any::<prop::sample::Index>(),
        ) {
            let digest = |text: &str| Digest::of(text.as_bytes());
            let mut bytes = encode("run", &changes, digest);
            let logs: Vec<Arc<str>> = changes.iter().filter_map(|change| change.log.clone()).collect();
            let log = |wanted| logs.iter().find(|text| digest(text) == wanted).cloned();
            prop_assert_eq!(decode("run", &bytes, log), Some(changes));
            if !bytes.is_empty() {
                prop_assert_eq!(decode("another", &bytes, log), None);
                let at = at.index(bytes.len());
                prop_assert!(at == 0 || decode("run", &bytes[..at], log).is_none());
                bytes[at] ^= 1;
                prop_assert_eq!(decode("run", &bytes, log), None);
            }
        }

        /// With a check that fits, so that the fields themselves are what is read.
        #[test]
        fn any_bytes_are_changes_or_none(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            bytes.insert(0, FORMAT);
            let sum = check(&[&bytes, b"run"]);
            bytes.extend_from_slice(&sum);
            let _ = decode("run", &bytes, |_| None);
        }
    }
}
