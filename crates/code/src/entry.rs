//! One item of the source, and what is read off it once: hash, text, names.

use std::cell::OnceCell;
use std::rc::Rc;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item};

use crate::fingerprint::{Fingerprint, Hash};
use crate::layout;
use crate::locals::Locals;
use crate::names::{Names, plain};
use crate::normal;
use crate::words;
use crate::world::ModuleId;

/// What an item is, as far as following names cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A function: the one thing that a local binding hides.
    Function,
    /// A struct, enum, union or type alias: brings its `impl` blocks.
    Type,
    /// A trait: brings its implementations, and is in scope for method calls.
    Trait,
    /// A constant, a static, a foreign block.
    Value,
    /// An `impl` block.
    Impl,
    /// `macro_rules!`.
    Rules,
    /// A macro invocation where an item stands: may define anything.
    Invocation,
}

/// One item in its module.
pub(crate) struct Entry {
    pub(crate) module: ModuleId,
    pub(crate) kind: Kind,
    /// The names it defines in the module; several for a foreign block, none for an `impl`.
    pub(crate) names: Vec<String>,
    /// Its name in reports, below its module: `SCALE`, `Vec2 (impl Add)`, `make!`.
    pub(crate) label: String,
    pub(crate) line: usize,
    pub(crate) last_line: usize,
    pub(crate) item: Item,
    facts: OnceCell<Rc<Facts>>,
    print: OnceCell<Rc<Print>>,
}

/// What following names needs of an item.
pub(crate) struct Facts {
    pub(crate) names: Names,
    /// The names in the head of an `impl`, or of the impls inside a block: what brings the item.
    pub(crate) header: Option<Names>,
    /// The variants of an enum, for `use Kind::*`.
    pub(crate) variants: Vec<String>,
    /// Attributes and derives that are not the language's own, and so may define further names.
    pub(crate) foreign_attributes: Vec<String>,
    /// `use` declarations inside function bodies.
    pub(crate) uses: Vec<syn::ItemUse>,
    /// Its generic parameters, which are no items.
    pub(crate) generics: Vec<String>,
}

/// What a report needs of an item.
pub(crate) struct Print {
    pub(crate) hash: Hash,
    pub(crate) text: String,
}

impl Entry {
    /// None for `use`, `mod` and `extern crate`, which are the module's own affair.
    pub(crate) fn new(module: ModuleId, item: Item) -> Option<Self> {
        let (kind, names, at) = match &item {
            Item::Fn(item) => (
                Kind::Function,
                vec![plain(&item.sig.ident)],
                item.sig.ident.span(),
            ),
            Item::Const(item) => (Kind::Value, vec![plain(&item.ident)], item.ident.span()),
            Item::Static(item) => (Kind::Value, vec![plain(&item.ident)], item.ident.span()),
            Item::Struct(item) => (Kind::Type, vec![plain(&item.ident)], item.ident.span()),
            Item::Enum(item) => (Kind::Type, vec![plain(&item.ident)], item.ident.span()),
            Item::Union(item) => (Kind::Type, vec![plain(&item.ident)], item.ident.span()),
            Item::Type(item) => (Kind::Type, vec![plain(&item.ident)], item.ident.span()),
            Item::Trait(item) => (Kind::Trait, vec![plain(&item.ident)], item.ident.span()),
            Item::TraitAlias(item) => (Kind::Trait, vec![plain(&item.ident)], item.ident.span()),
            Item::Impl(item) => (Kind::Impl, Vec::new(), item.impl_token.span),
            Item::ForeignMod(item) => {
                (Kind::Value, foreign_names(item), item.abi.extern_token.span)
            }
            Item::Macro(item) => match &item.ident {
                Some(ident) => (Kind::Rules, vec![plain(ident)], ident.span()),
                None => (Kind::Invocation, Vec::new(), item.mac.path.span()),
            },
            Item::Use(_) | Item::Mod(_) | Item::ExternCrate(_) => return None,
            other => (Kind::Invocation, Vec::new(), other.span()),
        };
        let label = match &item {
            Item::Impl(item) => impl_label(item),
            Item::Macro(item) if item.ident.is_none() => {
                format!("{}!", compact(item.mac.path.to_token_stream()))
            }
            Item::ForeignMod(_) => "extern".to_owned(),
            _ => names.first().cloned().unwrap_or_else(|| "item".to_owned()),
        };
        let names = names.into_iter().filter(|name| name != "_").collect();
        let lines = (at.start().line, item.span().end().line);
        let (facts, print) = (OnceCell::new(), OnceCell::new());
        Some(Entry {
            module,
            kind,
            names,
            label,
            line: lines.0,
            last_line: lines.1,
            item,
            facts,
            print,
        })
    }

    /// Where an item's own name, or its keyword, stands.
    pub(crate) fn is_function_at(&self, name: &str, line: usize) -> bool {
        self.kind == Kind::Function && self.line == line && self.names.iter().any(|own| own == name)
    }

    pub(crate) fn facts(&self) -> Rc<Facts> {
        Rc::clone(self.facts.get_or_init(|| Rc::new(Facts::read(&self.item))))
    }

    /// Hash and text; `is_configuration` says which attributes the engine accounts for elsewhere.
    pub(crate) fn print(&self, is_configuration: &dyn Fn(&syn::Path) -> bool) -> Rc<Print> {
        let make = || {
            let mut item = self.item.clone();
            normal::normalise(&mut item, is_configuration);
            let tokens = item.to_token_stream();
            let hash = Fingerprint::new("item").tokens(&tokens).finish();
            Rc::new(Print {
                hash,
                text: layout::text(item),
            })
        };
        Rc::clone(self.print.get_or_init(make))
    }
}

impl Facts {
    fn read(item: &Item) -> Self {
        let locals = Locals::of(item);
        let tokens = item.to_token_stream();
        let mut inside = Inside::default();
        inside.visit_item(item);
        let header = match item {
            Item::Impl(item) => Some(header_tokens(item)),
            _ => inside.headers,
        };
        Facts {
            names: Names::collect(tokens, &locals),
            header: header.map(Names::collect_plain),
            variants: match item {
                Item::Enum(item) => item
                    .variants
                    .iter()
                    .map(|variant| plain(&variant.ident))
                    .collect(),
                _ => Vec::new(),
            },
            foreign_attributes: foreign_attributes(&inside.attributes),
            uses: inside.uses,
            generics: inside.generics,
        }
    }
}

/// What stands inside an item and reaches beyond it.
#[derive(Default)]
struct Inside {
    uses: Vec<syn::ItemUse>,
    headers: Option<TokenStream>,
    generics: Vec<String>,
    attributes: Vec<Attribute>,
    depth: usize,
}

impl<'ast> Visit<'ast> for Inside {
    fn visit_item(&mut self, item: &'ast Item) {
        self.depth += 1;
        if self.depth == 1 {
            self.attributes = attributes_of(item).to_vec();
        }
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.uses.push(item.clone());
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if self.depth > 1 {
            self.headers
                .get_or_insert_default()
                .extend(header_tokens(item));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_type_param(&mut self, param: &'ast syn::TypeParam) {
        self.generics.push(plain(&param.ident));
        visit::visit_type_param(self, param);
    }

    fn visit_const_param(&mut self, param: &'ast syn::ConstParam) {
        self.generics.push(plain(&param.ident));
        visit::visit_const_param(self, param);
    }
}

fn header_tokens(item: &syn::ItemImpl) -> TokenStream {
    let mut tokens = item.self_ty.to_token_stream();
    if let Some((path, _)) = &item.trait_ {
        path.to_tokens(&mut tokens);
    }
    item.generics.to_tokens(&mut tokens);
    item.generics.where_clause.to_tokens(&mut tokens);
    tokens
}

pub(crate) fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn foreign_attributes(attributes: &[Attribute]) -> Vec<String> {
    let mut foreign = Vec::new();
    for attribute in attributes {
        let first = attribute
            .path()
            .segments
            .first()
            .map(|segment| plain(&segment.ident))
            .unwrap_or_default();
        let last = attribute
            .path()
            .segments
            .last()
            .map(|segment| plain(&segment.ident))
            .unwrap_or_default();
        if first == "derive" || first == "cfg_attr" {
            let words = attribute.meta.to_token_stream();
            foreign.extend(
                derives(words)
                    .into_iter()
                    .filter(|name| !words::is_own_derive(name)),
            );
        } else if !words::is_own_attribute(&first) && !words::is_own_attribute(&last) {
            foreign.push(last);
        }
    }
    foreign
}

/// The last segment of each path inside `derive(..)`, wherever that stands in `tokens`.
fn derives(tokens: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            continue;
        };
        if matches!(at.checked_sub(1).map(|at| &trees[at]), Some(TokenTree::Ident(word)) if word == "derive")
        {
            let mut last = None;
            for tree in group.stream() {
                match tree {
                    TokenTree::Ident(ident) => last = Some(plain(&ident)),
                    TokenTree::Punct(punct) if punct.as_char() == ',' => found.extend(last.take()),
                    _ => {}
                }
            }
            found.extend(last);
        } else {
            found.extend(derives(group.stream()));
        }
    }
    found
}

fn foreign_names(item: &syn::ItemForeignMod) -> Vec<String> {
    let name = |item: &syn::ForeignItem| match item {
        syn::ForeignItem::Fn(item) => Some(plain(&item.sig.ident)),
        syn::ForeignItem::Static(item) => Some(plain(&item.ident)),
        syn::ForeignItem::Type(item) => Some(plain(&item.ident)),
        _ => None,
    };
    item.items.iter().filter_map(name).collect()
}

fn impl_label(item: &syn::ItemImpl) -> String {
    let of = compact(item.self_ty.to_token_stream());
    match &item.trait_ {
        Some((path, _)) => format!("{of} (impl {})", compact(path.to_token_stream())),
        None => format!("{of} (impl)"),
    }
}

/// Tokens as a person writes them in a path or a type.
pub(crate) fn compact(tokens: TokenStream) -> String {
    let mut out = String::new();
    for word in tokens.to_string().split(' ') {
        let wordy = |c: char| c.is_alphanumeric() || c == '_';
        let apart = out.ends_with(wordy) && word.starts_with(wordy)
            || out.ends_with(',')
            || word == "+"
            || out.ends_with('+');
        if apart {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
