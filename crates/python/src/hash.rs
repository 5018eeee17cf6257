//! BLAKE3 as the hasher that Rust's derived `Hash` writes to.
//!
//! Derived implementations cannot forget a field. What they write tells values apart: enums by their variant's
//! number, sequences by their length, texts by a byte that no UTF-8 has. Numbers are widened to 64 bits, so
//! that all machines agree.

use std::hash::Hasher;

/// A hash, the full 256 bits.
pub type Hash = [u8; 32];

/// Names the format of every hash made here; a change of the rules changes it.
const FORMAT: &[u8] = b"refrain-python 1";

/// How many bytes are hashed at once.
const PENDING: usize = 8 << 10;

/// A hash being made.
pub(crate) struct Blake {
    hasher: blake3::Hasher,
    /// What is still to be hashed: fields are short, and BLAKE3 is quick on long pieces.
    pending: Vec<u8>,
}

impl Blake {
    /// Starts a hash in a domain of its own, such as `tree` or `bytes`.
    pub(crate) fn new(domain: &str) -> Self {
        let mut this = Blake {
            hasher: blake3::Hasher::new(),
            pending: Vec::with_capacity(PENDING + 64),
        };
        this.field(FORMAT);
        this.field(domain.as_bytes());
        this
    }

    /// Adds bytes with their length before them.
    pub(crate) fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.write_u64(bytes.len() as u64);
        self.write(bytes);
        self
    }

    /// Ends the hash.
    pub(crate) fn hash(mut self) -> Hash {
        *self.hasher.update(&self.pending).finalize().as_bytes()
    }
}

impl Hasher for Blake {
    fn write(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PENDING {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        unreachable!("all of the hash is taken, by `hash`")
    }
}

/// The hash of a file's bytes as they are.
pub(crate) fn of_bytes(bytes: &[u8]) -> Hash {
    let mut hash = Blake::new("bytes");
    hash.field(bytes);
    hash.hash()
}
