//! What the function stands on, as constants of the program.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use refrain_code::{Code, Site, Sources};

/// What is kept from one function to the next of a compilation.
#[derive(Default)]
struct Compilation {
    sources: Sources,
    /// Files that an earlier function has made the compiler watch.
    watched: HashSet<PathBuf>,
    /// Of the files that functions stand in, when they were first seen: an editor's macro server
    /// lives on while they change.
    seen: Vec<(PathBuf, Option<SystemTime>)>,
}

thread_local! {
    static COMPILATION: RefCell<Compilation> = RefCell::default();
}

impl Compilation {
    /// Forgets everything when `file` is not what it was.
    fn refresh(&mut self, file: Option<&Path>) {
        let Some(file) = file else { return };
        let modified = std::fs::metadata(file)
            .and_then(|meta| meta.modified())
            .ok();
        match self.seen.iter().find(|(known, _)| known == file) {
            Some((_, before)) if *before != modified => {
                *self = Compilation {
                    seen: vec![(file.to_owned(), modified)],
                    ..Compilation::default()
                };
            }
            Some(_) => {}
            None => self.seen.push((file.to_owned(), modified)),
        }
    }
}

/// Has the analysis work on tokens of its own making: the compiler's are slower to make, print
/// errors of files that are not its own, and know no offsets.
struct OwnTokens;

impl OwnTokens {
    fn start() -> Self {
        proc_macro2::fallback::force();
        OwnTokens
    }
}

impl Drop for OwnTokens {
    fn drop(&mut self) {
        proc_macro2::fallback::unforce();
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The name of the engine's crate, as Cargo.toml gives it.
pub(crate) fn engine() -> String {
    let own = OwnTokens::start();
    let dir = PathBuf::from(variable("CARGO_MANIFEST_DIR").unwrap_or_default());
    let name =
        COMPILATION.with_borrow_mut(|compilation| compilation.sources.name_of(&dir, "refrain"));
    drop(own);
    name.unwrap_or_else(|| "refrain".to_owned())
}

/// The line of the function's name.
pub(crate) fn line(name: &Ident) -> u32 {
    u32::try_from(name.span().unwrap().line()).unwrap_or_default()
}

/// The `Code` of the function named `name`, and what makes the compiler watch the files read.
pub(crate) fn code(krate: &TokenStream, name: &Ident, source: &str) -> TokenStream {
    let site = Site {
        file: name.span().unwrap().local_file(),
        line: line(name) as usize,
        name: syn::ext::IdentExt::unraw(name).to_string(),
        manifest_dir: PathBuf::from(variable("CARGO_MANIFEST_DIR").unwrap_or_default()),
        crate_name: variable("CARGO_CRATE_NAME").unwrap_or_default(),
        bin_name: variable("CARGO_BIN_NAME"),
        working_dir: std::env::current_dir().unwrap_or_default(),
    };
    let own = OwnTokens::start();
    let (code, new) = COMPILATION.with_borrow_mut(|compilation| {
        compilation.refresh(site.file.as_deref());
        let code = compilation.sources.analyse(&site, source);
        let new: Vec<PathBuf> = code
            .files
            .iter()
            .filter(|file| compilation.watched.insert((*file).clone()))
            .cloned()
            .collect();
        (code, new)
    });
    drop(own);
    tokens(krate, &code, &new)
}

fn tokens(krate: &TokenStream, code: &Code, files: &[PathBuf]) -> TokenStream {
    let items = code.items.iter().map(|item| {
        let (level, path, text, file, line) = (item.level, &item.path, &item.text, &item.file, item.line);
        let hash = Literal::byte_string(&item.hash);
        quote!(#krate::function::CodeItem { level: #level, path: #path, hash: *#hash, text: #text, file: #file, line: #line })
    });
    // The compiler says in the program itself which of the two it is.
    let conditions = code.conditions.iter().filter_map(|condition| {
        let predicate: TokenStream = condition.predicate.parse().ok()?;
        let (level, path) = (condition.level, &condition.path);
        let [off, on] = condition
            .hashes
            .each_ref()
            .map(|hash| Literal::byte_string(hash));
        Some(quote!(#krate::function::CodeItem {
            level: #level,
            path: #path,
            hash: if ::core::cfg!(#predicate) { *#on } else { *#off },
            text: if ::core::cfg!(#predicate) { "true\n" } else { "false\n" },
            file: "",
            line: 0u32,
        }))
    });
    let incomplete = match &code.incomplete {
        Some(reason) => quote!(::core::option::Option::Some(#reason)),
        None => quote!(::core::option::Option::None),
    };
    let files = files.iter().filter_map(|file| file.to_str());
    quote! {
        // Nothing of these is in the program: an unused constant is not.
        #(const _: &[u8] = ::core::include_bytes!(#files);)*
        #[allow(unexpected_cfgs)]
        static __REFRAIN_CODE: #krate::function::Code = #krate::function::Code {
            items: &[#(#items,)* #(#conditions,)*],
            incomplete: #incomplete,
        };
    }
}
