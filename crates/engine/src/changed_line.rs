//! The first line in which two texts differ, and the piece of a line that is worth
//! showing. Unaware of what the texts are.

/// Longest piece of a line, in characters, that is shown.
const SHOWN: usize = 120;

/// The first line that differs.
pub(crate) struct ChangedLine<'a> {
    /// Its number in the new text, from 1.
    pub number: usize,
    /// Before; `None` where a line was added.
    was: Option<&'a str>,
    /// Now; `None` where a line was removed.
    is: Option<&'a str>,
}

impl<'a> ChangedLine<'a> {
    /// The first line in which these texts differ; `None` when all are equal.
    pub fn between(old: &'a str, new: &'a str) -> Option<Self> {
        let (mut was, mut is) = (old.lines(), new.lines());
        for number in 1.. {
            let (was_here, is_here) = match (was.next(), is.next()) {
                (None, None) => return None,
                (a, b) if a == b => continue,
                different => different,
            };
            let (before, after) = (old.lines().count(), new.lines().count());
            // A line put in or taken out is told as such.
            let put_in = after > before && is.clone().next() == was_here;
            let taken_out = before > after && was.clone().next() == is_here;
            return Some(ChangedLine {
                number,
                was: was_here.filter(|_| !put_in).map(str::trim),
                is: is_here.filter(|_| !taken_out).map(str::trim),
            });
        }
        None
    }

    /// The line before and now, or the pieces of them around what differs.
    pub fn shown(&self) -> (Option<String>, Option<String>) {
        let pair = self.was.zip(self.is);
        let from = pair.map_or(0, |(was, is)| {
            let both = was.chars().zip(is.chars());
            both.take_while(|(a, b)| a == b).count()
        });
        let shown = |line: Option<&str>| line.map(|line| clip(line, from));
        (shown(self.was), shown(self.is))
    }
}

/// A line, or the piece of a long one around this character.
pub(crate) fn clip(line: &str, around: usize) -> String {
    let length = line.chars().count();
    if length <= SHOWN {
        return line.to_owned();
    }
    let start = around.saturating_sub(SHOWN / 3).min(length - SHOWN);
    let piece: String = line.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + SHOWN < length { "…" } else { "" };
    format!("{before}{piece}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> (usize, Option<String>, Option<String>) {
        let line = ChangedLine::between(old, new).unwrap();
        let (was, is) = line.shown();
        (line.number, was, is)
    }

    #[test]
    fn the_changed_line_is_the_first_that_differs() {
        let line = |number, was: Option<&str>, is: Option<&str>| {
            (number, was.map(str::to_owned), is.map(str::to_owned))
        };
        assert_eq!(shown("a\nb\nc", "a\nx\nc"), line(2, Some("b"), Some("x")));
        assert_eq!(shown("a\nc", "a\nb\nc"), line(2, None, Some("b")));
        assert_eq!(shown("a\nb\nc", "a\nc"), line(2, Some("b"), None));
        assert_eq!(shown("a", "a\nb"), line(2, None, Some("b")));
        assert_eq!(shown("a\nb", "a"), line(2, Some("b"), None));
        assert_eq!(shown("a\n\nc", "a\nb\nc"), line(2, Some(""), Some("b")));
        assert!(ChangedLine::between("a", "a").is_none());
    }

    #[test]
    fn a_long_line_is_shown_around_its_change() {
        let old = "x".repeat(1000);
        let new = format!("{}y{}", "x".repeat(500), "x".repeat(499));
        let (_, _, is) = shown(&old, &new);
        let is = is.unwrap();
        assert!(is.contains('y') && is.chars().count() == SHOWN + 2, "{is}");
    }
}
