//! Reads what bincode wrote, from a slice, and never takes more memory, time or stack than the slice pays for.
//!
//! bincode's own deserializer makes room for a string before it knows that the bytes are there; this one
//! borrows strings and bytes from the slice. Numbers and lengths are read by bincode itself.

use bincode::config::Configuration;
use bincode::de::read::SliceReader;
use bincode::de::{BorrowDecode, BorrowDecoder, Decode, DecoderImpl, read::BorrowReader};
use bincode::error::DecodeError;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

/// Decodes all of `bytes`; the error is a sentence.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut state = State {
        decoder: DecoderImpl::new(SliceReader::new(bytes), bincode::config::standard(), ()),
        items: bytes.len().saturating_mul(8).saturating_add(FREE_ITEMS),
        room: bytes.len(),
        stack: place(),
    };
    let value = T::deserialize(Bounded(&mut state)).map_err(|error| match error {
        DecodeError::OtherString(reason) => reason,
        error => error.to_string(),
    })?;
    if state.decoder.borrow_reader().take_bytes(1).is_ok() {
        return Err(format!(
            "bytes left over after the value, of {} in all",
            bytes.len()
        ));
    }
    Ok(value)
}

/// Items that take no bytes, at least: a list of a million times nothing is a value.
const FREE_ITEMS: usize = 1 << 20;

/// The bytes of stack that a value may take to be read, however deep it is. Threads have twice as much.
const STACK: usize = 1 << 20;

type SliceDecoder<'de> = DecoderImpl<SliceReader<'de>, Configuration, ()>;

struct State<'de> {
    decoder: SliceDecoder<'de>,
    /// The items that may still come. All but those that take no bytes are paid for anyway.
    items: usize,
    /// The items that room may still be made for before they are read. Collections stand inside of each other, so that
    /// all together get no more than bytes can pay for.
    room: usize,
    /// Where the stack was at the beginning.
    stack: usize,
}

/// About where the stack is.
#[inline(never)]
fn place() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

struct Bounded<'a, 'de>(&'a mut State<'de>);

impl<'a, 'de> Bounded<'a, 'de> {
    fn again(&mut self) -> Bounded<'_, 'de> {
        Bounded(self.0)
    }

    /// Refuses to go deeper than there is stack for.
    fn deeper(&self) -> Result<(), DecodeError> {
        match self.0.stack.abs_diff(place()) {
            0..=STACK => Ok(()),
            _ => Err(DecodeError::Other("the value is nested too deeply")),
        }
    }

    /// A collection, by its number of items.
    fn counted(self) -> Result<Counted<'a, 'de>, DecodeError> {
        self.deeper()?;
        let len = u64::decode(&mut self.0.decoder)?;
        let left = usize::try_from(len).map_err(|_| DecodeError::OutsideUsizeRange(len))?;
        let room = left.min(self.0.room);
        self.0.room -= room;
        Ok(Counted {
            from: self,
            left,
            room,
        })
    }
}

macro_rules! read_by_bincode {
    ($($method:ident $visit:ident: $type:ty,)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(<$type>::borrow_decode(&mut self.0.decoder)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Bounded<'_, 'de> {
    type Error = DecodeError;

    read_by_bincode! {
        deserialize_bool visit_bool: bool,
        deserialize_char visit_char: char,
        deserialize_i8 visit_i8: i8,
        deserialize_i16 visit_i16: i16,
        deserialize_i32 visit_i32: i32,
        deserialize_i64 visit_i64: i64,
        deserialize_i128 visit_i128: i128,
        deserialize_u8 visit_u8: u8,
        deserialize_u16 visit_u16: u16,
        deserialize_u32 visit_u32: u32,
        deserialize_u64 visit_u64: u64,
        deserialize_u128 visit_u128: u128,
        deserialize_f32 visit_f32: f32,
        deserialize_f64 visit_f64: f64,
        deserialize_str visit_borrowed_str: &'de str,
        deserialize_string visit_borrowed_str: &'de str,
        deserialize_bytes visit_borrowed_bytes: &'de [u8],
        deserialize_byte_buf visit_borrowed_bytes: &'de [u8],
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::Other(
            "the type must be known to read bincode: untagged, flattened and self-describing types cannot be",
        ))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deeper()?;
        match u8::decode(&mut self.0.decoder)? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self),
            _ => Err(DecodeError::Other("an option that is neither 0 nor 1")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper()?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(self.counted()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper()?;
        visitor.visit_seq(Counted {
            from: self,
            left: len,
            room: len,
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(self.counted()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deeper()?;
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The items or entries of a collection whose number was read before.
struct Counted<'a, 'de> {
    from: Bounded<'a, 'de>,
    left: usize,
    /// What is told to those who make room.
    room: usize,
}

impl Counted<'_, '_> {
    fn next(&mut self) -> Result<bool, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(false);
        };
        self.left = left;
        let items = &mut self.from.0.items;
        *items = items.checked_sub(1).ok_or(DecodeError::Other(
            "it has more items than its bytes pay for",
        ))?;
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Counted<'_, 'de> {
    type Error = DecodeError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        match self.next()? {
            true => seed.deserialize(self.from.again()).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.room)
    }
}

impl<'de> MapAccess<'de> for Counted<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        match self.next()? {
            true => seed.deserialize(self.from.again()).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        seed.deserialize(self.from.again())
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.room)
    }
}

impl<'de> EnumAccess<'de> for Bounded<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), DecodeError> {
        let index = u32::decode(&mut self.0.decoder)?;
        let index: de::value::U32Deserializer<DecodeError> = index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Bounded<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}
