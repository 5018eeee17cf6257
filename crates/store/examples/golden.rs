//! Makes a golden cache directory of the present format: `cargo run -p refrain-store --example golden -- DIR`.
//!
//! See tests/golden/README.md.

use std::path::Path;

use refrain_store::Store;

#[path = "../../../tests/golden/contents.rs"]
#[allow(dead_code, reason = "the test looks for what is made here")]
mod contents;

fn main() {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: golden DIR");
        std::process::exit(2);
    };
    let dir = Path::new(&dir);
    let store = Store::open(dir).expect("open");
    let work = store.scratch().expect("a scratch directory");
    contents::fill(&store, work.path());
}
