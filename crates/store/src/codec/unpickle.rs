//! Reads back what [`super::pickle`] wrote, and nothing else that pickles can say.
//!
//! A pickle is a program for a machine with a stack and a memory, which can call anything by its name. This reader has
//! no such machine: values stand inside of each other as in JSON, and whatever is not plain data is an error. It
//! borrows from the bytes, takes no more memory than they pay for, and goes no deeper than the writer does.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::opcodes::*;
use super::pickle::{DEPTH, HEAD, Refused};
use crate::fields::Reader;

/// Reads all of `bytes`; the error is a sentence.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let inside = bytes
        .strip_prefix(&HEAD)
        .and_then(|rest| rest.strip_suffix(&[STOP]));
    let Some(inside) = inside else {
        return Err("it is no pickle as refrain writes them".into());
    };
    let mut unpickler = Unpickler {
        from: Reader(inside),
        left: DEPTH,
    };
    let value = T::deserialize(&mut unpickler).map_err(|refused| refused.0)?;
    match unpickler.from.0 {
        [] => Ok(value),
        rest => Err(format!("{} bytes left over after the value", rest.len())),
    }
}

struct Unpickler<'de> {
    from: Reader<'de>,
    /// How much deeper values may be nested.
    left: u32,
}

impl<'de> Unpickler<'de> {
    fn peek(&self) -> Option<u8> {
        self.from.0.first().copied()
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        self.from.array().copied().ok_or_else(torn)
    }

    fn sized(&mut self) -> Result<&'de [u8], Refused> {
        let length = u32::from_le_bytes(self.take()?);
        self.from.bytes(length as usize).ok_or_else(torn)
    }

    fn text(&mut self) -> Result<&'de str, Refused> {
        std::str::from_utf8(self.sized()?).map_err(de::Error::custom)
    }

    /// Takes the opcode, where it comes next.
    fn accept(&mut self, opcode: u8) -> bool {
        let accepted = self.peek() == Some(opcode);
        if accepted {
            self.from.0 = &self.from.0[1..];
        }
        accepted
    }

    fn expect(&mut self, opcode: u8) -> Result<(), Refused> {
        match (self.accept(opcode), self.peek()) {
            (true, _) => Ok(()),
            (false, None) => Err(torn()),
            (false, Some(found)) => Err(unexpected(found)),
        }
    }

    /// Reads what is in a collection that ends with this opcode.
    fn inside<T>(
        &mut self,
        end: u8,
        read: impl FnOnce(&mut Inside<'_, 'de>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.left = (self.left.checked_sub(1))
            .ok_or_else(|| Refused(format!("it is nested more than {DEPTH} deep")))?;
        let value = read(&mut Inside {
            unpickler: self,
            end,
        })?;
        self.left += 1;
        self.expect(end)?;
        Ok(value)
    }

    fn long<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refused> {
        let [length] = self.take()?;
        let bytes = self.from.bytes(length.into()).ok_or_else(torn)?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 17];
        let Some(room) = wide.get_mut(..bytes.len()) else {
            return Err(Refused("a number of more than 128 bits".into()));
        };
        room.copy_from_slice(bytes);
        let [low @ .., high] = wide;
        let (signed, unsigned) = (i128::from_le_bytes(low), u128::from_le_bytes(low));
        match (negative, high) {
            (true, 0xff) if signed < 0 => match i64::try_from(signed) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => visitor.visit_i128(signed),
            },
            (false, 0) => match (u64::try_from(unsigned), i128::try_from(unsigned)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i128(number),
                _ => visitor.visit_u128(unsigned),
            },
            _ => Err(Refused("a number of more than 128 bits".into())),
        }
    }
}

fn torn() -> Refused {
    Refused("it ends in the middle of a value".into())
}

fn unexpected(opcode: u8) -> Refused {
    Refused(format!("opcode 0x{opcode:02x} is not plain data here"))
}

impl<'de> Deserializer<'de> for &mut Unpickler<'de> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let [opcode] = self.take()?;
        match opcode {
            NONE => visitor.visit_unit(),
            NEWTRUE => visitor.visit_bool(true),
            NEWFALSE => visitor.visit_bool(false),
            BININT1 => visitor.visit_u64(u8::from_le_bytes(self.take()?).into()),
            BININT2 => visitor.visit_u64(u16::from_le_bytes(self.take()?).into()),
            BININT => {
                let number = i32::from_le_bytes(self.take()?);
                match u64::try_from(number) {
                    Ok(number) => visitor.visit_u64(number),
                    Err(_) => visitor.visit_i64(number.into()),
                }
            }
            LONG1 => self.long(visitor),
            BINFLOAT => visitor.visit_f64(f64::from_be_bytes(self.take()?)),
            BINUNICODE => visitor.visit_borrowed_str(self.text()?),
            BINBYTES => visitor.visit_borrowed_bytes(self.sized()?),
            EMPTY_TUPLE => self.inside_of_nothing(visitor),
            MARK => self.inside(TUPLE, |items| visitor.visit_seq(items)),
            EMPTY_LIST => {
                self.expect(MARK)?;
                self.inside(APPENDS, |items| visitor.visit_seq(items))
            }
            EMPTY_DICT => {
                self.expect(MARK)?;
                self.inside(SETITEMS, |entries| visitor.visit_map(Dict(entries)))
            }
            other => Err(unexpected(other)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.accept(NONE) {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    /// A map is a list of pairs where Python could not hash its keys.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if !self.accept(EMPTY_LIST) {
            return self.deserialize_any(visitor);
        }
        self.expect(MARK)?;
        self.inside(APPENDS, |entries| visitor.visit_map(Pairs(entries)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        if self.accept(BINUNICODE) {
            return visitor.visit_enum(BorrowedStrDeserializer::new(self.text()?));
        }
        self.expect(EMPTY_DICT)?;
        self.expect(MARK)?;
        self.inside(SETITEMS, |variant| visitor.visit_enum(variant))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct struct identifier ignored_any
    }
}

impl<'de> Unpickler<'de> {
    fn inside_of_nothing<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(de::value::SeqDeserializer::new(std::iter::empty::<()>()))
    }
}

/// What is in a collection, up to the opcode that ends it.
struct Inside<'a, 'de> {
    unpickler: &'a mut Unpickler<'de>,
    end: u8,
}

impl<'de> Inside<'_, 'de> {
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        match self.unpickler.peek() == Some(self.end) {
            true => Ok(None),
            false => self.value(seed).map(Some),
        }
    }

    fn value<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(&mut *self.unpickler)
    }
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        self.next(seed)
    }
}

struct Dict<'a, 'b, 'de>(&'a mut Inside<'b, 'de>);

impl<'de> MapAccess<'de> for Dict<'_, '_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        self.0.next(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        self.0.value(seed)
    }
}

/// The entries of a map that is a list of pairs.
struct Pairs<'a, 'b, 'de>(&'a mut Inside<'b, 'de>);

impl<'de> MapAccess<'de> for Pairs<'_, '_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        match self.0.unpickler.accept(MARK) {
            true => self.0.value(seed).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let value = self.0.value(seed)?;
        self.0.unpickler.expect(TUPLE)?;
        Ok(value)
    }
}

impl<'a, 'b, 'de> EnumAccess<'de> for &'a mut Inside<'b, 'de> {
    type Error = Refused;
    type Variant = &'a mut Inside<'b, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Refused> {
        let variant = self.value(seed)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Err(Refused("a variant with contents where it has none".into()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        self.value(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refused> {
        self.unpickler.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.unpickler.deserialize_any(visitor)
    }
}
