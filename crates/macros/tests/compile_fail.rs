//! What `#[func]` refuses, and how it says so.

#[test]
fn errors_stand_at_their_place_and_say_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
