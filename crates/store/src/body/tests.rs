use proptest::prelude::*;

use super::*;

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn leaf() -> impl Strategy<Value = Leaf> {
    (".{0,20}", digest(), proptest::option::of(digest())).prop_map(|(name, digest, note)| Leaf {
        name: name.into(),
        digest,
        note,
    })
}

fn part() -> impl Strategy<Value = Option<Arc<Part>>> {
    proptest::option::of(
        (digest(), proptest::collection::vec(leaf(), 0..5))
            .prop_map(|(hash, leaves)| Arc::new(Part { hash, leaves })),
    )
}

fn output() -> impl Strategy<Value = Output> {
    prop_oneof![
        (proptest::collection::vec(any::<u8>(), 0..300), any::<u16>()).prop_map(
            |(bytes, codec)| {
                Output {
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                    codec: Codec(codec),
                    inline: Some(bytes.into()),
                }
            }
        ),
        (digest(), any::<u64>(), any::<u16>()).prop_map(|(digest, size, codec)| Output {
            digest,
            size,
            codec: Codec(codec),
            inline: None,
        }),
    ]
}

prop_compose! {
    fn record()(
        node in ".{0,30}",
        keys in any::<([u8; 32], [u8; 32])>(),
        parts in (part(), part(), part(), part()),
        output in output(),
        created_ms in any::<i64>(),
        elapsed in any::<u64>(),
        log in proptest::option::of(digest()),
        seal in proptest::option::of(any::<[u8; 32]>()),
    ) -> Record {
        Record {
            node: node.into(),
            signature: Signature::from_bytes(keys.0),
            resolved: Signature::from_bytes(keys.1),
            parts: Parts { code: parts.0, env: parts.1, inputs: parts.2, deps: parts.3 },
            output,
            created_ms,
            elapsed: Duration::from_micros(elapsed),
            log,
            seal: seal.map(Seal::from_bytes),
        }
    }
}

/// Encodes with code part 300 and env part 7, as far as the record has them.
fn row(record: &Record) -> Row {
    encode(
        record,
        Shared {
            code: record.parts.code.as_ref().map(|_| 300),
            env: record.parts.env.as_ref().map(|_| 7),
        },
    )
}

fn read(record: &Record, row: &Row) -> Result<Record, String> {
    decode(row.signature, row.resolved, &row.body, |id| match id {
        300 => record.parts.code.clone(),
        7 => record.parts.env.clone(),
        _ => None,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(record in record()) {
        let row = row(&record);
        prop_assert_eq!(signature_of(row.signature, &row.body), Some(record.signature));
        prop_assert_eq!(resolved_of(row.resolved, &row.body), Some(record.resolved));
        prop_assert_eq!(read(&record, &row), Ok(record));
    }

    #[test]
    fn parts_are_read_back_under_their_own_hash_only(part in part()) {
        if let Some(part) = part {
            let body = encode_part(&part);
            prop_assert_eq!(decode_part(part.hash, &body), Some(Part::clone(&part)));
            prop_assert_eq!(decode_part(Digest::of(b"other"), &body), None);
        }
    }

    #[test]
    fn one_changed_bit_is_noticed(record in record(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut row = row(&record);
        let at = at.index(row.body.len());
        row.body[at] ^= 1 << bit;
        prop_assert!(read(&record, &row).is_err());
    }

    #[test]
    fn a_body_under_another_key_is_noticed(record in record()) {
        let mut row = row(&record);
        row.signature ^= 1;
        prop_assert!(read(&record, &row).is_err());
    }

    #[test]
    fn every_prefix_is_refused(record in record(), at in any::<prop::sample::Index>()) {
        let mut row = row(&record);
        row.body.truncate(at.index(row.body.len()));
        prop_assert!(read(&record, &row).is_err());
    }

    /// With a check that fits, so that the fields themselves are what is read.
    #[test]
    fn any_bytes_are_a_record_or_a_reason(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        sealed in any::<bool>(),
    ) {
        let _ = decode(0, 0, &bytes, |_| None);
        bytes.insert(0, if sealed { SEALED } else { FORMAT });
        let mut part = bytes.clone();
        let sum = check(&[&[0; 8], &[0; 8], &bytes]);
        bytes.extend_from_slice(&sum);
        let _ = decode(0, 0, &bytes, |_| None);
        let hash = Digest::from_bytes([0; 32]);
        let sum = check(&[hash.as_bytes(), &part]);
        part.extend_from_slice(&sum);
        let _ = decode_part(hash, &part);
    }
}

#[test]
fn a_record_without_a_seal_has_the_bytes_that_it_always_had() {
    let record = Record {
        node: "it".into(),
        signature: Signature::from_bytes([1; 32]),
        resolved: Signature::from_bytes([2; 32]),
        parts: Parts::default(),
        output: Output {
            digest: Digest::of(b"x"),
            size: 1,
            codec: Codec::BYTES,
            inline: Some(Arc::from(*b"x")),
        },
        created_ms: 3,
        elapsed: Duration::from_micros(4),
        log: None,
        seal: None,
    };
    let plain = row(&record).body;
    let fields = [
        &[1, IS_INLINE][..],
        &[1; 24],
        &[2; 24],
        &[2, b'i', b't', 1, 1, b'x', 6, 4],
    ];
    assert_eq!(plain[..plain.len() - CHECK], fields.concat());
    let sealed = Record {
        seal: Some(Seal::from_bytes([5; 32])),
        ..record
    };
    let sealed = row(&sealed).body;
    assert_eq!(sealed.len(), plain.len() + 32);
    assert_eq!(sealed[0], SEALED);
}

#[test]
fn a_newer_format_says_so() {
    let reason = decode(0, 0, &[SEALED + 1; 80], |_| None).expect_err("newer");
    assert!(reason.contains("newer"), "{reason}");
}
