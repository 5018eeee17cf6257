//! A record as it travels: all that it says in one piece, packed, with a check.
//!
//! The format is docs/storage-format.md's "Envelopes". Nothing in it names a row or a file of the cache it came from.
//! Reading is total: any bytes give an envelope or a sentence, in bounded memory. Unaware of tiers.

use std::sync::Arc;
use std::time::Duration;

use crate::body::put_leaves;
use crate::codec::Codec;
use crate::digest::{Digest, Seal, Signature};
use crate::fields::{CHECK, Reader, check, micros, put_bytes, put_number, unzigzag, zigzag};
use crate::packed;
use crate::record::{Output, Part, Parts, Record};

/// The first byte of an envelope.
const FORMAT: u8 = 1;

/// The most bytes of an envelope.
pub(crate) const MOST: u64 = 4 << 20;

/// The most bytes in one.
const MOST_UNPACKED: u64 = 32 << 20;

/// The most bytes of texts that go with a record: they explain it, and nothing depends on them.
const MOST_TEXTS: usize = 256 << 10;

const HAS_CODE: u8 = 1;
const HAS_ENV: u8 = 2;
const HAS_INPUTS: u8 = 4;
const HAS_DEPS: u8 = 8;
const IS_INLINE: u8 = 16;
const HAS_LOG: u8 = 32;
const HAS_SEAL: u8 = 64;

/// Texts by their digests.
pub(crate) type Notes = Vec<(Digest, Arc<str>)>;

/// A record, and the texts that its leaves and its log name, as far as they go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) record: Record,
    pub(crate) notes: Notes,
}

impl Envelope {
    /// Writes it. Texts that are too long are left out, and so is the rest when there are too many.
    pub(crate) fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut to = Vec::with_capacity(1024);
        put_record(&mut to, &self.record);
        let texts = texts_that_go(&self.notes);
        put_number(&mut to, texts.len() as u64);
        for text in texts {
            put_bytes(&mut to, text.as_bytes());
        }
        let sum = check(&[&to]);
        to.extend_from_slice(&sum);
        let mut envelope = vec![FORMAT];
        envelope.extend(packed::pack(&to)?);
        Ok(envelope)
    }

    /// Reads what [`Envelope::encode`] wrote; the error is a sentence.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let packed = match bytes.split_first() {
            Some((&FORMAT, packed)) => packed,
            Some((&newer, _)) if newer > FORMAT => {
                return Err(format!(
                    "it has format {newer}, which is newer than {FORMAT}, which this version reads"
                ));
            }
            _ => return Err("it is no record".into()),
        };
        let bytes = packed::unpack(packed, MOST_UNPACKED)
            .map_err(|error| format!("it cannot be unpacked: {error}"))?;
        let Some((bytes, sum)) = bytes.split_last_chunk::<CHECK>() else {
            return Err("it is too short".into());
        };
        if check(&[bytes]) != *sum {
            return Err("its check does not fit its bytes".into());
        }
        let mut from = Reader(bytes);
        read(&mut from)
            .filter(|_| from.0.is_empty())
            .ok_or_else(|| "it is malformed".into())
    }
}

fn texts_that_go(notes: &[(Digest, Arc<str>)]) -> Vec<&str> {
    let mut left = MOST_TEXTS;
    let mut texts: Vec<&str> = Vec::with_capacity(notes.len());
    for (_, text) in notes {
        if let Some(rest) = left.checked_sub(text.len()) {
            left = rest;
            texts.push(text);
        }
    }
    texts
}

fn put_record(to: &mut Vec<u8>, record: &Record) {
    let (parts, output) = (&record.parts, &record.output);
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    to.push(
        flag(parts.code.is_some(), HAS_CODE)
            | flag(parts.env.is_some(), HAS_ENV)
            | flag(parts.inputs.is_some(), HAS_INPUTS)
            | flag(parts.deps.is_some(), HAS_DEPS)
            | flag(output.inline.is_some(), IS_INLINE)
            | flag(record.log.is_some(), HAS_LOG)
            | flag(record.seal.is_some(), HAS_SEAL),
    );
    to.extend_from_slice(record.signature.as_bytes());
    to.extend_from_slice(record.resolved.as_bytes());
    put_bytes(to, record.node.as_bytes());
    put_number(to, u64::from(output.codec.0));
    put_number(to, output.size);
    match &output.inline {
        Some(bytes) => to.extend_from_slice(bytes),
        None => to.extend_from_slice(output.digest.as_bytes()),
    }
    put_number(to, zigzag(record.created_ms));
    put_number(to, micros(record.elapsed));
    let parts = [&parts.code, &parts.env, &parts.inputs, &parts.deps];
    for part in parts.into_iter().flatten() {
        to.extend_from_slice(part.hash.as_bytes());
        put_leaves(to, &part.leaves);
    }
    if let Some(log) = &record.log {
        to.extend_from_slice(log.as_bytes());
    }
    if let Some(seal) = &record.seal {
        to.extend_from_slice(seal.as_bytes());
    }
}

fn read(from: &mut Reader<'_>) -> Option<Envelope> {
    let record = read_record(from)?;
    let count = usize::try_from(from.number()?).ok()?;
    let mut left = MOST_TEXTS + 1;
    let mut notes = Vec::new();
    for _ in 0..count {
        let text = from.text()?;
        // The empty text may be among them, once.
        left = left.checked_sub(text.len().max(1))?;
        notes.push((Digest::of(text.as_bytes()), text));
    }
    Some(Envelope { record, notes })
}

fn read_record(from: &mut Reader<'_>) -> Option<Record> {
    let [flags] = *from.array()?;
    let signature = Signature::from_bytes(*from.array()?);
    let resolved = Signature::from_bytes(*from.array()?);
    let node = from.text()?;
    let output = read_output(from, flags)?;
    let created_ms = unzigzag(from.number()?);
    let elapsed = Duration::from_micros(from.number()?);
    let mut part = |bit: u8| -> Option<Option<Arc<Part>>> {
        match flags & bit {
            0 => Some(None),
            _ => from.part().map(Some),
        }
    };
    let parts = Parts {
        code: part(HAS_CODE)?,
        env: part(HAS_ENV)?,
        inputs: part(HAS_INPUTS)?,
        deps: part(HAS_DEPS)?,
    };
    let log = match flags & HAS_LOG {
        0 => None,
        _ => Some(from.digest()?),
    };
    let seal = match flags & HAS_SEAL {
        0 => None,
        _ => Some(Seal::from_bytes(*from.array()?)),
    };
    Some(Record {
        node,
        signature,
        resolved,
        parts,
        output,
        created_ms,
        elapsed,
        log,
        seal,
    })
}

fn read_output(from: &mut Reader<'_>, flags: u8) -> Option<Output> {
    let codec = Codec(u16::try_from(from.number()?).ok()?);
    let size = from.number()?;
    let (digest, inline) = match flags & IS_INLINE {
        0 => (from.digest()?, None),
        _ => {
            let bytes = from.bytes(usize::try_from(size).ok()?)?;
            (Digest::of(bytes), Some(bytes.into()))
        }
    };
    Some(Output {
        digest,
        size,
        codec,
        inline,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Leaf;

    fn part(name: &str, leaves: usize) -> Arc<Part> {
        let leaf = |number: usize| Leaf {
            name: format!("{name}{number}").into(),
            digest: Digest::of(&number.to_le_bytes()),
            note: number.is_multiple_of(2).then(|| Digest::of(b"text")),
        };
        Arc::new(Part {
            hash: Digest::of(name.as_bytes()),
            leaves: (0..leaves).map(leaf).collect(),
        })
    }

    fn envelope(inline: bool, leaves: usize) -> Envelope {
        let bytes: &[u8] = b"output";
        Envelope {
            record: Record {
                node: "tokens".into(),
                signature: Signature::from_bytes([1; 32]),
                resolved: Signature::from_bytes([2; 32]),
                parts: Parts {
                    code: Some(part("code", leaves)),
                    env: None,
                    inputs: Some(part("inputs", leaves)),
                    deps: (leaves > 2).then(|| part("deps", 1)),
                },
                output: Output {
                    digest: Digest::of(bytes),
                    size: bytes.len() as u64,
                    codec: Codec::BYTES,
                    inline: inline.then(|| bytes.into()),
                },
                created_ms: -5,
                elapsed: Duration::from_micros(1234),
                log: inline.then(|| Digest::of(b"log")),
                seal: inline.then(|| Seal::from_bytes([7; 32])),
            },
            notes: vec![
                (Digest::of(b"text"), "text".into()),
                (Digest::of(b"log"), "log".into()),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (inline, leaves) in [(true, 0), (false, 1), (true, 7)] {
            let sent = envelope(inline, leaves);
            let bytes = sent.encode().expect("encode");
            assert_eq!(Envelope::decode(&bytes), Ok(sent));
            for at in 0..bytes.len() {
                assert!(Envelope::decode(&bytes[..at]).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn texts_that_are_too_long_stay_behind() {
        let mut sent = envelope(true, 2);
        let long: Arc<str> = "x".repeat(MOST_TEXTS + 1).into();
        sent.notes.insert(0, (Digest::of(long.as_bytes()), long));
        let got = Envelope::decode(&sent.encode().expect("encode")).expect("decode");
        assert_eq!(got.notes, sent.notes[1..]);
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let mut bytes = envelope(true, 1).encode().expect("encode");
        bytes[0] = FORMAT + 1;
        let refused = Envelope::decode(&bytes).expect_err("refused");
        assert!(refused.contains("newer"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_envelope_or_a_reason(inner in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Envelope::decode(&inner);
            let mut whole = inner;
            let sum = check(&[&whole]);
            whole.extend_from_slice(&sum);
            let mut bytes = vec![FORMAT];
            bytes.extend(packed::pack(&whole).expect("pack"));
            let _ = Envelope::decode(&bytes);
        }
    }
}
