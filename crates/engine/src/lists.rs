//! Lists that mapped nodes are applied to: how one falls into items, and what
//! each of them is. It is unaware of what is done with an item, and of how
//! several lists go together.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use refrain_store::Digest;
use serde::Serialize;

use crate::canonical;
use crate::files::Tracked;
use crate::handle::Handle;
use crate::inputs::SHOWN_BYTES;
use crate::map::Part;
use crate::note;
use crate::sharing::share;
use crate::value::Value;
use crate::work::Arg;

/// A list taken apart: what its items are known by is known at once, what they
/// are is told when it is asked for.
pub(crate) struct List {
    pub entries: Vec<Entry>,
    content: Content,
}

/// What an item is known by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: Arc<str>,
    /// `None` while it is still being made.
    pub digest: Option<Digest>,
}

/// What the items are.
enum Content {
    Parts(Vec<(Value, Option<Arc<str>>)>),
    /// Values in a vector, which is held whole.
    Values(Value, &'static dyn Pick),
    Files(Vec<Arc<Tracked>>),
    /// Outputs of the items of the node of this number, as far as they are made.
    Outputs(u32, Vec<Option<Arc<Handle>>>),
}

impl List {
    /// A list of parts.
    pub fn of_parts(parts: Vec<Part>) -> Self {
        let mut entries = Vec::with_capacity(parts.len());
        let part = |part: Part| {
            entries.push(Entry {
                key: part.key.unwrap_or_else(|| part.digest.to_string().into()),
                digest: Some(part.digest),
            });
            (part.value, part.shown)
        };
        let content = Content::Parts(parts.into_iter().map(part).collect());
        List { entries, content }
    }

    /// A vector of values; some may have been there before. One that has no key
    /// is known by its digest.
    pub fn of_values<T: ListItem>(
        list: &Value,
        before: &[Entry],
        key: Option<&KeyOf<T>>,
    ) -> Result<Self, String> {
        let values: &Vec<T> = list.get().expect("a pipeline joins equal types only");
        Ok(List {
            entries: entries(values, before, key)?,
            content: Content::Values(list.clone(), &OfType::<T>(PhantomData)),
        })
    }

    /// Files, known by their paths.
    pub fn of_files(files: &Tracked) -> Self {
        let mut entries = Vec::new();
        let single = |(digest, file): (Digest, Tracked)| {
            let (path, _) = file.files().next().expect("it is one file");
            entries.push(Entry {
                key: note::shown(path).into(),
                digest: Some(digest),
            });
            Arc::new(file)
        };
        let content = Content::Files(files.singles().map(single).collect());
        List { entries, content }
    }

    /// The outputs of a mapped node's items, under the keys of these.
    pub fn of_outputs(
        parent: u32,
        outputs: impl Iterator<Item = (Arc<str>, Option<Arc<Handle>>)>,
    ) -> Self {
        let mut entries = Vec::with_capacity(outputs.size_hint().0);
        let output = |(key, handle): (Arc<str>, Option<Arc<Handle>>)| {
            let digest = handle.as_ref().map(|handle| handle.digest);
            entries.push(Entry { key, digest });
            handle
        };
        let content = Content::Outputs(parent, outputs.map(output).collect());
        List { entries, content }
    }

    /// The node whose items' outputs these are.
    pub fn parent(&self) -> Option<u32> {
        match self.content {
            Content::Outputs(parent, _) => Some(parent),
            _ => None,
        }
    }

    /// The output at this place has been made.
    pub fn arrive(&mut self, at: usize, output: &Arc<Handle>) {
        if let Content::Outputs(_, outputs) = &mut self.content {
            outputs[at] = Some(output.clone());
            self.entries[at].digest = Some(output.digest);
        }
    }

    /// The item as an action takes it.
    pub fn arg(&self, at: usize) -> Arg {
        match &self.content {
            Content::Parts(parts) => Arg::Given(parts[at].0.clone()),
            Content::Values(list, pick) => Arg::Given(pick.value(list, at)),
            Content::Files(files) => {
                let (path, _) = files[at].files().next().expect("it is one file");
                Arg::Given(Value::new(path.to_owned()))
            }
            Content::Outputs(parent, outputs) => {
                let output = outputs[at].clone();
                Arg::Output(*parent, output.expect("asked for when it has been made"))
            }
        }
    }

    /// The file that the item is, where it is one.
    pub fn file(&self, at: usize) -> Option<Arc<Tracked>> {
        match &self.content {
            Content::Files(files) => Some(files[at].clone()),
            _ => None,
        }
    }

    /// The item as text, where it is short.
    pub fn text(&self, at: usize) -> Option<Arc<str>> {
        match &self.content {
            Content::Parts(parts) => parts[at].1.clone(),
            Content::Values(list, pick) => pick.shown(list, at),
            Content::Files(files) => Some(files[at].note()),
            Content::Outputs(..) => None,
        }
    }

    /// The output of another node's item that the item is, where it is one.
    pub fn output(&self, at: usize) -> Option<&Arc<Handle>> {
        match &self.content {
            Content::Outputs(_, outputs) => outputs[at].as_ref(),
            _ => None,
        }
    }
}

/// What an item of a vector has to be: it is known by its canonical encoding,
/// and cloned for the executions that take it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an item of a mapped list",
    note = "derive `Clone` and `serde::Serialize` for it"
)]
pub trait ListItem: Any + Send + Sync + Clone + Serialize {}

impl<T: Any + Send + Sync + Clone + Serialize> ListItem for T {}

/// Gives the key of an item.
pub(crate) type KeyOf<T> = dyn Fn(&T) -> String + Send + Sync;

/// Takes single items out of a vector.
trait Pick: Send + Sync {
    fn value(&self, list: &Value, at: usize) -> Value;
    fn shown(&self, list: &Value, at: usize) -> Option<Arc<str>>;
}

struct OfType<T>(PhantomData<fn() -> T>);

impl<T: ListItem> Pick for OfType<T> {
    fn value(&self, list: &Value, at: usize) -> Value {
        let values: &Vec<T> = list.get().expect("made of such a list");
        Value::new(values[at].clone())
    }

    fn shown(&self, list: &Value, at: usize) -> Option<Arc<str>> {
        let values: &Vec<T> = list.get().expect("made of such a list");
        let short = canonical::encode(&values[at]).ok()?.len() <= SHOWN_BYTES;
        let text = short.then(|| serde_json::to_string(&values[at]).ok());
        text.flatten().map(Arc::from)
    }
}

/// What the values are known by.
fn entries<T: ListItem>(
    values: &[T],
    before: &[Entry],
    key: Option<&KeyOf<T>>,
) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Option<Result<Entry, String>>> = Vec::new();
    entries.resize_with(values.len(), || None);
    share(&mut entries, |first, entries| {
        let mut bytes = Vec::new();
        for (at, slot) in (first..).zip(entries) {
            let before = before.get(at);
            *slot = Some(entry(at, &values[at], before, key, &mut bytes));
        }
    });
    entries.into_iter().flatten().collect()
}

fn entry<T: ListItem>(
    at: usize,
    value: &T,
    before: Option<&Entry>,
    key: Option<&KeyOf<T>>,
    bytes: &mut Vec<u8>,
) -> Result<Entry, String> {
    bytes.clear();
    canonical::encode_to(bytes, value)
        .map_err(|why| format!("item {} cannot be hashed: {why}", at + 1))?;
    let digest = Digest::of(bytes);
    let text = match key {
        Some(key) => key(value),
        None => digest.to_string(),
    };
    let known = before.filter(|before| *before.key == *text);
    Ok(Entry {
        key: known.map_or_else(|| text.into(), |before| before.key.clone()),
        digest: Some(digest),
    })
}
