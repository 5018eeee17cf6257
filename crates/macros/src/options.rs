//! The arguments of `#[func(..)]`.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Lit, LitInt, LitStr, Path, Token};

const KNOWN: [&str; 11] = [
    "output",
    "cache",
    "cache_key",
    "cache_backend",
    "map_axis",
    "key_attr",
    "batch",
    "retries",
    "timeout",
    "ttl",
    "crate",
];

/// The storage backends there are.
const BACKENDS: [&str; 2] = ["diskcache", "cachier"];

/// What `#[func(..)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) output: Option<LitStr>,
    pub(crate) cache: bool,
    pub(crate) cache_key: Option<LitStr>,
    pub(crate) cache_backend: Option<LitStr>,
    pub(crate) map_axis: Option<LitStr>,
    pub(crate) key_attr: Option<LitStr>,
    pub(crate) batch: Option<LitInt>,
    pub(crate) retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) krate: Option<Path>,
}

impl Options {
    /// Reads the arguments, and says all that is wrong with them at once.
    pub(crate) fn parse(tokens: proc_macro2::TokenStream) -> (Self, Option<Error>) {
        let mut options = Options::default();
        let mut errors: Option<Error> = None;
        let mut seen: Vec<String> = Vec::new();
        let mut timed = None;
        let all = |input: ParseStream<'_>| -> syn::Result<()> {
            while !input.is_empty() {
                let name = Ident::parse_any(input)?;
                let value = match input.parse::<Option<Token![=]>>()? {
                    Some(_) => Some(input.parse::<Expr>()?),
                    None => None,
                };
                let known = name.to_string();
                if known == "ttl" {
                    timed = Some(name.span());
                }
                let result = if seen.contains(&known) {
                    Err(Error::new(
                        name.span(),
                        format!("`{known}` is given twice; keep one of them"),
                    ))
                } else {
                    options.set(&name, value)
                };
                seen.push(known);
                if let Err(error) = result {
                    add(&mut errors, error);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = all.parse2(tokens) {
            add(&mut errors, error);
        }
        if let (Some(span), false) = (timed, options.cache) {
            let text = "`ttl` is for outputs that are kept; add `cache`, or leave `ttl` out";
            add(&mut errors, Error::new(span, text));
        }
        (options, errors)
    }

    fn set(&mut self, name: &Ident, value: Option<Expr>) -> syn::Result<()> {
        let text = name.to_string();
        match text.as_str() {
            "output" => self.output = Some(string(name, value)?),
            "cache" => self.cache = flag(name, value)?,
            "cache_key" => self.cache_key = Some(string(name, value)?),
            "cache_backend" => self.cache_backend = Some(backend(string(name, value)?)?),
            "map_axis" => self.map_axis = Some(string(name, value)?),
            "key_attr" => self.key_attr = Some(string(name, value)?),
            "batch" => self.batch = Some(several(name, value)?),
            "retries" => self.retries = Some(number(name, value)?),
            "timeout" => self.timeout = Some(duration(name, &string(name, value)?)?),
            "ttl" => self.ttl = Some(duration(name, &string(name, value)?)?),
            "crate" => self.krate = Some(string(name, value)?.parse()?),
            unknown => return Err(Error::new(name.span(), unknown_name(unknown))),
        }
        Ok(())
    }
}

/// Adds an error to those found already.
pub(crate) fn add(errors: &mut Option<Error>, error: Error) {
    match errors {
        Some(all) => all.combine(error),
        None => *errors = Some(error),
    }
}

/// The known name most like this one, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let near = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    near.filter(|(score, _)| *score > 0.7).map(|(_, near)| near)
}

fn unknown_name(name: &str) -> String {
    match nearest(name, KNOWN.into_iter()) {
        Some(near) => format!("`#[func]` knows no `{name}`; did you mean `{near}`?"),
        None => format!(
            "`#[func]` knows no `{name}`; it knows {}",
            KNOWN.map(|known| format!("`{known}`")).join(", ")
        ),
    }
}

fn wanted(name: &Ident, value: Option<&Expr>, example: &str) -> Error {
    let text = format!("`{name}` takes a value like `{name} = {example}`");
    match value {
        Some(value) => Error::new_spanned(value, text),
        None => Error::new(name.span(), text),
    }
}

fn string(name: &Ident, value: Option<Expr>) -> syn::Result<LitStr> {
    let example = match name.to_string().as_str() {
        "timeout" => "\"10s\"",
        "ttl" => "\"7d\"",
        "crate" => "\"my_crate::refrain\"",
        "cache_key" => "\"corpus_v1\"",
        "cache_backend" => "\"diskcache\"",
        "map_axis" => "\"doc in docs\"",
        "key_attr" => "\"id\"",
        _ => "\"corpus\"",
    };
    match value {
        Some(Expr::Lit(literal)) if matches!(literal.lit, Lit::Str(_)) => {
            let Lit::Str(text) = literal.lit else {
                unreachable!("matched above")
            };
            if text.value().trim().is_empty() {
                return Err(Error::new(
                    text.span(),
                    format!("`{name}` must not be empty"),
                ));
            }
            Ok(text)
        }
        other => Err(wanted(name, other.as_ref(), example)),
    }
}

fn backend(name: LitStr) -> syn::Result<LitStr> {
    let text = name.value();
    if BACKENDS.contains(&text.as_str()) {
        return Ok(name);
    }
    let help = match nearest(&text, BACKENDS.into_iter()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!(
            "there are {}",
            BACKENDS.map(|known| format!("\"{known}\"")).join(" and ")
        ),
    };
    let message = format!("\"{text}\" is no storage backend; {help}");
    Err(Error::new(name.span(), message))
}

fn flag(name: &Ident, value: Option<Expr>) -> syn::Result<bool> {
    match value {
        None => Ok(true),
        Some(Expr::Lit(literal)) if matches!(literal.lit, Lit::Bool(_)) => {
            Ok(matches!(literal.lit, Lit::Bool(flag) if flag.value))
        }
        Some(other) => Err(Error::new_spanned(
            other,
            format!("write `{name}`, `{name} = true` or `{name} = false`"),
        )),
    }
}

fn number(name: &Ident, value: Option<Expr>) -> syn::Result<u32> {
    match &value {
        Some(Expr::Lit(literal)) if let Lit::Int(number) = &literal.lit => number.base10_parse(),
        other => Err(wanted(name, other.as_ref(), "2")),
    }
}

fn several(name: &Ident, value: Option<Expr>) -> syn::Result<LitInt> {
    match &value {
        Some(Expr::Lit(literal)) if let Lit::Int(number) = &literal.lit => {
            match number.base10_parse::<usize>()? {
                0 => Err(Error::new(
                    number.span(),
                    "a batch of no items makes nothing; leave `batch` out to take them one by one",
                )),
                _ => Ok(number.clone()),
            }
        }
        other => Err(wanted(name, other.as_ref(), "64")),
    }
}

fn duration(name: &Ident, text: &LitStr) -> syn::Result<Duration> {
    let value = text.value();
    let wrong = |span: Span| {
        Error::new(
            span,
            format!(
                "`{value}` is no time; write a whole number with `ms`, `s`, `m`, `h` or `d`, such as \"10s\""
            ),
        )
    };
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong(text.span()))?;
    let unit = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong(text.span())),
    };
    match number.checked_mul(unit) {
        Some(0) => Err(Error::new(
            text.span(),
            match name == "ttl" {
                true => {
                    "an output that counts for no time would be made every time; leave `cache` out for that"
                }
                false => {
                    "a timeout of nothing would fail every execution; leave `timeout` out for none"
                }
            },
        )),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(Error::new(
            text.span(),
            format!("this time is longer than can be counted; leave `{name}` out for none"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let name = Ident::new("timeout", Span::call_site());
        let read = |text: &str| duration(&name, &LitStr::new(text, Span::call_site())).ok();
        assert_eq!(read("10s"), Some(Duration::from_secs(10)));
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("2 h"), Some(Duration::from_secs(7200)));
        for wrong in [
            "10",
            "s",
            "1.5s",
            "10 parsecs",
            "0s",
            "99999999999999999999d",
            "-1s",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
