//! A parameter of a node: its name, the type its value is kept as, and how the function gets it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Error, Expr, FnArg, GenericArgument, Ident, Pat, PathArguments, Type};

use crate::axes::Axis;

/// How the function takes a value.
enum Taken {
    /// `T`: a clone.
    Cloned,
    /// `&T`.
    Borrowed,
    /// `&str`, `&[T]`, `&Path`: borrowed from the owned type by this method, which is also made by
    /// `Into` from a default.
    Viewed(&'static str),
    /// `Arc<T>`.
    Shared,
}

/// One parameter.
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// The type of the value: what the node of that name gives.
    owned: Type,
    taken: Taken,
    default: Option<Expr>,
}

impl Parameter {
    /// Reads one parameter and takes `#[default(..)]` off it.
    pub(crate) fn read(input: &mut FnArg) -> syn::Result<Self> {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(
                    receiver,
                    "a method cannot be a node; write a function that takes the value as a parameter",
                ));
            }
        };
        let defaults: Vec<Attribute> = typed
            .attrs
            .extract_if(.., |attribute| attribute.path().is_ident("default"))
            .collect();
        let name = match &*typed.pat {
            Pat::Ident(ident) if ident.subpat.is_none() && ident.by_ref.is_none() => {
                ident.ident.unraw().to_string()
            }
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a node's parameter needs a name, which says what it takes; take it apart in the body",
                ));
            }
        };
        let (taken, owned) = Self::taken(&typed.ty)?;
        let default = match defaults.as_slice() {
            [] => None,
            [one] => Some(one.parse_args::<Expr>().map_err(|error| {
                Error::new(
                    error.span(),
                    "`#[default(..)]` takes one expression, such as `#[default(5)]`",
                )
            })?),
            [_, second, ..] => {
                return Err(Error::new_spanned(
                    second,
                    "this parameter has a default already; keep one of them",
                ));
            }
        };
        if let (Some(default), Taken::Borrowed) = (&default, &taken) {
            return Err(Error::new_spanned(
                default,
                "only `&str`, `&[T]` and `&Path` of the reference types can have a default; take the value as `T` or `Arc<T>`",
            ));
        }
        Ok(Parameter {
            name,
            owned,
            taken,
            default,
        })
    }

    fn taken(ty: &Type) -> syn::Result<(Taken, Type)> {
        match ty {
            Type::Reference(reference) => {
                if let Some(mutability) = &reference.mutability {
                    return Err(Error::new_spanned(
                        mutability,
                        "a node may not change its input, which others read as well; take it as `T`, a copy of its own",
                    ));
                }
                if let Some(lifetime) = &reference.lifetime {
                    return Err(Error::new_spanned(
                        lifetime,
                        "a node's input is borrowed for one call; leave the lifetime out",
                    ));
                }
                let inner = &*reference.elem;
                owned(inner)?;
                Ok(match inner {
                    Type::Path(path) if path.path.is_ident("str") => (
                        Taken::Viewed("as_str"),
                        syn::parse_quote!(::std::string::String),
                    ),
                    Type::Path(path) if last_is(path, "Path") => (
                        Taken::Viewed("as_path"),
                        syn::parse_quote!(::std::path::PathBuf),
                    ),
                    Type::Slice(slice) => {
                        let element = &slice.elem;
                        (
                            Taken::Viewed("as_slice"),
                            syn::parse_quote!(::std::vec::Vec<#element>),
                        )
                    }
                    Type::TraitObject(object) => {
                        return Err(Error::new_spanned(
                            object,
                            "a node's input has one known type; name it instead of a trait",
                        ));
                    }
                    inner => (Taken::Borrowed, inner.clone()),
                })
            }
            Type::Path(path) if last_is(path, "Arc") => {
                let last = path.path.segments.last().map(|segment| &segment.arguments);
                match last {
                    Some(PathArguments::AngleBracketed(arguments)) if arguments.args.len() == 1 => {
                        match &arguments.args[0] {
                            GenericArgument::Type(inner) => {
                                owned(inner)?;
                                Ok((Taken::Shared, inner.clone()))
                            }
                            other => Err(Error::new_spanned(
                                other,
                                "write `Arc<T>` with the type of the value",
                            )),
                        }
                    }
                    _ => Err(Error::new_spanned(
                        path,
                        "write `Arc<T>` with the type of the value",
                    )),
                }
            }
            other => {
                owned(other)?;
                Ok((Taken::Cloned, other.clone()))
            }
        }
    }

    /// `Param::new::<T>("name")`, with its default and the way to read it from text.
    pub(crate) fn declaration(&self, krate: &TokenStream) -> TokenStream {
        let (name, owned) = (&self.name, &self.owned);
        let at = owned.span();
        let start = match &self.default {
            Some(default) => {
                let value = match self.taken {
                    Taken::Viewed(_) => {
                        quote_spanned!(default.span()=> ::core::convert::Into::<#owned>::into(#default))
                    }
                    _ => quote!(#default),
                };
                quote_spanned!(at=> #krate::function::Param::with_default::<#owned>(#name, || -> #owned { #value }))
            }
            None => quote_spanned!(at=> #krate::function::Param::new::<#owned>(#name)),
        };
        quote! {
            #start.plain({
                #[allow(unused_imports)]
                use #krate::function::{ViaNothing as _, ViaSerde as _};
                (&&#krate::function::Probe::<#owned>::new()).plain()
            })
        }
    }

    /// `.over_values::<T>(Param::new::<Vec<T>>("list"), key)`: a parameter that is given an item, or several,
    /// of a list.
    pub(crate) fn list(&self, krate: &TokenStream, axis: &Axis, several: bool) -> TokenStream {
        let item = match self.element() {
            Some(element) if several => element,
            _ => &self.owned,
        };
        let key = axis.key(item);
        let list = Parameter {
            name: axis.list.clone(),
            owned: syn::parse_quote!(::std::vec::Vec<#item>),
            taken: Taken::Borrowed,
            default: None,
        };
        let list = list.declaration(krate);
        let at = self.owned.span();
        quote_spanned!(at=> .over_values::<#item>(#list, #key))
    }

    /// The type of the elements, if the value is a vector.
    pub(crate) fn element(&self) -> Option<&Type> {
        let Type::Path(path) = &self.owned else {
            return None;
        };
        let last = path.path.segments.last()?;
        match &last.arguments {
            PathArguments::AngleBracketed(arguments) if last.ident == "Vec" => {
                match arguments.args.first() {
                    Some(GenericArgument::Type(element)) => Some(element),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(crate) fn has_default(&self) -> bool {
        self.default.is_some()
    }

    /// The expression that the function is called with.
    pub(crate) fn argument(&self, args: &Ident, index: usize) -> TokenStream {
        let owned = &self.owned;
        let at = owned.span();
        match self.taken {
            Taken::Cloned => {
                quote_spanned!(at=> <#owned as ::core::clone::Clone>::clone(#args.get::<#owned>(#index)))
            }
            Taken::Borrowed => quote!(#args.get::<#owned>(#index)),
            Taken::Viewed(method) => {
                let method = Ident::new(method, at);
                quote!(#args.get::<#owned>(#index).#method())
            }
            Taken::Shared => quote!(#args.arc::<#owned>(#index)),
        }
    }
}

/// Refuses what cannot be kept: references, `impl Trait`, `_`.
fn owned(ty: &Type) -> syn::Result<()> {
    struct Owned(Option<Error>);
    impl<'ast> Visit<'ast> for Owned {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            self.0.get_or_insert_with(|| Error::new_spanned(reference, "a node's input is kept between executions, so it owns what it holds; use the owned type here, such as `String` for `&str`"));
        }
        fn visit_type_impl_trait(&mut self, object: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert_with(|| {
                Error::new_spanned(
                    object,
                    "a node's input has one known type; name it instead of `impl Trait`",
                )
            });
        }
        fn visit_type_infer(&mut self, infer: &'ast syn::TypeInfer) {
            self.0.get_or_insert_with(|| {
                Error::new_spanned(infer, "a node's input has one known type; write it out")
            });
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_path_arguments(&mut self, arguments: &'ast PathArguments) {
            // `Fn(&str)` borrows nothing that is kept.
            if !matches!(arguments, PathArguments::Parenthesized(_)) {
                visit::visit_path_arguments(self, arguments);
            }
        }
    }
    let mut check = Owned(None);
    check.visit_type(ty);
    check.0.map_or(Ok(()), Err)
}

pub(crate) fn last_is(path: &syn::TypePath, name: &str) -> bool {
    path.path
        .segments
        .last()
        .is_some_and(|segment| segment.ident == name)
}
