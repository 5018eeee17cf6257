//! Reads TOML into a document.
//!
//! `toml_parser` tells what stands in the text one after the other, and every part is put into the document
//! at once: tables of the `toml` crate, made from lists of all tokens and of all parts, take half again the
//! time and memory, which counts for a manifest of many nodes.

use std::borrow::Cow;
use std::iter::Peekable;

use toml_datetime::Datetime;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{self, EventReceiver};
use toml_parser::{ErrorSink, Expected, ParseError, Raw, Source, Span};

use crate::builder::Builder;
use crate::document::{Key, Table, Value};
use crate::problem::Problem;

/// Reads a text; what breaks the syntax is told all at once.
pub(crate) fn parse(text: &str) -> Result<Table<'_>, Vec<Problem>> {
    let builder = Builder::new();
    let mut reader = Reader { text, builder };
    let mut errors = Vec::new();
    let mut tokens = Source::new(text).lex().peekable();
    let mut part = Vec::new();
    while tokens.peek().is_some() {
        next_part(&mut tokens, &mut part);
        parser::parse_document(&part, &mut reader, &mut errors);
    }
    match (reader.builder.finish(), errors.is_empty()) {
        (document, true) => document,
        (document, false) => {
            let mut problems = document.err().unwrap_or_default();
            problems.extend(errors.iter().map(syntax));
            Err(problems)
        }
    }
}

/// The tokens up to a header outside of all brackets, some thousands at a time: those of a whole text take
/// several times its memory.
fn next_part(tokens: &mut Peekable<impl Iterator<Item = Token>>, part: &mut Vec<Token>) {
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

/// Takes the parts of a text in and hands them to the builder.
struct Reader<'t> {
    text: &'t str,
    builder: Builder<'t>,
}

impl<'t> Reader<'t> {
    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'t> {
        let text = self.text.get(span.start()..span.end()).unwrap_or("");
        Raw::new_unchecked(text, encoding, span)
    }

    fn decode_key(
        &self,
        span: Span,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) -> Cow<'t, str> {
        let raw = self.raw(span, encoding);
        let bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let mut name = Cow::Borrowed(raw.as_str());
        // Almost every key means what it looks like.
        if encoding.is_some() || name.is_empty() || !raw.as_bytes().iter().all(bare) {
            name = Cow::Borrowed("");
            raw.decode_key(&mut name, errors);
        }
        name
    }

    fn decode_scalar(
        &self,
        span: Span,
        encoding: Option<Encoding>,
        errors: &mut dyn ErrorSink,
    ) -> Value<'t> {
        let raw = self.raw(span, encoding);
        if let Some(text) = plain(raw.as_str()).filter(|_| encoding == Some(Encoding::BasicString))
        {
            return Value::String(text.into());
        }
        let mut text = Cow::Borrowed("");
        let value = match raw.decode_scalar(&mut text, errors) {
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
        value.unwrap_or_else(|message| {
            errors.report_error(ParseError::new(message).with_unexpected(span));
            Value::Boolean(false)
        })
    }
}

/// The value of a string in double quotes that is no other than it looks.
fn plain(raw: &str) -> Option<&str> {
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    let itself = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\' | 0x7f);
    text.bytes().all(itself).then_some(text)
}

const TOO_DEEP: &str = "this lies too deep in other values";
const TOO_LARGE: &str = "this does not fit into 64 bits";

fn float(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    match number.is_infinite() && !text.contains("inf") {
        true => Err(TOO_LARGE.to_owned()),
        false => Ok(number),
    }
}

fn refuse_unless(
    taken: bool,
    message: &'static str,
    span: Span,
    errors: &mut dyn ErrorSink,
) -> bool {
    if !taken {
        errors.report_error(ParseError::new(message).with_unexpected(span));
    }
    taken
}

impl EventReceiver for Reader<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.open_header(span.start());
    }

    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.close_header(span.end(), false);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.open_header(span.start());
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.close_header(span.end(), true);
    }

    fn inline_table_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        refuse_unless(
            self.builder.open_table(span.start()),
            TOO_DEEP,
            span,
            errors,
        )
    }

    fn inline_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.close(span.end());
    }

    fn array_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        refuse_unless(
            self.builder.open_array(span.start()),
            TOO_DEEP,
            span,
            errors,
        )
    }

    fn array_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.builder.close(span.end());
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let name = self.decode_key(span, encoding, errors);
        let taken = self.builder.key(Key {
            name,
            span: (span.start()..span.end()).into(),
        });
        refuse_unless(taken, "a key of too many parts", span, errors);
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let value = self.decode_scalar(span, encoding, errors);
        self.builder.value(value, span.start()..span.end());
    }

    fn comment(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.raw(span, None).decode_comment(errors);
    }

    fn newline(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.raw(span, None).decode_newline(errors);
        self.builder.end_line();
    }
}

#[cfg(test)]
mod tests;
