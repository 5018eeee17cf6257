//! The opcodes of pickles that are plain data, under the names that Python gives them.
//!
//! Nothing else is ever written or followed. Unaware of values.

/// Begins a pickle; the protocol's number follows.
pub(crate) const PROTO: u8 = 0x80;
/// The protocol that is written: the first with bytes of their own, read by every Python 3.
pub(crate) const PROTOCOL: u8 = 3;
/// Ends a pickle.
pub(crate) const STOP: u8 = b'.';
pub(crate) const NONE: u8 = b'N';
pub(crate) const NEWTRUE: u8 = 0x88;
pub(crate) const NEWFALSE: u8 = 0x89;
/// One byte, two bytes, four bytes with a sign.
pub(crate) const BININT1: u8 = b'K';
pub(crate) const BININT2: u8 = b'M';
pub(crate) const BININT: u8 = b'J';
/// The number of bytes in one byte, and a number in two's complement, little endian.
pub(crate) const LONG1: u8 = 0x8a;
/// Eight bytes, big endian.
pub(crate) const BINFLOAT: u8 = b'G';
/// The number of bytes in four bytes, and these.
pub(crate) const BINUNICODE: u8 = b'X';
pub(crate) const BINBYTES: u8 = b'B';
/// What stands between a mark and one of [`TUPLE`], [`APPENDS`], [`SETITEMS`] goes into that.
pub(crate) const MARK: u8 = b'(';
pub(crate) const EMPTY_TUPLE: u8 = b')';
pub(crate) const TUPLE: u8 = b't';
pub(crate) const EMPTY_LIST: u8 = b']';
pub(crate) const APPENDS: u8 = b'e';
pub(crate) const EMPTY_DICT: u8 = b'}';
pub(crate) const SETITEMS: u8 = b'u';
