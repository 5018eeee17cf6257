//! How a place in a shell text is read by `sh`: whether a quoted word put there stays one word. It knows
//! no placeholders and no values; places are marked by [`MARK`].

/// Stands for a word that is not there yet. No shell text holds this byte.
pub const MARK: u8 = 0;

/// How the shell reads a word at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A quoted word there is read as that word. `alone` says that it touches no other word, so that
    /// several words may stand there.
    Bare {
        /// Whether nothing is joined to it.
        alone: bool,
    },
    /// Within `'...'`.
    SingleQuotes,
    /// Within `"..."`.
    DoubleQuotes,
    /// Within `` `...` ``, where quoting has rules of its own.
    Backticks,
    /// After `#`.
    Comment,
    /// In the lines after `<<WORD`.
    HereDocument,
    /// Right after a backslash.
    Backslash,
    /// Right after a dollar sign.
    Dollar,
}

/// The place of each [`MARK`] in a text, in order.
pub fn places(text: &[u8]) -> Vec<Place> {
    let mut reader = Reader {
        text,
        at: 0,
        frames: Vec::new(),
        here_documents: Vec::new(),
        places: Vec::new(),
    };
    while reader.at < text.len() {
        reader.step();
    }
    reader.places
}

/// What the reader is within, innermost last. Nothing: the text itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Single,
    Double,
    Backtick,
    /// `( ... )` and `$( ... )`.
    Group,
    /// `$(( ... ))`: `<<` is a shift there, and `#` a base.
    Arithmetic,
}

/// The word that ends a here-document, and whether tabs may stand before it.
struct HereDocument {
    end: Vec<u8>,
    indented: bool,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
    /// Announced on this line; they start on the next.
    here_documents: Vec<HereDocument>,
    places: Vec<Place>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn before(&self) -> Option<u8> {
        self.at.checked_sub(1).map(|at| self.text[at])
    }

    fn step(&mut self) {
        let byte = self.text[self.at];
        if byte == MARK {
            self.places.push(self.place());
            self.at += 1;
            return;
        }
        match self.frames.last() {
            Some(Frame::Single) => self.leave_at(byte, b'\''),
            Some(Frame::Double) => self.in_double_quotes(byte),
            _ => self.in_command(byte),
        }
    }

    fn place(&self) -> Place {
        if self.frames.contains(&Frame::Backtick) {
            return Place::Backticks;
        }
        match self.frames.last() {
            Some(Frame::Single) => Place::SingleQuotes,
            Some(Frame::Double) => Place::DoubleQuotes,
            _ if self.before() == Some(b'$') => Place::Dollar,
            _ => Place::Bare {
                alone: self.stands_alone(),
            },
        }
    }

    fn stands_alone(&self) -> bool {
        let parts = |byte: Option<u8>| byte.is_none_or(|b| b" \t\n;&|()".contains(&b));
        let line = self.text[..self.at].trim_ascii_end();
        let redirected = line.ends_with(b"<") || line.ends_with(b">");
        parts(self.before()) && parts(self.peek(1)) && !redirected
    }

    fn leave_at(&mut self, byte: u8, end: u8) {
        if byte == end {
            self.frames.pop();
        }
        self.at += 1;
    }

    fn in_double_quotes(&mut self, byte: u8) {
        match byte {
            b'\\' => self.escape(),
            b'`' => self.enter(Frame::Backtick, 1),
            b'$' if self.peek(1) == Some(b'(') => self.enter_group(),
            _ => self.leave_at(byte, b'"'),
        }
    }

    fn in_command(&mut self, byte: u8) {
        let arithmetic = self.frames.last() == Some(&Frame::Arithmetic);
        match byte {
            b'\\' => self.escape(),
            b'\'' => self.enter(Frame::Single, 1),
            b'"' => self.enter(Frame::Double, 1),
            b'`' if self.frames.last() == Some(&Frame::Backtick) => self.leave_at(byte, b'`'),
            b'`' => self.enter(Frame::Backtick, 1),
            b'$' if self.peek(1) == Some(b'(') => self.enter_group(),
            b'(' => self.enter(Frame::Group, 1),
            b')' => self.leave_group(),
            b'#' if !arithmetic && self.starts_word() => self.comment(),
            b'<' if !arithmetic && self.peek(1) == Some(b'<') => self.announce(),
            b'\n' => self.end_line(),
            _ => self.at += 1,
        }
    }

    fn enter(&mut self, frame: Frame, length: usize) {
        self.frames.push(frame);
        self.at += length;
    }

    fn enter_group(&mut self) {
        match self.peek(2) {
            Some(b'(') => self.enter(Frame::Arithmetic, 3),
            _ => self.enter(Frame::Group, 2),
        }
    }

    fn leave_group(&mut self) {
        match self.frames.last() {
            Some(Frame::Group) => self.leave_at(b')', b')'),
            Some(Frame::Arithmetic) if self.peek(1) == Some(b')') => {
                self.frames.pop();
                self.at += 2;
            }
            // The end of a `case` pattern.
            _ => self.at += 1,
        }
    }

    fn escape(&mut self) {
        self.at += 1;
        if self.peek(0) == Some(MARK) {
            self.places.push(Place::Backslash);
        }
        self.at += 1;
    }

    fn starts_word(&self) -> bool {
        self.before().is_none_or(|b| b" \t\n;&|()<>`".contains(&b))
    }

    fn comment(&mut self) {
        let end = self.line_end();
        self.pass(end, Place::Comment);
    }

    /// Takes note of a here-document, whose text starts on the next line.
    fn announce(&mut self) {
        self.at += 2;
        if self.peek(0) == Some(b'<') {
            self.at += 1;
            return;
        }
        let indented = self.peek(0) == Some(b'-');
        self.at += usize::from(indented);
        let rest = &self.text[self.at..self.line_end()];
        let rest = rest.trim_ascii_start();
        let length = rest.iter().position(|b| b" \t;&|()<>".contains(b));
        let word = &rest[..length.unwrap_or(rest.len())];
        let end = word.iter().copied().filter(|b| !b"'\"\\".contains(b));
        self.here_documents.push(HereDocument {
            end: end.collect(),
            indented,
        });
    }

    fn end_line(&mut self) {
        self.at += 1;
        for document in std::mem::take(&mut self.here_documents) {
            while self.at < self.text.len() {
                let line_end = self.line_end();
                let line = &self.text[self.at..line_end];
                let tabs = line.iter().take_while(|b| **b == b'\t').count();
                let line = if document.indented {
                    &line[tabs..]
                } else {
                    line
                };
                let over = line == document.end;
                self.pass((line_end + 1).min(self.text.len()), Place::HereDocument);
                if over {
                    break;
                }
            }
        }
    }

    fn line_end(&self) -> usize {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|b| *b == b'\n');
        self.at + length.unwrap_or(rest.len())
    }

    /// Passes over text in which nothing is read but marks.
    fn pass(&mut self, end: usize, place: Place) {
        let marks = self.text[self.at..end].iter().filter(|b| **b == MARK);
        self.places.extend(marks.map(|_| place));
        self.at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Place = Place::Bare { alone: true };
    const JOINED: Place = Place::Bare { alone: false };

    /// The places of each `@` in a text.
    fn of(text: &str) -> Vec<Place> {
        places(text.replace('@', "\0").as_bytes())
    }

    #[test]
    fn words_stand_alone_or_are_joined() {
        assert_eq!(of("cat @ x@ @.c>@"), [ALONE, JOINED, JOINED, JOINED]);
        assert_eq!(of("(a @)|b @;c @\n@"), [ALONE; 4]);
        assert_eq!(of("cat < @ > @"), [JOINED; 2]);
        assert_eq!(of("X=@ cmd"), [JOINED]);
    }

    #[test]
    fn quotes_are_followed_into_substitutions_and_back() {
        assert_eq!(
            of("a '@' \"@\" @"),
            [Place::SingleQuotes, Place::DoubleQuotes, ALONE]
        );
        assert_eq!(
            of(r#"echo "$(cat @ "@")" @"#),
            [ALONE, Place::DoubleQuotes, ALONE]
        );
        assert_eq!(of(r#"echo "\"@" \"@"#), [Place::DoubleQuotes, JOINED]);
        assert_eq!(of("echo it\\'s @ 'it'\\''s' @"), [ALONE, ALONE]);
        assert_eq!(of("x=`cat @` @"), [Place::Backticks, ALONE]);
        assert_eq!(of("$(( (@ << 2) + 16#ff )) @"), [ALONE, ALONE]);
        assert_eq!(of("case @ in a) cat @;; esac"), [ALONE, ALONE]);
    }

    #[test]
    fn comments_and_here_documents_hide_quotes() {
        assert_eq!(of("# it's @\ncat @"), [Place::Comment, ALONE]);
        assert_eq!(of("echo $# a#b @"), [ALONE]);
        assert_eq!(
            of("cat <<A <<-'B' @\nit's @\nA\n\t@\n\tB\ncat @"),
            [ALONE, Place::HereDocument, Place::HereDocument, ALONE]
        );
        assert_eq!(of("cat <<<@ x\n@"), [JOINED, ALONE]);
    }

    #[test]
    fn what_stands_before_may_take_the_word_apart() {
        assert_eq!(
            of("echo \\@ $@ $$@"),
            [Place::Backslash, Place::Dollar, Place::Dollar]
        );
    }
}
