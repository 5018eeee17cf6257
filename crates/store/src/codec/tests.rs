use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(u64),
    Tuple(i32, String),
    Struct { name: String, tags: Option<Vec<u8>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Deep {
    shapes: Vec<Shape>,
    by_name: HashMap<String, HashMap<u32, HashSet<String>>>,
    wrapped: Wrapped,
    transparent: Transparent,
    ordered: BTreeMap<i64, (f32, char, bool)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(HashMap<u8, u8>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    set: HashSet<u64>,
}

fn plain<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).expect("bincode")
}

fn round<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) -> Codec {
    let (codec, bytes) = encode(value).expect("encode");
    assert_eq!(&decode::<T>(codec, bytes).expect("decode"), value);
    codec
}

/// A map of the same entries, inserted in the other direction into a table of another size.
fn another_order<K: Clone + Eq + std::hash::Hash, V: Clone>(map: &HashMap<K, V>) -> HashMap<K, V> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.reverse();
    let mut other = HashMap::with_capacity(map.len() * 7);
    other.extend(entries.into_iter().map(|(k, v)| (k.clone(), v.clone())));
    other
}

#[test]
fn ordered_types_have_the_bytes_of_bincode() {
    let shapes = vec![
        Shape::Unit,
        Shape::Newtype(u64::MAX),
        Shape::Tuple(-7, "é".into()),
        Shape::Struct {
            name: "n".into(),
            tags: Some(vec![0, 255]),
        },
    ];
    let value = (
        shapes,
        (1u8, -2i16, 3u128, 'x'),
        [1.5f64, -0.0],
        BTreeMap::from([(1, "a".to_owned())]),
    );
    assert_eq!(
        encode(&value).expect("encode"),
        (Codec::BINCODE, plain(&value))
    );
    round(&value);
}

#[test]
fn bytes_and_text_are_raw_and_borrowed() {
    let bytes = vec![0u8, 255, 3];
    assert_eq!(
        view(&bytes).expect("view"),
        (Codec::BYTES, Cow::Borrowed(&bytes[..]))
    );
    assert_eq!(
        encode(&"né".to_owned()).expect("encode"),
        (Codec::TEXT, "né".as_bytes().to_vec())
    );
    assert_eq!(round(&bytes), Codec::BYTES);
    assert_eq!(round(&String::from("né")), Codec::TEXT);
}

#[test]
fn taking_bytes_and_text_does_not_copy() {
    let bytes = b"abc".to_vec();
    let address = bytes.as_ptr();
    let text: String = decode(Codec::TEXT, bytes).expect("text");
    assert_eq!(text.as_ptr(), address);
    let bytes: Vec<u8> = decode(Codec::BYTES, text.into_bytes()).expect("bytes");
    assert_eq!(bytes.as_ptr(), address);
}

#[test]
fn a_wrong_or_unknown_codec_is_refused() {
    assert!(decode::<String>(Codec::BYTES, b"abc".to_vec()).is_err());
    assert!(decode::<Vec<u8>>(Codec::BINCODE, b"abc".to_vec()).is_err());
    assert!(decode::<u8>(Codec::BYTES, vec![1]).is_err());
    assert!(decode::<u8>(Codec(77), vec![1]).is_err());
    assert!(!Codec(77).is_known());
}

#[test]
fn what_is_not_a_value_is_refused() {
    assert!(
        decode::<String>(Codec::TEXT, vec![0xff]).is_err(),
        "not utf-8"
    );
    assert!(
        decode::<u32>(Codec::BINCODE, vec![1, 0]).is_err(),
        "left over"
    );
    assert!(
        decode::<u64>(Codec::BINCODE, vec![253, 1]).is_err(),
        "cut off"
    );
    assert!(
        decode::<Option<u8>>(Codec::BINCODE, vec![2, 0]).is_err(),
        "neither some nor none"
    );
}

#[test]
fn a_claimed_length_takes_no_memory() {
    // 2^62 bytes: making room for them would abort the process.
    let mut bytes = vec![253];
    bytes.extend((1u64 << 62).to_le_bytes());
    assert!(decode::<(String,)>(Codec::BINCODE, bytes.clone()).is_err());
    assert!(decode::<Vec<u64>>(Codec::BINCODE, bytes.clone()).is_err());
    assert!(decode::<HashMap<u8, u8>>(Codec::BINCODE, bytes).is_err());
}

#[test]
fn a_skipped_field_is_refused_when_encoding() {
    #[derive(Serialize)]
    struct Skipping {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        b: u8,
    }
    let error = encode(&Skipping { a: None, b: 1 }).expect_err("skipped");
    assert!(error.to_string().contains("field a is skipped"), "{error}");
}

proptest! {
    #[test]
    fn hash_maps_and_sets_are_canonical_at_any_depth(
        entries in proptest::collection::hash_map(
            "[a-c]{0,3}",
            proptest::collection::hash_map(any::<u32>(), proptest::collection::hash_set("[a-z]{0,4}", 0..6), 0..6),
            0..6,
        ),
        bytes in proptest::collection::hash_map(any::<u8>(), any::<u8>(), 0..40),
        set in proptest::collection::hash_set(any::<u64>(), 0..40),
    ) {
        let value = Deep {
            shapes: vec![Shape::Unit],
            by_name: entries,
            wrapped: Wrapped(bytes),
            transparent: Transparent { set },
            ordered: BTreeMap::from([(-1, (0.5, 'é', true))]),
        };
        let mut other = value.clone();
        other.by_name = another_order(&value.by_name)
            .into_iter()
            .map(|(name, inner)| (name, another_order(&inner)))
            .collect();
        other.wrapped.0 = another_order(&value.wrapped.0);
        other.transparent.set = value.transparent.set.iter().copied().collect();
        prop_assert_eq!(encode(&value), encode(&other));
        let (codec, encoded) = encode(&value).expect("encode");
        prop_assert_eq!(&decode::<Deep>(codec, encoded).expect("decode"), &value);
    }

    #[test]
    fn sorted_entries_are_what_bincode_reads(map in proptest::collection::hash_map(any::<i32>(), any::<String>(), 0..20)) {
        let (_, bytes) = encode(&map).expect("encode");
        let (read, used): (HashMap<i32, String>, usize) =
            bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).expect("bincode");
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(read, map);
    }

    #[test]
    fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Deep>(Codec::BINCODE, bytes.clone());
        let _ = decode::<Vec<Shape>>(Codec::BINCODE, bytes);
    }
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
enum Chain {
    End,
    Link(Box<Chain>),
}

#[test]
fn a_value_deeper_than_the_stack_is_refused() {
    let chain = |links: usize| [vec![1; links], vec![0]].concat();
    decode::<Chain>(Codec::BINCODE, chain(100)).expect("not deep");
    let error = decode::<Chain>(Codec::BINCODE, chain(1_000_000)).expect_err("deep");
    assert!(error.reason.contains("too deeply"), "{error}");
}

#[test]
fn a_claimed_number_of_nothings_takes_no_time() {
    let (codec, bytes) = encode(&vec![(); 1_000_000]).expect("encode");
    let nothings: Vec<()> = decode(codec, bytes).expect("decode");
    assert_eq!(nothings.len(), 1_000_000);
    let claimed = [&[253][..], &u64::MAX.to_le_bytes()].concat();
    decode::<Vec<()>>(Codec::BINCODE, claimed).expect_err("more than is paid for");
}
