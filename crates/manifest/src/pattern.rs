//! Patterns of files: `data/*.txt`, `lib/**/*.py`, `src/{a,b}.c`.
//!
//! It knows what matches, and walks no directory.

use std::path::Path;

use globset::{Glob, GlobBuilder};

use crate::document::Item;
use crate::findings::Findings;
use crate::problem::{Problem, Spanned};

/// What does not stand for itself in a pattern.
const WILD: [char; 5] = ['*', '?', '[', '{', '\\'];

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
        let plain = !self.text.contains(WILD);
        plain.then(|| Path::new(&*self.text))
    }

    /// `*` stops at slashes, `**` does not.
    pub(crate) fn glob(&self) -> Result<Glob, globset::Error> {
        GlobBuilder::new(&self.text)
            .literal_separator(true)
            .backslash_escape(true)
            .build()
    }

    /// The directories at its front that are no patterns: nothing outside of them matches.
    pub(crate) fn base(&self) -> &str {
        let wild = self.text.find(WILD).unwrap_or(self.text.len());
        let end = self.text[..wild].rfind('/').unwrap_or(0);
        &self.text[..end]
    }

    /// Whether anything in a directory may match, or anything below it.
    pub(crate) fn reaches(&self, dir: &[u8]) -> bool {
        let base = self.base().as_bytes();
        if base.len() > dir.len() {
            return dir.is_empty() || (base.starts_with(dir) && base[dir.len()] == b'/');
        }
        self.admits(dir) && self.depth().is_none_or(|depth| names(dir).count() < depth)
    }

    /// Whether a path that matches is meant: it lies below the base, and hidden names are asked for.
    pub(crate) fn admits(&self, path: &[u8]) -> bool {
        let base = self.base().as_bytes();
        let Some(below) = path.strip_prefix(base) else {
            return false;
        };
        let inside = base.is_empty() || below.is_empty() || below[0] == b'/';
        let rest = &self.text.as_bytes()[base.len()..];
        let asked = |rest: &[u8]| {
            let before = |at: usize| at == 0 || b"/{,[".contains(&rest[at - 1]);
            let mut dots = rest.iter().enumerate().filter(|(_, byte)| **byte == b'.');
            dots.any(|(at, _)| before(at))
        };
        inside && (!names(below).any(|name| name.first() == Some(&b'.')) || asked(rest))
    }

    /// How many names a path has that matches, where it is one number.
    fn depth(&self) -> Option<usize> {
        let varies = self.text.contains("**") || self.text.contains('{');
        (!varies).then(|| names(self.text.as_bytes()).count())
    }
}

/// The names that a path is made of.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern { text: text.into() }
    }

    #[test]
    fn directories_are_entered_only_where_something_may_match() {
        let reaches = |text: &str, dir: &str| pattern(text).reaches(dir.as_bytes());
        assert!(reaches("*.txt", ""));
        assert!(!reaches("*.txt", "a"));
        assert!(reaches("a/b/*.txt", "") && reaches("a/b/*.txt", "a"));
        assert!(reaches("a/b/*.txt", "a/b"));
        assert!(!reaches("a/b/*.txt", "a/c") && !reaches("a/b/*.txt", "a/bc"));
        assert!(!reaches("a/b/*.txt", "a/b/c"));
        assert!(reaches("a/**/x", "a/b/c/d") && !reaches("a/**/x", "b"));
        assert!(reaches("{a/b,c}/x", "a/b") && reaches("*/*/x", "a/b"));
        assert!(!reaches("**/x", "a/.git") && reaches("**/.x", "a/.git"));
        assert!(reaches(".a/*", ".a") && !reaches(".a/**/x", ".a/.b"));
    }

    #[test]
    fn hidden_names_are_meant_only_where_asked_for() {
        let admits = |text: &str, path: &str| pattern(text).admits(path.as_bytes());
        assert!(admits("a/*", "a/b") && !admits("a/*", "a/.b"));
        assert!(admits("a/.*", "a/.b") && admits("{.a,b}", ".a") && admits("[.]a", ".a"));
        assert!(!admits("**/*.py", ".venv/x.py") && admits(".venv/**/*.py", ".venv/x.py"));
    }
}
