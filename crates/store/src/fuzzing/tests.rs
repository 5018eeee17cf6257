use std::path::PathBuf;
use std::process::Command;

use peak_alloc::PeakAlloc;

use super::*;
use crate::fields::put_number;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Set for the process in which memory is measured.
const ALONE: &str = "REFRAIN_ALONE";

/// Bytes of memory for each byte of a format.
const EACH: usize = 64;

/// What an envelope of 4 MiB may take that has 32 MiB in it.
const OF_ENVELOPE: usize = 256 << 20;

fn corpus(name: &str) -> PathBuf {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    corpus.join(name)
}

/// Whether a target is more than one reader: a database and threads take what they take.
fn is_directory(name: &str) -> bool {
    matches!(name, "archive" | "rows")
}

#[test]
fn directories_that_are_kept_and_what_is_like_them_are_read_or_refused() {
    for (name, target) in TARGETS {
        if is_directory(name) {
            mutation::feed(&corpus(name), target);
        }
    }
}

#[test]
fn kept_inputs_and_what_is_like_them_are_read_or_refused_in_memory_that_they_pay_for() {
    // In a process of its own: what other tests took would be counted.
    if std::env::var_os(ALONE).is_none() {
        let name = std::thread::current().name().map(str::to_owned);
        let alone = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", &name.expect("the test's"), "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("start");
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(
            alone.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&alone.stderr)
        );
        return;
    }
    for (name, target) in TARGETS.into_iter().filter(|(name, _)| !is_directory(name)) {
        mutation::feed(&corpus(name), |bytes| {
            memory::measured(&ALLOCATOR, EACH, bytes, target);
        });
    }
    for bomb in [leaves(), texts(), vec![0; 33 << 20]] {
        let sum = check(&[&bomb]);
        let packed = packed::pack(&[&bomb[..], &sum].concat()).expect("pack");
        let bomb = [&[1], &packed[..]].concat();
        let taken = memory::taken(&ALLOCATOR, || drop(Envelope::decode(&bomb)));
        assert!(taken <= OF_ENVELOPE, "{taken} for {}", bomb.len());
    }
}

/// An envelope up to its parts, which is all zeros but for its flags.
fn begun(flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; 1 + 32 + 32 + 1 + 1 + 1 + 32 + 1 + 1];
    bytes[0] = flags;
    bytes
}

/// As many leaves as there is room for, without names.
fn leaves() -> Vec<u8> {
    let mut bytes = begun(4);
    bytes.extend_from_slice(&[0; 32]);
    let count = 1_000_000;
    put_number(&mut bytes, count);
    bytes.resize(bytes.len() + 33 * count as usize, 0);
    bytes.push(0);
    bytes
}

/// As many texts as there is room for, all of them empty.
fn texts() -> Vec<u8> {
    let mut bytes = begun(0);
    let count = 32_000_000;
    put_number(&mut bytes, count);
    bytes.resize(bytes.len() + count as usize, 0);
    bytes
}
