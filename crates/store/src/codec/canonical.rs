//! Writes a value as bincode does, with the entries of hash maps and sets sorted by their bytes.
//!
//! Numbers, strings and lengths are written by bincode itself; this serializer only walks, as bincode's
//! own does. It sees the type of a collection in `collect_map` and `collect_seq`, which is where serde's
//! implementations for maps, sets and vectors go through, so it costs nothing per element.

use bincode::config::Configuration;
use bincode::enc::write::Writer;
use bincode::enc::{Encode, Encoder, EncoderImpl};
use bincode::error::EncodeError;
use serde::ser::{self, Serialize, Serializer};

use super::unordered::is_unordered;

/// Encodes `value`; the error is a sentence.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    let mut encoder = EncoderImpl::new(Buffer(Vec::new()), bincode::config::standard());
    match value.serialize(Canonical(&mut encoder)) {
        Ok(()) => Ok(encoder.into_writer().0),
        Err(EncodeError::OtherString(reason)) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

struct Buffer(Vec<u8>);

impl Writer for Buffer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

struct Canonical<'a>(&'a mut EncoderImpl<Buffer, Configuration>);

impl Canonical<'_> {
    fn again(&mut self) -> Canonical<'_> {
        Canonical(self.0)
    }

    fn length(&mut self, len: Option<usize>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::Other("a sequence of unknown length"))?;
        (len as u64).encode(self.0)
    }

    /// Writes the entries, each by `write`, in the order of their bytes.
    fn sorted<I: IntoIterator>(
        mut self,
        entries: I,
        write: impl Fn(Canonical<'_>, I::Item) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        // The entries go to the end of the output first; what is written is then put in order there.
        let entries = entries.into_iter();
        let mut spans = Vec::with_capacity(entries.size_hint().0);
        let mut unsorted = Vec::new();
        std::mem::swap(&mut self.0.writer().0, &mut unsorted);
        let before = unsorted;
        for entry in entries {
            let start = self.0.writer().0.len();
            write(self.again(), entry)?;
            spans.push(start..self.0.writer().0.len());
        }
        let unsorted = std::mem::replace(&mut self.0.writer().0, before);
        spans.sort_unstable_by(|a, b| unsorted[a.clone()].cmp(&unsorted[b.clone()]));
        (spans.len() as u64).encode(self.0)?;
        let output = &mut self.0.writer().0;
        output.reserve(unsorted.len());
        for span in spans {
            output.extend_from_slice(&unsorted[span]);
        }
        Ok(())
    }
}

macro_rules! written_by_bincode {
    ($($method:ident: $type:ty,)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            value.encode(self.0)
        }
    )*};
}

impl Serializer for Canonical<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    written_by_bincode! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_u128: u128, serialize_f32: f32, serialize_f64: f64,
    }

    fn collect_seq<I>(mut self, items: I) -> Result<(), EncodeError>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        if is_unordered::<I>() {
            return self.sorted(items, |to, item| item.serialize(to));
        }
        let items = items.into_iter();
        self.length(exact_length(&items))?;
        for item in items {
            item.serialize(self.again())?;
        }
        Ok(())
    }

    fn collect_map<K, V, I>(mut self, entries: I) -> Result<(), EncodeError>
    where
        K: Serialize,
        V: Serialize,
        I: IntoIterator<Item = (K, V)>,
    {
        if is_unordered::<I>() {
            return self.sorted(entries, |mut to, (key, value)| {
                key.serialize(to.again())?;
                value.serialize(to)
            });
        }
        let entries = entries.into_iter();
        self.length(exact_length(&entries))?;
        for (key, value) in entries {
            key.serialize(self.again())?;
            value.serialize(self.again())?;
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        0u8.encode(self.0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        1u8.encode(self.0)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        index.encode(self.0)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        index.encode(self.0)?;
        value.serialize(self)
    }

    fn serialize_seq(mut self, len: Option<usize>) -> Result<Self, EncodeError> {
        self.length(len)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        index.encode(self.0)?;
        Ok(self)
    }

    fn serialize_map(mut self, len: Option<usize>) -> Result<Self, EncodeError> {
        self.length(len)?;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        index.encode(self.0)?;
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

fn exact_length<I: Iterator>(items: &I) -> Option<usize> {
    match items.size_hint() {
        (low, Some(high)) if low == high => Some(low),
        _ => None,
    }
}

macro_rules! compound {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Canonical<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                value.serialize(self.again())
            }

            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        }
    )*};
}

compound! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

impl ser::SerializeMap for Canonical<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        key.serialize(self.again())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self.again())
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Canonical<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                value.serialize(self.again())
            }

            /// A field left out would be read as the next one: bincode has no names.
            fn skip_field(&mut self, name: &'static str) -> Result<(), EncodeError> {
                Err(EncodeError::OtherString(format!(
                    "field {name} is skipped, which bincode cannot read back"
                )))
            }

            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
