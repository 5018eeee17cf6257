//! A command as it is written, with placeholders, and the argument vector it becomes. It knows no node:
//! what a placeholder stands for is asked of a function.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::error::{Error, Result};
use crate::placeholder::{Part, Slot, parse, problem};
use crate::shell::{self, MARK, Place};

/// A command with placeholders: `{name}` for a parameter, `{output}` for the path to write to, `{{` and
/// `}}` for braces.
///
/// ```
/// use refrain_command::Template;
///
/// let template = Template::shell("sort {words} > {output}")?;
/// let argv = template.render(|slot| {
///     Ok(match slot.name.as_str() {
///         "output" => vec!["out".into()],
///         _ => vec!["a".into(), "b c".into()],
///     })
/// })?;
/// assert_eq!(argv, ["/bin/sh", "-c", "sort a 'b c' > out"]);
/// # Ok::<(), refrain_command::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    shell: bool,
    elements: Vec<Vec<Part>>,
}

impl Template {
    /// Reads a command that is a string: a text for `sh`.
    ///
    /// A placeholder at which a quoted word would not be read as that word is refused.
    pub fn shell(text: &str) -> Result<Self> {
        let mut parts = parse(text, 0)?;
        if text.trim().is_empty() {
            return Err(problem(0, 0, "an empty command; write what to run"));
        }
        place(&mut parts)?;
        Ok(Template {
            text: text.to_owned(),
            shell: true,
            elements: vec![parts],
        })
    }

    /// Reads a command that is an array: a program and its arguments, run without a shell.
    pub fn argv<S: AsRef<str>>(elements: &[S]) -> Result<Self> {
        if elements
            .first()
            .is_none_or(|first| first.as_ref().is_empty())
        {
            return Err(problem(
                0,
                0,
                "an empty command; write a program and its arguments",
            ));
        }
        let texts: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
        let parsed = texts.iter().enumerate().map(|(element, text)| {
            let mut parts = parse(text, element)?;
            if let [Part::Slot(_, alone)] = &mut parts[..] {
                *alone = true;
            }
            Ok(parts)
        });
        Ok(Template {
            elements: parsed.collect::<Result<_>>()?,
            text: serde_json::to_string(&texts).expect("texts are JSON"),
            shell: false,
        })
    }

    /// The command in one canonical text. A string is given as it is, an array in the syntax of JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is run by `sh`.
    pub fn is_shell(&self) -> bool {
        self.shell
    }

    /// The placeholders, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.elements
            .iter()
            .flatten()
            .filter_map(|part| match part {
                Part::Slot(slot, _) => Some(slot),
                Part::Text(_) => None,
            })
    }

    /// Whether the command is told where to write.
    pub fn names_output(&self) -> bool {
        self.slots().any(Slot::is_output)
    }

    /// The argument vector, with the words that `words` gives for each placeholder.
    pub fn render(
        &self,
        mut words: impl FnMut(&Slot) -> Result<Vec<OsString>>,
    ) -> Result<Vec<OsString>> {
        let mut argv = Vec::with_capacity(self.elements.len() + 2);
        if self.shell {
            argv.extend(["/bin/sh".into(), "-c".into()]);
        }
        for parts in &self.elements {
            match &parts[..] {
                [Part::Slot(slot, true)] if !self.shell => {
                    argv.extend(checked(slot, words(slot)?)?)
                }
                _ => argv.push(self.join(parts, &mut words)?),
            }
        }
        Ok(argv)
    }

    fn join(
        &self,
        parts: &[Part],
        words: &mut impl FnMut(&Slot) -> Result<Vec<OsString>>,
    ) -> Result<OsString> {
        let mut text = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let (slot, alone) = match part {
                Part::Text(literal) => {
                    text.extend_from_slice(literal.as_bytes());
                    continue;
                }
                Part::Slot(slot, alone) => (slot, *alone),
            };
            let given = checked(slot, words(slot)?)?;
            if !alone && given.len() != 1 {
                return Err(not_one_word(slot, given.len()));
            }
            // Digits right before a redirection would be read as a file descriptor.
            let redirects =
                matches!(parts.get(index + 1), Some(Part::Text(t)) if t.starts_with(['<', '>']));
            for (position, word) in given.iter().enumerate() {
                if position > 0 {
                    text.push(b' ');
                }
                match self.shell {
                    true => text.extend_from_slice(&quoted(word, redirects)),
                    false => text.extend_from_slice(word.as_bytes()),
                }
            }
        }
        Ok(OsString::from_vec(text))
    }
}

/// A word as a shell reads it back, with quotes where it needs them or where they are asked for.
fn quoted(word: &OsStr, always: bool) -> Cow<'_, [u8]> {
    let bytes = word.as_bytes();
    let quoted = shlex::bytes::Quoter::new().allow_nul(true).quote(bytes);
    match quoted.expect("refuses nothing but NUL") {
        Cow::Borrowed(plain) if always => [b"'", plain, b"'"].concat().into(),
        quoted => quoted,
    }
}

/// An argument vector as one line that a shell reads back as it was.
pub fn shell_line<S: AsRef<OsStr>>(argv: &[S]) -> OsString {
    let words: Vec<_> = argv
        .iter()
        .map(|word| quoted(word.as_ref(), false))
        .collect();
    OsString::from_vec(words.join(&b' '))
}

fn checked(slot: &Slot, words: Vec<OsString>) -> Result<Vec<OsString>> {
    match words.iter().any(|word| word.as_bytes().contains(&0)) {
        false => Ok(words),
        true => Err(Error::Value {
            name: slot.name.clone(),
            problem: "the value has a NUL byte in it, which no argument can hold".to_owned(),
        }),
    }
}

fn not_one_word(slot: &Slot, count: usize) -> Error {
    let text = slot.text();
    let problem = format!(
        "stands for {count} words and is joined to another one; put a space around {text}, or write \
         {{{}:list}} for a file that lists them",
        slot.name
    );
    Error::Value {
        name: slot.name.clone(),
        problem,
    }
}

/// The text of some parts with a mark for each placeholder.
fn marked(parts: &[Part]) -> Vec<u8> {
    let mut text = Vec::new();
    for part in parts {
        match part {
            Part::Text(literal) => text.extend_from_slice(literal.as_bytes()),
            Part::Slot(..) => text.push(MARK),
        }
    }
    text
}

/// Looks where each placeholder of a shell text stands, and refuses the places at which quoting would
/// not keep the value together.
fn place(parts: &mut [Part]) -> Result<()> {
    let mut places = shell::places(&marked(parts)).into_iter();
    for part in parts {
        if let Part::Slot(slot, several) = part {
            match places.next().expect("every mark has a place") {
                Place::Bare { alone } => *several = alone,
                trap => return Err(problem(slot.element, slot.offset, advice(slot, trap))),
            }
        }
    }
    Ok(())
}

fn advice(slot: &Slot, trap: Place) -> String {
    let text = slot.text();
    let instead = match slot.is_output() {
        true => "keep it in a variable of the shell: out={output}".to_owned(),
        false => format!(
            "add \"{}\" to `params` and write ${}",
            slot.name,
            variable(&slot.name)
        ),
    };
    match trap {
        Place::SingleQuotes | Place::DoubleQuotes => format!(
            "{text} stands within quotes, and its value is quoted already; drop the quotes around it, \
             or {instead}"
        ),
        Place::Backticks => format!(
            "{text} stands within backticks, where its quotes would be lost; write $( ) for them"
        ),
        Place::Comment => format!("{text} stands in a comment; write {{{text}}} for braces"),
        Place::HereDocument => {
            format!("{text} stands in a here-document, which has no quotes; {instead}")
        }
        Place::Backslash => {
            format!("the backslash before {text} would take its quotes away; remove the backslash")
        }
        Place::Dollar => format!(
            "`${text}` is neither a parameter nor a variable; write {text} for the parameter, or \
             ${{{text}}} for the variable"
        ),
        Place::Bare { .. } => unreachable!("that is no trap"),
    }
}

/// The environment variable of a parameter that is in `params`.
pub(crate) fn variable(name: &str) -> String {
    format!("REFRAIN_{}", name.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders with `{x}` as given, and everything else as its own name.
    fn render(template: &Template, x: &[&[u8]]) -> Result<Vec<OsString>> {
        template.render(|slot| match slot.name.as_str() {
            "x" => Ok(x
                .iter()
                .map(|word| OsStr::from_bytes(word).to_owned())
                .collect()),
            name => Ok(vec![name.into()]),
        })
    }

    #[test]
    fn a_shell_reads_back_every_word_as_it_was() {
        let template =
            Template::shell("for word in {x}; do printf '%s\\0' \"$word\"; done").unwrap();
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
        let argv = render(&template, words).unwrap();
        let output = std::process::Command::new(&argv[0])
            .args(&argv[1..])
            .output()
            .unwrap();
        assert_eq!(output.stdout, [words.join(&0), vec![0]].concat());
    }

    #[test]
    fn arrays_take_one_element_a_word() {
        let template = Template::argv(&["sort", "{x}", "-o{output}", "{{x}}"]).unwrap();
        let argv = render(&template, &[b"a b", b"c"]).unwrap();
        assert_eq!(argv, ["sort", "a b", "c", "-ooutput", "{x}"]);
        assert_eq!(render(&template, &[]).unwrap().len(), 3);
    }

    #[test]
    fn a_list_is_not_joined_to_other_text() {
        for template in [
            Template::argv(&["cat", "in/{x}"]).unwrap(),
            Template::shell("cat in/{x}").unwrap(),
            Template::shell("cat < {x}").unwrap(),
        ] {
            assert!(render(&template, &[b"one"]).is_ok());
            let error = render(&template, &[b"one", b"two"]).unwrap_err();
            assert!(error.to_string().contains("{x:list}"), "{error}");
            assert!(render(&template, &[]).is_err());
        }
    }

    #[test]
    fn values_with_nul_are_refused_and_digits_are_no_descriptor() {
        let template = Template::shell("echo {x}>out").unwrap();
        assert!(render(&template, &[b"a\0"]).is_err());
        assert_eq!(render(&template, &[b"2"]).unwrap()[2], "echo '2'>out");
    }

    #[test]
    fn traps_are_refused_with_what_to_write() {
        for (text, offset, advice) in [
            ("cat '{x}'", 5, "drop the quotes"),
            ("echo {y} \"a {x}\"", 12, "write $REFRAIN_X"),
            ("`cat {x}`", 5, "write $( )"),
            ("cat <<E\n{x}\nE", 8, "write $REFRAIN_X"),
            ("cat # {x}", 6, "write {{x}} for braces"),
            ("cat \\{x}", 5, "remove the backslash"),
            ("cat ${x}", 5, "${{x}} for the variable"),
        ] {
            let Err(Error::Template {
                offset: at,
                problem,
                ..
            }) = Template::shell(text)
            else {
                panic!("{text} is accepted");
            };
            assert_eq!(at, offset, "{text}");
            assert!(problem.contains(advice), "{text}: {problem}");
        }
        assert!(Template::argv(&["awk", "'{x}'"]).is_ok());
        assert!(Template::shell(" \n").is_err());
        assert!(Template::argv::<&str>(&[]).is_err());
    }

    #[test]
    fn a_string_and_an_array_have_different_texts() {
        let string = Template::shell("cat {x}").unwrap();
        let array = Template::argv(&["cat", "{x}"]).unwrap();
        assert_eq!(string.text(), "cat {x}");
        assert_eq!(array.text(), r#"["cat","{x}"]"#);
        assert!(!string.names_output());
    }
}
