//! The argument vector that a command becomes, and how its words are quoted. It knows no node: what a
//! placeholder stands for is asked of a function.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use refrain_manifest::{Form, Piece, Run, Template};

use crate::error::{Error, Result};

/// A placeholder and where in a template it stands.
struct Slot<'t> {
    name: &'t str,
    form: Form,
    place: Range<usize>,
}

/// The argument vector of a command, with the words that `words` gives for each name and form.
///
/// In a text for the shell every word is quoted; a list becomes several words.
pub(crate) fn argv(
    run: &Run,
    mut words: impl FnMut(&str, Form) -> Result<Vec<OsString>>,
) -> Result<Vec<OsString>> {
    let mut given = |slot: &Slot| checked(slot, words(slot.name, slot.form)?);
    match run {
        Run::Program(elements) => {
            let mut argv = Vec::with_capacity(elements.len());
            for template in elements {
                argv.extend(element(template, &mut given)?);
            }
            Ok(argv)
        }
        Run::Shell(template) => {
            let mut text = Vec::with_capacity(template.text().len() + 64);
            for piece in template.pieces() {
                match slot(template, piece) {
                    Err(literal) => text.extend_from_slice(literal.as_bytes()),
                    Ok(slot) => put(&mut text, template.text(), &slot, given(&slot)?)?,
                }
            }
            Ok(vec![
                "/bin/sh".into(),
                "-c".into(),
                OsString::from_vec(text),
            ])
        }
    }
}

/// The path that a template without other placeholders than `{output}` becomes.
pub(crate) fn path(template: &Template, output: &Path) -> PathBuf {
    let pieces = template.pieces().map(|piece| match piece {
        Piece::Text(text) => OsStr::new(text),
        Piece::Name { .. } => output.as_os_str(),
    });
    pieces.collect::<OsString>().into()
}

/// A command in one text: a string as it is, an array in the syntax of JSON.
pub(crate) fn text(run: &Run) -> Cow<'_, str> {
    match run {
        Run::Shell(template) => Cow::Borrowed(template.text()),
        Run::Program(elements) => {
            let texts: Vec<&str> = elements.iter().map(|template| template.text()).collect();
            Cow::Owned(serde_json::to_string(&texts).expect("texts are JSON"))
        }
    }
}

/// Whether a command is told where to write.
pub(crate) fn names_output(run: &Run) -> bool {
    let mut names = run.templates().iter().flat_map(|template| template.names());
    names.any(|piece| matches!(piece, Piece::Name { name: "output", .. }))
}

/// The text of a template, with a NUL where a placeholder is.
pub(crate) fn marked(template: &Template) -> Vec<u8> {
    let mut text = Vec::with_capacity(template.text().len());
    for piece in template.pieces() {
        match piece {
            Piece::Text(literal) => text.extend_from_slice(literal.as_bytes()),
            Piece::Name { .. } => text.push(0),
        }
    }
    text
}

/// The placeholder that a piece is, or its literal text.
fn slot<'t>(template: &'t Template, piece: Piece<'t>) -> Result<Slot<'t>, &'t str> {
    match piece {
        Piece::Text(text) => Err(text),
        Piece::Name { name, form, offset } => {
            let length = template.text()[offset..].find('}').expect("it is closed");
            let place = offset..offset + length + 1;
            Ok(Slot { name, form, place })
        }
    }
}

/// The arguments that one element becomes: a placeholder alone gives one a word.
fn element(
    template: &Template,
    given: &mut impl FnMut(&Slot) -> Result<Vec<OsString>>,
) -> Result<Vec<OsString>> {
    let mut argument = OsString::new();
    for piece in template.pieces() {
        match slot(template, piece) {
            Err(literal) => argument.push(literal),
            Ok(slot) if slot.place.len() == template.text().len() => return given(&slot),
            Ok(slot) => argument.push(only(&slot, given(&slot)?)?),
        }
    }
    Ok(vec![argument])
}

/// Writes the words of a placeholder of a shell text, each quoted.
fn put(text: &mut Vec<u8>, written: &str, slot: &Slot, words: Vec<OsString>) -> Result<()> {
    let before = &written.as_bytes()[..slot.place.start];
    let after = &written.as_bytes()[slot.place.end..];
    let parts = |byte: Option<&u8>| byte.is_none_or(|b| b" \t\n;&|()".contains(b));
    let redirects = matches!(before.trim_ascii_end().last(), Some(b'<' | b'>'));
    let alone = parts(before.last()) && parts(after.first()) && !redirects;
    let words = match alone {
        true => words,
        false => vec![only(slot, words)?],
    };
    // Digits right before a redirection would be read as a file descriptor.
    let descriptor = matches!(after.first(), Some(b'<' | b'>'));
    for (position, word) in words.iter().enumerate() {
        if position > 0 {
            text.push(b' ');
        }
        match quoted(word) {
            Cow::Borrowed(plain) if descriptor => text.extend([b"'", plain, b"'"].concat()),
            quoted => text.extend_from_slice(&quoted),
        }
    }
    Ok(())
}

/// A word as a shell reads it back.
fn quoted(word: &OsStr) -> Cow<'_, [u8]> {
    let quoter = shlex::bytes::Quoter::new().allow_nul(true);
    let quoted = quoter.quote(word.as_bytes());
    quoted.expect("refuses nothing but NUL")
}

/// Words as one line that a shell reads back as they were.
pub fn shell_line<S: AsRef<OsStr>>(words: &[S]) -> OsString {
    let words: Vec<_> = words.iter().map(|word| quoted(word.as_ref())).collect();
    OsString::from_vec(words.join(&b' '))
}

fn checked(slot: &Slot, words: Vec<OsString>) -> Result<Vec<OsString>> {
    match words.iter().any(|word| word.as_bytes().contains(&0)) {
        false => Ok(words),
        true => Err(Error::Value {
            name: slot.name.to_owned(),
            problem: "has a NUL byte in it, which no argument can hold".to_owned(),
        }),
    }
}

fn only(slot: &Slot, mut words: Vec<OsString>) -> Result<OsString> {
    match words.len() {
        1 => Ok(words.remove(0)),
        count => Err(Error::Value {
            name: slot.name.to_owned(),
            problem: format!(
                "is {count} words, and joined to other text it has to be one; put a space around it, or write \
                 {{{}:list}} for a file that lists them",
                slot.name
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use refrain_manifest::Spanned;

    use super::*;

    fn shell(text: &str) -> Run {
        Run::Shell(Spanned::new(Template::parse_shell(text).unwrap(), 0..0))
    }

    fn program(elements: &[&str]) -> Run {
        let parse = |text: &&str| Spanned::new(Template::parse(text).unwrap(), 0..0);
        Run::Program(elements.iter().map(parse).collect())
    }

    /// Renders with `{x}` as given, and everything else as its own name.
    fn render(run: &Run, x: &[&[u8]]) -> Result<Vec<OsString>> {
        argv(run, |name, _| match name {
            "x" => Ok(x
                .iter()
                .map(|word| OsStr::from_bytes(word).to_owned())
                .collect()),
            name => Ok(vec![name.into()]),
        })
    }

    #[test]
    fn a_shell_reads_back_every_word_as_it_was() {
        let run = shell("for word in {x}; do printf '%s\\0' \"$word\"; done");
        let words: &[&[u8]] = &[
            b"a b",
            b"it's",
            b"\"$(id)\"`",
            b"line\nline",
            b"\xff\xfe",
            b"",
            b"-n",
            b"~",
            b"a\\",
        ];
        let argv = render(&run, words).unwrap();
        let output = Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
        assert_eq!(output.stdout, [words.join(&0), vec![0]].concat());
    }

    #[test]
    fn arrays_take_one_element_a_word() {
        let run = program(&["sort", "{x}", "-o{output}", "{{x}}"]);
        let argv = render(&run, &[b"a b", b"c"]).unwrap();
        assert_eq!(argv, ["sort", "a b", "c", "-ooutput", "{x}"]);
        assert_eq!(render(&run, &[]).unwrap().len(), 3);
    }

    #[test]
    fn a_list_is_not_joined_to_other_text() {
        for run in [
            program(&["cat", "in/{x}"]),
            shell("cat in/{x}"),
            shell("cat {x}.txt"),
            shell("cat < {x}"),
        ] {
            assert!(render(&run, &[b"one"]).is_ok());
            let error = render(&run, &[b"one", b"two"]).unwrap_err();
            assert!(error.to_string().contains("{x:list}"), "{error}");
            assert!(render(&run, &[]).is_err());
        }
        let run = shell("(cat {x}; cat {x}|cat {x})");
        let words = render(&run, &[b"1", b"2"]).unwrap();
        assert_eq!(words[2], "(cat 1 2; cat 1 2|cat 1 2)");
    }

    #[test]
    fn values_with_nul_are_refused_and_digits_are_no_descriptor() {
        let run = shell("echo {x}>out");
        assert!(render(&run, &[b"a\0"]).is_err());
        assert_eq!(render(&run, &[b"2"]).unwrap()[2], "echo '2'>out");
    }

    #[test]
    fn a_string_and_an_array_have_different_texts() {
        assert_eq!(text(&shell("cat {x}")), "cat {x}");
        assert_eq!(text(&program(&["cat", "{x}"])), r#"["cat","{x}"]"#);
        assert!(names_output(&shell("cat > {output}")));
        assert!(!names_output(&program(&["cat", "{x}"])));
    }
}
