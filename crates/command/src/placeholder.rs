//! A text with placeholders in braces, taken apart. It knows no shell and no values.

use crate::error::{Error, Result};

/// What a placeholder asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The name in it.
    pub name: String,
    /// What of the value is wanted.
    pub form: Form,
    /// Which element of an array it is in; 0 for a string.
    pub element: usize,
    /// The byte of that text at which it starts.
    pub offset: usize,
}

/// What of a value a placeholder wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `{name}`: its words.
    Words,
    /// `{name:list}`: the path of a file with a path on each line.
    List,
    /// `{name:json}`: the path of a file with a JSON array of keys and paths.
    Json,
}

impl Slot {
    /// Whether it is `{output}`.
    pub fn is_output(&self) -> bool {
        self.name == "output"
    }

    /// The placeholder as it is written.
    pub fn text(&self) -> String {
        match self.form {
            Form::Words => format!("{{{}}}", self.name),
            Form::List => format!("{{{}:list}}", self.name),
            Form::Json => format!("{{{}:json}}", self.name),
        }
    }
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Literal text.
    Text(String),
    /// A placeholder, and whether several words may stand there.
    Slot(Slot, bool),
}

pub(crate) fn problem(element: usize, offset: usize, problem: impl Into<String>) -> Error {
    Error::Template {
        element,
        offset,
        problem: problem.into(),
    }
}

/// Takes a text apart. `element` says which one it is, for errors and slots.
pub(crate) fn parse(text: &str, element: usize) -> Result<Vec<Part>> {
    if let Some(offset) = text.find('\0') {
        return Err(problem(
            element,
            offset,
            "a NUL byte, which no argument can hold; remove it",
        ));
    }
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(['{', '}']) {
        literal.push_str(&text[at..at + found]);
        at += found;
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            literal.push_str(&rest[..1]);
            at += 2;
            continue;
        }
        let (name, form) = slot(rest).map_err(|text| problem(element, at, text))?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        let slot = Slot {
            name: name.to_owned(),
            form,
            element,
            offset: at,
        };
        parts.push(Part::Slot(slot, false));
        at += rest.find('}').expect("a slot is closed") + 1;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// The name and form of the placeholder that a text starts with, or what is wrong.
fn slot(rest: &str) -> Result<(&str, Form), String> {
    let Some(inner) = rest.strip_prefix('{') else {
        return Err("a `}` that closes nothing; write `}}` for a brace".to_owned());
    };
    let Some((inner, _)) = inner.split_once('}') else {
        return Err("this `{` is never closed; write `{{` for a brace".to_owned());
    };
    let (name, form) = inner.split_once(':').unwrap_or((inner, ""));
    if !is_name(name) {
        let shown = inner.lines().next().unwrap_or_default();
        return Err(format!(
            "`{{{shown}}}` is no placeholder; write `{{{{{shown}}}}}` for braces, or a parameter's name between them"
        ));
    }
    let form = match form {
        "" if !inner.ends_with(':') => Form::Words,
        "list" => Form::List,
        "json" => Form::Json,
        other => {
            return Err(format!(
                "`{{{name}}}` has no form \"{other}\"; write {{{name}}}, {{{name}:list}} or {{{name}:json}}"
            ));
        }
    };
    if name == "output" && form != Form::Words {
        return Err("`{output}` is one path and has no other form; write {output}".to_owned());
    }
    Ok((name, form))
}

/// Whether a text can stand in a placeholder: a letter or `_`, then letters, digits, `_` and `-`.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    starts && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (usize, String) {
        match parse(text, 0) {
            Err(Error::Template {
                offset, problem, ..
            }) => (offset, problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_is_taken_apart() {
        let parts = parse("a {{x}} {doc:list}{output}", 2).unwrap();
        let slot = |name: &str, form, offset| {
            let name = name.to_owned();
            Part::Slot(
                Slot {
                    name,
                    form,
                    element: 2,
                    offset,
                },
                false,
            )
        };
        assert_eq!(
            parts,
            [
                Part::Text("a {x} ".to_owned()),
                slot("doc", Form::List, 8),
                slot("output", Form::Words, 18)
            ]
        );
        assert_eq!(parse("", 0).unwrap(), []);
    }

    #[test]
    fn refusals_say_where_and_what_to_write() {
        for (text, offset, advice) in [
            ("awk {print $1}", 4, "write `{{print $1}}` for braces"),
            ("a } b", 2, "write `}}`"),
            ("ä {x", 3, "write `{{`"),
            ("{}", 0, "write `{{}}` for braces"),
            (
                "{x:lines}",
                0,
                "no form \"lines\"; write {x}, {x:list} or {x:json}",
            ),
            ("{x:}", 0, "no form \"\""),
            ("{output:json}", 0, "write {output}"),
            ("a\0b", 1, "NUL"),
        ] {
            let (at, problem) = refusal(text);
            assert_eq!(at, offset, "{text}");
            assert!(problem.contains(advice), "{text}: {problem}");
        }
    }
}
