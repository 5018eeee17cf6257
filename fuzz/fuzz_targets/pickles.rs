#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| refrain_store::fuzzing::pickles_of_a_node(bytes));
