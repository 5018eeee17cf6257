//! How deep the syntax tree of a source can be, before it is built.
//!
//! Trees are walked, hashed and dropped by recursion, so their depth is bounded first. The bound is read off the
//! tokens: nesting by brackets and blocks, and chains of operators, attributes and calls, which nest as deep as
//! they are long.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

/// The deepest tree that is built. CPython gives up sooner, at 100 blocks, 200 brackets and chains of
/// some 3,000.
pub(crate) const DEEPEST: usize = 4_000;

/// Whether the tree of `source` may be deeper than [`DEEPEST`].
pub(crate) fn too_deep(source: &str) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut blocks = 0_usize;
    let mut depth = 0_usize;
    // The depths at which the elements of the statement and of each open bracket start.
    let mut starts = vec![0_usize];
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::Newline | TokenKind::Semi => {
                starts.clear();
                starts.push(blocks);
                depth = blocks;
            }
            TokenKind::Comma => depth = starts.last().copied().unwrap_or(blocks),
            // The commas between its parameters do not end it.
            TokenKind::Lambda => {
                depth += 1;
                starts
                    .iter_mut()
                    .next_back()
                    .into_iter()
                    .for_each(|start| *start += 1);
            }
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                depth += 1;
                starts.push(depth);
            }
            // What follows is called on or taken from all of it.
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => depth = starts.pop().unwrap_or(blocks) + 1,
            kind if is_leaf(kind) => {}
            _ => depth += 1,
        }
        if depth.max(blocks) > DEEPEST {
            return true;
        }
    }
}

/// Whether a token neither nests nor joins anything.
fn is_leaf(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
    )
}
