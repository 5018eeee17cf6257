//! Patterns of files: `data/*.txt`, `lib/**/*.py`, `src/{a,b}.c`.
//!
//! It knows what matches, and walks no directory.

use std::path::Path;

use globset::{Glob, GlobBuilder};

use crate::document::Item;
use crate::findings::Findings;
use crate::problem::{Problem, Spanned};

/// A pattern of paths below the manifest's directory, known to be well-formed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: Box<str>,
}

impl Pattern {
    /// A string that is a pattern.
    pub(crate) fn read(findings: &mut Findings<'_>, item: &Item<'_>) -> Option<Spanned<Self>> {
        let text = findings.filled(item)?;
        let path =
            findings.normal_path(text, item.span, "name files below the manifest's directory")?;
        let text = path.to_string_lossy().into();
        let pattern = Pattern { text };
        if let Err(error) = pattern.glob() {
            let message = format!("this is no pattern: {}", error.kind());
            let help = "write a backslash before \"[\", \"{\" and \"*\" in a file's name";
            findings.add(Problem::new(item.span, message).help(help));
            return None;
        }
        Some(Spanned::new(pattern, item.span))
    }

    /// The pattern, without `./` and the like.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path that it is, when nothing in it stands for anything else.
    pub fn as_path(&self) -> Option<&Path> {
        let plain = !self.text.contains(['*', '?', '[', '{', '\\']);
        plain.then(|| Path::new(&*self.text))
    }

    /// `*` stops at slashes, `**` does not.
    pub(crate) fn glob(&self) -> Result<Glob, globset::Error> {
        // What `as_path` knows to be plain is not worth reading.
        GlobBuilder::new(&self.text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
    }
}
