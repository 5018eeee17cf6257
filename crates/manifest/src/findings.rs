//! What has been found wrong so far, while a text is read and checked.

use std::ops::Range;
use std::path::Path;

use crate::document::Key;
use crate::names;
use crate::problem::{Problem, Problems, Source, Span};
use crate::strings;
use crate::template::TemplateError;

/// A screen or two; who has more problems than this has one problem many times.
const LISTED: usize = 50;

/// Problems of one text.
pub(crate) struct Findings<'t> {
    text: &'t str,
    list: Vec<Problem>,
    unlisted: usize,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Findings {
            text,
            list: Vec::new(),
            unlisted: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        match self.list.len() < LISTED {
            true => self.list.push(problem),
            false => self.unlisted += 1,
        }
    }

    pub(crate) fn into_problems(self, path: &Path) -> Problems {
        Problems::new(Source::new(path, self.text), self.list, self.unlisted)
    }

    /// The place of a part of a string's value.
    pub(crate) fn part(&self, string: Span, part: Range<usize>) -> Span {
        strings::part_of(self.text, string, part)
    }

    /// Refuses a key that means nothing in `place`.
    pub(crate) fn unknown_key(&mut self, key: &Key<'_>, place: &str, known: &[&str]) {
        let name = &*key.name;
        let otherwise = format!("{place} takes {}", known.join(", "));
        let message = format!("unknown key \"{name}\"");
        let known = known.iter().copied();
        self.unknown_name(key.span, message, name, known, &otherwise);
    }

    /// Refuses a name that nothing has; `otherwise` is what to do where no known name is near.
    pub(crate) fn unknown_name<'k>(
        &mut self,
        span: Span,
        message: String,
        wanted: &str,
        known: impl IntoIterator<Item = &'k str>,
        otherwise: &str,
    ) {
        // A look through all names is too much for what nobody will read.
        let listed = self.list.len() < LISTED;
        let near = listed.then(|| names::nearest(wanted, known)).flatten();
        let help = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => otherwise.to_owned(),
        };
        self.add(Problem::new(span, message).help(help));
    }

    /// Refuses a string that is no template.
    pub(crate) fn template(&mut self, string: Span, error: &TemplateError) {
        let span = self.part(string, error.offset..error.offset + error.length);
        self.add(Problem::new(span, error.to_string()).help(error.fault.help()));
    }
}
