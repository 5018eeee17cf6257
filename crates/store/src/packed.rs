//! Bytes as they travel and rest in a tier: zstd frames, opened no further than their contents may be long.
//!
//! Unaware of what the bytes mean.

use std::io::{self, Read, Write};

use zstd::bulk;
use zstd::stream::read::Encoder;
use zstd::stream::write::Decoder;

/// Fast rather than small: what is packed is sent over a network that is rarely slower than this.
const LEVEL: i32 = 3;

/// A frame that needs a larger window is refused: it is memory that a stranger asks for.
const WINDOW: u32 = 27;

/// The most bytes that `size` bytes have when they are packed.
pub(crate) fn most(size: u64) -> u64 {
    size.saturating_add(size / 128).saturating_add(1024)
}

/// Packs bytes in memory.
pub(crate) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    bulk::compress(bytes, LEVEL)
}

/// What `from` gives, packed as it is read: the same bytes each time.
pub(crate) fn packing<R: Read>(from: R) -> io::Result<impl Read + use<R>> {
    Encoder::new(from, LEVEL)
}

/// Opens packed bytes. More than `limit` of them are an error, and are never in memory.
pub(crate) fn unpack(packed: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut opener = Unpacker::new(&mut bytes, limit)?;
    opener.write_all(packed)?;
    opener.finish()?;
    Ok(bytes)
}

/// Opens what is written to it, and hands on at most a limit of bytes.
pub(crate) struct Unpacker<'a, W: Write>(Decoder<'a, Limited<W>>);

impl<W: Write> Unpacker<'_, W> {
    pub(crate) fn new(into: W, limit: u64) -> io::Result<Self> {
        let mut decoder = Decoder::new(Limited { into, left: limit })?;
        decoder.window_log_max(WINDOW)?;
        Ok(Self(decoder))
    }

    /// Hands on what is left. Who counts and hashes what came finds out whether it was all.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Write for Unpacker<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

struct Limited<W> {
    into: W,
    left: u64,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "there are more bytes in it than there should be",
            ));
        }
        let written = self.into.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_no_more() {
        for size in [0, 1, 5000, 300_000] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let packed = pack(&bytes).expect("pack");
            assert!(packed.len() as u64 <= most(size));
            assert_eq!(unpack(&packed, size).expect("unpack"), bytes);
            if size > 0 {
                assert!(unpack(&packed, size - 1).is_err());
            }
            let mut streamed = Vec::new();
            packing(&bytes[..])
                .and_then(|mut packed| packed.read_to_end(&mut streamed))
                .expect("pack");
            assert_eq!(unpack(&streamed, size).expect("unpack"), bytes);
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_its_limit() {
        let bomb = pack(&vec![0; 64 << 20]).expect("pack");
        assert!(bomb.len() < 10_000);
        let mut seen = 0_usize;
        struct Count<'a>(&'a mut usize);
        impl Write for Count<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                *self.0 += bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut opener = Unpacker::new(Count(&mut seen), 1000).expect("open");
        assert!(opener.write_all(&bomb).is_err());
        drop(opener);
        assert!(seen <= 1000);
    }

    #[test]
    fn any_bytes_are_opened_or_refused() {
        for bytes in [&b""[..], b"x", b"\x28\xb5\x2f\xfd", &[0xff; 40]] {
            let _ = unpack(bytes, 100);
        }
    }
}
