//! What a function reads at compile time: `include_str!` and its relatives.

use std::path::{Path, PathBuf};

use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, Macro, Token};

use crate::manifest::clean;

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
