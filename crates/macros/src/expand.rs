//! From the function to the function and its node.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn};

use crate::axes::{self, Axis};
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
    // Places of parameters mean something if all could be read.
    let axes = match errors {
        None => {
            let (axes, refused) = axes::read(&options, &parameters);
            errors = refused;
            axes
        }
        Some(_) => Vec::new(),
    };
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
        (None, Some(returned)) => {
            let function = Function {
                options: &options,
                item: &item,
                parameters: &parameters,
                axes: &axes,
                returned: &returned,
            };
            function.node(&krate, source)
        }
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

/// A function that can be a node.
struct Function<'a> {
    options: &'a Options,
    item: &'a ItemFn,
    parameters: &'a [Parameter],
    axes: &'a [Axis],
    returned: &'a Returned,
}

impl Function<'_> {
    /// The expression that makes the node.
    fn node(&self, krate: &TokenStream, source: &str) -> TokenStream {
        let function = &self.item.sig.ident;
        let name = function.unraw().to_string();
        let output = self.options.output.as_ref();
        let output = output.map_or_else(|| name.clone(), syn::LitStr::value);
        let code = code::code(krate, function, source);
        let line = code::line(function);
        // A name of the macro's own, which no function or constant of the program can be mistaken for.
        let args = Ident::new("args", Span::mixed_site());
        let settings = settings(self.options);
        let params = self.declarations(krate);
        let arguments = self.parameters.iter().enumerate();
        let arguments = arguments.map(|(index, parameter)| parameter.argument(&args, index));
        let ty = &self.returned.ty;
        let at = ty.span();
        // An error about the returned value is one about the return type.
        let result = Ident::new("result", Span::mixed_site().located_at(at));
        let (mut kept, mut outcome) = match self.returned.fallible {
            true => (
                quote_spanned!(at=> <#ty as #krate::function::Fallible>::Ok),
                quote_spanned!(at=> #krate::function::Fallible::outcome(#result)),
            ),
            false => (quote!(#ty), quote!(::core::result::Result::Ok(#result))),
        };
        if self.options.batch.is_some() {
            kept = quote_spanned!(at=> <#kept as #krate::function::Several>::One);
            outcome = quote_spanned!(at=> (#outcome).map(#krate::function::Several::several));
        }
        let finish = match self.options.cache {
            true => Ident::new("cached", at),
            false => Ident::new("uncached", at),
        };
        quote! {
            #code
            let builder = #krate::Node::declare(#output, #name, ::core::file!(), #line)
                .code(&__REFRAIN_CODE)
                #settings
                #params;
            builder.#finish::<#kept>(|#args: &#krate::function::Args| {
                // A function without parameters reads nothing.
                let _ = #args;
                let #result = #function(#(#arguments),*);
                #outcome
            })
        }
    }

    /// The calls that declare the parameters, and which of them are lists.
    fn declarations(&self, krate: &TokenStream) -> TokenStream {
        let mapped = (!self.axes.is_empty()).then(|| quote!(.mapped()));
        let batch = self.options.batch.iter();
        let several = self.options.batch.is_some();
        let parameters = self.parameters.iter().enumerate();
        let parameters = parameters.map(|(index, parameter)| {
            match self.axes.iter().find(|axis| axis.param == index) {
                Some(axis) => parameter.list(krate, axis, several),
                None => {
                    let declaration = parameter.declaration(krate);
                    quote!(.param(#declaration))
                }
            }
        });
        quote!(#mapped #(#parameters)* #(.in_batches(#batch))*)
    }
}

fn settings(options: &Options) -> TokenStream {
    let key = options.cache_key.iter();
    let backend = options.cache_backend.iter();
    // Items are given out under their keys.
    let key_attr = options.key_attr.iter();
    let retries = options.retries.iter();
    let timeout = options
        .timeout
        .iter()
        .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    let ttl = options.ttl.iter();
    let ttl = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    quote! {
        #(.cache_key(#key))*
        #(.cache_backend(#backend))*
        #(.env("key_attr", ::core::option::Option::Some(#key_attr)))*
        #(.retries(#retries))*
        #(.timeout(::core::time::Duration::from_millis(#timeout)))*
        #(.ttl(::core::time::Duration::from_millis(#ttl)))*
    }
}
