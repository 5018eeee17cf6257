//! Where a part of a string's value stands in the text, which has quotes and escapes.

use std::ops::Range;

use crate::problem::Span;

/// Where a part of a string stands in the text: `string` is the place of the whole string with its quotes,
/// `part` counts the bytes of its value.
pub(crate) fn part_of(text: &str, string: Span, part: Range<usize>) -> Span {
    let raw = &text[string.start..string.end];
    let (delimiter, basic) = match raw.as_bytes() {
        [b'"', b'"', b'"', ..] => (3, true),
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'"', ..] => (1, true),
        _ => (1, false),
    };
    let mut at = delimiter;
    if delimiter == 3 {
        // A newline right after the opening quotes is not part of the value.
        at += newline(&raw[at..]);
    }
    let mut seen = 0;
    let mut start = at;
    while let Some(next) = raw[at..].chars().next() {
        let (length, decoded) = match next {
            '\\' if basic => escape(&raw[at..]),
            other => (other.len_utf8(), other.len_utf8()),
        };
        if seen >= part.end {
            break;
        }
        if seen <= part.start {
            start = at;
        }
        at += length;
        seen += decoded;
    }
    let end = at.max(start + 1).min(raw.len());
    Span::from(string.start + start.min(end)..string.start + end)
}

/// How many bytes an escape takes, and how many it stands for.
fn escape(raw: &str) -> (usize, usize) {
    let digits = match raw.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            let rest = raw[1..].trim_start_matches([' ', '\t', '\r', '\n']);
            return (raw.len() - rest.len(), 0);
        }
        Some(_) => return (2, 1),
        None => return (1, 1),
    };
    let code = raw
        .get(2..2 + digits)
        .and_then(|code| u32::from_str_radix(code, 16).ok());
    let decoded = code.and_then(char::from_u32).map_or(1, char::len_utf8);
    (raw.len().min(2 + digits), decoded)
}

fn newline(raw: &str) -> usize {
    match raw.as_bytes() {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The place of `word` in the value of `x = <raw>`, as the text at that place.
    fn place<'t>(text: &'t str, word: &str) -> &'t str {
        let table = toml::de::DeTable::parse(text).unwrap();
        let (_, item) = table.get_ref().iter().next().unwrap();
        let at = item.get_ref().as_str().unwrap().find(word).unwrap();
        let span = part_of(text, item.span().into(), at..at + word.len());
        &text[span.start..span.end]
    }

    #[test]
    fn parts_of_strings_are_found_behind_escapes() {
        assert_eq!(place("x = 'é\t{a}'", "{a}"), "{a}");
        assert_eq!(
            place("x = \"\\t\\u00e9\\U0001F600\\x41 {a}\"", "{a}"),
            "{a}"
        );
        assert_eq!(
            place("x = \"\"\"\r\na\\\r\n   {a} \\\"\"\"\"", "{a}"),
            "{a}"
        );
        assert_eq!(place("x = '''\nb\r\n{a}'''", "{a}"), "{a}");
        assert_eq!(place("x = \"{\\u0061}\"", "{a}"), "{\\u0061}");
        assert_eq!(place("x = \"\\u007ba}\"", "{a}"), "\\u007ba}");
    }

    proptest! {
        #[test]
        fn every_plain_character_is_found(
            raw in "(a|é|😀| |\\\\n|\\\\\\\\|\\\\u00e9|\\\\U0001F600|\\\\x7e|\n|\r\n|\\\\\n +)*",
            multiline: bool,
        ) {
            let raw = if multiline { raw } else { raw.replace(['\n', '\r'], "n") };
            let quotes = if multiline { "\"\"\"" } else { "\"" };
            let text = format!("x = {quotes}{raw}{quotes}");
            let Ok(table) = toml::de::DeTable::parse(&text) else { return Ok(()) };
            let (_, item) = table.get_ref().iter().next().unwrap();
            let value = item.get_ref().as_str().unwrap();
            for (at, c) in value.char_indices().filter(|(_, c)| "aé😀".contains(*c)) {
                let span = part_of(&text, item.span().into(), at..at + c.len_utf8());
                let found = &text[span.start..span.end];
                prop_assert!(found == c.to_string() || found.starts_with('\\'), "{found}");
            }
        }
    }
}
