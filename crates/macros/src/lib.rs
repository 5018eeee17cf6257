//! `#[func]`: a function becomes a node of a refrain pipeline and stays an ordinary function.
//!
//! Beside the function, in the type namespace, stands a struct of its name that no one can make; the
//! engine's `functions![load_corpus]` finds the node through it. What the node depends on is worked
//! out by `refrain-code` while the macro runs and written into the program as constants.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod axes;
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
/// With `map_axis` the output is the `Vec` of what the function gave for each item, in the order of the list. Each is
/// remembered by itself: an item that is new or changed executes, and no other. `map_axis = "docs"` alone is for a
/// parameter that is called like the list; `"doc in docs, label in labels"` takes of several lists the items of one key.
/// The list is an input or output `Vec<T>`, the output of another mapped node, whose items are taken as they are done
/// and keep their keys, or `files(..)`, which are taken as `&Path`. Of several lists, `key_attr = "doc.id, label.of"`
/// names the field of each.
///
/// ```
/// use refrain::{func, functions};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Document {
///     id: u32,
///     text: String,
/// }
///
/// #[func(output = "tokens", cache, map_axis = "doc in docs", key_attr = "id")]
/// fn tokenize(doc: &Document, stop: &[String]) -> Vec<String> {
///     let words = doc.text.split(' ').map(str::to_owned);
///     words.filter(|word| !stop.contains(word)).collect()
/// }
///
/// #[func(cache, map_axis = "tokens", batch = 64)]
/// fn lengths(tokens: &[Vec<String>]) -> Vec<usize> {
///     tokens.iter().map(Vec::len).collect()
/// }
///
/// let nodes = functions![tokenize, lengths];
/// # assert_eq!(nodes.len(), 2);
/// ```
///
/// | argument | says |
/// |---|---|
/// | `output = ".."` | the node's name, by default the function's |
/// | `cache`, `cache = false` | whether the output is remembered; not, by default |
/// | `cache_key = ".."` | replaces the configuration's `env_hash` for this node |
/// | `cache_backend = ".."` | replaces the configuration's `backend` |
/// | `map_axis = "doc in docs"` | that the function is applied to each item of the list `docs`, which it takes as `doc` |
/// | `key_attr = "id"` | the field that items are known by; by default their content |
/// | `batch = 64` | that it takes a slice of items and gives a `Vec`, for so many at a time |
/// | `retries = 2` | how often a failed execution is tried again |
/// | `timeout = "10s"` | when an execution counts as failed: `ms`, `s`, `m`, `h`, `d` |
/// | `ttl = "7d"` | how long an output counts after it was made; what is older is made again |
/// | `crate = "path"` | where the `refrain` crate is, if not where Cargo.toml says |
#[proc_macro_attribute]
pub fn func(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let source = item.to_string();
    let item = parse_macro_input!(item as syn::ItemFn);
    expand::expand(arguments.into(), item, &source).into()
}
