//! What may reach a terminal: text, ends of lines, tabs and colours. Names, reasons and messages come from caches and
//! manifests that others may have written, and from what commands printed; what else they have in them could move the
//! cursor over what stands there, or give orders to the terminal. It is shown as git and less show it: `^[`.
//!
//! Unaware of streams.

use std::borrow::Cow;

/// Lines, with colours in them.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |rest| match rest.as_bytes()[0] {
        b'\n' | b'\t' => 1,
        b'\r' if rest.starts_with("\r\n") => 1,
        b'\x1b' => colour(rest),
        _ => 0,
    })
}

/// A text within a line: a name, a reason.
pub fn word(text: &str) -> Cow<'_, str> {
    escaped(text, |_| 0)
}

/// Whether a terminal may take a character for more than itself.
pub fn is_order(character: char) -> bool {
    // The latter turn around the direction of what follows.
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `harmless` says how many bytes from an order on may stand.
fn escaped(text: &str, harmless: impl Fn(&str) -> usize) -> Cow<'_, str> {
    if !text.contains(is_order) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((at, order)) = rest.char_indices().find(|(_, c)| is_order(*c)) {
        shown += &rest[..at];
        rest = &rest[at..];
        let length = match harmless(rest) {
            0 => {
                match order {
                    '\0'..='\x1f' | '\x7f' => shown.extend(['^', (order as u8 ^ 0x40) as char]),
                    _ => shown.extend(order.escape_unicode()),
                }
                order.len_utf8()
            }
            length => {
                shown += &rest[..length];
                length
            }
        };
        rest = &rest[length..];
    }
    shown += rest;
    Cow::Owned(shown)
}

/// The bytes of a sequence that sets colours; 0 for another one.
fn colour(text: &str) -> usize {
    let Some(arguments) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let end = arguments.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'));
    match end {
        Some(end) if arguments[end..].starts_with('m') => "\x1b[".len() + end + "m".len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_colours_and_nothing_that_gives_orders() {
        for (text, shown) in [
            ("plain é", "plain é"),
            ("a\n\tb\r\n", "a\n\tb\r\n"),
            ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
            ("\x1b[2J\x1b[H", "^[[2J^[[H"),
            ("\x1b]0;title\x07\x7f", "^[]0;title^G^?"),
            ("a\rb", "a^Mb"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}txt", "\\u{202e}txt"),
            ("\x1b[31", "^[[31"),
            ("\x1b", "^["),
        ] {
            assert_eq!(lines(text), shown);
        }
    }

    #[test]
    fn a_word_stays_in_its_line() {
        assert_eq!(word("a\nerror: b\x1b[31m"), "a^Jerror: b^[[31m");
        assert_eq!(word("ä b"), "ä b");
    }
}
