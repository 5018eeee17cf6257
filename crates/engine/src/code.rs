//! The code a node stands on, item by item. Where the items come from (the
//! `#[func]` macro, a version given by hand) is not known here.

use std::borrow::Cow;
use std::sync::Arc;

use refrain_store::Digest;

/// One item of code: a function, a constant, a type with its fields, an
/// `impl` block, a locked dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// How many import levels away from the node's own module it is.
    pub level: u32,
    /// Its path, such as `crate::helpers::SCALE`.
    pub path: Cow<'static, str>,
    /// Digest of its tokens: formatting, comments and docs do not count.
    pub hash: Digest,
    /// Its text, normalised, for showing the changed line.
    pub text: Cow<'static, str>,
    /// The file it is in, relative to its package; empty if there is none.
    pub file: Cow<'static, str>,
    /// The line it starts on; 0 if its text is the whole file, line by line, or
    /// if there is no file.
    pub line: u32,
    /// The lines of the file that the lines of the text are from, where they do
    /// not follow one another.
    pub lines: Cow<'static, [u32]>,
}

impl Item {
    /// Where it is: its file, and the lines of its text.
    pub(crate) fn place(&self) -> String {
        let mut place = format!("{}:{}", self.file, self.line);
        if !self.lines.is_empty() {
            place.truncate(self.file.len() + 1);
            place.push_str(&ranges(&self.lines));
        }
        place
    }
}

/// Rising numbers as ranges: `1-3,7`.
fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let runs = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        _ => run[0].to_string(),
    });
    runs.collect::<Vec<String>>().join(",")
}

/// What a node's behaviour is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    items: Vec<Arc<Item>>,
    /// Why only the function itself is known, where that is so.
    pub(crate) incomplete: Option<Cow<'static, str>>,
}

impl Code {
    /// Code of these items, which may be shared with other code. They are put
    /// in the order of their paths: moving an item within its file is no
    /// change.
    pub fn new<I: Into<Arc<Item>>>(
        items: impl IntoIterator<Item = I>,
        incomplete: Option<Cow<'static, str>>,
    ) -> Self {
        let mut items: Vec<Arc<Item>> = items.into_iter().map(Into::into).collect();
        items.sort_by(|a, b| (a.level, &a.path, a.hash).cmp(&(b.level, &b.path, b.hash)));
        Code { items, incomplete }
    }

    /// Code known by a version given by hand: for nodes made at run time.
    /// Changing the version is the only way to say that the code changed.
    pub fn version(name: &str, version: &str) -> Self {
        let item = Item {
            level: 0,
            path: Cow::Owned(name.to_owned()),
            hash: Digest::of(version.as_bytes()),
            text: Cow::Owned(version.to_owned()),
            file: Cow::Borrowed(""),
            line: 0,
            lines: Cow::Borrowed(&[]),
        };
        Code::new(vec![item], None)
    }

    /// Whether it is the same code, wherever it stands.
    pub(crate) fn is_like(&self, other: &Code) -> bool {
        let known = |item: &Arc<Item>| (item.level, item.path.clone(), item.hash);
        self.incomplete == other.incomplete
            && self
                .items
                .iter()
                .map(known)
                .eq(other.items.iter().map(known))
    }

    /// All items: the node's own first, then by level.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().map(|item| &**item)
    }

    /// The items of the node's own module.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Item> {
        self.items().filter(|item| item.level == 0)
    }

    /// The items reached through one to `depth` imports.
    pub(crate) fn imported(&self, depth: u32) -> impl Iterator<Item = &Item> {
        self.items()
            .filter(move |item| item.level > 0 && item.level <= depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_one_another_are_a_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3,7,9-10");
        assert_eq!(ranges(&[4]), "4");
    }
}
