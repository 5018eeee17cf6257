//! The lists that a node is mapped over: which of the function's parameters are items of which list, and
//! by what they are known.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Token};

use crate::options::{Options, add, nearest};
use crate::parameter::Parameter;

/// One list.
pub(crate) struct Axis {
    /// The place of the parameter that takes its items.
    pub(crate) param: usize,
    /// The input or node that is the list.
    pub(crate) list: String,
    /// The field that an item is known by.
    key: Option<Ident>,
}

impl Axis {
    /// The function that gives an item's key, as an `Option`.
    pub(crate) fn key(&self, item: &syn::Type) -> TokenStream {
        match &self.key {
            Some(key) => quote_spanned! {key.span()=>
                ::core::option::Option::Some(::std::boxed::Box::new(
                    |item: &#item| ::std::string::ToString::to_string(&item.#key)
                ))
            },
            None => quote!(::core::option::Option::None),
        }
    }
}

/// Reads which lists a node is mapped over, and says all that is wrong with that at once.
pub(crate) fn read(options: &Options, parameters: &[Parameter]) -> (Vec<Axis>, Option<Error>) {
    let mut errors = None;
    let Some(map_axis) = &options.map_axis else {
        let lonely = options.key_attr.iter().map(|key| (key.span(), "key_attr"));
        let lonely = lonely.chain(options.batch.iter().map(|batch| (batch.span(), "batch")));
        for (span, name) in lonely {
            let text = format!(
                "`{name}` says something about items, and without `map_axis` there are none; add `map_axis = \"doc in docs\"`"
            );
            add(&mut errors, Error::new(span, text));
        }
        return (Vec::new(), errors);
    };
    let mut axes = Vec::new();
    match map_axis.parse_with(Punctuated::<Of, Token![,]>::parse_terminated) {
        Ok(all) => {
            for of in all {
                match of.axis(map_axis, parameters, &axes) {
                    Ok(axis) => axes.push(axis),
                    Err(error) => add(&mut errors, error),
                }
            }
        }
        Err(_) => {
            let text = "`map_axis` names the parameters that are items, and the lists they are of, such as \"doc in docs\", or \"doc in docs, label in labels\"";
            add(&mut errors, Error::new(map_axis.span(), text));
        }
    }
    if let (Some(key_attr), None) = (&options.key_attr, &errors)
        && let Err(error) = set_keys(key_attr, parameters, &mut axes)
    {
        add(&mut errors, error);
    }
    if let Some(batch) = &options.batch {
        for axis in &axes {
            if parameters[axis.param].element().is_none() {
                let name = &parameters[axis.param].name;
                let text = format!(
                    "`batch` hands several items over at once; take them as a slice, `{name}: &[T]`"
                );
                add(&mut errors, Error::new(batch.span(), text));
            }
        }
    }
    (axes, errors)
}

/// `doc in docs`, or `docs` alone.
struct Of {
    param: Ident,
    list: Ident,
}

impl syn::parse::Parse for Of {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let param = Ident::parse_any(input)?;
        let list = match input.parse::<Option<Token![in]>>()? {
            Some(_) => Ident::parse_any(input)?,
            None => param.clone(),
        };
        Ok(Of { param, list })
    }
}

impl Of {
    fn axis(&self, at: &LitStr, parameters: &[Parameter], axes: &[Axis]) -> syn::Result<Axis> {
        let name = self.param.unraw().to_string();
        let param = find(at, "map_axis", &name, parameters)?;
        if axes.iter().any(|axis| axis.param == param) {
            let text = format!("`map_axis` names `{name}` twice; keep one of them");
            return Err(Error::new(at.span(), text));
        }
        if parameters[param].has_default() {
            let text = format!(
                "`{name}` is an item of a list, which has no default; give the list as an input"
            );
            return Err(Error::new(at.span(), text));
        }
        Ok(Axis {
            param,
            list: self.list.unraw().to_string(),
            key: None,
        })
    }
}

fn find(at: &LitStr, what: &str, name: &str, parameters: &[Parameter]) -> syn::Result<usize> {
    let found = parameters.iter().position(|known| known.name == name);
    found.ok_or_else(|| {
        let names = parameters.iter().map(|known| &*known.name);
        let hint = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name one, as in \"doc in docs\"".to_owned(),
        };
        let text = format!("`{what}` names `{name}`, and no parameter is called so; {hint}");
        Error::new(at.span(), text)
    })
}

/// Reads `id`, which is for all lists, or `doc.id, label.name`.
fn set_keys(key_attr: &LitStr, parameters: &[Parameter], axes: &mut [Axis]) -> syn::Result<()> {
    let wrong = |text: String| Error::new(key_attr.span(), text);
    let one = |input: ParseStream<'_>| -> syn::Result<(Ident, Option<Ident>)> {
        let first = Ident::parse_any(input)?;
        let second = match input.parse::<Option<Token![.]>>()? {
            Some(_) => Some(Ident::parse_any(input)?),
            None => None,
        };
        Ok((first, second))
    };
    let all =
        |input: ParseStream<'_>| Punctuated::<_, Token![,]>::parse_terminated_with(input, one);
    let keys = key_attr.parse_with(all).map_err(|_| {
        wrong("`key_attr` is the field that items are known by, such as \"id\", or \"doc.id, label.name\"".to_owned())
    })?;
    for (first, second) in keys {
        let Some(field) = second else {
            let field = Ident::new(&first.to_string(), key_attr.span());
            axes.iter_mut()
                .for_each(|axis| axis.key = Some(field.clone()));
            continue;
        };
        let name = first.unraw().to_string();
        let param = find(key_attr, "key_attr", &name, parameters)?;
        let axis = axes.iter_mut().find(|axis| axis.param == param);
        let axis = axis.ok_or_else(|| {
            wrong(format!(
                "`{name}` is no item of a list; `map_axis` does not name it"
            ))
        })?;
        axis.key = Some(Ident::new(&field.to_string(), key_attr.span()));
    }
    Ok(())
}
