//! Which names in an item are its own: parameters, `let` bindings, fields.
//!
//! Names are followed over tokens, so that nothing can be missed; this walk over the syntax tree
//! only takes away what is surely local, so that a parameter `corpus` is not taken for the function
//! `corpus` beside it. A place marked here still leads to constants, statics, types and macros: a
//! binding cannot shadow those, only functions.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Ident, Item, Pat, Stmt, Token};

use crate::names::plain;
use crate::words;

/// Byte offsets, within the item's file, of the identifiers that are local.
#[derive(Default)]
pub(crate) struct Locals {
    marks: HashSet<usize>,
}

impl Locals {
    /// Walks `item`.
    pub(crate) fn of(item: &Item) -> Self {
        let mut walk = Walk::default();
        walk.visit_item(item);
        walk.locals
    }

    /// Whether the identifier at this place is local.
    pub(crate) fn has(&self, ident: &Ident) -> bool {
        self.marks.contains(&ident.span().byte_range().start)
    }
}

#[derive(Default)]
struct Walk {
    locals: Locals,
    /// Names in scope, innermost last. A function item starts below `floor`: it sees none of the
    /// bindings around it.
    scope: Vec<String>,
    floor: usize,
}

impl Walk {
    fn mark(&mut self, ident: &Ident) {
        self.locals.marks.insert(ident.span().byte_range().start);
    }

    fn mark_if_bound(&mut self, ident: &Ident) {
        let name = plain(ident);
        if self.scope[self.floor..].contains(&name) {
            self.mark(ident);
        }
    }

    fn bind(&mut self, pat: &Pat) {
        // Visited first, so that types, constants and guards inside the pattern are seen.
        struct Bindings<'w>(&'w mut Walk);
        impl<'ast> Visit<'ast> for Bindings<'_> {
            fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
                self.0.mark(&pat.ident);
                self.0.scope.push(plain(&pat.ident));
                visit::visit_pat_ident(self, pat);
            }
            fn visit_expr(&mut self, _: &'ast Expr) {}
            fn visit_type(&mut self, _: &'ast syn::Type) {}
        }
        Bindings(self).visit_pat(pat);
        visit::visit_pat(self, pat);
    }

    fn scoped(&mut self, work: impl FnOnce(&mut Self)) {
        let depth = self.scope.len();
        work(self);
        self.scope.truncate(depth);
    }

    fn function(&mut self, signature: &syn::Signature, body: Option<&syn::Block>) {
        let floor = std::mem::replace(&mut self.floor, self.scope.len());
        self.scoped(|walk| {
            for input in &signature.inputs {
                match input {
                    syn::FnArg::Typed(typed) => walk.bind(&typed.pat),
                    syn::FnArg::Receiver(_) => {}
                }
            }
            visit::visit_signature(walk, signature);
            if let Some(body) = body {
                walk.visit_block(body);
            }
        });
        self.floor = floor;
    }

    fn mark_tokens(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => self.mark_if_bound(&ident),
                TokenTree::Group(group) => self.mark_tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.scoped(|walk| {
            for stmt in &block.stmts {
                match stmt {
                    Stmt::Local(local) => {
                        if let Some(init) = &local.init {
                            walk.visit_local_init(init);
                        }
                        walk.bind(&local.pat);
                    }
                    other => walk.visit_stmt(other),
                }
            }
        });
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.scoped(|walk| {
            for input in &closure.inputs {
                walk.bind(input);
            }
            walk.visit_return_type(&closure.output);
            walk.visit_expr(&closure.body);
        });
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scoped(|walk| {
            walk.bind(&arm.pat);
            walk.visit_expr(&arm.body);
        });
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.visit_expr(&each.expr);
        self.scoped(|walk| {
            walk.bind(&each.pat);
            walk.visit_block(&each.body);
        });
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.scoped(|walk| {
            walk.visit_expr(&branch.cond);
            walk.visit_block(&branch.then_branch);
        });
        if let Some((_, otherwise)) = &branch.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, each: &'ast syn::ExprWhile) {
        self.scoped(|walk| {
            walk.visit_expr(&each.cond);
            walk.visit_block(&each.body);
        });
    }

    fn visit_expr_let(&mut self, bind: &'ast syn::ExprLet) {
        self.visit_expr(&bind.expr);
        self.bind(&bind.pat);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(ident) = path.path.get_ident() {
            self.mark_if_bound(ident);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(ident) = &field.ident {
            self.mark(ident);
        }
        visit::visit_field(self, field);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if let (Some(_), syn::Member::Named(ident)) = (&field.colon_token, &field.member) {
            self.mark(ident);
        }
        visit::visit_field_value(self, field);
    }

    fn visit_field_pat(&mut self, field: &'ast syn::FieldPat) {
        if let (Some(_), syn::Member::Named(ident)) = (&field.colon_token, &field.member) {
            self.mark(ident);
        }
        visit::visit_field_pat(self, field);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        // Identifiers of the arguments that name a binding in scope here are that binding, whatever
        // the macro makes of them: hygiene resolves them at the call.
        self.mark_tokens(mac.tokens.clone());
        if mac
            .path
            .get_ident()
            .is_some_and(|name| words::is_expression_macro(&name.to_string()))
            && let Ok(arguments) =
                Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone())
        {
            for argument in &arguments {
                self.visit_expr(argument);
            }
        }
    }
}
