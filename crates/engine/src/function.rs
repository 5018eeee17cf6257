//! What `#[func]` expands to. Public for the macro's sake; people write
//! `#[func]` and [`functions!`](crate::functions).

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Display;
use std::marker::PhantomData;

use refrain_store::Digest;
use serde::de::DeserializeOwned;

use crate::code;
use crate::node::{Node, NodeBuilder, PlainDecoder, decode_plain};

pub use crate::node::{Args, Failure, Param};

/// A function that is a node. Implemented by `#[func]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node",
    note = "put `#[func(output = \"...\")]` on the function"
)]
pub trait Func {
    /// The function as a node.
    fn node() -> Node;
}

/// Makes a list of nodes from the names of `#[func]` functions.
#[macro_export]
macro_rules! functions {
    ($($function:ty),* $(,)?) => {
        ::std::vec![$(<$function as $crate::function::Func>::node()),*]
    };
}

/// The code of a function as the macro found it.
#[derive(Debug)]
pub struct Code {
    /// The function itself first.
    pub items: &'static [CodeItem],
    /// Why only the function itself is known, where that is so.
    pub incomplete: Option<&'static str>,
}

/// One item of code as the macro found it; see [`code::Item`].
#[derive(Debug)]
pub struct CodeItem {
    /// Import levels away from the function's own module.
    pub level: u32,
    /// The item's path.
    pub path: &'static str,
    /// BLAKE3 of its normalised tokens.
    pub hash: [u8; 32],
    /// Its normalised text.
    pub text: &'static str,
    /// The file it is in, relative to its package.
    pub file: &'static str,
    /// The line it starts on.
    pub line: u32,
}

impl From<&'static Code> for std::sync::Arc<code::Code> {
    fn from(found: &'static Code) -> Self {
        let items = found.items.iter().map(|item| code::Item {
            level: item.level,
            path: Cow::Borrowed(item.path),
            hash: Digest::from_bytes(item.hash),
            text: Cow::Borrowed(item.text),
            file: Cow::Borrowed(item.file),
            line: item.line,
            lines: Cow::Borrowed(&[]),
        });
        let incomplete = found.incomplete.map(Cow::Borrowed);
        std::sync::Arc::new(code::Code::new(items, incomplete))
    }
}

/// A return type that can say no.
pub trait Fallible {
    /// The type of the output.
    type Ok;
    /// The output, or the failure with its message.
    fn outcome(self) -> Result<Self::Ok, Failure>;
}

impl<T, E: Display> Fallible for Result<T, E> {
    type Ok = T;

    // `{:#}` makes an `anyhow::Error` tell its whole chain of causes.
    fn outcome(self) -> Result<T, Failure> {
        self.map_err(|e| Failure::new(format!("{e:#}")))
    }
}

/// What a function gives that takes several items at once.
#[diagnostic::on_unimplemented(
    message = "a function with `batch` gives a `Vec`, one output for each item; `{Self}` is none"
)]
pub trait Several {
    /// The output of one item.
    type One;
    /// The outputs of all.
    fn several(self) -> Vec<Self::One>;
}

impl<T> Several for Vec<T> {
    type One = T;

    fn several(self) -> Vec<T> {
        self
    }
}

/// Finds out, at compile time, whether a parameter can be read from a plain
/// value: method resolution prefers [`ViaSerde`], which exists for
/// deserializable types only, and falls back to [`ViaNothing`].
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A probe for `T`.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Probe(PhantomData)
    }
}

/// See [`Probe`].
pub trait ViaSerde {
    /// The decoder.
    fn plain(&self) -> Option<PlainDecoder>;
}

impl<T: Any + Send + Sync + DeserializeOwned> ViaSerde for &Probe<T> {
    fn plain(&self) -> Option<PlainDecoder> {
        Some(decode_plain::<T>)
    }
}

/// See [`Probe`].
pub trait ViaNothing {
    /// No decoder.
    fn plain(&self) -> Option<PlainDecoder>;
}

impl<T> ViaNothing for Probe<T> {
    fn plain(&self) -> Option<PlainDecoder> {
        None
    }
}

/// Marks the type of the builder for the macro's expansion.
#[doc(hidden)]
pub type Builder = NodeBuilder;
