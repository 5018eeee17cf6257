//! The canonical encoding of input values: equal values give equal bytes, in
//! every process and on every machine. It is written and never read back; its
//! digest enters `inputs_hash`.
//!
//! Every value starts with a tag; lengths are explicit or closed by [`END`],
//! so no two different values share their bytes. Integers are written by
//! value, whatever their width; floats by their bits, with one NaN; maps and
//! hash sets sorted by their encoded entries; structs as maps of their field
//! names. Maps that keep insertion order (`indexmap`) are not sorted, because
//! a function can see that order.

use std::fmt;

use refrain_store::Digest;
use refrain_store::codec::is_unordered;
use serde::ser::{self, Serialize};

const NONE: u8 = 1;
const SOME: u8 = 2;
const UNIT: u8 = 3;
const FALSE: u8 = 4;
const TRUE: u8 = 5;
const INTEGER: u8 = 6;
const WIDE_INTEGER: u8 = 7;
const FLOAT: u8 = 8;
const CHAR: u8 = 9;
const STRING: u8 = 10;
const BYTES: u8 = 11;
const SEQUENCE: u8 = 12;
const SET: u8 = 13;
const MAP: u8 = 14;
const ORDERED_MAP: u8 = 15;
const VARIANT: u8 = 16;
const END: u8 = 255;

/// The digest of a value's canonical encoding, and the encoding's length.
/// An error is what the value's own `Serialize` said.
pub fn digest<T: Serialize>(value: &T) -> Result<(Digest, usize), Unhashable> {
    let bytes = encode(value)?;
    Ok((Digest::of(&bytes), bytes.len()))
}

/// The canonical encoding of a value.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Unhashable> {
    let mut out = Vec::new();
    write(&mut out, value)?;
    Ok(out)
}

/// A value refused to be serialized.
#[derive(Debug)]
pub struct Unhashable(String);

impl fmt::Display for Unhashable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unhashable {}

impl ser::Error for Unhashable {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Unhashable(message.to_string())
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Unhashable> {
    value.serialize(Encoder {
        out,
        unordered: is_unordered::<T>(),
        keeps_order: keeps_insertion_order::<T>(),
    })
}

/// Whether `T` is a map whose order of insertion can be seen and so counts.
fn keeps_insertion_order<T: ?Sized>() -> bool {
    let name = std::any::type_name::<T>();
    name.starts_with("indexmap::map::IndexMap")
        || name.starts_with("linked_hash_map::LinkedHashMap")
        || name.starts_with("hashlink::")
}

fn varint(out: &mut Vec<u8>, mut n: u128) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    varint(out, bytes.len() as u128);
    out.extend_from_slice(bytes);
}

struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    unordered: bool,
    keeps_order: bool,
}

impl Encoder<'_> {
    fn integer(self, n: i128) -> Result<(), Unhashable> {
        self.out.push(INTEGER);
        varint(self.out, ((n << 1) ^ (n >> 127)) as u128);
        Ok(())
    }

    fn variant(&mut self, name: &str) {
        self.out.push(VARIANT);
        tagged(self.out, STRING, name.as_bytes());
    }
}

/// Elements or entries being collected, each encoded; written at the end,
/// sorted where their order is no part of the value.
struct Entries<'a> {
    out: &'a mut Vec<u8>,
    sorted: Option<Vec<Vec<u8>>>,
    key: Vec<u8>,
}

impl<'a> Entries<'a> {
    fn open(out: &'a mut Vec<u8>, tag: u8, sort: bool) -> Self {
        out.push(tag);
        Entries {
            out,
            sorted: sort.then(Vec::new),
            key: Vec::new(),
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unhashable> {
        match &mut self.sorted {
            None => write(self.out, value),
            Some(entries) => {
                let mut entry = std::mem::take(&mut self.key);
                write(&mut entry, value)?;
                entries.push(entry);
                Ok(())
            }
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unhashable> {
        tagged(&mut self.key, STRING, name.as_bytes());
        self.element(value)
    }

    fn close(self) -> Result<(), Unhashable> {
        if let Some(mut entries) = self.sorted {
            entries.sort_unstable();
            for entry in entries {
                self.out.extend_from_slice(&entry);
            }
        }
        self.out.push(END);
        Ok(())
    }
}

impl<'a> ser::Serializer for Encoder<'a> {
    type Ok = ();
    type Error = Unhashable;
    type SerializeSeq = Entries<'a>;
    type SerializeTuple = Entries<'a>;
    type SerializeTupleStruct = Entries<'a>;
    type SerializeTupleVariant = Entries<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = Entries<'a>;

    fn serialize_bool(self, v: bool) -> Result<(), Unhashable> {
        self.out.push(if v { TRUE } else { FALSE });
        Ok(())
    }
    fn serialize_i8(self, v: i8) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_i16(self, v: i16) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_i32(self, v: i32) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_i64(self, v: i64) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_i128(self, v: i128) -> Result<(), Unhashable> {
        self.integer(v)
    }
    fn serialize_u8(self, v: u8) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result<(), Unhashable> {
        self.integer(v.into())
    }
    fn serialize_u128(self, v: u128) -> Result<(), Unhashable> {
        match i128::try_from(v) {
            Ok(v) => self.integer(v),
            Err(_) => {
                self.out.push(WIDE_INTEGER);
                self.out.extend_from_slice(&v.to_le_bytes());
                Ok(())
            }
        }
    }
    fn serialize_f32(self, v: f32) -> Result<(), Unhashable> {
        self.serialize_f64(v.into())
    }
    fn serialize_f64(self, v: f64) -> Result<(), Unhashable> {
        let v = if v.is_nan() { f64::NAN } else { v };
        self.out.push(FLOAT);
        self.out.extend_from_slice(&v.to_bits().to_le_bytes());
        Ok(())
    }
    fn serialize_char(self, v: char) -> Result<(), Unhashable> {
        self.out.push(CHAR);
        varint(self.out, u32::from(v).into());
        Ok(())
    }
    fn serialize_str(self, v: &str) -> Result<(), Unhashable> {
        tagged(self.out, STRING, v.as_bytes());
        Ok(())
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<(), Unhashable> {
        tagged(self.out, BYTES, v);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Unhashable> {
        self.out.push(NONE);
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unhashable> {
        self.out.push(SOME);
        write(self.out, value)
    }
    fn serialize_unit(self) -> Result<(), Unhashable> {
        self.out.push(UNIT);
        Ok(())
    }
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unhashable> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Unhashable> {
        self.variant(variant);
        self.serialize_unit()
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Unhashable> {
        write(self.out, value)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unhashable> {
        self.variant(variant);
        write(self.out, value)
    }
    fn serialize_seq(self, _len: Option<usize>) -> Result<Entries<'a>, Unhashable> {
        let tag = if self.unordered { SET } else { SEQUENCE };
        Ok(Entries::open(self.out, tag, self.unordered))
    }
    fn serialize_tuple(self, _len: usize) -> Result<Entries<'a>, Unhashable> {
        Ok(Entries::open(self.out, SEQUENCE, false))
    }
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Entries<'a>, Unhashable> {
        self.serialize_tuple(len)
    }
    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Entries<'a>, Unhashable> {
        self.variant(variant);
        self.serialize_tuple(len)
    }
    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a>, Unhashable> {
        let tag = if self.keeps_order { ORDERED_MAP } else { MAP };
        Ok(Entries::open(self.out, tag, !self.keeps_order))
    }
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Entries<'a>, Unhashable> {
        Ok(Entries::open(self.out, MAP, true))
    }
    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Entries<'a>, Unhashable> {
        self.variant(variant);
        Ok(Entries::open(self.out, MAP, true))
    }
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! elements {
    ($($trait:ident :: $method:ident),*) => {$(
        impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Unhashable;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unhashable> {
                self.element(value)
            }
            fn end(self) -> Result<(), Unhashable> {
                self.close()
            }
        }
    )*};
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Unhashable;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unhashable> {
                self.field(name, value)
            }
            fn end(self) -> Result<(), Unhashable> {
                self.close()
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unhashable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unhashable> {
        match self.sorted {
            Some(_) => write(&mut self.key, key),
            None => write(self.out, key),
        }
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unhashable> {
        self.element(value)
    }
    fn end(self) -> Result<(), Unhashable> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
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
}
