//! Readers of what people and programs write: any bytes are read or refused. Those of what the store writes have a test
//! of their own in the store; the same readers are targets of `cargo fuzz`.

#[path = "../fuzz/src/lib.rs"]
mod mutation;

#[path = "../fuzz/src/texts.rs"]
mod texts;

use std::path::Path;

#[test]
fn kept_inputs_and_what_is_like_them_are_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in texts::TARGETS {
        mutation::feed(&corpus.join(name), target);
    }
}
