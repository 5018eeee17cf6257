//! Values to bytes and back. This module and its children are the only place that knows bincode, and how values are
//! pickled.
//!
//! bincode 2 is frozen; the codec's number is kept in every record, so that another can take its
//! place without a doubt about old bytes. Unaware of records, blobs and digests.

mod bounded;
mod canonical;
pub(crate) mod opcodes;
mod unordered;

pub(crate) mod pickle;

mod unpickle;

use std::any::Any;
use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::debug;

use crate::error::{DecodeError, EncodeError};

pub use unordered::is_unordered;

/// How bytes are to be decoded. The number is kept in every record.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Codec(pub u16);

impl Codec {
    /// No output at all: the record only explains what the work was.
    pub const NONE: Self = Self(0);
    /// The bytes of a `Vec<u8>`, as they are.
    pub const BYTES: Self = Self(1);
    /// The bytes of a `String`: UTF-8, without a length.
    pub const TEXT: Self = Self(2);
    /// bincode 2 with its standard configuration, hash maps and sets in the order of their bytes.
    pub const BINCODE: Self = Self(3);
    /// The bytes of a regular file. Files have no value: they are placed, not decoded.
    pub const FILE: Self = Self(4);
    /// The bytes of a regular file that can be executed.
    pub const PROGRAM: Self = Self(5);
    /// The listing of a directory, whose files are blobs.
    pub const TREE: Self = Self(6);
    /// The listing of a mapped node's outputs.
    pub const LIST: Self = Self(7);
    /// A pickle of plain data, with one way to write each value.
    pub const PICKLE: Self = Self(8);

    /// What its bytes are, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::NONE => "none",
            Self::BYTES => "bytes",
            Self::TEXT => "text",
            Self::BINCODE => "bincode",
            Self::FILE => "file",
            Self::PROGRAM => "program",
            Self::TREE => "directory",
            Self::LIST => "list",
            Self::PICKLE => "pickle",
            _ => "unknown",
        }
    }

    /// Says whether this version knows what the codec's bytes are.
    pub fn is_known(self) -> bool {
        (Self::BYTES..=Self::PICKLE).contains(&self)
    }
}

/// Encodes `value`. Equal values give equal bytes, whatever the order of their hash maps and sets.
///
/// Fails where serde does: a sequence of unknown length, or the type's own refusal.
pub fn encode<T: Serialize + 'static>(value: &T) -> Result<(Codec, Vec<u8>), EncodeError> {
    view(value).map(|(codec, bytes)| (codec, bytes.into_owned()))
}

/// Does what [`encode`] does, and borrows the bytes where the value is nothing else.
pub fn view<T: Serialize + 'static>(value: &T) -> Result<(Codec, Cow<'_, [u8]>), EncodeError> {
    if let Some(plain) = view_plain(value) {
        return Ok(plain);
    }
    let bytes = canonical::encode(value).map_err(|reason| EncodeError {
        type_name: std::any::type_name::<T>(),
        reason,
    })?;
    Ok((Codec::BINCODE, Cow::Owned(bytes)))
}

/// Does what [`view`] does, with a [`Codec::PICKLE`] in place of bincode. A value that a pickle of plain data cannot
/// have without loss is encoded as by [`view`].
pub fn view_pickled<T: Serialize + 'static>(
    value: &T,
) -> Result<(Codec, Cow<'_, [u8]>), EncodeError> {
    if let Some(plain) = view_plain(value) {
        return Ok(plain);
    }
    match pickle::encode(value) {
        Ok(bytes) => Ok((Codec::PICKLE, Cow::Owned(bytes))),
        Err(reason) => {
            debug!(type_name = std::any::type_name::<T>(), reason, "no pickle");
            view(value)
        }
    }
}

/// The bytes of a value that is nothing else.
fn view_plain<T: 'static>(value: &T) -> Option<(Codec, Cow<'_, [u8]>)> {
    let any = value as &dyn Any;
    if let Some(bytes) = any.downcast_ref::<Vec<u8>>() {
        return Some((Codec::BYTES, Cow::Borrowed(bytes)));
    }
    let text = any.downcast_ref::<String>()?;
    Some((Codec::TEXT, Cow::Borrowed(text.as_bytes())))
}

/// Decodes what [`encode`] gave. `Vec<u8>` and `String` take the bytes without copying them.
///
/// Fails on an unknown codec, on one that is not the type's, on bytes that are not a value of `T`, and
/// on bytes left over. Memory taken is bounded by the number of bytes, whatever lengths they claim.
pub fn decode<T: DeserializeOwned + 'static>(
    codec: Codec,
    bytes: Vec<u8>,
) -> Result<T, DecodeError> {
    let fail = |reason: String| DecodeError {
        type_name: std::any::type_name::<T>(),
        reason,
    };
    let mut slot: Option<T> = None;
    let any = &mut slot as &mut dyn Any;
    let expected = if let Some(taken) = any.downcast_mut::<Option<Vec<u8>>>() {
        if codec == Codec::BYTES {
            *taken = Some(bytes);
            return slot.ok_or_else(|| fail("nothing decoded".into()));
        }
        Codec::BYTES
    } else if let Some(taken) = any.downcast_mut::<Option<String>>() {
        if codec == Codec::TEXT {
            *taken = Some(String::from_utf8(bytes).map_err(|error| fail(error.to_string()))?);
            return slot.ok_or_else(|| fail("nothing decoded".into()));
        }
        Codec::TEXT
    } else {
        Codec::BINCODE
    };
    match codec {
        Codec::PICKLE if expected == Codec::BINCODE => unpickle::decode(&bytes).map_err(fail),
        _ if codec == expected => bounded::decode(&bytes).map_err(fail),
        _ => Err(fail(format!(
            "codec {} where {} is expected",
            codec.0, expected.0
        ))),
    }
}

#[cfg(test)]
mod tests;
