//! The names an item uses, read off its tokens.
//!
//! Tokens rather than a syntax tree, because a macro's arguments are only tokens and because a token
//! cannot be overlooked: every identifier and every `a::b::c` is a name, but for keywords, lifetimes,
//! the names of things being defined, and what stands after a dot (a field, or a method, which is
//! kept apart: methods are found by their name alone).

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::locals::Locals;
use crate::tokens::{after_dot, is_colons, is_fragment, is_group, is_lifetime_tick, is_punct};
use crate::words;

/// Where a name stands, which decides what it may lead to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// Ordinary code.
    Code,
    /// A local binding or a field of that name is meant: leads to anything but functions.
    Local,
    /// Before a `!` and its arguments.
    Macro,
    /// The arguments of a macro, an attribute or a string in either: what is made of it is unknown,
    /// so a module's name stands for everything in the module.
    Opaque,
}

/// One name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name {
    /// Its segments without `r#`; the first may be `crate`, `self`, `super` or `$crate`.
    pub(crate) path: Vec<String>,
    /// Starts with `::`.
    pub(crate) rooted: bool,
    /// Where it stands.
    pub(crate) place: Place,
}

/// Everything an item names.
#[derive(Default, Clone, Debug)]
pub(crate) struct Names {
    /// Paths and identifiers.
    pub(crate) names: BTreeSet<Name>,
    /// `name` of each `.name(`.
    pub(crate) methods: BTreeSet<String>,
    /// `name` of each `fn name`.
    pub(crate) functions: BTreeSet<String>,
    /// The arguments of `include!`, `include_str!` and `include_bytes!`, as tokens in text.
    pub(crate) includes: BTreeSet<String>,
    /// The variables of `env!` and `option_env!`.
    pub(crate) variables: BTreeSet<String>,
    /// The predicates of `cfg`, `cfg_attr` and `cfg!`.
    pub(crate) conditions: BTreeSet<String>,
    /// Strings in the arguments of macros and attributes that may name a file.
    pub(crate) strings: BTreeSet<String>,
    /// Of a macro: every identifier that it may give to an item of the module it is used in, which
    /// is what stands after a word that defines, and whatever it hands to another macro.
    pub(crate) defined: BTreeSet<String>,
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// Words after which an item is being defined, not used.
const DEFINERS: [&str; 7] = ["fn", "struct", "enum", "union", "mod", "trait", "type"];

#[derive(Clone, Copy)]
struct Context<'a> {
    /// None where offsets mean nothing: in tokens read out of a string.
    locals: Option<&'a Locals>,
    opaque: bool,
    attribute: bool,
    in_macro: bool,
    /// Directly in the body of `macro_rules!`, which is code as it will be.
    in_rules: bool,
}

impl Names {
    /// Collects from tokens whose local names are known.
    pub(crate) fn collect(tokens: TokenStream, locals: &Locals) -> Self {
        let mut names = Names::default();
        let context = Context {
            locals: Some(locals),
            opaque: false,
            attribute: false,
            in_macro: false,
            in_rules: false,
        };
        names.walk(tokens, context);
        names
    }

    /// Collects from a part of an item in which nothing is local, such as the head of an `impl`.
    pub(crate) fn collect_plain(tokens: TokenStream) -> Self {
        let mut names = Names::default();
        names.walk(
            tokens,
            Context {
                locals: None,
                opaque: false,
                attribute: false,
                in_macro: false,
                in_rules: false,
            },
        );
        names
    }

    fn walk(&mut self, tokens: TokenStream, context: Context<'_>) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            match &trees[at] {
                TokenTree::Ident(_) => at = self.ident(&trees, at, context),
                TokenTree::Group(group) => {
                    let attribute = group.delimiter() == Delimiter::Bracket
                        && (is_punct(&trees, at.wrapping_sub(1), '#')
                            || (is_punct(&trees, at.wrapping_sub(1), '!')
                                && is_punct(&trees, at.wrapping_sub(2), '#')));
                    if attribute {
                        self.attribute(group.stream(), context);
                    } else {
                        self.walk(group.stream(), context);
                    }
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    if context.in_macro || context.attribute {
                        self.string(&literal.to_string(), context);
                    }
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    fn attribute(&mut self, tokens: TokenStream, context: Context<'_>) {
        self.conditions.extend(condition(&tokens));
        let first = tokens.clone().into_iter().next();
        if matches!(first, Some(TokenTree::Ident(word)) if words::is_inert_attribute(&word.to_string()))
        {
            return;
        }
        self.walk(
            tokens,
            Context {
                attribute: true,
                opaque: true,
                ..context
            },
        );
    }

    /// Reads the path that starts at `at`; gives where to go on.
    fn ident(&mut self, trees: &[TokenTree], at: usize, context: Context<'_>) -> usize {
        let TokenTree::Ident(first) = &trees[at] else {
            return at + 1;
        };
        let mut path = vec![plain(first)];
        let mut end = at + 1;
        while is_colons(trees, end)
            && let Some(TokenTree::Ident(next)) = trees.get(end + 2)
        {
            path.push(plain(next));
            end += 3;
        }
        let before = at.checked_sub(1).map(|before| &trees[before]);
        let raw = first.to_string().starts_with("r#");
        if is_lifetime_tick(before) {
            return end;
        }
        let after = |words: &[&str]| matches!(before, Some(TokenTree::Ident(before)) if words.iter().any(|word| before == word));
        match (context.in_macro, context.in_rules) {
            (true, false) => self.defined.extend(path.iter().cloned()),
            (true, true) if first == "use" => {
                self.defined.extend(words_until_semicolon(&trees[at..]))
            }
            (true, true) if is_fragment(trees, at) => return end,
            (true, true) if after(&DEFINERS) || after(&["const", "static", "mut"]) => {
                self.defined.insert(path[0].clone());
            }
            _ => {}
        }
        if after(&["fn"]) {
            self.functions.insert(path[0].clone());
        }
        if after(&DEFINERS) && (context.in_rules || !context.in_macro) {
            return end;
        }
        if !raw && path.len() == 1 && words::is_keyword(&path[0]) {
            return end;
        }
        if after_dot(trees, at) {
            // `.name(`, `.name::<T>(`; the turbofish is read on its own.
            if is_group(trees, end, Delimiter::Parenthesis) || is_colons(trees, end) {
                self.methods.insert(path[0].clone());
            }
            if !context.opaque {
                return end;
            }
        }
        let mut rooted = false;
        if at >= 2 && is_colons(trees, at - 2) {
            // `<T as Trait>::NAME` and `$t::NAME` are found with the type; `::name` names a crate.
            if matches!(at.checked_sub(3).map(|at| &trees[at]), Some(TokenTree::Punct(p)) if p.as_char() == '>')
                && !context.in_macro
            {
                return end;
            }
            rooted = true;
        }
        if is_punct(trees, at.wrapping_sub(1), '$') {
            if first != "crate" {
                return end;
            }
            path[0] = "$crate".to_owned();
        }
        if path.len() == 1 && matches!(path[0].as_str(), "self" | "super" | "crate" | "$crate") {
            return end;
        }
        let bang = is_punct(trees, end, '!')
            && (matches!(trees.get(end + 1), Some(TokenTree::Group(_)))
                || (path == ["macro_rules"]
                    && matches!(trees.get(end + 1), Some(TokenTree::Ident(_)))));
        if bang {
            return self.invocation(trees, path, rooted, end, context);
        }
        let local =
            path.len() == 1 && !rooted && context.locals.is_some_and(|locals| locals.has(first));
        let place = match (local, context.opaque) {
            (true, _) => Place::Local,
            (false, true) => Place::Opaque,
            (false, false) => Place::Code,
        };
        self.names.insert(Name {
            path,
            rooted,
            place,
        });
        end
    }

    /// A macro's name and arguments; `end` is at the `!`.
    fn invocation(
        &mut self,
        trees: &[TokenTree],
        path: Vec<String>,
        rooted: bool,
        end: usize,
        context: Context<'_>,
    ) -> usize {
        if path == ["macro_rules"] {
            if let Some(TokenTree::Group(body)) = trees.get(end + 2) {
                self.walk(
                    body.stream(),
                    Context {
                        in_macro: true,
                        in_rules: true,
                        opaque: true,
                        ..context
                    },
                );
            }
            return end + 3;
        }
        let Some(TokenTree::Group(arguments)) = trees.get(end + 1) else {
            return end + 1;
        };
        let name = path.last().cloned().unwrap_or_default();
        let single = path.len() == 1 || matches!(path[0].as_str(), "std" | "core");
        match name.as_str() {
            "include_str" | "include_bytes" | "include" if single => {
                self.includes.insert(arguments.stream().to_string());
                return end + 2;
            }
            "cfg" if single => {
                self.conditions.insert(arguments.stream().to_string());
            }
            "env" | "option_env" if single => {
                if let Some(TokenTree::Literal(variable)) = arguments.stream().into_iter().next() {
                    self.variables.extend(string_of(&variable.to_string()));
                }
            }
            _ => {}
        }
        let plain_arguments = single && words::is_expression_macro(&name);
        self.names.insert(Name {
            path,
            rooted,
            place: Place::Macro,
        });
        self.walk(
            arguments.stream(),
            Context {
                in_macro: true,
                in_rules: false,
                opaque: context.opaque || !plain_arguments,
                ..context
            },
        );
        end + 2
    }

    /// A string in a macro's arguments or an attribute: format arguments, paths, a file's name.
    fn string(&mut self, literal: &str, context: Context<'_>) {
        let Some(text) = string_of(literal) else {
            return;
        };
        for name in format_names(&text) {
            // Formatting a function by name does not compile, so a function is never meant.
            self.names.insert(Name {
                path: vec![name],
                rooted: false,
                place: Place::Local,
            });
        }
        if context.attribute
            && let Ok(tokens) = text.parse::<TokenStream>()
        {
            self.walk(
                tokens,
                Context {
                    locals: None,
                    ..context
                },
            );
        }
        if text.len() < 200 && !text.contains(['\n', '{', ' ']) && text.contains(['.', '/']) {
            self.strings.insert(text);
        }
    }
}

/// The predicate of `cfg(..)` or `cfg_attr(.., ..)`, from the inside of an attribute.
pub(crate) fn condition(attribute: &TokenStream) -> Option<String> {
    let mut trees = attribute.clone().into_iter();
    match (trees.next()?, trees.next()?) {
        (TokenTree::Ident(word), TokenTree::Group(group)) if word == "cfg" => {
            Some(group.stream().to_string())
        }
        (TokenTree::Ident(word), TokenTree::Group(group)) if word == "cfg_attr" => {
            let is_comma =
                |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
            let predicate = group
                .stream()
                .into_iter()
                .take_while(|tree| !is_comma(tree));
            Some(predicate.collect::<TokenStream>().to_string())
        }
        _ => None,
    }
}

/// The value of a string literal, None for any other literal.
fn string_of(literal: &str) -> Option<String> {
    if !literal.starts_with(['"', 'r']) {
        return None;
    }
    syn::parse_str::<syn::LitStr>(literal)
        .ok()
        .map(|literal| literal.value())
}

/// The identifiers of `{name}`, `{name:?}`, `{:width$}` and `{:.precision$}`.
fn format_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split('{').skip(1) {
        let inside = part.split('}').next().unwrap_or_default();
        let words = inside.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        names.extend(
            words
                .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
                .map(str::to_owned),
        );
    }
    names
}

/// Every identifier of a declaration, in groups as well.
fn words_until_semicolon(trees: &[TokenTree]) -> Vec<String> {
    let mut words = Vec::new();
    for tree in trees {
        match tree {
            TokenTree::Ident(ident) => words.push(plain(ident)),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                words.extend(words_until_semicolon(&inner));
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            _ => {}
        }
    }
    words
}
