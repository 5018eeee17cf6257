//! Imports read off the words of a text that cannot be parsed.
//!
//! Cautious: strings and comments are not told from code, and every name that may be imported is taken.

use crate::gather::{Gather, Use};
use crate::module::Import;

/// A piece of a text.
#[derive(Clone, Copy, PartialEq)]
enum Piece<'a> {
    /// A dotted name with the dots before it, or dots alone.
    Name(&'a str),
    /// The end of a line.
    End,
    /// Anything else.
    Sign(char),
}

/// Takes the imports, names and texts of `text`.
pub(crate) fn words(text: &str, gather: &mut Gather) {
    let mut pieces = Pieces { text, line: 1 };
    while let Some(piece) = pieces.next() {
        let line = pieces.line;
        match piece {
            Piece::Name("import") => {
                for name in pieces.list() {
                    imported(name, &[], line, gather);
                }
            }
            // Without an `import` behind it, it is a word like others.
            Piece::Name("from") => {
                if let Some((module, after)) = pieces.clone().from() {
                    pieces = after;
                    let names = pieces.list();
                    imported(&module, &names, line, gather);
                }
            }
            Piece::Name(name) => {
                for part in name.split('.') {
                    gather.name(part, Use::Free, line);
                }
                if name.contains(".path") {
                    gather.has_path();
                }
            }
            Piece::End | Piece::Sign(_) => {}
        }
    }
    for (at, line) in text.lines().enumerate() {
        // Whether a quote opens or closes is not known: what stands between any two counts.
        for quoted in line.split(['"', '\'']) {
            gather.text(quoted, at as u32 + 1);
        }
        // `%run script.py`
        if line.contains(".py") {
            gather.text(line, at as u32 + 1);
        }
    }
}

fn imported(name: &str, names: &[&str], line: u32, gather: &mut Gather) {
    let module = name.trim_start_matches('.');
    let dots = (name.len() - module.len()) as u32;
    let import = |dots| Import {
        dots,
        module: module.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        line,
    };
    gather.import(import(dots));
    if dots == 0 {
        // As Python 2 has it.
        gather.import(import(1));
    }
}

/// The pieces of a text that are left.
#[derive(Clone)]
struct Pieces<'a> {
    text: &'a str,
    line: u32,
}

impl<'a> Pieces<'a> {
    /// What stands between `from` and `import`, and what is left behind them.
    fn from(mut self) -> Option<(String, Self)> {
        let mut module = String::new();
        while let Some(Piece::Name(name)) = self.next() {
            // `from .import a` is `from . import a`.
            let word = name.trim_start_matches('.');
            if word != "import" {
                module.push_str(name);
                continue;
            }
            module.push_str(&name[..name.len() - word.len()]);
            return Some((module, self));
        }
        None
    }

    /// The names up to the end of the statement.
    fn list(&mut self) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut open = false;
        loop {
            let before = self.clone();
            match self.next() {
                None | Some(Piece::Sign(';' | ')')) => return names,
                Some(Piece::End) if !open => return names,
                // A parenthesis was left open.
                Some(Piece::Name("import" | "from")) => {
                    *self = before;
                    return names;
                }
                Some(Piece::Sign('(')) => open = true,
                Some(Piece::Sign('*')) => names.push("*"),
                Some(Piece::Sign('#')) => {
                    let end = self.text.find(['\n', '\r']).unwrap_or(self.text.len());
                    self.text = &self.text[end..];
                }
                Some(Piece::Name("as") | Piece::End | Piece::Sign(_)) => {}
                Some(Piece::Name(name)) => names.push(name),
            }
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        loop {
            let first = self.text.chars().next()?;
            let length = match first {
                c if part(c) => self
                    .text
                    .find(|c: char| !part(c))
                    .unwrap_or(self.text.len()),
                c => c.len_utf8(),
            };
            let (piece, rest) = self.text.split_at(length);
            self.text = rest;
            match first {
                // The line goes on behind it.
                '\\' if rest.starts_with(['\n', '\r']) => {
                    self.text = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
                    self.line += 1;
                }
                '\n' => {
                    self.line += 1;
                    return Some(Piece::End);
                }
                c if part(c) => return Some(Piece::Name(piece)),
                c if c.is_whitespace() => {}
                c => return Some(Piece::Sign(c)),
            }
        }
    }
}
