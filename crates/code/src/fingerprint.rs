//! BLAKE3 over tagged, length-prefixed fields and over tokens.
//!
//! Every field is a tag byte, a length and the bytes, so that no two sequences of fields run into
//! one another; every hash starts with a domain, so that a file never hashes like an item.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A hash of one leaf, the full 256 bits.
pub(crate) type Hash = [u8; 32];

/// Names the format of every hash made here; a change of the rules changes it.
const FORMAT: &[u8] = b"refrain-code 1";

/// Operators of more than one character, longest first: what the compiler's lexer glues.
const OPERATORS: [&str; 25] = [
    "<<=", ">>=", "...", "..=", "&&", "||", "<<", ">>", "==", "!=", "<=", ">=", "->", "=>", "::",
    "..", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<-",
];

/// A hash being made.
pub(crate) struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// Starts a hash in a domain of its own, such as `item` or `file`.
    pub(crate) fn new(domain: &str) -> Self {
        let mut this = Fingerprint(blake3::Hasher::new());
        this.field(b'F', FORMAT);
        this.field(b'D', domain.as_bytes());
        this
    }

    /// Adds one field.
    pub(crate) fn field(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        self.0.update(&[tag]);
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds tokens, without their spans: identifiers, literals as written, operators and groups.
    pub(crate) fn tokens(&mut self, tokens: &TokenStream) -> &mut Self {
        let trees: Vec<TokenTree> = strip_docs(tokens.clone());
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Ident(ident) => _ = self.field(b'I', ident.to_string().as_bytes()),
                TokenTree::Literal(literal) => _ = self.field(b'L', literal.to_string().as_bytes()),
                TokenTree::Punct(_) => {
                    let operator = operator_at(&trees, at - 1);
                    at += operator.chars().count() - 1;
                    self.field(b'P', operator.as_bytes());
                }
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None => ("", ""),
                    };
                    if !open.is_empty() {
                        self.field(b'G', open.as_bytes());
                    }
                    self.tokens(&group.stream());
                    if !close.is_empty() {
                        self.field(b'E', close.as_bytes());
                    }
                }
            }
        }
        self
    }

    /// Ends the hash.
    pub(crate) fn finish(&self) -> Hash {
        *self.0.finalize().as_bytes()
    }
}

/// The hash of a file's content, or of there being no such file.
pub(crate) fn of_content(content: Option<&[u8]>) -> Hash {
    match content {
        Some(bytes) => Fingerprint::new("file").field(b'B', bytes).finish(),
        None => Fingerprint::new("no file").finish(),
    }
}

/// The operator that starts at `at`. Spacing says what touches what, so it counts only where the
/// two characters are one operator: `a=-1` and `a = -1` are the same tokens.
fn operator_at(trees: &[TokenTree], at: usize) -> String {
    let mut glued = String::new();
    for tree in &trees[at..trees.len().min(at + 3)] {
        let TokenTree::Punct(punct) = tree else { break };
        glued.push(punct.as_char());
        if punct.spacing() == Spacing::Alone {
            break;
        }
    }
    let operator = OPERATORS
        .iter()
        .find(|operator| glued.starts_with(**operator));
    operator.map_or_else(
        || glued.chars().take(1).collect(),
        |operator| (*operator).to_owned(),
    )
}

/// Drops `#[doc ...]` and `#![doc ...]`, which is what doc comments are among tokens.
fn strip_docs(tokens: TokenStream) -> Vec<TokenTree> {
    let mut out: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        if let TokenTree::Group(group) = &tree
            && group.delimiter() == Delimiter::Bracket
            && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "doc")
        {
            let is = |tree: Option<&TokenTree>, c: char| matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == c);
            if is(out.last(), '#') {
                out.pop();
                continue;
            }
            if is(out.last(), '!') && is(out.len().checked_sub(2).and_then(|at| out.get(at)), '#') {
                out.truncate(out.len() - 2);
                continue;
            }
        }
        out.push(tree);
    }
    out
}
