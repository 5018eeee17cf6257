//! `#[func]`: a function becomes a node of a refrain pipeline and stays an ordinary function.
//!
//! Beside the function, in the type namespace, stands a struct of its name that no one can make; the
//! engine's `functions![load_corpus]` finds the node through it. What the node depends on is worked
//! out by `refrain-code` while the macro runs and written into the program as constants.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod code;
mod expand;
mod options;
mod parameter;
mod signature;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a function a node of a pipeline.
///
/// ```
/// use std::path::Path;
/// use refrain::{func, functions};
///
/// #[func(output = "lines", cache)]
/// fn load(corpus_path: &Path) -> std::io::Result<Vec<String>> {
///     Ok(std::fs::read_to_string(corpus_path)?.lines().map(str::to_owned).collect())
/// }
///
/// #[func(cache, cache_key = "v1", timeout = "10s", retries = 2)]
/// fn longest(lines: &[String], #[default(3)] count: usize) -> Vec<String> {
///     let mut lines = lines.to_vec();
///     lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
///     lines.truncate(count);
///     lines
/// }
///
/// let nodes = functions![load, longest];
/// # assert_eq!(nodes.len(), 2);
/// ```
///
/// Parameters name other nodes' outputs or inputs of the run, and are taken as `T` (cloned), `&T`,
/// `&str`, `&[T]`, `&Path` or `Arc<T>`; `#[default(5)] offset: i64` makes one optional. A function that
/// returns a `Result` fails its node with the error.
///
/// | argument | says |
/// |---|---|
/// | `output = ".."` | the node's name, by default the function's |
/// | `cache`, `cache = false` | whether the output is remembered; not, by default |
/// | `cache_key = ".."` | replaces the configuration's `env_hash` for this node |
/// | `cache_backend = ".."` | replaces the configuration's `backend` |
/// | `retries = 2` | how often a failed execution is tried again |
/// | `timeout = "10s"` | when an execution counts as failed: `ms`, `s`, `m`, `h`, `d` |
/// | `crate = "path"` | where the `refrain` crate is, if not where Cargo.toml says |
#[proc_macro_attribute]
pub fn func(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let source = item.to_string();
    let item = parse_macro_input!(item as syn::ItemFn);
    expand::expand(arguments.into(), item, &source).into()
}
