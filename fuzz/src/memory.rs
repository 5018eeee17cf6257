//! How much memory a reader takes, at the moment when it has most.

use peak_alloc::PeakAlloc;

/// What a reader may take beside what bytes pay for, however few they are.
const BESIDE: usize = 128 << 10;

/// Lets `target` read `bytes`, alone in its process. Each of them pays for `each` bytes of memory.
///
/// # Panics
/// If it takes more memory than the bytes pay for.
pub fn measured(allocator: &PeakAlloc, each: usize, bytes: &[u8], target: impl FnOnce(&[u8])) {
    let taken = taken(allocator, || target(bytes));
    let length = bytes.len();
    assert!(
        taken <= each * length + BESIDE,
        "{taken} bytes of memory for {length}: {}",
        bytes.escape_ascii()
    );
}

/// The bytes of memory that `work` takes.
pub fn taken(allocator: &PeakAlloc, work: impl FnOnce()) -> usize {
    allocator.reset_peak_usage();
    let before = allocator.current_usage();
    work();
    allocator.peak_usage().saturating_sub(before)
}
