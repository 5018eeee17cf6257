use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::{digest, encode};

fn hash<T: Serialize>(value: T) -> String {
    digest(&value).unwrap().0.to_string()
}

#[test]
fn maps_and_sets_hash_the_same_in_any_order() {
    let forward: HashMap<u32, String> = (0..100).map(|n| (n, n.to_string())).collect();
    let backward: HashMap<u32, String> = (0..100).rev().map(|n| (n, n.to_string())).collect();
    let sorted: BTreeMap<u32, String> = forward.clone().into_iter().collect();
    assert_eq!(hash(&forward), hash(&backward));
    assert_eq!(hash(&forward), hash(&sorted));
    let set: HashSet<u32> = (0..100).collect();
    let again: HashSet<u32> = (0..100).rev().collect();
    assert_eq!(hash((1, Some(&set))), hash((1, Some(&again))));
    assert_ne!(hash(vec![1, 2]), hash(vec![2, 1]));
}

#[test]
fn floats_count_by_bits_with_one_nan() {
    assert_ne!(hash(0.0f64), hash(-0.0f64));
    assert_eq!(hash(f64::NAN), hash(-f64::NAN));
    assert_eq!(hash(f64::from_bits(0x7ff8_0000_0000_0001)), hash(f64::NAN));
    assert_eq!(hash(1.5f32), hash(1.5f64));
    assert_ne!(hash(1.0f64), hash(1u8));
}

#[test]
fn integers_count_by_value_whatever_their_width() {
    assert_eq!(hash(5u8), hash(5i64));
    assert_eq!(hash(-5i8), hash(-5i128));
    assert_eq!(hash(u64::MAX), hash(u128::from(u64::MAX)));
    assert_ne!(hash(i128::MIN), hash(u128::MAX));
    assert_ne!(hash(u128::MAX), hash(u128::MAX - 1));
}

#[test]
fn nested_options_units_and_strings_stay_apart() {
    let nested: [Option<Option<u8>>; 3] = [None, Some(None), Some(Some(0))];
    let hashes: HashSet<String> = nested.iter().map(hash).collect();
    assert_eq!(hashes.len(), 3);
    let all = [
        hash(()),
        hash(None::<u8>),
        hash(""),
        hash(false),
        hash(0),
        hash([0u8; 0]),
    ];
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    assert_ne!(hash(("ab", "c")), hash(("a", "bc")));
    assert_ne!(hash(vec![vec![1], vec![]]), hash(vec![vec![], vec![1]]));
    assert_ne!(hash('a'), hash("a"));
}

#[derive(Serialize)]
enum Shape {
    Empty,
    Round(f64),
    Square { side: f64 },
    Box(f64, f64),
}

#[derive(Serialize)]
struct Tree {
    name: String,
    leaves: HashMap<String, HashSet<u8>>,
}

#[test]
fn enums_count_by_variant_name_and_content() {
    let all = [
        hash(Shape::Empty),
        hash(Shape::Round(1.0)),
        hash(Shape::Square { side: 1.0 }),
        hash(Shape::Box(1.0, 1.0)),
    ];
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
}

#[test]
fn a_struct_hashes_as_the_map_of_its_fields() {
    let tree = |order: &[u8]| Tree {
        name: "oak".into(),
        leaves: HashMap::from([("a".to_owned(), order.iter().copied().collect())]),
    };
    assert_eq!(hash(tree(&[1, 2, 3])), hash(tree(&[3, 2, 1])));
    let json = serde_json::json!({"side": 1.5});
    #[derive(Serialize)]
    struct Side {
        side: f64,
    }
    assert_eq!(hash(json), hash(Side { side: 1.5 }));
}

#[test]
fn bytes_are_a_promise() {
    // A change here makes every cache miss: it needs a new signature format.
    assert_eq!(
        encode(&("a", 300u16, None::<u8>)).unwrap(),
        [12, 10, 1, b'a', 6, 0xd8, 4, 1, 255]
    );
    assert_eq!(
        hash((
            "refrain",
            1u8,
            [1.5f64, f64::NAN],
            HashMap::from([(true, 'x')])
        )),
        "b905f6081d272db9c7f533956752f1f74dd704182686848ffe50e644e749fea9"
    );
}

#[test]
fn a_value_that_refuses_says_so() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a socket has no value"))
        }
    }
    assert_eq!(
        digest(&Refuses).unwrap_err().to_string(),
        "a socket has no value"
    );
}
