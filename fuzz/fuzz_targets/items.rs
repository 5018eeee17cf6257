#![no_main]

#[path = "../src/texts.rs"]
mod texts;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| texts::items_of_an_array(bytes));
