//! Reads a text into a document: each event of the syntax puts something into it.

use std::borrow::Cow;
use std::ops::Range;

use toml_datetime::Datetime;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{self, EventReceiver, RecursionGuard, ValidateWhitespace};
use toml_parser::{ErrorSink, Expected, ParseError, Raw, Source};

use crate::document::{Item, Key, Made, Table, Value};
use crate::problem::{Problem, Span};

/// How deep values may lie in each other, and how many parts a key may have.
const DEPTH: usize = 80;

/// Reads a text; what breaks the syntax is told all at once.
pub(crate) fn parse(text: &str) -> Result<Table<'_>, Vec<Problem>> {
    let source = Source::new(text);
    let mut builder = Builder {
        text,
        root: Table::default(),
        section: Some(Vec::new()),
        section_start: 0,
        keys: Vec::new(),
        open: Vec::new(),
        problems: Vec::new(),
    };
    let mut errors = Vec::new();
    let mut guard = RecursionGuard::new(&mut builder, DEPTH as u32);
    let mut receiver = ValidateWhitespace::new(&mut guard, source);
    let mut tokens = source.lex().peekable();
    let mut part = Vec::new();
    while tokens.peek().is_some() {
        next_part(&mut tokens, &mut part);
        parser::parse_document(&part, &mut receiver, &mut errors);
    }
    let mut problems = builder.problems;
    problems.extend(errors.iter().map(syntax));
    match problems.is_empty() {
        true => Ok(builder.root),
        false => Err(problems),
    }
}

/// The tokens up to a header outside of all brackets, some thousands at a time: those of a whole text take
/// several times its memory.
fn next_part(tokens: &mut std::iter::Peekable<impl Iterator<Item = Token>>, part: &mut Vec<Token>) {
    part.clear();
    let mut depth = 0_usize;
    while let Some(token) = tokens.next() {
        part.push(token);
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::Newline if depth == 0 && part.len() > 2000 => {
                let header = |token: &Token| token.kind() == TokenKind::LeftSquareBracket;
                if tokens.peek().is_some_and(header) {
                    return;
                }
            }
            _ => {}
        }
    }
}

fn syntax(error: &ParseError) -> Problem {
    let mut message = error.description().to_owned();
    let expected = error.expected().unwrap_or_default().iter();
    let expected = expected.map(|expected| match expected {
        Expected::Literal("\n") => "a newline".to_owned(),
        Expected::Literal(literal) => format!("`{literal}`"),
        Expected::Description(description) => (*description).to_owned(),
        _ => "something else".to_owned(),
    });
    let expected: Vec<String> = expected.collect();
    if !expected.is_empty() {
        message += &format!(", expected {}", expected.join(", "));
    }
    let span = error.unexpected().or(error.context()).unwrap_or_default();
    Problem::new(span.start()..span.end(), message)
}

/// What is being put together.
struct Builder<'t> {
    text: &'t str,
    root: Table<'t>,
    /// The entry to take at each level to get to the table of the last header; None when that was refused.
    section: Option<Vec<usize>>,
    section_start: usize,
    /// The keys for which there is no value yet.
    keys: Vec<Key<'t>>,
    /// The arrays and inline tables that are not closed yet.
    open: Vec<Open<'t>>,
    problems: Vec<Problem>,
}

enum Open<'t> {
    Array {
        items: Vec<Item<'t>>,
        start: usize,
    },
    Inline {
        table: Table<'t>,
        start: usize,
        /// How many of the keys belong to what is around it.
        outer_keys: usize,
    },
}

impl<'t> Builder<'t> {
    fn raw(&self, span: toml_parser::Span, encoding: Option<Encoding>) -> Raw<'t> {
        let text = self.text.get(span.start()..span.end()).unwrap_or("");
        Raw::new_unchecked(text, encoding, span)
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, value: Value<'t>, range: Range<usize>) {
        let item = Item {
            value,
            span: range.into(),
        };
        match self.open.last_mut() {
            Some(Open::Array { items, .. }) => items.push(item),
            Some(Open::Inline {
                table,
                start,
                outer_keys,
            }) => {
                let keys = self.keys.drain(*outer_keys..);
                insert(table, keys, item, *start, &mut self.problems);
            }
            None => {
                let keys = self.keys.drain(..);
                let path = self.section.as_deref().unwrap_or_default();
                let table = path.iter().try_fold(&mut self.root, |table, at| {
                    last_table(&mut table.entry(*at).item.value)
                });
                if let (Some(table), true) = (table, self.section.is_some()) {
                    insert(table, keys, item, self.section_start, &mut self.problems);
                }
            }
        }
    }

    /// Opens the table that the keys of a header lead to.
    fn header(&mut self, end: usize, array: bool) {
        self.section = None;
        let Some(last) = self.keys.pop() else { return };
        let span = Span::from(self.section_start..end);
        let mut table = &mut self.root;
        let mut path = Vec::with_capacity(self.keys.len() + 1);
        for key in self.keys.drain(..) {
            let at = table.find(&key.name).unwrap_or_else(|| {
                let value = Value::Table(Table::new(Made::Implicitly));
                table.push(key.clone(), Item { value, span })
            });
            path.push(at);
            let entry = table.entry(at);
            let first = entry.key.span;
            match last_table(&mut entry.item.value).filter(|table| table.made() != Made::Inline) {
                Some(inner) => table = inner,
                None => return self.problems.push(twice(&key, first)),
            }
        }
        let fresh = || Item {
            value: Value::Table(Table::new(Made::ByHeader)),
            span,
        };
        let at = match table.find(&last.name) {
            Some(at) => {
                let entry = table.entry(at);
                match &mut entry.item.value {
                    Value::Table(table) if !array && table.made() == Made::Implicitly => {
                        table.make(Made::ByHeader);
                        entry.key.span = last.span;
                    }
                    Value::Array(items) if array && is_of_headers(items) => items.push(fresh()),
                    _ => {
                        let first = entry.key.span;
                        return self.problems.push(twice(&last, first));
                    }
                }
                at
            }
            None if array => {
                let value = Value::Array(vec![fresh()]);
                table.push(last, Item { value, span })
            }
            None => table.push(last, fresh()),
        };
        path.push(at);
        self.section = Some(path);
    }

    fn open_header(&mut self, span: toml_parser::Span) {
        self.keys.clear();
        self.open.clear();
        self.section_start = span.start();
    }
}

/// The table that a header inside of a value adds to.
fn last_table<'v, 't>(value: &'v mut Value<'t>) -> Option<&'v mut Table<'t>> {
    match value {
        Value::Table(table) => Some(table),
        Value::Array(items) if is_of_headers(items) => last_table(&mut items.last_mut()?.value),
        _ => None,
    }
}

/// Whether an array was made by headers, `[[name]]`.
fn is_of_headers(items: &[Item<'_>]) -> bool {
    let last = items.last().map(|item| &item.value);
    matches!(last, Some(Value::Table(table)) if table.made() == Made::ByHeader)
}

/// Puts a value under a dotted key; `section` is where the table's keys begin in the text.
fn insert<'t>(
    mut table: &mut Table<'t>,
    keys: std::vec::Drain<'_, Key<'t>>,
    item: Item<'t>,
    section: usize,
    problems: &mut Vec<Problem>,
) {
    let made = Made::ByKey(section);
    let mut keys = keys.peekable();
    while let Some(key) = keys.next() {
        let known = table.find(&key.name);
        if keys.peek().is_none() {
            match known {
                Some(at) => problems.push(twice(&key, table.entry(at).key.span)),
                None => {
                    table.push(key, item);
                }
            }
            return;
        }
        let span = key.span;
        let at = known.unwrap_or_else(|| {
            let value = Value::Table(Table::new(made));
            table.push(key.clone(), Item { value, span })
        });
        let entry = table.entry(at);
        match &mut entry.item.value {
            Value::Table(inner) if [made, Made::Implicitly].contains(&inner.made()) => {
                table = inner
            }
            _ => return problems.push(twice(&key, entry.key.span)),
        }
    }
}

const TOO_LARGE: &str = "this does not fit into 64 bits";

fn float(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    match number.is_infinite() && !text.contains("inf") {
        true => Err(TOO_LARGE.to_owned()),
        false => Ok(number),
    }
}

fn twice(key: &Key<'_>, first: Span) -> Problem {
    Problem::new(key.span, format!("\"{}\" is defined twice", key.name))
        .also(first, "first here")
        .help("keep one of them")
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.open_header(span);
    }

    fn std_table_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.header(span.end(), false);
    }

    fn array_table_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.open_header(span);
    }

    fn array_table_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.header(span.end(), true);
    }

    fn inline_table_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) -> bool {
        self.open.push(Open::Inline {
            table: Table::new(Made::Inline),
            start: span.start(),
            outer_keys: self.keys.len(),
        });
        true
    }

    fn inline_table_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        if let Some(Open::Inline {
            table,
            start,
            outer_keys,
        }) = self.open.pop()
        {
            self.keys.truncate(outer_keys);
            self.complete(Value::Table(table), start..span.end());
        }
    }

    fn array_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) -> bool {
        self.open.push(Open::Array {
            items: Vec::new(),
            start: span.start(),
        });
        true
    }

    fn array_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        if let Some(Open::Array { items, start }) = self.open.pop() {
            self.complete(Value::Array(items), start..span.end());
        }
    }

    fn simple_key(
        &mut self,
        span: toml_parser::Span,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) {
        if self.keys.len() >= DEPTH {
            let error = ParseError::new("a key of too many parts").with_unexpected(span);
            return errors.report_error(error);
        }
        let mut name = Cow::Borrowed("");
        self.raw(span, encoding).decode_key(&mut name, errors);
        self.keys.push(Key {
            name,
            span: (span.start()..span.end()).into(),
        });
    }

    fn scalar(
        &mut self,
        span: toml_parser::Span,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) {
        let mut text = Cow::Borrowed("");
        let kind = self.raw(span, encoding).decode_scalar(&mut text, errors);
        let value = match kind {
            ScalarKind::String => Ok(Value::String(text)),
            ScalarKind::Boolean(value) => Ok(Value::Boolean(value)),
            ScalarKind::Float => float(&text).map(Value::Float),
            ScalarKind::Integer(radix) => match i64::from_str_radix(&text, radix.value()) {
                Ok(number) => Ok(Value::Integer(number)),
                Err(_) => Err(TOO_LARGE.to_owned()),
            },
            ScalarKind::DateTime => match text.parse::<Datetime>() {
                Ok(_) => Ok(Value::Date(text)),
                Err(error) => Err(error.to_string()),
            },
        };
        let value = value.unwrap_or_else(|message| {
            errors.report_error(ParseError::new(message).with_unexpected(span));
            Value::Boolean(false)
        });
        self.complete(value, span.start()..span.end());
    }

    fn newline(&mut self, _: toml_parser::Span, _: &mut dyn ErrorSink) {
        // Outside of values a line ends with its value, or its syntax is broken.
        if self.open.is_empty() {
            self.keys.clear();
        }
    }
}

#[cfg(test)]
mod tests;
