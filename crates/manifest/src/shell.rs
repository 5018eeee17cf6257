//! Where a placeholder may stand in a command for `sh -c`.
//!
//! Values are put in quoted, so that no character of theirs means anything to the shell. That holds
//! where the shell reads words, and neither inside quotes nor in a here-document. Only as much of the
//! shell's grammar is known as is needed to tell these apart, and nothing of templates.

use std::ops::Range;

/// Why a shell command cannot take a placeholder at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It stands in quotes, or after a backslash.
    #[error("stands in quotes")]
    Quoted,
    /// It stands after a `$`: a variable of the shell has the same braces.
    #[error("after `$` is a variable of the shell")]
    Variable,
    /// It stands in backticks, within which quotes are read twice.
    #[error("stands in backticks, where quotes do not hold")]
    Backticks,
    /// It stands in a comment, which a value with a newline in it would end.
    #[error("stands in a comment")]
    Comment,
    /// It stands in the text of a here-document.
    #[error("stands in a here-document, where nothing can be quoted")]
    HereDocument,
}

/// Refuses the first placeholder that cannot be filled in safely; `holes` are their places, in order.
pub(crate) fn check(text: &str, holes: &[Range<usize>]) -> Result<(), (Range<usize>, Refused)> {
    // Nothing to tell apart: almost every command.
    if holes.is_empty() || !text.bytes().any(|byte| b"'\"\\$<`#".contains(&byte)) {
        return Ok(());
    }
    let scan = Scan {
        text,
        holes,
        at: 0,
        inside: Vec::new(),
        documents: Vec::new(),
    };
    scan.run()
}

/// What the shell is inside of.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// `'...'`
    Single,
    /// `"..."`
    Double,
    /// `(...)`, `$(...)`: words again, also within double quotes.
    Parentheses,
    /// `` `...` ``: words again.
    Backticks,
}

struct Scan<'t> {
    text: &'t str,
    /// The placeholders from `at` on.
    holes: &'t [Range<usize>],
    at: usize,
    inside: Vec<Inside>,
    /// The last lines of here-documents that begin after this line.
    documents: Vec<&'t str>,
}

impl Scan<'_> {
    fn run(mut self) -> Result<(), (Range<usize>, Refused)> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match self.holes.first() {
                None => break,
                Some(hole) if hole.start == self.at => {
                    self.hole(hole).map_err(|refused| (hole.clone(), refused))?;
                }
                Some(hole) => self.byte(byte).map_err(|refused| (hole.clone(), refused))?,
            }
        }
        Ok(())
    }

    /// Passes a placeholder.
    fn hole(&mut self, hole: &Range<usize>) -> Result<(), Refused> {
        if self.text[..hole.start].ends_with('$') {
            return Err(Refused::Variable);
        }
        if matches!(self.inside.last(), Some(Inside::Single | Inside::Double)) {
            return Err(Refused::Quoted);
        }
        if self.inside.contains(&Inside::Backticks) {
            return Err(Refused::Backticks);
        }
        self.at = hole.end;
        self.holes = &self.holes[1..];
        Ok(())
    }

    /// Passes a byte that belongs to no placeholder.
    fn byte(&mut self, byte: u8) -> Result<(), Refused> {
        use Inside::{Backticks, Double, Parentheses, Single};
        let top = self.inside.last().copied();
        self.at += 1;
        match (byte, top) {
            (b'\'', Some(Single)) | (b'"', Some(Double)) | (b'`', Some(Backticks)) => {
                self.inside.pop();
            }
            (_, Some(Single)) => {}
            (b'\\', _) if self.holes[0].start == self.at => return Err(Refused::Quoted),
            (b'\\', _) => self.at += 1,
            (b'"', _) => self.inside.push(Double),
            (b'`', _) => self.inside.push(Backticks),
            (b'$', _) if self.rest().starts_with('(') => {
                self.at += 1;
                self.inside.push(Parentheses);
            }
            (_, Some(Double)) => {}
            (b'\'', _) => self.inside.push(Single),
            (b'(', _) => self.inside.push(Parentheses),
            (b')', Some(Parentheses)) => {
                self.inside.pop();
            }
            (b'#', _) if self.begins_word() => self.comment()?,
            (b'<', _) if self.rest().starts_with('<') => self.redirection(),
            (b'\n', _) => self.bodies()?,
            _ => {}
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        // An escape may have led past the end or into a character, of which only ASCII means anything.
        self.text.get(self.at..).unwrap_or("")
    }

    /// Whether the byte just passed is the first of a word.
    fn begins_word(&self) -> bool {
        let before = self.text.as_bytes()[..self.at - 1].last();
        before.is_none_or(|byte| b" \t\n;|&(".contains(byte))
    }

    /// Passes the rest of the line.
    fn comment(&mut self) -> Result<(), Refused> {
        let end = self
            .rest()
            .find('\n')
            .map_or(self.text.len(), |n| self.at + n);
        if self.holes[0].start < end {
            return Err(Refused::Comment);
        }
        self.at = end;
        Ok(())
    }

    /// Notes the here-document that `<<` announces; `<<<` announces none.
    fn redirection(&mut self) {
        let rest = &self.text[self.at + 1..];
        if rest.starts_with('<') {
            self.at += 2;
            return;
        }
        self.at += 1;
        let word = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
        let (word, quote) = match word.strip_prefix(['\'', '"', '\\']) {
            Some(quoted) => (quoted, true),
            None => (word, false),
        };
        let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let word = &word[..end.unwrap_or(word.len())];
        if !word.is_empty() {
            self.documents.push(word);
            // Past the word and both its quotes.
            let start = word.as_ptr() as usize - self.text.as_ptr() as usize;
            self.at = start + word.len();
            if quote && self.rest().starts_with(['\'', '"']) {
                self.at += 1;
            }
        }
    }

    /// Passes the here-documents that begin on this line.
    fn bodies(&mut self) -> Result<(), Refused> {
        for last in std::mem::take(&mut self.documents) {
            let mut end = self.at;
            let found = self.text[self.at..].split_inclusive('\n').any(|line| {
                end += line.len();
                line.trim() == last
            });
            // A shift of an arithmetic expression looks alike, but no line ends it.
            if !found {
                continue;
            }
            if self.holes[0].start < end {
                return Err(Refused::HereDocument);
            }
            self.at = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command is refused for, if so; each `{x}` is a placeholder.
    fn refused(text: &str) -> Option<Refused> {
        let holes = text.match_indices("{x}").map(|(at, _)| at..at + 3);
        let holes: Vec<Range<usize>> = holes.collect();
        check(text, &holes).err().map(|(_, refused)| refused)
    }

    #[test]
    fn words_take_placeholders() {
        for text in [
            "cat {x}",
            "cat pre/{x}.txt > {output}",
            "awk '{{print $1}}' {x}",
            "echo \"a\"{x}\"b\" 'c'{x}",
            "echo \"$(cat {x})\" `cat y` {x}",
            "(cd a && cat {x}) | wc",
            "echo \\' {x} \\\\",
            "# don't\ncat {x}",
            "cat <<EOF\ndon't\nEOF\ncat {x}",
            "cat <<-'A' {x} <<B\n'\n\tA\n'\nB\ncat {x}",
            "cat <<<$y {x}",
            "echo $((1 << 2)) '\n' {x}",
            "echo ${{HOME}} $HOME {x}",
            "echo {x} # 'x'",
            "echo {x} # '\necho {x}",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn quotes_take_none() {
        for text in [
            "cat '{x}'",
            "cat \"{x}\"",
            "cat \"a {x} b\"",
            "echo \"$(echo a)\" \"{x}\"",
            "echo \"$(echo \"{x}\")\"",
            "echo \"'{x}'\"",
            "echo \"\\\"{x}\"",
            "cat \\{x}",
            "echo a#b' {x}'",
            "cat <<'EOF'\n'\nEOF\ncat '{x}'",
        ] {
            assert_eq!(refused(text), Some(Refused::Quoted), "{text}");
        }
    }

    #[test]
    fn neither_do_backticks_nor_comments() {
        assert_eq!(refused("echo `cat {x}`"), Some(Refused::Backticks));
        assert_eq!(
            refused("echo \"`cat $(cat {x})`\""),
            Some(Refused::Backticks)
        );
        assert_eq!(refused("echo {x} # {x}"), Some(Refused::Comment));
        assert_eq!(refused("# {x}\necho"), Some(Refused::Comment));
    }

    #[test]
    fn neither_do_variables_nor_here_documents() {
        assert_eq!(refused("echo ${x}"), Some(Refused::Variable));
        assert_eq!(refused("echo \"${x}\""), Some(Refused::Variable));
        let document = Some(Refused::HereDocument);
        assert_eq!(refused("python3 - <<EOF\nprint({x})\nEOF\n"), document);
        assert_eq!(refused("cat <<A <<B\na\nA\n{x}\nB"), document);
    }
}
