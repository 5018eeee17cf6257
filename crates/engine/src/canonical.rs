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

#[cfg(test)]
mod tests;

use std::fmt;

use refrain_store::Digest;
use refrain_store::codec::is_unordered;
use serde::ser::{self, Serialize};
use smallvec::SmallVec;

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
    encode_to(&mut out, value)?;
    Ok(out)
}

/// Writes the canonical encoding of a value after what is there.
pub fn encode_to<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Unhashable> {
    write(out, value)
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

/// Elements or entries being written; at the end they are sorted where their
/// order is no part of the value.
struct Entries<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// Where each of them ends, if they are to be sorted.
    ends: Option<SmallVec<[usize; 8]>>,
}

impl<'a> Entries<'a> {
    fn open(out: &'a mut Vec<u8>, tag: u8, sort: bool) -> Self {
        out.push(tag);
        Entries {
            start: out.len(),
            out,
            ends: sort.then(SmallVec::new),
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unhashable> {
        write(self.out, value)?;
        if let Some(ends) = &mut self.ends {
            ends.push(self.out.len());
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unhashable> {
        tagged(self.out, STRING, name.as_bytes());
        self.element(value)
    }

    fn close(self) -> Result<(), Unhashable> {
        if let Some(ends) = &self.ends {
            sort(self.out, self.start, ends);
        }
        self.out.push(END);
        Ok(())
    }
}

/// Sorts the entries that end there and follow each other from `start` on.
fn sort(out: &mut Vec<u8>, start: usize, ends: &[usize]) {
    let entry = |at: usize| match at.checked_sub(1) {
        None => 0..ends[0] - start,
        Some(before) => ends[before] - start..ends[at] - start,
    };
    let written: SmallVec<[u8; 512]> = SmallVec::from_slice(&out[start..]);
    let mut order: SmallVec<[usize; 8]> = (0..ends.len()).collect();
    order.sort_unstable_by(|a, b| written[entry(*a)].cmp(&written[entry(*b)]));
    out.truncate(start);
    for at in order {
        out.extend_from_slice(&written[entry(at)]);
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
        write(self.out, key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unhashable> {
        self.element(value)
    }
    fn end(self) -> Result<(), Unhashable> {
        self.close()
    }
}
