//! Lists, maps and structs of a pickle, as serde hands out what is in them.

use serde::ser::{self, Serialize};

use super::super::opcodes::*;
use super::{Hashable, Pickler, Refused, put_text};

/// The items of a list or tuple.
pub(super) struct Items<'a> {
    pub(super) inside: Pickler<'a>,
    pub(super) end: &'static [u8],
    /// It is a tuple, and all items so far can be hashed.
    pub(super) hashable: Hashable,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.hashable &= value.serialize(self.inside.again())?;
        Ok(())
    }

    fn finish(self) -> Result<Hashable, Refused> {
        self.inside.to.extend_from_slice(self.end);
        Ok(self.hashable)
    }
}

macro_rules! items {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = Hashable;
            type Error = Refused;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                self.item(value)
            }

            fn end(self) -> Result<Hashable, Refused> {
                self.finish()
            }
        }
    )*};
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

/// The entries of a map: a dict, or a list of pairs where Python could not hash the keys.
pub(super) struct Entries<'a> {
    pub(super) inside: Pickler<'a>,
    pub(super) start: usize,
    /// Where each key begins and each value.
    pub(super) starts: Vec<(usize, usize)>,
    pub(super) sorted: bool,
    pub(super) hashable: Hashable,
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = Hashable;
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        let start = self.inside.to.len();
        self.hashable &= key.serialize(self.inside.again())?;
        self.starts.push((start, self.inside.to.len()));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        value.serialize(self.inside.again()).map(drop)
    }

    fn end(self) -> Result<Hashable, Refused> {
        let Self {
            inside,
            start,
            starts,
            sorted,
            hashable,
        } = self;
        let to = inside.to;
        let written = to.split_off(start);
        let ends = starts.iter().skip(1).map(|(key, _)| *key);
        let ends = ends.chain([start + written.len()]);
        let mut entries: Vec<(&[u8], &[u8])> = starts
            .iter()
            .zip(ends)
            .map(|((key, value), end)| {
                (
                    &written[key - start..value - start],
                    &written[value - start..end - start],
                )
            })
            .collect();
        if sorted {
            entries.sort_unstable();
        }
        to.reserve(written.len() + 3);
        to.extend_from_slice(&[if hashable { EMPTY_DICT } else { EMPTY_LIST }, MARK]);
        for (key, value) in entries {
            if !hashable {
                to.push(MARK);
            }
            to.extend_from_slice(key);
            to.extend_from_slice(value);
            if !hashable {
                to.push(TUPLE);
            }
        }
        to.push(if hashable { SETITEMS } else { APPENDS });
        Ok(false)
    }
}

/// The fields of a struct, by their names.
pub(super) struct Fields<'a> {
    pub(super) inside: Pickler<'a>,
    pub(super) end: &'static [u8],
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Fields<'_> {
            type Ok = Hashable;
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                put_text(self.inside.to, name)?;
                value.serialize(self.inside.again()).map(drop)
            }

            fn end(self) -> Result<Hashable, Refused> {
                self.inside.to.extend_from_slice(self.end);
                Ok(false)
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
