//! What a node's function may look like.

use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, GenericArgument, GenericParam, ItemFn, PathArguments, ReturnType, Safety, Type};

use crate::options::add;
use crate::parameter::last_is;

/// What a function gives.
pub(crate) struct Returned {
    /// The return type.
    pub(crate) ty: Type,
    /// It is some `Result`: its error fails the node.
    pub(crate) fallible: bool,
}

/// Says all that keeps a function from being a node, apart from its parameters.
pub(crate) fn check(item: &ItemFn) -> (Option<Returned>, Option<Error>) {
    let mut errors = None;
    let mut refuse = |span: proc_macro2::Span, text: &str| add(&mut errors, Error::new(span, text));
    let signature = &item.sig;
    if let Some(word) = &signature.asyncness {
        refuse(
            word.span(),
            "a node is run by a worker thread and cannot be `async`; block on the future inside the function",
        );
    }
    if let Safety::Unsafe(word) = &signature.safety {
        refuse(
            word.span(),
            "the engine calls a node with any input, so it cannot be `unsafe`; put the `unsafe` block inside",
        );
    }
    if let Some(abi) = &signature.abi {
        refuse(
            abi.span(),
            "a node is an ordinary Rust function; leave `extern` out",
        );
    }
    if let Some(variadic) = &signature.variadic {
        refuse(
            variadic.span(),
            "a node names each of its parameters; take a `Vec` instead",
        );
    }
    for param in &signature.generics.params {
        let text = match param {
            GenericParam::Lifetime(_) => {
                "a node's inputs are borrowed for one call and its output is owned; leave the lifetimes out"
            }
            _ => {
                "a node has one type for each input and for its output; write a function without type parameters that calls the generic one"
            }
        };
        refuse(param.span(), text);
    }
    let returned = match &signature.output {
        ReturnType::Default => {
            refuse(
                signature.ident.span(),
                "a node has an output, and this function returns nothing that could be remembered or passed on; return a value",
            );
            None
        }
        ReturnType::Type(_, ty) => match returned(ty) {
            Ok(returned) => Some(returned),
            Err(error) => {
                add(&mut errors, error);
                None
            }
        },
    };
    (returned, errors)
}

fn returned(ty: &Type) -> syn::Result<Returned> {
    let unit = "a node has an output, and `()` holds nothing that could be remembered or passed on; return a value";
    let mut fallible = false;
    match ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => return Err(Error::new_spanned(ty, unit)),
        Type::Never(never) => {
            return Err(Error::new_spanned(
                never,
                "a node has an output, and this function never returns",
            ));
        }
        Type::Path(path) if last_is(path, "Result") => {
            fallible = true;
            if let Some(PathArguments::AngleBracketed(arguments)) =
                path.path.segments.last().map(|last| &last.arguments)
                && let Some(GenericArgument::Type(Type::Tuple(tuple))) = arguments.args.first()
                && tuple.elems.is_empty()
            {
                return Err(Error::new_spanned(tuple, unit));
            }
        }
        _ => {}
    }
    let mut check = Kept(None);
    check.visit_type(ty);
    match check.0 {
        Some(error) => Err(error),
        None => Ok(Returned {
            ty: ty.clone(),
            fallible,
        }),
    }
}

/// Refuses outputs that borrow or that have no name.
struct Kept(Option<Error>);

impl<'ast> Visit<'ast> for Kept {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        // `&'static str` in an error, say, borrows nothing.
        if reference
            .lifetime
            .as_ref()
            .is_some_and(|lifetime| lifetime.ident == "static")
        {
            return;
        }
        self.refuse(reference.span());
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident != "static" {
            self.refuse(lifetime.span());
        }
    }

    fn visit_type_impl_trait(&mut self, object: &'ast syn::TypeImplTrait) {
        self.0.get_or_insert_with(|| {
            Error::new_spanned(
                object,
                "a node's output has one known type; name it instead of `impl Trait`",
            )
        });
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
}

impl Kept {
    fn refuse(&mut self, span: proc_macro2::Span) {
        self.0.get_or_insert_with(|| {
            Error::new(span, "a node's output outlives the call, so it cannot borrow; return the owned type, such as `String` for `&str`")
        });
    }
}
