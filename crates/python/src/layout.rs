//! The code of a file line by line, laid out one way, for showing the line that changed.
//!
//! Lines stay lines, so that each has its number in the file. Within a line the spaces, the indentation and the
//! quotes are made alike, so that a formatter that has been at work does not hide the line that matters.

use ruff_python_ast::StringFlags as _;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::Ranged;

use crate::module::Line;

/// The lines of `source` that hold code, and where they come from.
pub(crate) fn lines(source: &str, tokens: &[Token]) -> (String, Vec<Line>) {
    let mut layout = Layout {
        source,
        ..Layout::default()
    };
    let mut tokens = tokens.iter();
    while let Some(token) = tokens.next() {
        layout.count_to(token.start().to_usize());
        match token.kind() {
            TokenKind::Indent => layout.blocks += 1,
            TokenKind::Dedent => layout.blocks = layout.blocks.saturating_sub(1),
            TokenKind::Newline => layout.end_statement(),
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::EndOfFile => {}
            TokenKind::FStringStart | TokenKind::TStringStart => {
                let end = end_of_text(token, &mut tokens);
                layout.put(
                    TokenKind::FStringStart,
                    &source[token.start().to_usize()..end],
                );
            }
            TokenKind::String => layout.put(TokenKind::String, &requoted(source, token)),
            kind => {
                layout.put(kind, &source[token.range()]);
                if kind == TokenKind::Semi {
                    layout.end_statement();
                }
            }
        }
    }
    if !layout.lines.is_empty() {
        layout.text.push('\n');
    }
    (layout.text, layout.lines)
}

/// The lines of a text that could not be parsed, as they are.
pub(crate) fn plain(text: &str) -> (String, Vec<Line>) {
    let full = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty());
    let line = |number| Line {
        number,
        docstring: false,
    };
    full.map(|(content, number)| (format!("{}\n", content.trim_end()), line(number)))
        .unzip()
}

/// Where the f-string or template string that starts with `start` ends; goes on behind it.
fn end_of_text<'a>(start: &Token, tokens: &mut impl Iterator<Item = &'a Token>) -> usize {
    let mut open = 1_usize;
    let mut end = start.end().to_usize();
    while open > 0
        && let Some(token) = tokens.next()
    {
        end = token.end().to_usize();
        match token.kind() {
            TokenKind::FStringStart | TokenKind::TStringStart => open += 1,
            TokenKind::FStringEnd | TokenKind::TStringEnd => open -= 1,
            _ => {}
        }
    }
    end
}

/// A text in double quotes, where that means the same.
fn requoted(source: &str, token: &Token) -> String {
    let text = &source[token.range()];
    let simple = token
        .string_flags()
        .is_some_and(|flags| !flags.is_triple_quoted());
    let inner = text
        .find('\'')
        .map(|at| (&text[..at], &text[at + 1..text.len() - 1]));
    match inner {
        Some((prefix, inner)) if simple && text.ends_with('\'') && !inner.contains(['"', '\\']) => {
            format!("{prefix}\"{inner}\"")
        }
        _ => text.to_owned(),
    }
}

#[derive(Default)]
struct Layout<'a> {
    source: &'a str,
    text: String,
    lines: Vec<Line>,
    /// How far the lines of the source were counted, and how many had ended by then.
    counted: usize,
    ended: u32,
    /// The blocks and brackets that are open.
    blocks: usize,
    open: Vec<TokenKind>,
    /// The last two tokens of the statement.
    before: [Option<TokenKind>; 2],
    /// Where the lines of the statement start among `lines`, and that it is nothing but texts.
    statement: usize,
    texts_only: bool,
}

impl Layout<'_> {
    fn count_to(&mut self, at: usize) {
        let passed = &self.source.as_bytes()[self.counted..at];
        self.ended += passed.iter().filter(|byte| **byte == b'\n').count() as u32;
        self.counted = at;
    }

    /// Adds one token, which may go over several lines.
    fn put(&mut self, kind: TokenKind, text: &str) {
        if matches!(kind, TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace) {
            self.open.pop();
        }
        let first = self.before[0].is_none();
        self.texts_only = kind == TokenKind::String && (first || self.texts_only);
        for (number, part) in (self.ended + 1..).zip(text.split('\n')) {
            if self.lines.last().is_none_or(|line| line.number < number) {
                if !self.lines.is_empty() {
                    self.text.push('\n');
                }
                self.lines.push(Line {
                    number,
                    docstring: false,
                });
                // The lines of a long text are as they are.
                if number == self.ended + 1 {
                    let indent = 4 * (self.blocks + self.open.len());
                    self.text.extend(std::iter::repeat_n(' ', indent));
                }
            } else if self.is_spaced(kind) {
                self.text.push(' ');
            }
            self.text.push_str(part);
        }
        if matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace) {
            self.open.push(kind);
        }
        self.before = [Some(kind), self.before[0]];
    }

    /// Marks the lines of a statement that is nothing but texts.
    fn end_statement(&mut self) {
        if self.texts_only {
            let own = &mut self.lines[self.statement..];
            own.iter_mut().for_each(|line| line.docstring = true);
        }
        self.statement = self.lines.len();
        self.texts_only = false;
        self.before = [None, None];
    }

    /// Whether there is a space between the last token and one of the kind `next`.
    fn is_spaced(&self, next: TokenKind) -> bool {
        use TokenKind as T;
        let [Some(last), earlier] = self.before else {
            // Behind a semicolon.
            return true;
        };
        let operand = |kind: TokenKind| {
            matches!(
                kind,
                T::Name
                    | T::String
                    | T::FStringStart
                    | T::Rpar
                    | T::Rsqb
                    | T::Rbrace
                    | T::True
                    | T::False
                    | T::None
            ) || matches!(kind, T::Int | T::Float | T::Complex | T::Ellipsis)
        };
        let sign = matches!(last, T::Plus | T::Minus | T::Star | T::DoubleStar | T::At);
        match (last, next) {
            (_, T::Comma | T::Semi | T::Colon | T::Rpar | T::Rsqb | T::Rbrace) => false,
            (T::Lpar | T::Lsqb | T::Lbrace | T::Tilde, _) => false,
            // `from . import a`, `from .a import b`
            (T::Dot, next) => next == T::Import,
            (last, T::Dot) => last == T::From,
            (last, T::Lpar | T::Lsqb) if operand(last) => false,
            (T::Equal, _) | (_, T::Equal) => !matches!(self.open.last(), Some(T::Lpar)),
            (T::Colon, _) => !matches!(self.open.last(), Some(T::Lsqb)),
            _ => !sign || earlier.is_some_and(operand),
        }
    }
}
