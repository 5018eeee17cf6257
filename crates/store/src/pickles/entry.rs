//! One output in the file of a node: an entry of a dict, with all that is said of it before its value.
//!
//! The fields stand in one order and have one form, so that who knows them finds the values without reading these.
//! Unaware of files and of what is in a value; read by [`super::scan`].

use crate::codec::Codec;
use crate::codec::opcodes::*;
use crate::codec::pickle::{AROUND, HEAD};
use crate::digest::{Digest, Signature, hex};
use crate::fields::micros;
use crate::record::Record;

/// Puts what is on top of the stack into the memory of the machine, under a number in four bytes.
pub(super) const LONG_BINPUT: u8 = b'r';
/// Gets it from there.
pub(super) const LONG_BINGET: u8 = b'j';
/// Makes an entry of a dict of a key and a value.
pub(super) const SETITEM: u8 = b's';

/// The bytes of a node's name, at most.
pub(super) const LONGEST_NAME: usize = 1 << 16;

/// What is said of an output before its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The signature, or the digest of an output that only a list names.
    pub(crate) key: [u8; 32],
    pub(crate) node: String,
    pub(crate) created_ms: i64,
    pub(crate) elapsed_us: u64,
    pub(crate) codec: Codec,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Header {
    /// What is said of the output of a record.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            key: *record.signature.as_bytes(),
            node: shortened(&record.node).to_owned(),
            created_ms: record.created_ms,
            elapsed_us: micros(record.elapsed),
            codec: record.output.codec,
            digest: record.output.digest,
            size: record.output.size,
        }
    }

    /// The signature that it stands under.
    pub(crate) fn signature(&self) -> Signature {
        Signature::from_bytes(self.key)
    }
}

/// The value of an entry.
pub(crate) enum Content<'a> {
    /// The output's own bytes.
    Bytes(&'a [u8]),
    /// The bytes of a listing, and of each output in it its key, and the number of its entry where it has one.
    List(&'a [u8], Vec<(&'a str, Option<u32>)>),
    /// The value of the entry with this number.
    Same(u32),
}

/// Where in a file an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the entry begins and ends.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Where the output's bytes begin, those of a pickle without what is around its value. `None`: another entry has
    /// them.
    pub(crate) bytes: Option<u64>,
}

/// Adds an entry with this number to `to`.
pub(crate) fn put(to: &mut Vec<u8>, header: &Header, content: &Content<'_>, number: u32) {
    put_sized(to, BINUNICODE, &hex(&header.key));
    to.extend_from_slice(&[EMPTY_DICT, MARK]);
    put_field(to, "node");
    put_sized(to, BINUNICODE, header.node.as_bytes());
    put_field(to, "created_ms");
    put_long(to, header.created_ms);
    put_field(to, "elapsed_us");
    put_long(to, header.elapsed_us.cast_signed());
    put_field(to, "codec");
    to.extend_from_slice(&[BININT1, header.codec.0 as u8]);
    put_field(to, "digest");
    put_sized(to, BINUNICODE, &hex(header.digest.as_bytes()));
    put_field(to, "size");
    put_long(to, header.size.cast_signed());
    match content {
        Content::Bytes(bytes) => {
            put_field(to, "value");
            put_value(to, header.codec, bytes);
        }
        Content::List(listing, items) => {
            put_field(to, "listing");
            put_sized(to, BINBYTES, listing);
            put_field(to, "keys");
            to.extend_from_slice(&[EMPTY_LIST, MARK]);
            for (key, _) in items {
                put_sized(to, BINUNICODE, key.as_bytes());
            }
            to.push(APPENDS);
            put_field(to, "value");
            to.extend_from_slice(&[EMPTY_LIST, MARK]);
            for (_, number) in items {
                match number {
                    Some(number) => put_number(to, LONG_BINGET, *number),
                    None => to.push(NONE),
                }
            }
            to.push(APPENDS);
        }
        Content::Same(number) => {
            put_field(to, "value");
            put_number(to, LONG_BINGET, *number);
        }
    }
    if !matches!(content, Content::Same(_)) {
        put_number(to, LONG_BINPUT, number);
    }
    to.extend_from_slice(&[SETITEMS, SETITEM]);
}

/// The output's bytes from those that stand in a file.
pub(crate) fn whole(codec: Codec, inside: Vec<u8>) -> Vec<u8> {
    match codec {
        Codec::PICKLE => [&HEAD, &*inside, &[STOP]].concat(),
        _ => inside,
    }
}

/// The number of an output's bytes that stand in a file.
pub(crate) fn inside(codec: Codec, size: u64) -> Option<u64> {
    match codec {
        Codec::PICKLE => size.checked_sub(AROUND as u64),
        _ => Some(size),
    }
}

fn put_value(to: &mut Vec<u8>, codec: Codec, bytes: &[u8]) {
    match codec {
        Codec::PICKLE => to.extend_from_slice(&bytes[HEAD.len()..bytes.len() - 1]),
        Codec::TEXT => put_sized(to, BINUNICODE, bytes),
        _ => put_sized(to, BINBYTES, bytes),
    }
}

fn put_field(to: &mut Vec<u8>, name: &str) {
    put_sized(to, BINUNICODE, name.as_bytes());
}

/// Nothing that comes here is as long as four bytes can say: see [`super::LARGEST`].
fn put_sized(to: &mut Vec<u8>, opcode: u8, bytes: &[u8]) {
    put_number(to, opcode, bytes.len() as u32);
    to.extend_from_slice(bytes);
}

fn put_number(to: &mut Vec<u8>, opcode: u8, number: u32) {
    to.push(opcode);
    to.extend_from_slice(&number.to_le_bytes());
}

fn put_long(to: &mut Vec<u8>, number: i64) {
    to.extend_from_slice(&[LONG1, 8]);
    to.extend_from_slice(&number.to_le_bytes());
}

/// As much of a name as a reader takes.
fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}
