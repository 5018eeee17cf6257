//! Notes: the small texts that leaves point at, in the few forms they have. It
//! writes and reads them, and is unaware of who compares them.
//!
//! * A value stands as it is shown to people: JSON, or a quoted text.
//! * Code is a line `file:lines`, then the item's text. The lines are the first
//!   one alone; or 0 where the text is the whole file; or, where its lines are
//!   not neighbours, all of them: `1-3,7`.
//! * A file is `@`, its digest, a space, its path; its text is the note of that
//!   very digest, where it was kept.
//! * Several files are a line `@@`, then one such line each, without the `@`.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use refrain_store::Digest;

/// A note taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note<'a> {
    Value(&'a str),
    Code { place: &'a str, text: &'a str },
    File(FileNote<'a>),
    Files(Vec<FileNote<'a>>),
}

/// A file in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileNote<'a> {
    pub digest: Digest,
    /// The path, escaped where it is not plain text.
    pub path: &'a str,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    pub fn read(text: &'a str) -> Self {
        let file = |line: &'a str| {
            let (digest, path) = line.split_once(' ')?;
            let digest = digest.parse().ok()?;
            Some(FileNote { digest, path })
        };
        if let Some(lines) = text.strip_prefix("@@\n") {
            return Note::Files(lines.lines().filter_map(file).collect());
        }
        if let Some(note) = text.strip_prefix('@').and_then(file) {
            return Note::File(note);
        }
        match text.split_once('\n') {
            Some((place, text)) => Note::Code { place, text },
            None => Note::Value(text),
        }
    }
}

/// The note of one file.
pub(crate) fn of_file(path: &Path, digest: &Digest) -> Arc<str> {
    format!("@{digest} {}", shown(path)).into()
}

/// The note of several files.
pub(crate) fn of_files<'a>(files: impl Iterator<Item = (&'a Path, Digest)>) -> Arc<str> {
    let mut text = String::from("@@\n");
    for (path, digest) in files {
        let _ = writeln!(text, "{digest} {}", shown(path));
    }
    text.into()
}

/// A path as one line of text; different paths are shown differently. It is the
/// key of an item that is a file.
pub fn shown(path: &Path) -> String {
    let plain = path.to_str();
    let plain = plain.filter(|text| !text.contains(|c: char| c.is_control() || c == '\\'));
    match plain {
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}

/// The path that is shown like this.
pub(crate) fn path(shown: &str) -> PathBuf {
    let mut rest = shown.bytes();
    let mut bytes = Vec::with_capacity(shown.len());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => escaped(&mut rest).unwrap_or(byte),
            plain => plain,
        });
    }
    OsString::from_vec(bytes).into()
}

/// The byte that stands behind a backslash.
fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    match rest.next()? {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'x' => Some(digit(rest.next()?)? * 16 + digit(rest.next()?)?),
        itself => Some(itself),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let digest = Digest::of(b"x");
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"a b\n\xff"));
        let note = of_file(odd, &digest);
        let file = FileNote {
            digest,
            path: r"a b\n\xff",
        };
        assert_eq!(Note::read(&note), Note::File(file));
        for path in [odd, Path::new(r"a\'b\"), Path::new("plain.h")] {
            assert_eq!(super::path(&shown(path)), path);
        }
        let note = of_files([(odd, digest)].into_iter());
        assert_eq!(Note::read(&note), Note::Files(vec![file]));
        assert_eq!(Note::read("\"@x\""), Note::Value("\"@x\""));
        let code = Note::Code {
            place: "src/main.rs:3",
            text: "fn f() {}\n",
        };
        assert_eq!(Note::read("src/main.rs:3\nfn f() {}\n"), code);
    }
}
