//! What is wrong with a manifest, each problem with its place in the text.
//!
//! Problems are plain data; [`Problems::reports`] shows them to `miette` for rendering.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceSpan, SpanContents};

/// A place in the text: bytes from `start` up to `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A value with its place in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// It can, but perhaps not as meant.
    Warning,
}

/// One thing that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// Other places that have to do with it, each with what it is.
    pub also: Vec<(Span, String)>,
    /// What to do next.
    pub help: Option<String>,
}

/// A manifest's text under its path.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: Arc<str>,
    /// The text as it may be shown: byte for byte as long, without passwords.
    shown: Arc<str>,
}

/// Everything found wrong with a manifest, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    source: Source,
    list: Vec<Problem>,
    unlisted: usize,
}

/// One problem with the text it points into: what `miette` renders.
#[derive(Clone, Copy, Debug)]
pub struct Report<'p> {
    source: &'p Source,
    problem: &'p Problem,
}

impl<T> Spanned<T> {
    /// A value at its place.
    pub fn new(value: T, span: impl Into<Span>) -> Self {
        Spanned {
            value,
            span: span.into(),
        }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Span {
            start: range.start,
            end: range.end,
        }
    }
}

impl Problem {
    /// An error.
    pub fn new(span: impl Into<Span>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            span: span.into(),
            message: message.into(),
            also: Vec::new(),
            help: None,
        }
    }

    /// Makes it a warning.
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that has to do with it.
    pub fn also(mut self, span: Span, what: impl Into<String>) -> Self {
        self.also.push((span, what.into()));
        self
    }
}

impl Source {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Source {
            path: path.to_owned(),
            text: text.into(),
            shown: without_passwords(text).into(),
        }
    }

    /// The manifest's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line of a byte and its column in characters, both from 1.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = before.bytes().filter(|&byte| byte == b'\n').count();
        (lines + 1, before[line..].chars().count() + 1)
    }
}

impl Problems {
    /// Problems of a text, sorted by their place, and the number of those that are not among them.
    pub(crate) fn new(source: Source, mut list: Vec<Problem>, unlisted: usize) -> Self {
        list.sort_by_key(|problem| problem.span);
        Problems {
            source,
            list,
            unlisted,
        }
    }

    /// The text that they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The problems; of very many only the first.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there are.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Each problem, ready to be rendered.
    pub fn reports(&self) -> impl Iterator<Item = Report<'_>> {
        self.list.iter().map(|problem| Report {
            source: &self.source,
            problem,
        })
    }
}

impl std::error::Error for Problems {}

/// `refrain.toml:3:5: message; help`, a line for each.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let (line, column) = self.source.position(problem.span.start);
            let path = self.source.path.display();
            let break_ = if index > 0 { "\n" } else { "" };
            write!(f, "{break_}{path}:{line}:{column}: {}", problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, "; {help}")?;
            }
        }
        match self.unlisted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Report<'_> {}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.problem.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let range = |span: Span| (span.start, span.end - span.start);
        let primary = LabeledSpan::new_primary_with_span(None, range(self.problem.span));
        let also = self.problem.also.iter();
        let also = also
            .map(move |(span, what)| LabeledSpan::new_with_span(Some(what.clone()), range(*span)));
        Some(Box::new(std::iter::once(primary).chain(also)))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Source");
        shown.field("path", &self.path);
        shown.field("text", &self.shown).finish()
    }
}

impl miette::SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.shown.read_span(span, lines_before, lines_after)?;
        // Columns of a `str` are counted in bytes, where people count characters.
        let column = match lines_before {
            0 => self.position(span.offset()).1 - 1,
            _ => read.column(),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.display().to_string(),
            read.data(),
            *read.span(),
            read.line(),
            column,
            read.line_count(),
        )))
    }
}

/// The text with an asterisk for each byte of what stands before the host in a URL, `scheme://USER:PASSWORD@HOST`.
fn without_passwords(text: &str) -> String {
    const MARK: &str = "://";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, place) = rest.split_at(at + MARK.len());
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'');
        let place = &place[..place.find(is_end).unwrap_or(place.len())];
        let hidden = place.rfind('@').unwrap_or(0);
        shown += before;
        shown.extend(std::iter::repeat_n('*', hidden));
        shown += &place[hidden..];
        rest = &rest[before.len() + place.len()..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_as_long_and_has_no_password() {
        for (text, shown) in [
            (
                "url = \"redis://me:s@c@host:1/2\"",
                "url = \"redis://******@host:1/2\"",
            ),
            ("a = 'x://:päss@h' # y://z", "a = 'x://******@h' # y://z"),
            (
                "to = \"me@host\"\nat = \"http://host/a@b\"",
                "to = \"me@host\"\nat = \"http://host/a@b\"",
            ),
            ("://u@", "://*@"),
        ] {
            assert_eq!(without_passwords(text), shown);
            assert_eq!(text.len(), shown.len());
        }
    }
}
