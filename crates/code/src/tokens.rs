//! What stands at a place among tokens. Unaware of what it means there.

use proc_macro2::{Delimiter, Spacing, TokenTree};

/// `$x:expr`, at `expr`.
pub(crate) fn is_fragment(trees: &[TokenTree], at: usize) -> bool {
    at >= 3 && is_punct(trees, at - 1, ':') && is_punct(trees, at - 3, '$')
}

pub(crate) fn is_punct(trees: &[TokenTree], at: usize, c: char) -> bool {
    matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

pub(crate) fn is_group(trees: &[TokenTree], at: usize, delimiter: Delimiter) -> bool {
    matches!(trees.get(at), Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

pub(crate) fn is_colons(trees: &[TokenTree], at: usize) -> bool {
    matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint)
        && is_punct(trees, at + 1, ':')
}

pub(crate) fn is_lifetime_tick(tree: Option<&TokenTree>) -> bool {
    matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == '\'' && p.spacing() == Spacing::Joint)
}

/// After a single dot; the dots of `..name` and `..=name` are a range or a rest.
pub(crate) fn after_dot(trees: &[TokenTree], at: usize) -> bool {
    at >= 1 && is_punct(trees, at - 1, '.') && !(at >= 2 && is_punct(trees, at - 2, '.'))
}
