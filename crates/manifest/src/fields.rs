//! Typed values out of TOML: what has another type is refused and given as None.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::SpanRelativeTo;
use serde_json::Value as Json;

use crate::document::{Entry, Item, Key, Table, Value};
use crate::findings::Findings;
use crate::names;
use crate::problem::{Problem, Span, Spanned};
use crate::template::{Template, TemplateError};

impl Findings<'_> {
    pub(crate) fn wrong_type(&mut self, item: &Item<'_>, expected: &str) {
        let message = format!("expected {expected}, found {}", item.value.described());
        self.add(Problem::new(item.span, message));
    }

    pub(crate) fn table<'a, 't>(
        &mut self,
        item: &'a Item<'t>,
        what: &str,
    ) -> Option<&'a Table<'t>> {
        match &item.value {
            Value::Table(table) => Some(table),
            _ => {
                self.wrong_type(item, what);
                None
            }
        }
    }

    /// A string without NUL, which no program, path or variable can hold.
    pub(crate) fn text<'a>(&mut self, item: &'a Item<'_>) -> Option<&'a str> {
        let Some(text) = item.value.as_str() else {
            self.wrong_type(item, "a string");
            return None;
        };
        if let Some(nul) = memchr::memchr(0, text.as_bytes()) {
            let span = self.part(item.span, nul..nul + 1);
            let problem = Problem::new(span, "a NUL byte cannot be passed to any program");
            self.add(problem.help("leave it out"));
            return None;
        }
        Some(text)
    }

    /// A string with something in it.
    pub(crate) fn filled<'a>(&mut self, item: &'a Item<'_>) -> Option<&'a str> {
        let text = self.text(item)?;
        if text.trim().is_empty() {
            self.add(
                Problem::new(item.span, "this is empty").help("fill it in, or leave the key out"),
            );
            return None;
        }
        Some(text)
    }

    /// [`Findings::filled`] with its place.
    pub(crate) fn spanned_text(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let text = self.filled(item)?;
        Some(Spanned::new(text.to_owned(), item.span))
    }

    /// The name that a key declares.
    pub(crate) fn declared(&mut self, key: &Key<'_>, what: &str) -> Option<Spanned<Arc<str>>> {
        let name = &key.name;
        let (message, help) = match name.as_ref() {
            "output" => (
                format!("{what} cannot be called \"output\""),
                "{output} is where a command writes to; choose another name",
            ),
            name if !names::is_name(name) => (
                format!("{name:?} cannot be a name"),
                "names are letters, digits, \"_\" and \"-\", and begin with a letter or \"_\"",
            ),
            name => return Some(Spanned::new(name.into(), key.span)),
        };
        self.add(Problem::new(key.span, message).help(help));
        None
    }

    /// A string that names something declared elsewhere.
    pub(crate) fn spanned_name(&mut self, item: &Item<'_>) -> Option<Spanned<Arc<str>>> {
        let name = self.filled(item)?;
        Some(Spanned::new(name.into(), item.span))
    }

    /// The name of an environment variable.
    pub(crate) fn variable(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        let name = self.spanned_text(item)?;
        if name.contains('=') {
            let problem = Problem::new(item.span, "this cannot be a variable's name");
            self.add(problem.help("leave out \"=\" and what follows"));
            return None;
        }
        Some(name)
    }

    /// An array of strings, each handed to `each`; a single string counts as an array of one.
    pub(crate) fn texts<T>(
        &mut self,
        item: &Item<'_>,
        mut each: impl FnMut(&mut Self, &Item<'_>) -> Option<T>,
    ) -> Vec<T> {
        match &item.value {
            Value::Array(items) => items.iter().filter_map(|item| each(self, item)).collect(),
            Value::String(_) => each(self, item).into_iter().collect(),
            _ => {
                self.wrong_type(item, "an array of strings");
                Vec::new()
            }
        }
    }

    pub(crate) fn template_of(
        &mut self,
        item: &Item<'_>,
        parse: fn(&str) -> Result<Template, TemplateError>,
    ) -> Option<Spanned<Template>> {
        let text = self.text(item)?;
        match parse(text) {
            Ok(template) => Some(Spanned::new(template, item.span)),
            Err(error) => {
                self.template(item.span, &error);
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, item: &Item<'_>) -> Option<bool> {
        match item.value {
            Value::Boolean(value) => Some(value),
            _ => {
                self.wrong_type(item, "true or false");
                None
            }
        }
    }

    /// A whole number from 0 up.
    pub(crate) fn count(&mut self, item: &Item<'_>) -> Option<u32> {
        let Value::Integer(number) = item.value else {
            self.wrong_type(item, "a whole number");
            return None;
        };
        let count = u32::try_from(number).ok();
        if count.is_none() {
            let message = format!("this is not between 0 and {}", u32::MAX);
            self.add(Problem::new(item.span, message));
        }
        count
    }

    /// A span of time that is longer than none: `"10m"`.
    pub(crate) fn duration(&mut self, item: &Item<'_>) -> Option<Duration> {
        let text = self.text(item)?;
        match duration(text) {
            Ok(duration) => Some(duration),
            Err(message) => {
                let problem = Problem::new(item.span, message);
                self.add(problem.help("write \"90s\", \"10m\", \"1h 30m\" or \"7d\""));
                None
            }
        }
    }

    /// A number of bytes: `"10 GiB"`.
    pub(crate) fn size(&mut self, item: &Item<'_>) -> Option<u64> {
        let text = self.text(item)?;
        match text.parse::<ByteSize>() {
            Ok(size) => Some(size.as_u64()),
            Err(_) => {
                let message = format!("\"{text}\" is no size");
                self.add(Problem::new(item.span, message).help("write \"500 MB\" or \"10 GiB\""));
                None
            }
        }
    }

    /// One of a few words, for a key that is called `what`.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        item: &Item<'_>,
        what: &str,
        all: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(item)?;
        let found = all.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let message = format!("unknown {what} \"{text}\"");
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let (last, others) = names.split_last().expect("there is one");
            let otherwise = format!("write {} or {last}", others.join(", "));
            self.unknown_name(item.span, message, text, names.iter().copied(), &otherwise);
        }
        found.map(|(_, one)| *one)
    }

    /// A path inside the project, normalised.
    pub(crate) fn inner_path(&mut self, item: &Item<'_>) -> Option<Spanned<PathBuf>> {
        let text = self.filled(item)?;
        let path = self.normal_path(
            text,
            item.span,
            "name a place below the manifest's directory",
        )?;
        Some(Spanned::new(path, item.span))
    }

    /// A path inside the project, normalised, or an absolute one.
    pub(crate) fn path(&mut self, item: &Item<'_>) -> Option<Spanned<PathBuf>> {
        let text = self.filled(item)?;
        let path = match text.starts_with('/') {
            true => text.into(),
            false => self.normal_path(text, item.span, "write an absolute path to go elsewhere")?,
        };
        Some(Spanned::new(path, item.span))
    }

    /// The path without `.`, `//` and a slash at its end; `elsewhere` is what to do about a way out.
    pub(crate) fn normal_path(
        &mut self,
        text: &str,
        span: Span,
        elsewhere: &str,
    ) -> Option<PathBuf> {
        let (message, help) = if text.starts_with('/') {
            (
                "an absolute path leads out of the project",
                "write it relative to the manifest's directory",
            )
        } else if is_normal(text) {
            return Some(text.into());
        } else if text.split('/').any(|part| part == "..") {
            ("\"..\" leads out of the project", elsewhere)
        } else {
            let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
            let path: PathBuf = parts.collect();
            if !path.as_os_str().is_empty() {
                return Some(path);
            }
            ("this is the project itself", "name a place below it")
        };
        self.add(Problem::new(span, message).help(help));
        None
    }

    /// Any TOML value as JSON.
    pub(crate) fn value(&mut self, item: &Item<'_>) -> Option<Json> {
        Some(match &item.value {
            Value::String(text) | Value::Date(text) => Json::from(text.as_ref()),
            Value::Boolean(value) => Json::from(*value),
            Value::Integer(number) => Json::from(*number),
            Value::Float(number) if number.is_finite() => Json::from(*number),
            Value::Float(number) => {
                let message = format!("{number} is no number that JSON has");
                let problem = Problem::new(item.span, message);
                self.add(problem.help("write it as a string"));
                return None;
            }
            Value::Array(items) => {
                let values: Vec<_> = items.iter().map(|item| self.value(item)).collect();
                values.into_iter().collect::<Option<Vec<_>>>()?.into()
            }
            Value::Table(table) => {
                let mut object = serde_json::Map::new();
                for Entry { key, item } in table.entries() {
                    object.insert(key.name.to_string(), self.value(item)?);
                }
                object.into()
            }
        })
    }
}

/// Whether a path has nothing in it that normalising could change, as almost all.
fn is_normal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |at: usize| !matches!(bytes.get(at), None | Some(b'/' | b'.'));
    plain(0) && memchr::memchr_iter(b'/', bytes).all(|slash| plain(slash + 1))
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no duration"))?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration = duration.map_err(|_| "months and years vary in length".to_owned())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("this is no time at all".to_owned()),
    }
}
