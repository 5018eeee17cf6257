//! TOML: a text as values with their places.
//!
//! It knows what TOML has and nothing of what a manifest holds. There are many small tables in a manifest of
//! many nodes: they are kept small.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::problem::Span;

/// A value at its place.
#[derive(Debug)]
pub(crate) struct Item<'t> {
    pub(crate) value: Value<'t>,
    pub(crate) span: Span,
}

/// What TOML has.
#[derive(Debug)]
pub(crate) enum Value<'t> {
    String(Cow<'t, str>),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(Cow<'t, str>),
    Array(Vec<Item<'t>>),
    Table(Table<'t>),
}

/// Keys and values in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Table<'t> {
    entries: Vec<Entry<'t>>,
    /// Where keys stand, once there are many.
    index: Option<Box<FxHashMap<Cow<'t, str>, usize>>>,
    made: Made,
}

#[derive(Debug)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Key<'t>,
    pub(crate) item: Item<'t>,
}

/// A key at its place.
#[derive(Debug, Clone)]
pub(crate) struct Key<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) span: Span,
}

/// What made a table, which decides what may still be added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Made {
    /// A header of something in it.
    #[default]
    Implicitly,
    /// A header of its own.
    ByHeader,
    /// A dotted key, under the header at this byte.
    ByKey(usize),
    /// Braces: it is complete.
    Inline,
}

/// The most entries in which a key is looked for one by one.
const FEW: usize = 12;

impl<'t> Table<'t> {
    pub(crate) fn new(made: Made) -> Self {
        Table {
            made,
            ..Table::default()
        }
    }

    pub(crate) fn entries(&self) -> &[Entry<'t>] {
        &self.entries
    }

    pub(crate) fn made(&self) -> Made {
        self.made
    }

    pub(crate) fn make(&mut self, made: Made) {
        self.made = made;
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|entry| entry.key.name == name),
        }
    }

    pub(crate) fn entry(&mut self, at: usize) -> &mut Entry<'t> {
        &mut self.entries[at]
    }

    /// Adds a key that is not there yet.
    pub(crate) fn push(&mut self, key: Key<'t>, item: Item<'t>) -> usize {
        let at = self.entries.len();
        if at == 0 {
            // Most tables have few entries, and there are many of them.
            self.entries.reserve_exact(2);
        }
        if at == FEW {
            let names = self.entries.iter().map(|entry| entry.key.name.clone());
            self.index = Some(Box::new(names.zip(0..).collect()));
        }
        if let Some(index) = &mut self.index {
            index.insert(key.name.clone(), at);
        }
        self.entries.push(Entry { key, item });
        at
    }
}

impl Value<'_> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, as the end of "expected a string, found ..".
    pub(crate) fn described(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Date(_) => "a date",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}
