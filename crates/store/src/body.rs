//! The compact bytes of a record in the database, with a check over all of them.
//!
//! The format is docs/storage-format.md's "Body of a record". Reading is total: any bytes give a record
//! or a sentence, and no length is believed before the bytes for it are there. Unaware of SQLite.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::digest::{Digest, Seal, Signature};
use crate::fields::{CHECK, Reader, check, micros, put_bytes, put_number, unzigzag, zigzag};
use crate::record::{Leaf, Output, Part, Parts, Record};

/// The first byte of a body. A newer one is a miss and never rewritten in place.
pub(crate) const FORMAT: u8 = 1;

/// The first byte of the body of a record with a seal.
const SEALED: u8 = 2;

const HAS_CODE: u8 = 1;
const HAS_ENV: u8 = 2;
const HAS_INPUTS: u8 = 4;
const HAS_DEPS: u8 = 8;
const IS_INLINE: u8 = 16;
const HAS_LOG: u8 = 32;

/// A record as the three columns of its row.
pub(crate) struct Row {
    /// The first eight bytes of the signature.
    pub(crate) signature: u64,
    /// The first eight bytes of the resolved signature.
    pub(crate) resolved: u64,
    /// Everything else.
    pub(crate) body: Vec<u8>,
}

/// The row numbers of the two parts that records share.
#[derive(Clone, Copy)]
pub(crate) struct Shared {
    pub(crate) code: Option<u64>,
    pub(crate) env: Option<u64>,
}

/// Writes `record` as a row.
pub(crate) fn encode(record: &Record, shared: Shared) -> Row {
    let parts = &record.parts;
    let mut to = Vec::with_capacity(384);
    to.push(match record.seal {
        None => FORMAT,
        Some(_) => SEALED,
    });
    to.push(
        flag(shared.code.is_some(), HAS_CODE)
            | flag(shared.env.is_some(), HAS_ENV)
            | flag(parts.inputs.is_some(), HAS_INPUTS)
            | flag(parts.deps.is_some(), HAS_DEPS)
            | flag(record.output.inline.is_some(), IS_INLINE)
            | flag(record.log.is_some(), HAS_LOG),
    );
    to.extend_from_slice(&record.signature.as_bytes()[8..]);
    to.extend_from_slice(&record.resolved.as_bytes()[8..]);
    put_bytes(&mut to, record.node.as_bytes());
    put_number(&mut to, u64::from(record.output.codec.0));
    put_number(&mut to, record.output.size);
    match &record.output.inline {
        Some(bytes) => to.extend_from_slice(bytes),
        None => to.extend_from_slice(record.output.digest.as_bytes()),
    }
    put_number(&mut to, zigzag(record.created_ms));
    put_number(&mut to, micros(record.elapsed));
    for id in [shared.code, shared.env].into_iter().flatten() {
        put_number(&mut to, id);
    }
    for part in [&parts.inputs, &parts.deps].into_iter().flatten() {
        to.extend_from_slice(part.hash.as_bytes());
        put_leaves(&mut to, &part.leaves);
    }
    if let Some(log) = &record.log {
        to.extend_from_slice(log.as_bytes());
    }
    if let Some(seal) = &record.seal {
        to.extend_from_slice(seal.as_bytes());
    }
    let (signature, resolved) = (record.signature.prefix(), record.resolved.prefix());
    let check = check(&[&signature.to_le_bytes(), &resolved.to_le_bytes(), &to]);
    to.extend_from_slice(&check);
    Row {
        signature,
        resolved,
        body: to,
    }
}

/// The full signature of a row, unverified: enough to tell whether it is the one looked for.
pub(crate) fn signature_of(prefix: u64, body: &[u8]) -> Option<Signature> {
    key(prefix, body.get(2..26)?)
}

/// The full resolved signature of a row, unverified.
pub(crate) fn resolved_of(prefix: u64, body: &[u8]) -> Option<Signature> {
    key(prefix, body.get(26..50)?)
}

/// Reads a row. `shared` gives the part of a row number.
pub(crate) fn decode(
    signature: u64,
    resolved: u64,
    body: &[u8],
    mut shared: impl FnMut(u64) -> Option<Arc<Part>>,
) -> Result<Record, String> {
    let sealed = match body.first() {
        Some(&FORMAT) => false,
        Some(&SEALED) => true,
        Some(&newer) if newer > SEALED => {
            return Err(format!(
                "record format {newer} is newer than {SEALED}, which this version reads"
            ));
        }
        _ => return Err("record is torn: it has no format".into()),
    };
    let Some((bytes, sum)) = body.split_last_chunk::<CHECK>() else {
        return Err("record is torn: it is too short".into());
    };
    if check(&[&signature.to_le_bytes(), &resolved.to_le_bytes(), bytes]) != *sum {
        return Err("record is damaged: its check does not fit its bytes".into());
    }
    let mut from = Reader(&bytes[1..]);
    from.record(signature, resolved, sealed, &mut shared)
        .filter(|_| from.0.is_empty())
        .ok_or_else(|| "record is malformed".into())
}

/// Writes the leaves of a shared part, with the check that ties them to `hash`.
pub(crate) fn encode_part(part: &Part) -> Vec<u8> {
    let mut to = Vec::with_capacity(64 * part.leaves.len() + 16);
    to.push(FORMAT);
    put_leaves(&mut to, &part.leaves);
    let check = check(&[part.hash.as_bytes(), &to]);
    to.extend_from_slice(&check);
    to
}

/// Reads what [`encode_part`] wrote.
pub(crate) fn decode_part(hash: Digest, body: &[u8]) -> Option<Part> {
    let (bytes, sum) = body.split_last_chunk::<CHECK>()?;
    if check(&[hash.as_bytes(), bytes]) != *sum || *bytes.first()? != FORMAT {
        return None;
    }
    let mut from = Reader(&bytes[1..]);
    let leaves = from.leaves()?;
    from.0.is_empty().then_some(Part { hash, leaves })
}

fn key(prefix: u64, rest: &[u8]) -> Option<Signature> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&prefix.to_le_bytes());
    bytes[8..].copy_from_slice(rest);
    Some(Signature::from_bytes(bytes))
}

fn flag(on: bool, bit: u8) -> u8 {
    if on { bit } else { 0 }
}

/// Writes leaves: their number, and each with its name and digests.
pub(crate) fn put_leaves(to: &mut Vec<u8>, leaves: &[Leaf]) {
    put_number(to, leaves.len() as u64);
    for leaf in leaves {
        let noted = u64::from(leaf.note.is_some());
        put_number(to, (leaf.name.len() as u64) << 1 | noted);
        to.extend_from_slice(leaf.name.as_bytes());
        to.extend_from_slice(leaf.digest.as_bytes());
        if let Some(note) = leaf.note {
            to.extend_from_slice(note.as_bytes());
        }
    }
}

impl Reader<'_> {
    fn record(
        &mut self,
        signature: u64,
        resolved: u64,
        sealed: bool,
        shared: &mut impl FnMut(u64) -> Option<Arc<Part>>,
    ) -> Option<Record> {
        let [flags] = *self.array()?;
        let signature = key(signature, self.array::<24>()?)?;
        let resolved = key(resolved, self.array::<24>()?)?;
        let node = self.text()?;
        let codec = Codec(u16::try_from(self.number()?).ok()?);
        let size = self.number()?;
        let output = if flags & IS_INLINE != 0 {
            let bytes = self.bytes(usize::try_from(size).ok()?)?;
            Output {
                digest: Digest::of(bytes),
                size,
                codec,
                inline: Some(bytes.into()),
            }
        } else {
            let digest = self.digest()?;
            Output {
                digest,
                size,
                codec,
                inline: None,
            }
        };
        let created_ms = unzigzag(self.number()?);
        let elapsed = Duration::from_micros(self.number()?);
        let mut common = |bit: u8, from: &mut Self| match flags & bit {
            0 => Some(None),
            _ => shared(from.number()?).map(Some),
        };
        let code = common(HAS_CODE, self)?;
        let env = common(HAS_ENV, self)?;
        let mut own = |bit: u8| match flags & bit {
            0 => Some(None),
            _ => self.part().map(Some),
        };
        let inputs = own(HAS_INPUTS)?;
        let deps = own(HAS_DEPS)?;
        let log = match flags & HAS_LOG {
            0 => None,
            _ => Some(self.digest()?),
        };
        let seal = match sealed {
            false => None,
            true => Some(Seal::from_bytes(*self.array()?)),
        };
        Some(Record {
            node,
            signature,
            resolved,
            parts: Parts {
                code,
                env,
                inputs,
                deps,
            },
            output,
            created_ms,
            elapsed,
            log,
            seal,
        })
    }

    /// A part with its hash and its leaves.
    pub(crate) fn part(&mut self) -> Option<Arc<Part>> {
        let hash = self.digest()?;
        let leaves = self.leaves()?;
        Some(Arc::new(Part { hash, leaves }))
    }

    fn leaves(&mut self) -> Option<Vec<Leaf>> {
        let count = usize::try_from(self.number()?).ok()?;
        // A leaf has at least 33 bytes.
        let mut leaves = Vec::with_capacity(count.min(self.0.len() / 33));
        for _ in 0..count {
            let len = self.number()?;
            let name = self.utf8(len >> 1)?.into();
            let digest = self.digest()?;
            let note = match len & 1 {
                0 => None,
                _ => Some(self.digest()?),
            };
            leaves.push(Leaf { name, digest, note });
        }
        Some(leaves)
    }
}

#[cfg(test)]
mod tests;
