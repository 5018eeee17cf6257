//! The hashes of a syntax tree.
//!
//! What is left out of the tree is left out of the program when Python compiles it: places, parentheses, the
//! way a text or a number is written. Two things that the tree does not show but Python does are added from
//! the source: half characters in texts, and expressions in template strings.

use std::hash::Hash as _;

use ruff_python_ast::comparable::ComparableStmt;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{ExceptHandler, Expr, ModModule, Stmt, Suite};
use ruff_text_size::Ranged;

use crate::hash::{Blake, Hash};

/// The hashes without and with what does nothing, see [`crate::Hashes`]. Takes the latter out of the tree.
pub(crate) fn hashes(module: &mut ModModule, source: &str, tokens: &[Token]) -> (Hash, Hash) {
    let unseen = unseen(source, tokens);
    let documented = of_body(&module.body, &unseen);
    match strip(&mut module.body) {
        true => (of_body(&module.body, &unseen), documented),
        false => (documented, documented),
    }
}

fn of_body(body: &Suite, unseen: &[&str]) -> Hash {
    let mut hash = Blake::new("tree");
    for statement in body {
        ComparableStmt::from(statement).hash(&mut hash);
    }
    for text in unseen {
        hash.field(text.as_bytes());
    }
    hash.hash()
}

/// Takes out of a body, and of all bodies in it, the statements that do nothing: docstrings and other
/// texts that stand alone, `...` and `pass`. Says whether there were any.
fn strip(body: &mut Suite) -> bool {
    let before = body.len();
    body.retain(|statement| !is_idle(statement));
    let mut found = body.len() < before;
    for statement in body {
        match statement {
            Stmt::FunctionDef(def) => found |= strip(&mut def.body),
            Stmt::ClassDef(class) => found |= strip(&mut class.body),
            Stmt::With(with) => found |= strip(&mut with.body),
            Stmt::For(each) => found |= strip(&mut each.body) | strip(&mut each.orelse),
            Stmt::While(each) => found |= strip(&mut each.body) | strip(&mut each.orelse),
            Stmt::If(test) => {
                found |= strip(&mut test.body);
                for other in &mut test.elif_else_clauses {
                    found |= strip(&mut other.body);
                }
            }
            Stmt::Match(choice) => {
                for case in &mut choice.cases {
                    found |= strip(&mut case.body);
                }
            }
            Stmt::Try(attempt) => {
                found |= strip(&mut attempt.body);
                for ExceptHandler::ExceptHandler(handler) in &mut attempt.handlers {
                    found |= strip(&mut handler.body);
                }
                found |= strip(&mut attempt.orelse) | strip(&mut attempt.finalbody);
            }
            _ => {}
        }
    }
    found
}

fn is_idle(statement: &Stmt) -> bool {
    match statement {
        Stmt::Pass(_) => true,
        Stmt::Expr(alone) => matches!(
            *alone.value,
            Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)
        ),
        _ => false,
    }
}

/// What the tree does not tell apart: escapes of half characters (`\ud800`), which it has as U+FFFD, and the
/// text of template strings, whose expressions can be read as they are written.
fn unseen<'a>(source: &'a str, tokens: &[Token]) -> Vec<&'a str> {
    let mut found = Vec::new();
    // Where the outermost template string starts, and how many are open.
    let mut template = (0, 0_usize);
    for token in tokens {
        let range = token.range();
        match token.kind() {
            TokenKind::TStringStart => {
                if template.1 == 0 {
                    template.0 = range.start().to_usize();
                }
                template.1 += 1;
            }
            TokenKind::TStringEnd => {
                template.1 = template.1.saturating_sub(1);
                if template.1 == 0 {
                    found.push(&source[template.0..range.end().to_usize()]);
                }
            }
            TokenKind::String | TokenKind::FStringMiddle => {
                let text = &source[range];
                if has_half_character(text) {
                    found.push(text);
                }
            }
            _ => {}
        }
    }
    found
}

fn has_half_character(text: &str) -> bool {
    let half = |digits: &str| {
        let mut digits = digits.trim_start_matches('0').bytes();
        matches!(digits.next(), Some(b'd' | b'D'))
            && matches!(digits.next(), Some(b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F'))
    };
    let mut escapes = text.match_indices(['u', 'U']);
    text.contains('\\')
        && escapes.any(|(at, _)| text[..at].ends_with('\\') && half(&text[at + 1..]))
}
