//! Text as pictures show it: without anything that cannot be seen, and not too wide.

use unicode_width::UnicodeWidthChar;

use crate::drawing::DrawnNode;

/// The widest a label gets, in characters of a monospaced font.
const WIDEST: usize = 30;

/// Text with a picture for each control character, so that no name breaks a line or hides a byte.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            c if c.is_control() || is_direction(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Characters that turn the direction of the text after them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Visible text, its middle left out where it is too wide: names differ at their ends.
pub(crate) fn shortened(text: &str) -> String {
    let text = visible(text);
    if cells(&text) <= WIDEST {
        return text;
    }
    let head = fitting(text.chars(), WIDEST / 2);
    let tail: Vec<char> = fitting(text.chars().rev(), WIDEST - WIDEST / 2 - 1);
    head.into_iter()
        .chain(['…'])
        .chain(tail.into_iter().rev())
        .collect()
}

fn fitting(text: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    text.scan(0, |used, c| {
        *used += c.width().unwrap_or(0);
        (*used <= room).then_some(c)
    })
    .collect()
}

/// What stands in a node where there is nothing but text: its state's sign, its name and its items.
pub(crate) fn captioned(node: &DrawnNode) -> String {
    let name = visible(&node.name);
    let items = node
        .items
        .map_or(String::new(), |(done, total)| format!(" {done}/{total}"));
    format!("{} {name}{items}", node.state.sign())
}

/// How many cells of a monospaced font the text fills.
pub(crate) fn cells(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(visible("a\n\0\u{202e}b"), "a␊␀\u{fffd}b");
    }

    #[test]
    fn long_names_keep_both_ends_and_fit() {
        let short = shortened("a/very/long/path/to/some/file/of/the/project.json");
        assert_eq!(short, "a/very/long/pat…e/project.json");
        assert_eq!(cells(&short), WIDEST);
        assert!(cells(&shortened(&"文".repeat(40))) <= WIDEST);
        assert_eq!(shortened("short"), "short");
    }
}
