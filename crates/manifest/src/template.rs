//! A text with placeholders: `{name}`, `{name:list}`, `{name:json}`; `{{` and `}}` are braces.
//!
//! It knows the form of a placeholder, not what its name stands for.

use std::fmt;
use std::ops::Range;

use crate::names::is_name;
use crate::shell::{self, Refused};

/// A text with placeholders, known to be well-formed.
///
/// ```
/// use refrain_manifest::{Form, Piece, Template};
///
/// let template = Template::parse("cc {source} {{x}}").unwrap();
/// let pieces: Vec<Piece> = template.pieces().collect();
/// assert_eq!(pieces[0], Piece::Text("cc "));
/// assert_eq!(pieces[1], Piece::Name { name: "source", form: Form::Plain, offset: 3 });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    /// The placeholders, braces included.
    holes: Vec<Range<usize>>,
}

/// What a template is made of, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Literal text, doubled braces already made single; never empty.
    Text(&'t str),
    /// A placeholder.
    Name {
        /// What it names.
        name: &'t str,
        /// How it wants to be filled in.
        form: Form,
        /// Where its opening brace stands in [`Template::text`].
        offset: usize,
    },
}

/// How a placeholder wants to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{name}`: the value or the path; of a list all of them, as separate words.
    Plain,
    /// `{name:list}`: the path of a file with one path of the list a line.
    List,
    /// `{name:json}`: the path of a file with the keys and paths of the list as JSON.
    Json,
}

impl Template {
    /// Reads a text that no shell will see: an argument, a path.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut holes = Vec::new();
        let mut at = 0;
        while let Some(found) = brace(&text[at..]) {
            let start = at + found;
            let rest = &text[start..];
            at = if rest.starts_with("{{") || rest.starts_with("}}") {
                start + 2
            } else if rest.starts_with('}') {
                return Err(TemplateError::new(start, 1, Fault::Unopened));
            } else {
                let end = hole(text, start)?;
                holes.push(start..end);
                end
            };
        }
        Ok(Template {
            text: text.into(),
            holes,
        })
    }

    /// Reads a command for `sh -c`. As values will be quoted, a placeholder that already stands where the
    /// shell takes no quotes, or in quotes of its own, is refused.
    pub fn parse_shell(text: &str) -> Result<Self, TemplateError> {
        let template = Template::parse(text)?;
        match shell::check(&template.text, &template.holes) {
            Ok(()) => Ok(template),
            Err((hole, refused)) => {
                let inside = template.text[hole.start + 1..hole.end - 1].to_owned();
                let fault = Fault::Shell(inside, refused);
                Err(TemplateError::new(hole.start, hole.len(), fault))
            }
        }
    }

    /// The text as it was written, placeholders and all: equal templates have equal texts.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the template is made of, in order; text between two placeholders may come in several pieces.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut at = 0;
        let mut holes = self.holes.iter().peekable();
        std::iter::from_fn(move || {
            if let Some(hole) = holes.next_if(|hole| hole.start == at) {
                at = hole.end;
                return Some(self.name(hole));
            }
            let end = holes.peek().map_or(self.text.len(), |hole| hole.start);
            let text = &self.text[at..end];
            // A doubled brace ends the piece with its first half.
            match brace(text) {
                Some(brace) => {
                    at += brace + 2;
                    Some(Piece::Text(&text[..=brace]))
                }
                None => {
                    at = end;
                    (!text.is_empty()).then_some(Piece::Text(text))
                }
            }
        })
    }

    /// The placeholders alone, each a [`Piece::Name`].
    pub fn names(&self) -> impl Iterator<Item = Piece<'_>> {
        self.holes.iter().map(|hole| self.name(hole))
    }

    /// The place of the placeholder at `offset` in [`Template::text`], its braces included.
    pub fn place(&self, offset: usize) -> Range<usize> {
        let hole = self.holes.iter().find(|hole| hole.start == offset);
        hole.cloned().unwrap_or(offset..offset)
    }

    fn name(&self, hole: &Range<usize>) -> Piece<'_> {
        let inside = &self.text[hole.start + 1..hole.end - 1];
        let (name, form) = match inside.split_once(':') {
            Some((name, "list")) => (name, Form::List),
            Some((name, _)) => (name, Form::Json),
            None => (inside, Form::Plain),
        };
        Piece::Name {
            name,
            form,
            offset: hole.start,
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.text).finish()
    }
}

/// The first brace of a text, of either kind.
fn brace(text: &str) -> Option<usize> {
    memchr::memchr2(b'{', b'}', text.as_bytes())
}

/// The end of the placeholder whose brace opens at `start`.
fn hole(text: &str, start: usize) -> Result<usize, TemplateError> {
    let brace = brace(&text[start + 1..]);
    let Some(brace) = brace.filter(|at| text[start + 1 + at..].starts_with('}')) else {
        return Err(TemplateError::new(start, 1, Fault::Unclosed));
    };
    let end = start + 1 + brace + 1;
    let inside = &text[start + 1..end - 1];
    let (name, form) = match inside.split_once(':') {
        Some((name, form)) => (name, Some(form)),
        None => (inside, None),
    };
    let fault = match form {
        _ if !is_name(name) => Fault::NotAName(abridged(inside)),
        None | Some("list" | "json") => return Ok(end),
        Some(form) => Fault::UnknownForm(name.to_owned(), form.to_owned()),
    };
    Err(TemplateError::new(start, end - start, fault))
}

/// What fits on a line of a message.
fn abridged(text: &str) -> String {
    if text.len() <= 24 && !text.contains('\n') {
        return text.to_owned();
    }
    let line = text.trim_start().lines().next().unwrap_or_default();
    let end = line.char_indices().nth(24).map_or(line.len(), |(at, _)| at);
    format!("{} ...", &line[..end])
}

/// Why a text is no template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
#[non_exhaustive]
pub struct TemplateError {
    /// The byte at which the fault begins.
    pub offset: usize,
    /// The bytes it covers.
    pub length: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl TemplateError {
    pub(crate) fn new(offset: usize, length: usize, fault: Fault) -> Self {
        TemplateError {
            offset,
            length,
            fault,
        }
    }
}

/// What can be wrong with a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// `{` that nothing closes.
    #[error("this brace is never closed")]
    Unclosed,
    /// `}` that nothing opens.
    #[error("this brace closes nothing")]
    Unopened,
    /// What stands between the braces cannot be a name.
    #[error("`{{{0}}}` is no placeholder")]
    NotAName(String),
    /// A form other than `list` and `json`; the name and the form.
    #[error("`{{{0}:{1}}}` asks for an unknown form")]
    UnknownForm(String, String),
    /// A placeholder where a shell command cannot take one.
    #[error("`{{{0}}}` {1}")]
    Shell(String, Refused),
}

impl Fault {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Fault::Unclosed => "write `{{` for a brace of the text itself".to_owned(),
            Fault::Unopened => "write `}}` for a brace of the text itself".to_owned(),
            Fault::NotAName(inside) => {
                format!("write `{{{{{inside}}}}}` for braces of the text itself")
            }
            Fault::UnknownForm(name, _) => {
                format!("the forms are `{{{name}}}`, `{{{name}:list}}` and `{{{name}:json}}`")
            }
            Fault::Shell(name, Refused::Quoted) => format!(
                "values are quoted by themselves: drop the quotes, or end them before it, \
                 as in \"a \"{{{name}}}\" b\""
            ),
            Fault::Shell(name, Refused::Variable) => {
                format!("write `${{{{{name}}}}}` for the variable, or no `$` for a parameter")
            }
            Fault::Shell(name, Refused::Backticks) => {
                format!("write `$(.. {{{name}}} ..)` instead of backticks")
            }
            Fault::Shell(name, Refused::Comment) => {
                format!("write `{{{{{name}}}}}` for braces of the comment itself")
            }
            Fault::Shell(name, Refused::HereDocument) => {
                format!("hand it over as an argument, as in `python3 - {{{name}}} <<EOF`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pieces as one readable text: `[name:form]` for placeholders, `|` between pieces.
    fn pieces(text: &str) -> String {
        let template = Template::parse(text).unwrap();
        let piece = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name { name, form, offset } => {
                assert!(text[offset..].starts_with(&format!("{{{name}")));
                format!("[{name}:{form:?}]")
            }
        };
        template.pieces().map(piece).collect::<Vec<_>>().join("|")
    }

    fn fault(text: &str) -> String {
        let error = Template::parse(text).unwrap_err();
        let at = &text[error.offset..][..error.length];
        format!("{at}: {error}; {}", error.fault.help())
    }

    #[test]
    fn placeholders_are_told_from_text() {
        assert_eq!(pieces(""), "");
        assert_eq!(pieces("plain"), "plain");
        assert_eq!(pieces("{a}"), "[a:Plain]");
        assert_eq!(
            pieces("cc {a:list} -o {output}.d"),
            "cc |[a:List]| -o |[output:Plain]|.d"
        );
        assert_eq!(pieces("{_a-1:json}{b}"), "[_a-1:Json]|[b:Plain]");
    }

    #[test]
    fn doubled_braces_are_single_ones() {
        assert_eq!(pieces("a{{b}}c"), "a{|b}|c");
        assert_eq!(pieces("{{{a}}}"), "{|[a:Plain]|}");
        assert_eq!(pieces("{{}}"), "{|}");
        assert_eq!(pieces("{{a}}{{"), "{|a}|{");
    }

    #[test]
    fn faults_say_where_and_what_to_write() {
        assert_eq!(
            fault("awk '{print $1}' {x}"),
            "{print $1}: `{print $1}` is no placeholder; write `{{print $1}}` for braces of the text itself"
        );
        assert_eq!(
            fault("é {a:lines}"),
            "{a:lines}: `{a:lines}` asks for an unknown form; \
             the forms are `{a}`, `{a:list}` and `{a:json}`"
        );
        assert_eq!(
            fault("x {a {b}"),
            "{: this brace is never closed; write `{{` for a brace of the text itself"
        );
        assert_eq!(
            fault("x } y"),
            "}: this brace closes nothing; write `}}` for a brace of the text itself"
        );
        assert_eq!(
            Template::parse("awk '{\n  print\n}'")
                .unwrap_err()
                .to_string(),
            "`{print ...}` is no placeholder"
        );
        for text in ["{", "{}", "{ a}", "{1}", "{-a}", "{a:}", "{:list}", "{é}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_with_single_braces(text in "([ab:$'\"\\\\<\n(é-]|\\{\\{|\\}\\}|\\{a\\})*") {
            let template = Template::parse(&text).unwrap();
            let _ = Template::parse_shell(&text);
            let mut whole = String::new();
            for piece in template.pieces() {
                match piece {
                    Piece::Text(text) => whole += &text.replace('{', "{{").replace('}', "}}"),
                    Piece::Name { name, .. } => whole += &format!("{{{name}}}"),
                }
            }
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}a:<$\n'\"\\\\(é `#-]*") {
            let _ = Template::parse_shell(&text);
        }
    }
}
