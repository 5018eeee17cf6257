//! Writes a value as a pickle that Python's `pickle.load` reads as plain data.
//!
//! Equal values give equal bytes: there is one way to write each, the entries of hash maps and sets stand in the order
//! of their bytes, and nothing is written once and referred to. What could not be read back as it was is refused.

mod compounds;

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::opcodes::*;
use super::unordered::is_unordered;
use compounds::{Entries, Fields, Items};

/// How deep values may be nested.
pub(super) const DEPTH: u32 = 128;

/// The bytes before a value, and their number with those after it.
pub(crate) const HEAD: [u8; 2] = [PROTO, PROTOCOL];
pub(crate) const AROUND: usize = HEAD.len() + 1;

/// Why a value cannot be a pickle, or a pickle cannot be a value.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

/// Writes `value` whole; the error is a sentence.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    let mut to = Vec::from(HEAD);
    let written = value.serialize(Pickler {
        to: &mut to,
        left: DEPTH,
    });
    written.map_err(|refused| refused.0)?;
    to.push(STOP);
    Ok(to)
}

/// Writes a text with its length.
fn put_text(to: &mut Vec<u8>, text: &str) -> Result<(), Refused> {
    put_sized(to, BINUNICODE, text.as_bytes())
}

fn put_sized(to: &mut Vec<u8>, opcode: u8, bytes: &[u8]) -> Result<(), Refused> {
    let length = u32::try_from(bytes.len())
        .map_err(|_| Refused("texts and bytes have at most 4 GiB".into()))?;
    to.push(opcode);
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

/// What was written: whether Python can hash it, so that it can be a key.
type Hashable = bool;

struct Pickler<'a> {
    to: &'a mut Vec<u8>,
    /// How much deeper values may be nested.
    left: u32,
}

impl Pickler<'_> {
    fn again(&mut self) -> Pickler<'_> {
        Pickler {
            to: self.to,
            left: self.left,
        }
    }

    /// The same inside of a collection.
    fn inside(mut self) -> Result<Self, Refused> {
        self.left = (self.left.checked_sub(1))
            .ok_or_else(|| Refused(format!("it is nested more than {DEPTH} deep")))?;
        Ok(self)
    }

    fn begin(self, opcode: u8) -> Result<Self, Refused> {
        let inside = self.inside()?;
        inside.to.extend_from_slice(&[opcode, MARK]);
        Ok(inside)
    }

    fn signed(self, number: i128) -> Result<Hashable, Refused> {
        if let Ok(small) = i32::try_from(number) {
            self.small(small);
        } else {
            // A byte is left out where it only repeats the sign of the one below it.
            let sign = number >> 127;
            let bits = 129 - (number ^ sign).leading_zeros();
            self.long(&number.to_le_bytes()[..bits.div_ceil(8) as usize]);
        }
        Ok(true)
    }

    fn small(self, number: i32) {
        match (u8::try_from(number), u16::try_from(number)) {
            (Ok(byte), _) => self.to.extend_from_slice(&[BININT1, byte]),
            (_, Ok(two)) => {
                self.to.push(BININT2);
                self.to.extend_from_slice(&two.to_le_bytes());
            }
            _ => {
                self.to.push(BININT);
                self.to.extend_from_slice(&number.to_le_bytes());
            }
        }
    }

    fn long(self, bytes: &[u8]) {
        self.to.extend_from_slice(&[LONG1, bytes.len() as u8]);
        self.to.extend_from_slice(bytes);
    }

    fn variant(self, name: &str) -> Result<Self, Refused> {
        let inside = self.begin(EMPTY_DICT)?;
        put_text(inside.to, name)?;
        Ok(inside)
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<Hashable, Refused> {
            self.signed(i128::from(value))
        }
    )*};
}

impl<'a> Serializer for Pickler<'a> {
    type Ok = Hashable;
    type Error = Refused;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Fields<'a>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    fn serialize_u128(self, value: u128) -> Result<Hashable, Refused> {
        match i128::try_from(value) {
            Ok(signed) => self.signed(signed),
            Err(_) => {
                let mut bytes = [0; 17];
                bytes[..16].copy_from_slice(&value.to_le_bytes());
                self.long(&bytes);
                Ok(true)
            }
        }
    }

    fn serialize_bool(self, value: bool) -> Result<Hashable, Refused> {
        self.to.push(if value { NEWTRUE } else { NEWFALSE });
        Ok(true)
    }

    fn serialize_f32(self, value: f32) -> Result<Hashable, Refused> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<Hashable, Refused> {
        self.to.push(BINFLOAT);
        self.to.extend_from_slice(&value.to_be_bytes());
        Ok(true)
    }

    fn serialize_char(self, value: char) -> Result<Hashable, Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Hashable, Refused> {
        put_text(self.to, value)?;
        Ok(true)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Hashable, Refused> {
        put_sized(self.to, BINBYTES, value)?;
        Ok(true)
    }

    fn serialize_none(self) -> Result<Hashable, Refused> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Hashable, Refused> {
        let to = self.to;
        let start = to.len();
        let left = self.left;
        let hashable = value.serialize(Pickler { to, left })?;
        match to[start..] {
            [NONE] => Err(Refused(
                "`Some` of nothing cannot be told from `None` in Python".into(),
            )),
            _ => Ok(hashable),
        }
    }

    fn serialize_unit(self) -> Result<Hashable, Refused> {
        self.to.push(NONE);
        Ok(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Hashable, Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Hashable, Refused> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Hashable, Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Hashable, Refused> {
        let mut inside = self.variant(variant)?;
        value.serialize(inside.again())?;
        inside.to.push(SETITEMS);
        Ok(false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Refused> {
        Ok(Items {
            inside: self.begin(EMPTY_LIST)?,
            end: &[APPENDS],
            hashable: false,
        })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, Refused> {
        let inside = self.inside()?;
        inside.to.push(if length == 0 { EMPTY_TUPLE } else { MARK });
        Ok(Items {
            inside,
            end: if length == 0 { &[] } else { &[TUPLE] },
            hashable: true,
        })
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items<'a>, Refused> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'a>, Refused> {
        let items = self.variant(variant)?.serialize_tuple(length)?;
        let end: &[u8] = match length {
            0 => &[SETITEMS],
            _ => &[TUPLE, SETITEMS],
        };
        Ok(Items {
            end,
            hashable: false,
            ..items
        })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, Refused> {
        let inside = self.inside()?;
        Ok(Entries {
            start: inside.to.len(),
            inside,
            starts: Vec::new(),
            sorted: false,
            hashable: true,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, Refused> {
        Ok(Fields {
            inside: self.begin(EMPTY_DICT)?,
            end: &[SETITEMS],
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Fields<'a>, Refused> {
        let fields = self.variant(variant)?.serialize_struct(variant, length)?;
        Ok(Fields {
            end: &[SETITEMS, SETITEMS],
            ..fields
        })
    }

    fn collect_seq<I>(self, items: I) -> Result<Hashable, Refused>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        if !is_unordered::<I>() {
            let mut list = self.serialize_seq(None)?;
            for item in items {
                ser::SerializeSeq::serialize_element(&mut list, &item)?;
            }
            return ser::SerializeSeq::end(list);
        }
        let mut inside = self.begin(EMPTY_LIST)?;
        let start = inside.to.len();
        let mut starts = Vec::new();
        for item in items {
            starts.push(inside.to.len());
            item.serialize(inside.again())?;
        }
        sort(inside.to, start, &starts);
        inside.to.push(APPENDS);
        Ok(false)
    }

    fn collect_map<K, V, I>(self, entries: I) -> Result<Hashable, Refused>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        let mut map = self.serialize_map(None)?;
        map.sorted = is_unordered::<I>();
        for (key, value) in entries {
            ser::SerializeMap::serialize_entry(&mut map, &key, &value)?;
        }
        ser::SerializeMap::end(map)
    }
}

/// Puts pieces that stand from `start` to the end, and begin at `starts`, in the order of their bytes.
fn sort(to: &mut Vec<u8>, start: usize, starts: &[usize]) {
    let unsorted = to.split_off(start);
    let ends = starts
        .iter()
        .skip(1)
        .copied()
        .chain([start + unsorted.len()]);
    let pieces = starts.iter().copied().zip(ends);
    let mut pieces: Vec<&[u8]> = pieces
        .map(|(from, end)| &unsorted[from - start..end - start])
        .collect();
    pieces.sort_unstable();
    to.reserve(unsorted.len());
    pieces
        .into_iter()
        .for_each(|piece| to.extend_from_slice(piece));
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}
