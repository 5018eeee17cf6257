//! What the real `rustfmt` does to a source changes no hash.

mod fixture;

use std::collections::BTreeSet;
use std::process::Command;

use fixture::Fixture;

const UGLY: &str = include_str!("ugly.rs.txt");

fn hashes(fixture: &Fixture, node: &str) -> BTreeSet<(String, [u8; 32])> {
    fixture
        .whole(node)
        .items
        .into_iter()
        .map(|item| (item.path, item.hash))
        .collect()
}

#[test]
fn rustfmt_changes_no_hash() {
    let ugly = Fixture::lib(UGLY);
    let neat = Fixture::lib(UGLY);
    let file = neat.root().join("src/lib.rs");
    let status = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .arg(&file)
        .status()
        .expect("rustfmt runs");
    assert!(status.success());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.lines().count() > UGLY.lines().count() * 2,
        "rustfmt did little:\n{text}"
    );
    neat.write("src/lib.rs", &text);
    let (before, after) = (ugly.whole("node"), neat.whole("node"));
    for (a, b) in before.items.iter().zip(&after.items) {
        assert_eq!((&a.path, &a.text), (&b.path, &b.text));
    }
    assert_eq!(hashes(&ugly, "node"), hashes(&neat, "node"));
    assert!(before.items.len() > 20, "{}", fixture::listing(&before));
}

/// Each pair differs by tokens that mean something, however little.
#[test]
fn any_other_token_counts() {
    let pairs = [
        ("(x,)", "(x)"),
        ("a && b", "a & &b"),
        ("x as u8", "x as u16"),
        ("r\"a\"", "\"a\""),
        ("{ 1 }", "unsafe { 1 }"),
        ("return 1", "1"),
        ("(x)", "x"),
        ("if a { 1 } else { 2 }", "if a { 1; } else { 2; }"),
        ("m!(a,)", "m!(a)"),
        ("m!(|x| { x })", "m!(|x| x)"),
        ("|x| -> u8 { x }", "|x| { x }"),
        ("x.0", "x.1"),
        ("'a'", "'b'"),
        ("0.0", "-0.0"),
        ("&mut x", "& x"),
        ("1_000", "1000"),
        ("loop { break }", "loop { continue }"),
    ];
    for (from, to) in pairs {
        let case = Fixture::lib(&format!("#[func] fn node() {{ use_it({from}); }}\n"));
        case.changes(
            "node",
            0,
            "src/lib.rs",
            &format!("use_it({from})"),
            &format!("use_it({to})"),
        );
    }
}
