//! Inputs without a fuzzer: those that are kept, and some thousands like them, the same in every run.

use std::fs;
use std::path::Path;

/// Inputs made of each kept one; `REFRAIN_MUTATIONS` says another number.
const EACH: usize = 150;

/// The bytes of an input, at most.
const LONGEST: usize = 4096;

/// Feeds the files of a directory to `target`, and what comes of changing them.
///
/// # Panics
/// If there are no files, and as `target` does.
pub fn feed(kept: &Path, target: impl Fn(&[u8])) {
    let mut paths: Vec<_> = fs::read_dir(kept)
        .unwrap_or_else(|error| panic!("{}: {error}", kept.display()))
        .map(|entry| entry.expect("entry").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{}: nothing is kept", kept.display());
    let inputs: Vec<_> = paths
        .iter()
        .map(|path| fs::read(path).expect("read"))
        .collect();
    let each = std::env::var("REFRAIN_MUTATIONS").ok();
    let each = each.and_then(|each| each.parse().ok()).unwrap_or(EACH);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    target(&[]);
    for input in &inputs {
        target(input);
        for _ in 0..each {
            let other = &inputs[random.below(inputs.len())];
            target(&mutated(input, other, &mut random));
        }
    }
}

/// Lengths that no input pays for, as formats write them: varints, marked ones of bincode, four and eight bytes.
const HUGE: [&[u8]; 7] = [
    b"\x80\x80\x40",
    b"\xff\xff\xff\xff\x07",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xfc\xff\xff\xff\x0f",
    b"\xfd\xff\xff\xff\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\x0f",
];

/// One of the numbers that formats are afraid of, or any byte.
fn byte(random: &mut Random) -> u8 {
    const DEAR: [u8; 12] = [
        0, 1, 2, 0x7f, 0x80, 0xff, 0xfe, b'"', b'{', b'[', b'/', b'.',
    ];
    match random.below(3) {
        0 => DEAR[random.below(DEAR.len())],
        _ => random.below(256) as u8,
    }
}

fn mutated(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let length = random.below(17).min(bytes.len() - at);
        match random.below(7) {
            0 => drop(bytes.drain(at..at + length)),
            1 => bytes.insert(at, byte(random)),
            2 if at < bytes.len() => bytes[at] = byte(random),
            3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            4 => {
                let huge = HUGE[random.below(HUGE.len())];
                bytes.splice(at..at + length.min(huge.len()), huge.iter().copied());
            }
            5 => {
                let again = bytes[at..at + length].repeat(1 + random.below(32));
                bytes.splice(at..at, again);
            }
            _ => {
                let from = random.below(other.len() + 1);
                let until = (from + random.below(65)).min(other.len());
                bytes.splice(at..at + length, other[from..until].iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Marsaglia's xorshift: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound.max(1)
    }
}
