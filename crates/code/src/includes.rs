//! What a function reads at compile time: `include_str!` and its relatives.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, Macro, Token};

use crate::edges::{Gather, Vertex};
use crate::manifest::clean;
use crate::names::Names;

impl Gather<'_> {
    /// Files and variables that the item reads while it is compiled.
    pub(crate) fn read_at_compile_time(&mut self, names: &Names) {
        let package = Rc::clone(&self.world.krate_of(self.module).package);
        let source = Rc::clone(&self.world.module(self.module).file);
        for arguments in &names.includes {
            let variable = |name: &str| self.world.variable(&package, name);
            match path_of(arguments, &source, &variable) {
                Some(file) => self.edge(Vertex::File(self.module, file), 0),
                None if arguments.contains('$') => {}
                None => self.edge(Vertex::Unknown(self.module, arguments.clone()), 0),
            }
        }
        for text in &names.strings {
            // A macro or an attribute that reads a file names it beside the source or in the package.
            let bases = [
                source.parent().map(PathBuf::from),
                Some(package.dir.clone()),
            ];
            for base in bases.into_iter().flatten() {
                let file = clean(&base.join(text));
                if file.is_file() {
                    self.edge(Vertex::File(self.module, file), 0);
                }
            }
        }
        for variable in &names.variables {
            self.edge(Vertex::Variable(self.module, variable.clone()), 0);
        }
    }
}

/// The file that the arguments of an `include` macro name, seen from `source`. None when they are
/// more than literals, `concat!` and `env!`.
pub(crate) fn path_of(
    arguments: &str,
    source: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<PathBuf> {
    let one = |input: ParseStream<'_>| {
        let expr: Expr = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(expr)
    };
    let expr = one.parse_str(arguments).ok()?;
    let path = text_of(&expr, variable)?;
    Some(clean(&source.parent().unwrap_or(Path::new("")).join(path)))
}

fn text_of(expr: &Expr, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Char(char) => Some(char.value().to_string()),
            _ => None,
        },
        Expr::Macro(call) if call.mac.path.is_ident("concat") => list(&call.mac)?
            .iter()
            .map(|part| text_of(part, variable))
            .collect(),
        Expr::Macro(call) if call.mac.path.is_ident("env") => {
            variable(&text_of(list(&call.mac)?.first()?, variable)?)
        }
        _ => None,
    }
}

fn list(mac: &Macro) -> Option<Punctuated<Expr, Token![,]>> {
    mac.parse_body_with(Punctuated::parse_terminated).ok()
}
