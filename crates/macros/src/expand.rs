//! From the function to the function and its node.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn};

use crate::code;
use crate::options::{Options, add};
use crate::parameter::Parameter;
use crate::signature::{self, Returned};

/// The whole expansion; `source` is the function as text.
pub(crate) fn expand(arguments: TokenStream, mut item: ItemFn, source: &str) -> TokenStream {
    let (options, mut errors) = Options::parse(arguments);
    let mut parameters = Vec::new();
    for input in &mut item.sig.inputs {
        match Parameter::read(input) {
            Ok(parameter) => parameters.push(parameter),
            Err(error) => add(&mut errors, error),
        }
    }
    let (returned, refused) = signature::check(&item);
    if let Some(refused) = refused {
        add(&mut errors, refused);
    }
    let krate = match &options.krate {
        Some(path) => quote!(#path),
        None => {
            let name = Ident::new(&code::engine(), Span::call_site());
            quote!(::#name)
        }
    };
    let body = match (errors, returned) {
        (None, Some(returned)) => node(&krate, &options, &item, &parameters, &returned, source),
        (errors, _) => {
            let errors = errors.map(Error::into_compile_error);
            // A method has no room for the struct beside it.
            if item
                .sig
                .inputs
                .iter()
                .any(|input| matches!(input, FnArg::Receiver(_)))
            {
                return quote!(#errors #item);
            }
            // The struct stands even so, so that `functions![..]` adds no error of its own.
            let declared = declared(&krate, &item, &quote!(::core::unreachable!()));
            return quote!(#errors #item #declared);
        }
    };
    let declared = declared(&krate, &item, &body);
    quote!(#item #declared)
}

/// The struct of the function's name and its node.
fn declared(krate: &TokenStream, item: &ItemFn, body: &TokenStream) -> TokenStream {
    let (vis, name) = (&item.vis, &item.sig.ident);
    let cfg: Vec<_> = item
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect();
    quote! {
        #(#cfg)*
        #[allow(non_camel_case_types, dead_code, clippy::empty_structs_with_brackets)]
        #[doc(hidden)]
        #vis struct #name {}

        #(#cfg)*
        #[automatically_derived]
        impl #krate::function::Func for #name {
            fn node() -> #krate::Node {
                #body
            }
        }
    }
}

fn node(
    krate: &TokenStream,
    options: &Options,
    item: &ItemFn,
    parameters: &[Parameter],
    returned: &Returned,
    source: &str,
) -> TokenStream {
    let function = &item.sig.ident;
    let name = function.unraw().to_string();
    let output = options
        .output
        .as_ref()
        .map_or_else(|| name.clone(), syn::LitStr::value);
    let code = code::code(krate, function, source);
    let line = code::line(function);
    // A name of the macro's own, which no function or constant of the program can be mistaken for.
    let args = Ident::new("args", Span::mixed_site());
    let settings = settings(options);
    let params = parameters
        .iter()
        .map(|parameter| parameter.declaration(krate));
    let arguments = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| parameter.argument(&args, index));
    let ty = &returned.ty;
    let at = ty.span();
    // An error about the returned value is one about the return type.
    let result = Ident::new("result", Span::mixed_site().located_at(at));
    let (kept, outcome) = if returned.fallible {
        (
            quote_spanned!(at=> <#ty as #krate::function::Fallible>::Ok),
            quote_spanned!(at=> #krate::function::Fallible::outcome(#result)),
        )
    } else {
        (quote!(#ty), quote!(::core::result::Result::Ok(#result)))
    };
    let finish = Ident::new(if options.cache { "cached" } else { "uncached" }, at);
    quote! {
        #code
        let builder = #krate::Node::declare(#output, #name, ::core::file!(), #line)
            .code(&__REFRAIN_CODE)
            #(.param(#params))*
            #settings;
        builder.#finish::<#kept>(|#args: &#krate::function::Args| {
            // A function without parameters reads nothing.
            let _ = #args;
            let #result = #function(#(#arguments),*);
            #outcome
        })
    }
}

fn settings(options: &Options) -> TokenStream {
    let key = options.cache_key.iter();
    let backend = options.cache_backend.iter();
    let retries = options.retries.iter();
    let timeout = options
        .timeout
        .iter()
        .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    quote! {
        #(.cache_key(#key))*
        #(.cache_backend(#backend))*
        #(.retries(#retries))*
        #(.timeout(::core::time::Duration::from_millis(#timeout)))*
    }
}
