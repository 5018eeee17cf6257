//! Values from outside: what a pipeline is given before it runs. An input
//! knows its digest and how to become a parameter's type; it does not know
//! which nodes take it.

use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use refrain_store::Digest;
use serde::Serialize;

use crate::canonical;
use crate::node::Param;
use crate::value::Value;

/// Longest canonical encoding, in bytes, whose value is shown in explanations.
pub(crate) const SHOWN_BYTES: usize = 256;

/// The inputs of a run, by name.
///
/// ```
/// use refrain::{file, inputs};
///
/// let given = inputs! { corpus_path: file("data/corpus.json"), index_type: "flat", top: 5 };
/// assert_eq!(given.names().collect::<Vec<_>>(), ["corpus_path", "index_type", "top"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    given: Arc<BTreeMap<Arc<str>, Input>>,
    /// Those given since `given` was shared: copying all for each edit would
    /// cost more than what the edit brings about.
    newer: Arc<BTreeMap<Arc<str>, Input>>,
}

/// How many inputs may be newer than the rest.
const MOST_NEWER: usize = 64;

impl Inputs {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input, or replaces the one of that name.
    pub fn with(mut self, name: &str, value: impl IntoInput) -> Self {
        let (name, value) = (name.into(), value.into_input());
        if let Some(given) = Arc::get_mut(&mut self.given)
            && self.newer.is_empty()
        {
            given.insert(name, value);
            return self;
        }
        let newer = Arc::make_mut(&mut self.newer);
        newer.insert(name, value);
        if newer.len() > MOST_NEWER {
            Arc::make_mut(&mut self.given).append(newer);
        }
        self
    }

    /// The names given, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.given.keys().map(|name| &**name).collect();
        let given = names.len();
        let newer = self.newer.keys().map(|name| &**name);
        names.extend(newer.filter(|name| !self.given.contains_key(*name)));
        if names.len() > given {
            names.sort_unstable();
        }
        names.into_iter()
    }

    /// What an input is given, in a few words; `None` if it is not given, or is
    /// a value too long to be shown.
    pub fn shown(&self, name: &str) -> Option<String> {
        match &self.get(name)?.0 {
            Kind::Typed(typed) => typed.shown.as_deref().map(str::to_owned),
            Kind::File { path, .. } | Kind::Dir { path, .. } => Some(path.display().to_string()),
            Kind::Files(paths) => Some(format!("{} files", paths.len())),
        }
    }

    /// The files and directories that are given, in the order of their inputs'
    /// names.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.all().flat_map(Input::paths)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Input> {
        self.newer.get(name).or_else(|| self.given.get(name))
    }

    /// Whether any of them is read from files, and so may change by itself.
    pub(crate) fn any_file(&self) -> bool {
        self.all().any(Input::is_file)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Input> {
        let given = self.given.iter();
        let given = given.filter(|(name, _)| !self.newer.contains_key(*name));
        self.newer.values().chain(given.map(|(_, input)| input))
    }

    /// Whether both are one and the same, without looking at any value.
    pub(crate) fn same(&self, other: &Inputs) -> bool {
        Arc::ptr_eq(&self.given, &other.given) && Arc::ptr_eq(&self.newer, &other.newer)
    }
}

/// Collects inputs by name: `inputs! { x: 5, corpus: file("corpus.json") }`.
#[macro_export]
macro_rules! inputs {
    ($($name:ident : $value:expr),* $(,)?) => {
        $crate::Inputs::new()$(.with(
            ::core::stringify!($name).trim_start_matches("r#"),
            $value,
        ))*
    };
}

/// One value from outside.
#[derive(Clone, Debug)]
pub struct Input(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Typed(Arc<Typed>),
    File { path: PathBuf, named: bool },
    Files(Vec<PathBuf>),
    Dir { path: PathBuf, named: bool },
}

/// Writes a value so that another type can be read from it.
type ToPlain = fn(&Value) -> Result<serde_json::Value, String>;

/// A Rust value given as an input.
#[derive(Debug)]
pub(crate) struct Typed {
    value: Value,
    id: TypeId,
    type_name: &'static str,
    to_plain: Option<ToPlain>,
    /// The digest of its canonical encoding, or why it has none.
    pub(crate) digest: Result<Digest, Unhashed>,
    /// The value as text, where it is short.
    pub(crate) shown: Option<Arc<str>>,
}

/// Why a value has no digest that outlives this process, and one that does not.
#[derive(Debug)]
pub(crate) struct Unhashed {
    pub why: Arc<str>,
    /// No other value of this process has it, not even after this one's end.
    pub known_by: Digest,
}

impl Unhashed {
    fn new(why: String) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Unhashed {
            why: why.into(),
            known_by: Digest::of(&number.to_le_bytes()),
        }
    }
}

impl Input {
    /// A value known by its canonical encoding.
    pub(crate) fn typed<T: Any + Send + Sync + Serialize>(value: T) -> Self {
        let (digest, shown) = match canonical::digest(&value) {
            Ok((digest, len)) => {
                let shown = (len <= SHOWN_BYTES)
                    .then(|| serde_json::to_string(&value).ok())
                    .flatten();
                (Ok(digest), shown.map(Arc::from))
            }
            Err(e) => (Err(Unhashed::new(e.to_string())), None),
        };
        Input(Kind::Typed(Arc::new(Typed {
            value: Value::new(value),
            id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
            to_plain: Some(to_plain::<T>),
            digest,
            shown,
        })))
    }

    /// What it is read from.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        match &self.0 {
            Kind::Typed(_) => Vec::new(),
            Kind::File { path, .. } | Kind::Dir { path, .. } => vec![path.clone()],
            Kind::Files(paths) => paths.clone(),
        }
    }

    /// Whether it is read from files.
    pub(crate) fn is_file(&self) -> bool {
        !matches!(self.0, Kind::Typed(_))
    }

    /// The same file or directory with its path counting as well as its content:
    /// for a function that looks at the path itself.
    pub fn named(self) -> Self {
        match self.0 {
            Kind::File { path, .. } => Input(Kind::File { path, named: true }),
            Kind::Dir { path, .. } => Input(Kind::Dir { path, named: true }),
            kind => Input(kind),
        }
    }

    /// The path, if it is one file.
    pub(crate) fn as_file(&self) -> Option<&Path> {
        match &self.0 {
            Kind::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The value as the type of a parameter, or why it cannot be.
    pub(crate) fn as_param(&self, param: &Param) -> Result<Value, String> {
        let (value, id) = match &self.0 {
            Kind::Typed(typed) => return typed.as_param(param),
            Kind::File { path, .. } | Kind::Dir { path, .. } => {
                (Value::new(path.clone()), TypeId::of::<PathBuf>())
            }
            Kind::Files(paths) => (Value::new(paths.clone()), TypeId::of::<Vec<PathBuf>>()),
        };
        if id == param.value_type.id() {
            return Ok(value);
        }
        let wanted = match &self.0 {
            Kind::Files(_) => "files, to be taken as &[PathBuf]",
            _ => "a path, to be taken as &Path",
        };
        Err(format!(
            "is {wanted}, and its function takes {}",
            param.value_type.name()
        ))
    }
}

impl Typed {
    fn as_param(&self, param: &Param) -> Result<Value, String> {
        if self.id == param.value_type.id() {
            return Ok(self.value.clone());
        }
        let mismatch = || {
            format!(
                "is {}, and its function takes {}",
                self.type_name,
                param.value_type.name()
            )
        };
        let (Some(to_plain), Some(decode)) = (self.to_plain, param.plain) else {
            return Err(mismatch());
        };
        to_plain(&self.value)
            .and_then(|plain| decode(&plain))
            .map_err(|e| format!("{}: {e}", mismatch()))
    }
}

fn to_plain<T: Any + Send + Sync + Serialize>(value: &Value) -> Result<serde_json::Value, String> {
    let value = value.get::<T>().expect("made from a T");
    serde_json::to_value(value).map_err(|e| e.to_string())
}

/// What can be given as an input: anything that serializes, or a source made
/// by [`file()`], [`files()`], [`dir()`] or [`opaque()`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be hashed, so it cannot be an input by itself",
    note = "derive `serde::Serialize` for it, or wrap it in `refrain::opaque(..)`: what depends on it then runs every time"
)]
pub trait IntoInput {
    /// The value as an input.
    fn into_input(self) -> Input;
}

impl<T: Any + Send + Sync + Serialize> IntoInput for T {
    fn into_input(self) -> Input {
        Input::typed(self)
    }
}

impl IntoInput for Input {
    fn into_input(self) -> Input {
        self
    }
}

/// A file, tracked by its content; the function takes it as `&Path`.
pub fn file(path: impl AsRef<Path>) -> Input {
    Input(Kind::File {
        path: path.as_ref().to_owned(),
        named: false,
    })
}

/// Files, tracked by their paths and contents, in the order given; the
/// function takes them as `&[PathBuf]`.
pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Input {
    let paths = paths.into_iter().map(|path| path.as_ref().to_owned());
    Input(Kind::Files(paths.collect()))
}

/// A directory, tracked by the names and contents of all files below it; the
/// function takes it as `&Path`.
pub fn dir(path: impl AsRef<Path>) -> Input {
    Input(Kind::Dir {
        path: path.as_ref().to_owned(),
        named: false,
    })
}

/// A value that cannot be hashed, such as a connection or a loaded model.
/// What depends on it runs every time and is not remembered.
pub fn opaque<T: Any + Send + Sync>(value: T) -> Input {
    Input(Kind::Typed(Arc::new(Typed {
        value: Value::new(value),
        id: TypeId::of::<T>(),
        type_name: type_name::<T>(),
        to_plain: None,
        digest: Err(Unhashed::new("given as opaque".to_owned())),
        shown: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_later_counts_whoever_shares_the_rest() {
        let name = |at: usize| format!("x{at:03}");
        let mut inputs = (0..100).fold(Inputs::new(), |inputs, at| inputs.with(&name(at), at));
        let mut shared = Vec::new();
        for round in 0..3 {
            for at in (0..150).rev() {
                shared.push(inputs.clone());
                inputs = inputs.with(&name(at), at + round);
            }
        }
        let names: Vec<String> = (0..150).map(name).collect();
        assert!(inputs.names().eq(names.iter().map(String::as_str)));
        assert_eq!(inputs.all().count(), 150);
        assert!((0..150).all(|at| inputs.shown(&name(at)) == Some((at + 2).to_string())));
        assert_eq!(shared[0].names().count(), 100);
        assert_eq!(shared[0].shown("x007").as_deref(), Some("7"));
    }
}
