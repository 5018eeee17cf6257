//! The text of an item, so that two texts differ by line only where the code does.
//!
//! It is shown and never hashed. `prettyplease` writes it, which panics at syntax that it does not
//! know: what syn keeps as raw tokens, what a newer syn tells apart, `macro_rules!` that are no rules.
//! An item that holds any of these is written token by token, one statement or field a line.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;
use syn::visit::{self, Visit};

/// The item as a person would write it.
pub(crate) fn text(item: Item) -> String {
    let mut check = Unknown(false);
    check.visit_item(&item);
    if check.0 {
        let mut lines = String::new();
        spread(item.into_token_stream(), 0, &mut lines);
        return lines;
    }
    prettyplease::unparse(&syn::File {
        shebang: None,
        frontmatter: None,
        attrs: Vec::new(),
        items: vec![item],
    })
}

/// Whether there is anything that `prettyplease` has no rule for.
struct Unknown(bool);

/// Knows of each enum the variants that `prettyplease` knows.
macro_rules! known {
    ($($visit:ident $enum:ident { $($variant:ident)* })*) => { $(
        fn $visit(&mut self, node: &'ast syn::$enum) {
            self.0 |= !matches!(node, $(syn::$enum::$variant { .. })|*);
            visit::$visit(self, node);
        }
    )* };
}

impl<'ast> Visit<'ast> for Unknown {
    known! {
        visit_item Item {
            Const Enum ExternCrate Fn ForeignMod Impl Macro Mod Static Struct Trait TraitAlias Type
            Union Use
        }
        visit_impl_item ImplItem { Const Fn Macro Type }
        visit_trait_item TraitItem { Const Fn Macro Type }
        visit_foreign_item ForeignItem { Fn Macro Static Type }
        visit_expr Expr {
            Array Assign Async Await Binary Block Break Call Cast Closure Const Continue Field
            ForLoop Group If Index Infer Let Lit Loop Macro Match MethodCall Paren Path Range
            RawAddr Reference Repeat Return Struct Try TryBlock Tuple Unary Unsafe While Yield
        }
        visit_pat Pat {
            Const Guard Ident Lit Macro Or Paren Path Range Reference Rest Slice Struct Tuple
            TupleStruct Type Wild
        }
        visit_type Type {
            Array FnPtr Group ImplTrait Infer Macro Never Paren Path Ptr Reference Slice TraitObject
            Tuple
        }
        visit_type_param_bound TypeParamBound { Lifetime PreciseCapture Trait }
        visit_generic_argument GenericArgument {
            AssocConst AssocType Const Constraint Lifetime Type
        }
        visit_where_predicate WherePredicate { Lifetime Type }
        visit_captured_param CapturedParam { Ident Lifetime }
        visit_bin_op BinOp {
            Add AddAssign And BitAnd BitAndAssign BitOr BitOrAssign BitXor BitXorAssign Div
            DivAssign Eq Ge Gt Le Lt Mul MulAssign Ne Or Rem RemAssign Shl ShlAssign Shr ShrAssign
            Sub SubAssign
        }
        visit_un_op UnOp { Deref Neg Not }
        visit_lit Lit { Bool Byte ByteStr CStr Char Float Int Str Verbatim }
        visit_receiver_kind ReceiverKind { Reference Typed Value }
        visit_static_mutability StaticMutability { Mut None }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.mac.path.is_ident("macro_rules") {
            self.0 |= !are_rules(item.mac.tokens.clone());
        }
        visit::visit_item_macro(self, item);
    }
}

/// `(matcher) => { expansion };` and so on.
fn are_rules(tokens: TokenStream) -> bool {
    let mut trees = tokens.into_iter();
    let punct = |tree: Option<TokenTree>, char: char, spacing: Spacing| {
        matches!(tree, Some(TokenTree::Punct(punct))
            if punct.as_char() == char && punct.spacing() == spacing)
    };
    let group = |tree: Option<TokenTree>| matches!(tree, Some(TokenTree::Group(_)));
    while let Some(matcher) = trees.next() {
        let rule = group(Some(matcher))
            && punct(trees.next(), '=', Spacing::Joint)
            && punct(trees.next(), '>', Spacing::Alone)
            && group(trees.next());
        if !rule {
            return false;
        }
        match trees.next() {
            None => return true,
            semicolon if !punct(semicolon.clone(), ';', Spacing::Alone) => return false,
            _ => {}
        }
    }
    true
}

/// One line for each statement, field and brace.
fn spread(tokens: TokenStream, depth: usize, out: &mut String) {
    let mut line = TokenStream::new();
    for tree in tokens {
        let ends = match &tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                end_line(&mut line, " {", depth, out);
                spread(group.stream(), depth + 1, out);
                out.push_str(&format!("{:1$}}}\n", "", depth * 4));
                continue;
            }
            TokenTree::Punct(punct) => {
                punct.as_char() == ';' || depth > 0 && punct.as_char() == ','
            }
            _ => false,
        };
        line.extend([tree]);
        if ends {
            end_line(&mut line, "", depth, out);
        }
    }
    end_line(&mut line, "", depth, out);
}

fn end_line(line: &mut TokenStream, mark: &str, depth: usize, out: &mut String) {
    let text = std::mem::take(line).to_string() + mark;
    if !text.is_empty() {
        out.push_str(&format!("{:1$}{2}\n", "", depth * 4, text.trim_start()));
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    fn of(source: &str) -> String {
        text(syn::parse_str(source).unwrap())
    }

    #[test]
    fn what_is_known_is_written_as_rustfmt_would() {
        assert_eq!(of("const  A:u8=1;"), "const A: u8 = 1;\n");
        let rules = of("macro_rules! m { ($x:expr) => { $x }; () => { 1 } }");
        assert!(rules.lines().count() > 5, "{rules}");
    }

    #[test]
    fn what_is_not_known_is_written_by_its_tokens() {
        let raw = of("fn f() { let a = builtin # offset_of(A, b); let c = 1; }");
        assert_eq!(
            raw,
            "fn f () {\n    let a = builtin # offset_of (A , b) ;\n    let c = 1 ;\n}\n"
        );
        for source in [
            "macro_rules! half { ($x:expr) => }",
            "macro_rules! none { nothing }",
            "macro_rules! odd { () => { 1 } , () => { 2 } }",
            "macro m() { 1 }",
            "const A: u8;",
            "static B;",
            "fn f();",
            "trait T { pub fn f() {} }",
            "impl T { fn f(); }",
            "unsafe extern \"C\" { fn f() {} }",
            "fn f(x: box u8) { do yeet 1; }",
            "fn f() { match x { box y => {} const { 1 } => {} } }",
            "fn f() { macro_rules! inner { x } }",
            "type A where u8: Copy = u8;",
            "fn f<const N: usize = { 1 }>() where for<'a> T: ?Sized + const Tr + ~const Tr {}",
        ] {
            if let Ok(item) = syn::parse_str(source) {
                assert!(!text(item).is_empty(), "{source}");
            }
        }
    }
}
