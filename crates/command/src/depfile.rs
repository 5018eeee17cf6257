//! The files that a compiler says it read, in the syntax of Makefiles as gcc, clang, rustc and ghc write it.
//! Any bytes are read without a panic; what is no rule is an error.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The prerequisites of all rules of a depfile, sorted, each once. What is inside `root` is given relative
/// to it.
///
/// ```
/// use std::path::Path;
/// use refrain_command::depfile;
///
/// let text = b"out/main.o: main.c /src/my\\ util.h \\\n  /usr/include/stdio.h\nutil.h:\n";
/// let files = depfile::parse(text, Path::new("/src"))?;
/// assert_eq!(files, ["/usr/include/stdio.h", "main.c", "my util.h"].map(Path::new));
/// # Ok::<(), refrain_command::Error>(())
/// ```
///
/// # Errors
/// A line that is no rule.
pub fn parse(text: &[u8], root: &Path) -> Result<Vec<PathBuf>> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
    };
    let mut files = BTreeSet::new();
    while reader.at < text.len() {
        let rule = reader.rule()?;
        let paths = rule.iter().map(|name| Path::new(OsStr::from_bytes(name)));
        files.extend(paths.map(|path| within(root, path)));
    }
    Ok(files.into_iter().collect())
}

/// A path as it is written, but relative to the root where it is inside, and without `.` in it.
pub(crate) fn within(root: &Path, path: &Path) -> PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

/// What ends a word.
enum End {
    Space,
    Colon,
    Line,
}

impl<'a> Reader<'a> {
    /// The prerequisites of the rule on this line; none of an empty line.
    fn rule(&mut self) -> Result<Vec<Vec<u8>>> {
        let line = self.line;
        let mut targets = Vec::new();
        let mut files = None;
        loop {
            let (word, end) = self.word();
            if !word.is_empty() {
                files.as_mut().unwrap_or(&mut targets).push(word);
            }
            match end {
                End::Space => {}
                End::Colon => files = files.or(Some(Vec::new())),
                End::Line => break,
            }
        }
        match files {
            None if !targets.is_empty() => Err(Error::Depfile { line }),
            files => Ok(files.unwrap_or_default()),
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// The next word, unescaped, and what ends it, which is passed too.
    fn word(&mut self) -> (Vec<u8>, End) {
        let mut word = Vec::new();
        loop {
            let Some(byte) = self.rest().first() else {
                return (word, End::Line);
            };
            match byte {
                b'\\' => {
                    if self.backslashes(&mut word) {
                        return (word, End::Space);
                    }
                    continue;
                }
                b'#' if word.is_empty() => {
                    self.skip_comment();
                    continue;
                }
                _ => self.at += 1,
            }
            let next = self.rest().first();
            match byte {
                b'\n' => {
                    self.line += 1;
                    return (word, End::Line);
                }
                b' ' | b'\t' | b'\r' => return (word, End::Space),
                b':' if next.is_none_or(|next| b" \t\r\n".contains(next)) => {
                    return (word, End::Colon);
                }
                b'$' if next == Some(&b'$') => {
                    self.at += 1;
                    word.push(b'$');
                }
                other => word.push(*other),
            }
        }
    }

    fn skip_comment(&mut self) {
        let length = self.rest().iter().position(|byte| *byte == b'\n');
        self.at += length.unwrap_or(self.rest().len());
    }

    /// Reads a row of backslashes and what it gives another meaning to. Says whether that is the end of
    /// the line, which then ends the word only.
    ///
    /// Backslashes mean themselves, but before a space or `#` each two stand for one, and one that is left
    /// over makes it a part of the name: so compilers write such names.
    fn backslashes(&mut self, word: &mut Vec<u8>) -> bool {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| **byte == b'\\')
            .count();
        self.at += count;
        let (kept, taken, newline) = match self.rest() {
            [b'\n', ..] => (count - 1, 1, true),
            [b'\r', b'\n', ..] => (count - 1, 2, true),
            [b' ' | b'\t' | b'#', ..] => (count / 2, count % 2, false),
            [b':', ..] => (count - 1, 1, false),
            _ => (count, 0, false),
        };
        word.extend(std::iter::repeat_n(b'\\', kept));
        if newline {
            self.line += 1;
        } else {
            word.extend_from_slice(&self.text[self.at..self.at + taken]);
        }
        self.at += taken;
        newline
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn files(text: &str) -> Vec<String> {
        let files = parse(text.as_bytes(), Path::new("/project")).unwrap();
        let names = files.iter().map(|file| file.to_str().unwrap().to_owned());
        names.collect()
    }

    #[test]
    fn every_compiler_is_understood() {
        let gcc = "main.o: src/main.c src/../include/a.h \\\n /usr/include/stdio.h\n\nsrc/../include/a.h:\n";
        assert_eq!(
            files(gcc),
            ["/usr/include/stdio.h", "src/../include/a.h", "src/main.c"]
        );
        let rustc = "/o/lib.rlib: src/lib.rs src/a.rs\n\n/o/lib.d: src/lib.rs src/a.rs\n\nsrc/lib.rs:\nsrc/a.rs:\n\n# env-dep:X=a: b\n";
        assert_eq!(files(rustc), ["src/a.rs", "src/lib.rs"]);
        let ghc = "# DO NOT DELETE\nMain.o : Main.hs\nMain.o : Util.hi\nUtil.o : Util.hs\n";
        assert_eq!(files(ghc), ["Main.hs", "Util.hi", "Util.hs"]);
        let crlf = "a.o b.o: \\\r\n  x.c \\\r\n  y.h\r\n";
        assert_eq!(files(crlf), ["x.c", "y.h"]);
    }

    #[test]
    fn names_are_unescaped() {
        assert_eq!(
            files(r"o: a\ b.h c\#d $$e f\\g"),
            ["$e", "a b.h", "c#d", r"f\\g"]
        );
        assert_eq!(files(r"o\ p\: q: x\\\ y z\\ w"), ["w", r"x\ y", r"z\"]);
        assert_eq!(files("o: a#b c:d.h end\\"), ["a#b", "c:d.h", r"end\"]);
    }

    #[test]
    fn paths_are_relative_to_the_root_and_come_once() {
        let text = "o: /project/a.h ./a.h a.h /project/./b/c.h /projects/d.h ../e.h";
        assert_eq!(files(text), ["/projects/d.h", "../e.h", "a.h", "b/c.h"]);
    }

    #[test]
    fn what_is_no_rule_is_an_error_with_its_line() {
        assert_eq!(files("\n\n  \n"), Vec::<String>::new());
        let error = parse(b"o: \\\n a.h\nnothing\n", Path::new("/"));
        assert!(matches!(error, Err(Error::Depfile { line: 3 })));
    }

    /// A name as gcc writes it.
    fn gcc(name: &str) -> String {
        let mut written = String::new();
        for (index, char) in name.char_indices() {
            let before = &name[..index];
            let backslashes = &before[before.trim_end_matches('\\').len()..];
            match char {
                ' ' | '#' => written += &format!("{backslashes}\\{char}"),
                '$' => written += "$$",
                other => written.push(other),
            }
        }
        written
    }

    proptest! {
        #[test]
        fn names_as_gcc_writes_them_are_read_back(names in prop::collection::btree_set("x[ab#$ .\\\\-]{0,8}y", 1..5)) {
            let written: Vec<String> = names.iter().map(|name| gcc(name)).collect();
            let text = format!("out.o: {}\n", written.join(" \\\n "));
            prop_assert_eq!(files(&text), Vec::from_iter(names));
        }

        #[test]
        fn any_bytes_are_read(text in prop::collection::vec(prop::sample::select(&b"a\\ :\n\r#$\0\xff"[..]), 0..64)) {
            let _ = parse(&text, Path::new("/"));
        }
    }
}
