//! Reads what stands in the file of a node from one end to the other, and passes over the values.
//!
//! Only what [`super::entry`] writes is read: anything else is foreign, and the end of what can be used. Unaware of what
//! becomes of it.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::entry::{self, Header, LONG_BINGET, LONG_BINPUT, LONGEST_NAME, Place, SETITEM};
use super::{BEGIN, JOINT};
use crate::codec::Codec;
use crate::codec::opcodes::*;
use crate::digest::{Digest, unhex};

/// A file, and how far it was read.
pub(super) struct Scanner<R: Read> {
    from: BufReader<R>,
    at: u64,
    /// The bytes of the file.
    length: u64,
}

/// What comes next in a file.
pub(super) enum Next {
    Entry(Header, Place),
    /// The end of the pickle, at this place.
    End(u64),
}

/// Reads these bytes as a file.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_through(bytes: &[u8]) {
    let Ok(mut scanner) = Scanner::begin(io::Cursor::new(bytes), bytes.len() as u64) else {
        return;
    };
    let mut before = scanner.at;
    while let Ok(Next::Entry(_, place)) = scanner.next() {
        assert!(before <= place.start && place.start < place.end);
        before = place.end;
    }
}

/// Says whether an error is about what stands in the file, and not about reading it.
pub(super) fn is_foreign(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}

fn foreign() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl<R: Read + Seek> Scanner<R> {
    /// Begins with a file of this length.
    pub(super) fn begin(file: R, length: u64) -> io::Result<Self> {
        let mut scanner = Self::resume(file, 0, length)?;
        scanner.literal(&BEGIN)?;
        Ok(scanner)
    }

    /// Goes on where an earlier scan ended.
    pub(super) fn resume(mut file: R, at: u64, length: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        let from = BufReader::with_capacity(1 << 16, file);
        Ok(Self { from, at, length })
    }

    /// Reads on.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        loop {
            match self.peek()? {
                STOP => return Ok(Next::End(self.at)),
                // Here was the end before something was added.
                NONE => self.literal(&JOINT)?,
                _ => {
                    return self
                        .entry()
                        .map(|(header, place)| Next::Entry(header, place));
                }
            }
        }
    }

    fn entry(&mut self) -> io::Result<(Header, Place)> {
        let start = self.at;
        let key = self.hex()?;
        self.literal(&[EMPTY_DICT, MARK])?;
        let header = Header {
            key,
            node: {
                self.field("node")?;
                self.text()?
            },
            created_ms: self.long("created_ms")?,
            elapsed_us: self.long("elapsed_us")?.cast_unsigned(),
            codec: {
                self.field("codec")?;
                self.literal(&[BININT1])?;
                let [codec] = self.array()?;
                Codec(codec.into())
            },
            digest: {
                self.field("digest")?;
                Digest::from_bytes(self.hex()?)
            },
            size: u64::try_from(self.long("size")?).map_err(|_| foreign())?,
        };
        let bytes = match &*self.text()? {
            "value" => self.value(&header)?,
            "listing" => Some(self.list(header.size)?),
            _ => return Err(foreign()),
        };
        self.literal(&[SETITEMS, SETITEM])?;
        let end = self.at;
        Ok((header, Place { start, end, bytes }))
    }

    /// Passes over a value; says where the output's bytes are, if they are here.
    fn value(&mut self, header: &Header) -> io::Result<Option<u64>> {
        if self.peek()? == LONG_BINGET {
            return self.number(LONG_BINGET).map(|_| None);
        }
        match header.codec {
            Codec::PICKLE => {}
            Codec::TEXT => self.sized(BINUNICODE, header.size)?,
            _ => self.sized(BINBYTES, header.size)?,
        }
        let bytes = self.at;
        let inside = entry::inside(header.codec, header.size).ok_or_else(foreign)?;
        self.skip(inside)?;
        self.number(LONG_BINPUT)?;
        Ok(Some(bytes))
    }

    /// Passes over a list; says where the bytes of its listing are.
    fn list(&mut self, size: u64) -> io::Result<u64> {
        self.sized(BINBYTES, size)?;
        let bytes = self.at;
        self.skip(size)?;
        self.field("keys")?;
        self.literal(&[EMPTY_LIST, MARK])?;
        while self.peek()? == BINUNICODE {
            let length = self.number(BINUNICODE)?;
            self.skip(length.into())?;
        }
        self.literal(&[APPENDS])?;
        self.field("value")?;
        self.literal(&[EMPTY_LIST, MARK])?;
        loop {
            match self.peek()? {
                NONE => self.skip(1)?,
                LONG_BINGET => self.skip(5)?,
                _ => break,
            }
        }
        self.literal(&[APPENDS])?;
        self.number(LONG_BINPUT)?;
        Ok(bytes)
    }

    fn peek(&mut self) -> io::Result<u8> {
        self.from.fill_buf()?.first().copied().ok_or_else(foreign)
    }

    /// Passes over bytes, all of which must be there.
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.length.saturating_sub(self.at) {
            return Err(foreign());
        }
        self.at += bytes;
        self.from.seek_relative(bytes.cast_signed())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut found = [0; N];
        self.from.read_exact(&mut found)?;
        self.at += N as u64;
        Ok(found)
    }

    /// Reads exactly these bytes.
    fn literal(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.iter().try_for_each(|byte| match self.array()? {
            [found] if found == *byte => Ok(()),
            _ => Err(foreign()),
        })
    }

    /// The number after this opcode.
    fn number(&mut self, opcode: u8) -> io::Result<u32> {
        self.literal(&[opcode])?;
        self.array().map(u32::from_le_bytes)
    }

    /// The beginning of something with this many bytes.
    fn sized(&mut self, opcode: u8, size: u64) -> io::Result<()> {
        match u64::from(self.number(opcode)?) == size {
            true => Ok(()),
            false => Err(foreign()),
        }
    }

    fn field(&mut self, name: &str) -> io::Result<()> {
        self.sized(BINUNICODE, name.len() as u64)?;
        self.literal(name.as_bytes())
    }

    fn long(&mut self, name: &str) -> io::Result<i64> {
        self.field(name)?;
        self.literal(&[LONG1, 8])?;
        self.array().map(i64::from_le_bytes)
    }

    fn hex(&mut self) -> io::Result<[u8; 32]> {
        self.sized(BINUNICODE, 64)?;
        unhex(&self.array::<64>()?).map_err(|_| foreign())
    }

    fn text(&mut self) -> io::Result<String> {
        let length = self.number(BINUNICODE)? as usize;
        if length > LONGEST_NAME {
            return Err(foreign());
        }
        let mut text = vec![0; length];
        self.from.read_exact(&mut text)?;
        self.at += length as u64;
        String::from_utf8(text).map_err(|_| foreign())
    }
}
