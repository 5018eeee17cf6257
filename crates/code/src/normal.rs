//! The normal form of an item: what is left when formatting is taken away.
//!
//! Two sources that `rustfmt` makes equal have one normal form, and two sources that differ in any
//! other token have two. Everything here is a rewrite that `rustfmt` itself does (or its inverse);
//! what `rustfmt` leaves alone is left alone here. The arguments of a macro invocation are rewritten
//! only where they parse as expressions, as `rustfmt` does it, and never unwrapped; the bodies of
//! `macro_rules!` are verbatim.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Item, MacroDelimiter, Meta, Pat, Stmt, Token, UseTree};

/// Rewrites `item` into its normal form; attributes for which `is_configuration` holds are dropped.
pub(crate) fn normalise(item: &mut Item, is_configuration: &dyn Fn(&syn::Path) -> bool) {
    Normaliser {
        is_configuration,
        in_macro: false,
    }
    .visit_item_mut(item);
}

struct Normaliser<'a> {
    is_configuration: &'a dyn Fn(&syn::Path) -> bool,
    /// Inside the arguments of a macro, where `rustfmt` keeps blocks that it unwraps elsewhere.
    in_macro: bool,
}

impl Normaliser<'_> {
    /// `{ expr }` where an expression can stand alone: a match arm or a closure body.
    fn unwrap_body(&self, body: &mut Expr) {
        if self.in_macro {
            return;
        }
        loop {
            let Expr::Block(block) = body else { return };
            if !block.attrs.is_empty() || block.label.is_some() {
                return;
            }
            let inner = match block.block.stmts.as_mut_slice() {
                [Stmt::Expr(expr, None)] => expr.clone(),
                [Stmt::Expr(expr, Some(_))] if is_jump(expr) => expr.clone(),
                [Stmt::Macro(mac)] if mac.semi_token.is_none() => Expr::Macro(syn::ExprMacro {
                    attrs: mac.attrs.clone(),
                    mac: mac.mac.clone(),
                }),
                _ => return,
            };
            if has_attributes(&inner) {
                return;
            }
            *body = inner;
        }
    }

    fn macro_arguments(&mut self, mac: &mut syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let Ok(mut arguments) = parser.parse2(mac.tokens.clone()) else {
            return;
        };
        if arguments.is_empty() {
            return;
        }
        let is_vec = mac.path.is_ident("vec");
        let outer = self.in_macro;
        self.in_macro |= !is_vec;
        for argument in &mut arguments {
            self.visit_expr_mut(argument);
        }
        self.in_macro = outer;
        if is_vec {
            arguments.pop_punct();
        }
        mac.tokens = arguments.into_token_stream();
    }
}

/// `return`, `break` and `continue`, after which `rustfmt` writes a semicolon.
fn is_jump(expr: &Expr) -> bool {
    matches!(expr, Expr::Return(_) | Expr::Break(_) | Expr::Continue(_))
}

fn has_attributes(expr: &Expr) -> bool {
    // Only outer attributes stop rustfmt, and those print first.
    matches!(expr.to_token_stream().into_iter().next(),
        Some(proc_macro2::TokenTree::Punct(punct)) if punct.as_char() == '#')
}

/// The leaves of a `use` tree as `a::b`, `a::b as c` or `a::b::*`, which is all that its grouping says.
fn flatten_use(prefix: &mut Vec<String>, tree: &UseTree, out: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten_use(prefix, &path.tree, out);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            out.push(format!("{}::{{self}}", prefix.join("::")));
        }
        UseTree::Name(name) => out.push([prefix.join("::"), name.ident.to_string()].join("::")),
        UseTree::Rename(rename) => {
            out.push(format!(
                "{}::{} as {}",
                prefix.join("::"),
                rename.ident,
                rename.rename
            ));
        }
        UseTree::Glob(_) => out.push(format!("{}::*", prefix.join("::"))),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten_use(prefix, tree, out);
            }
        }
    }
}

/// Orders the `use` declarations of a block, which `rustfmt` sorts, and puts them first in it.
fn sort_uses(block: &mut syn::Block) {
    let mut leaves = Vec::new();
    block.stmts.retain(|stmt| {
        let Stmt::Item(Item::Use(item)) = stmt else {
            return true;
        };
        let head =
            TokenStream::from_iter(item.attrs.iter().map(ToTokens::to_token_stream)).to_string();
        let mut paths = Vec::new();
        flatten_use(&mut Vec::new(), &item.tree, &mut paths);
        let root = if item.leading_colon.is_some() {
            "::"
        } else {
            ""
        };
        let vis = item.vis.to_token_stream();
        for path in paths {
            let path = path.trim_start_matches("::");
            leaves.push(format!("{head} {vis} use {root}{path};"));
        }
        false
    });
    leaves.sort();
    leaves.dedup();
    let uses = leaves
        .iter()
        .filter_map(|leaf| syn::parse_str::<Item>(leaf).ok())
        .map(Stmt::Item);
    block.stmts.splice(0..0, uses.collect::<Vec<_>>());
}

impl VisitMut for Normaliser<'_> {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        attributes.retain(|attribute| {
            let path = attribute.path();
            !path.is_ident("doc") && !(self.is_configuration)(path)
        });
        // `#[derive(A)] #[derive(B)]` is merged by rustfmt when nothing stands between the two.
        let mut merged: Vec<syn::Attribute> = Vec::with_capacity(attributes.len());
        for mut attribute in attributes.drain(..) {
            if let Meta::List(list) = &mut attribute.meta {
                list.tokens = without_trailing_comma(&list.tokens);
                if list.path.is_ident("derive")
                    && let Some(last) = merged.last_mut()
                    && let Meta::List(before) = &mut last.meta
                    && before.path.is_ident("derive")
                {
                    before.tokens.extend(quote::quote!(,));
                    before.tokens.extend(list.tokens.clone());
                    continue;
                }
            }
            merged.push(attribute);
        }
        *attributes = merged;
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        while let Expr::Paren(paren) = expr
            && paren.attrs.is_empty()
            && (matches!(*paren.expr, Expr::Paren(_)) || is_open_float(&paren.expr))
        {
            *expr = (*paren.expr).clone();
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
        self.unwrap_body(&mut arm.body);
        arm.comma = Some(Token![,](Span::call_site()));
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut syn::ExprClosure) {
        visit_mut::visit_expr_closure_mut(self, closure);
        closure.inputs.pop_punct();
        if matches!(closure.output, syn::ReturnType::Default) {
            self.unwrap_body(&mut closure.body);
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        visit_mut::visit_block_mut(self, block);
        block.stmts.retain(
            |stmt| !matches!(stmt, Stmt::Expr(Expr::Verbatim(tokens), _) if tokens.is_empty()),
        );
        for stmt in &mut block.stmts {
            if let Stmt::Expr(Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_), semicolon) = stmt {
                *semicolon = None;
            }
        }
        if let Some(Stmt::Expr(expr, semicolon)) = block.stmts.last_mut()
            && is_jump(expr)
        {
            *semicolon = Some(Token![;](Span::call_site()));
        }
        sort_uses(block);
    }

    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        visit_mut::visit_pat_mut(self, pat);
        if let Pat::Or(or) = pat {
            or.leading_vert = None;
            if or.cases.len() == 1 && or.attrs.is_empty() {
                *pat = or.cases[0].clone();
            }
        }
    }

    fn visit_macro_mut(&mut self, mac: &mut syn::Macro) {
        visit_mut::visit_macro_mut(self, mac);
        if mac.path.is_ident("macro_rules") {
            return;
        }
        if mac.path.is_ident("vec") {
            mac.delimiter = MacroDelimiter::Bracket(syn::token::Bracket(Span::call_site()));
        }
        if !matches!(mac.delimiter, MacroDelimiter::Brace(_)) {
            self.macro_arguments(mac);
        }
    }

    fn visit_abi_mut(&mut self, abi: &mut syn::Abi) {
        abi.name
            .get_or_insert_with(|| syn::LitStr::new("C", Span::call_site()));
    }

    fn visit_vis_restricted_mut(&mut self, vis: &mut syn::VisRestricted) {
        if ["crate", "self", "super"]
            .iter()
            .any(|word| vis.path.is_ident(word))
        {
            vis.in_token = None;
        }
    }

    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        visit_mut::visit_generics_mut(self, generics);
        generics.params.pop_punct();
        if generics
            .where_clause
            .as_ref()
            .is_some_and(|clause| clause.predicates.is_empty())
        {
            generics.where_clause = None;
        }
    }

    fn visit_where_clause_mut(&mut self, clause: &mut syn::WhereClause) {
        visit_mut::visit_where_clause_mut(self, clause);
        clause.predicates.pop_punct();
    }

    fn visit_type_param_mut(&mut self, param: &mut syn::TypeParam) {
        visit_mut::visit_type_param_mut(self, param);
        param.bounds.pop_punct();
    }

    fn visit_predicate_type_mut(&mut self, predicate: &mut syn::PredicateType) {
        visit_mut::visit_predicate_type_mut(self, predicate);
        predicate.bounds.pop_punct();
    }

    fn visit_path_arguments_mut(&mut self, arguments: &mut syn::PathArguments) {
        visit_mut::visit_path_arguments_mut(self, arguments);
        match arguments {
            syn::PathArguments::AngleBracketed(angle) if angle.args.is_empty() => {
                *arguments = syn::PathArguments::None;
            }
            syn::PathArguments::AngleBracketed(angle) => _ = angle.args.pop_punct(),
            syn::PathArguments::Parenthesized(paren) => _ = paren.inputs.pop_punct(),
            syn::PathArguments::None => {}
        }
    }

    fn visit_item_trait_mut(&mut self, item: &mut syn::ItemTrait) {
        visit_mut::visit_item_trait_mut(self, item);
        item.supertraits.pop_punct();
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        visit_mut::visit_item_enum_mut(self, item);
        item.variants.pop_punct();
    }

    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        visit_mut::visit_fields_named_mut(self, fields);
        fields.named.pop_punct();
    }

    fn visit_fields_unnamed_mut(&mut self, fields: &mut syn::FieldsUnnamed) {
        visit_mut::visit_fields_unnamed_mut(self, fields);
        fields.unnamed.pop_punct();
    }

    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        visit_mut::visit_signature_mut(self, signature);
        signature.inputs.pop_punct();
    }

    fn visit_type_fn_ptr_mut(&mut self, pointer: &mut syn::TypeFnPtr) {
        visit_mut::visit_type_fn_ptr_mut(self, pointer);
        pointer.inputs.pop_punct();
    }

    fn visit_type_trait_object_mut(&mut self, object: &mut syn::TypeTraitObject) {
        visit_mut::visit_type_trait_object_mut(self, object);
        object.bounds.pop_punct();
    }

    fn visit_type_impl_trait_mut(&mut self, object: &mut syn::TypeImplTrait) {
        visit_mut::visit_type_impl_trait_mut(self, object);
        object.bounds.pop_punct();
    }

    fn visit_type_tuple_mut(&mut self, tuple: &mut syn::TypeTuple) {
        visit_mut::visit_type_tuple_mut(self, tuple);
        tuple.elems.pop_punct();
    }

    fn visit_expr_tuple_mut(&mut self, tuple: &mut syn::ExprTuple) {
        visit_mut::visit_expr_tuple_mut(self, tuple);
        tuple.elems.pop_punct();
    }

    fn visit_expr_array_mut(&mut self, array: &mut syn::ExprArray) {
        visit_mut::visit_expr_array_mut(self, array);
        array.elems.pop_punct();
    }

    fn visit_expr_call_mut(&mut self, call: &mut syn::ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        call.args.pop_punct();
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        call.args.pop_punct();
        if call
            .turbofish
            .as_ref()
            .is_some_and(|angle| angle.args.is_empty())
        {
            call.turbofish = None;
        } else if let Some(angle) = &mut call.turbofish {
            angle.args.pop_punct();
        }
    }

    fn visit_expr_struct_mut(&mut self, literal: &mut syn::ExprStruct) {
        visit_mut::visit_expr_struct_mut(self, literal);
        literal.fields.pop_punct();
    }

    fn visit_pat_tuple_mut(&mut self, tuple: &mut syn::PatTuple) {
        visit_mut::visit_pat_tuple_mut(self, tuple);
        tuple.elems.pop_punct();
    }

    fn visit_pat_tuple_struct_mut(&mut self, tuple: &mut syn::PatTupleStruct) {
        visit_mut::visit_pat_tuple_struct_mut(self, tuple);
        tuple.elems.pop_punct();
    }

    fn visit_pat_slice_mut(&mut self, slice: &mut syn::PatSlice) {
        visit_mut::visit_pat_slice_mut(self, slice);
        slice.elems.pop_punct();
    }

    fn visit_pat_struct_mut(&mut self, pat: &mut syn::PatStruct) {
        visit_mut::visit_pat_struct_mut(self, pat);
        pat.fields.pop_punct();
    }
}

/// `1.`, which rustfmt puts into parentheses before a method call.
fn is_open_float(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(lit) if lit.lit.to_token_stream().to_string().ends_with('.'))
}

fn without_trailing_comma(tokens: &TokenStream) -> TokenStream {
    let mut trees: Vec<_> = tokens.clone().into_iter().collect();
    if matches!(trees.last(), Some(proc_macro2::TokenTree::Punct(punct)) if punct.as_char() == ',')
    {
        trees.pop();
    }
    trees.into_iter().collect()
}
