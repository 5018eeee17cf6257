//! Readers of what people and programs write: any bytes are read or refused, in memory that they pay for. Those of what
//! the store writes have a test of their own in the store; the same readers are targets of `cargo fuzz`.

#[path = "../fuzz/src/memory.rs"]
mod memory;

#[path = "../fuzz/src/lib.rs"]
mod mutation;

#[path = "../fuzz/src/texts.rs"]
mod texts;

use std::path::Path;

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes of memory for each byte of a text. What a syntax tree takes for a short statement is a lot of them.
const EACH: usize = 256;

/// The only test here: what another one took would be counted.
#[test]
fn kept_inputs_and_what_is_like_them_are_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in texts::TARGETS {
        mutation::feed(&corpus.join(name), |bytes| {
            memory::measured(&ALLOCATOR, EACH, bytes, target);
        });
    }
}
