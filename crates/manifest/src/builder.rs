//! Puts keys and values, as they come in the text, together to a document.
//!
//! It knows which table may be added to by what, and nothing of the syntax. What comes of a text whose
//! syntax is broken is of no use; that it is made without a panic is all that is promised.

use std::ops::Range;

use crate::document::{Item, Key, Made, Table, Value};
use crate::problem::{Problem, Span};

/// How deep values may lie in each other, and how many parts keys may have that wait for their value.
pub(crate) const DEPTH: usize = 80;

/// What is being put together.
#[derive(Default)]
pub(crate) struct Builder<'t> {
    root: Table<'t>,
    /// The entry to take at each level to get to the table of the last header; None when that was refused.
    section: Option<Vec<usize>>,
    section_start: usize,
    /// The keys for which there is no value yet.
    keys: Vec<Key<'t>>,
    /// The arrays and inline tables that are not closed yet.
    open: Vec<Open<'t>>,
    problems: Vec<Problem>,
}

enum Open<'t> {
    Array {
        items: Vec<Item<'t>>,
        start: usize,
    },
    Inline {
        table: Table<'t>,
        start: usize,
        /// How many of the keys belong to what is around it.
        outer_keys: usize,
    },
}

impl<'t> Builder<'t> {
    pub(crate) fn new() -> Self {
        Builder {
            section: Some(Vec::new()),
            ..Builder::default()
        }
    }

    /// The document, or what is wrong with it.
    pub(crate) fn finish(self) -> Result<Table<'t>, Vec<Problem>> {
        match self.problems.is_empty() {
            true => Ok(self.root),
            false => Err(self.problems),
        }
    }

    /// Takes a part of a key; false where there are too many.
    pub(crate) fn key(&mut self, key: Key<'t>) -> bool {
        let taken = self.keys.len() < DEPTH;
        if taken {
            self.keys.push(key);
        }
        taken
    }

    /// Puts a complete value where it belongs.
    pub(crate) fn value(&mut self, value: Value<'t>, range: Range<usize>) {
        let item = Item {
            value,
            span: range.into(),
        };
        match self.open.last_mut() {
            Some(Open::Array { items, .. }) => items.push(item),
            Some(Open::Inline {
                table,
                start,
                outer_keys,
            }) => {
                let keys = self.keys.drain(*outer_keys..);
                insert(table, keys, item, *start, &mut self.problems);
            }
            None => {
                let keys = self.keys.drain(..);
                let path = self.section.as_deref().unwrap_or_default();
                let table = path.iter().try_fold(&mut self.root, |table, at| {
                    last_table(&mut table.entry(*at).item.value)
                });
                if let (Some(table), true) = (table, self.section.is_some()) {
                    insert(table, keys, item, self.section_start, &mut self.problems);
                }
            }
        }
    }

    /// Begins an array; false where values lie too deep.
    pub(crate) fn open_array(&mut self, start: usize) -> bool {
        let items = Vec::new();
        self.open.push(Open::Array { items, start });
        self.open.len() <= DEPTH
    }

    /// Begins an inline table; false where values lie too deep.
    pub(crate) fn open_table(&mut self, start: usize) -> bool {
        self.open.push(Open::Inline {
            table: Table::new(Made::Inline),
            start,
            outer_keys: self.keys.len(),
        });
        self.open.len() <= DEPTH
    }

    /// Ends the last array or inline table that was begun.
    pub(crate) fn close(&mut self, end: usize) {
        let (value, start) = match self.open.pop() {
            Some(Open::Array { items, start }) => (Value::Array(items), start),
            Some(Open::Inline {
                table,
                start,
                outer_keys,
            }) => {
                self.keys.truncate(outer_keys);
                (Value::Table(table), start)
            }
            None => return,
        };
        self.value(value, start..end);
    }

    /// Begins a header, whose keys come next.
    pub(crate) fn open_header(&mut self, start: usize) {
        self.keys.clear();
        self.open.clear();
        self.section_start = start;
    }

    /// Opens the table that the keys of a header lead to.
    pub(crate) fn close_header(&mut self, end: usize, array: bool) {
        self.section = None;
        let Some(last) = self.keys.pop() else { return };
        let span = Span::from(self.section_start..end);
        let mut table = &mut self.root;
        let mut path = Vec::with_capacity(self.keys.len() + 1);
        for key in self.keys.drain(..) {
            let at = table.find(&key.name).unwrap_or_else(|| {
                let value = Value::Table(Table::new(Made::Implicitly));
                table.push(key.clone(), Item { value, span })
            });
            path.push(at);
            let entry = table.entry(at);
            let first = entry.key.span;
            match last_table(&mut entry.item.value).filter(|table| table.made() != Made::Inline) {
                Some(inner) => table = inner,
                None => return self.problems.push(twice(&key, first)),
            }
        }
        let fresh = || Item {
            value: Value::Table(Table::new(Made::ByHeader)),
            span,
        };
        let at = match table.find(&last.name) {
            Some(at) => {
                let entry = table.entry(at);
                match &mut entry.item.value {
                    Value::Table(table) if !array && table.made() == Made::Implicitly => {
                        table.make(Made::ByHeader);
                        entry.key.span = last.span;
                    }
                    Value::Array(items) if array && is_of_headers(items) => items.push(fresh()),
                    _ => {
                        let first = entry.key.span;
                        return self.problems.push(twice(&last, first));
                    }
                }
                at
            }
            None if array => {
                let value = Value::Array(vec![fresh()]);
                table.push(last, Item { value, span })
            }
            None => table.push(last, fresh()),
        };
        path.push(at);
        self.section = Some(path);
    }

    /// Ends a line. Outside of values it ends with its value, or its syntax is broken.
    pub(crate) fn end_line(&mut self) {
        if self.open.is_empty() {
            self.keys.clear();
        }
    }
}

/// The table that a header inside of a value adds to.
fn last_table<'v, 't>(value: &'v mut Value<'t>) -> Option<&'v mut Table<'t>> {
    match value {
        Value::Table(table) => Some(table),
        Value::Array(items) if is_of_headers(items) => last_table(&mut items.last_mut()?.value),
        _ => None,
    }
}

/// Whether an array was made by headers, `[[name]]`.
fn is_of_headers(items: &[Item<'_>]) -> bool {
    let last = items.last().map(|item| &item.value);
    matches!(last, Some(Value::Table(table)) if table.made() == Made::ByHeader)
}

/// Puts a value under a dotted key; `section` is where the table's keys begin in the text.
fn insert<'t>(
    mut table: &mut Table<'t>,
    keys: std::vec::Drain<'_, Key<'t>>,
    item: Item<'t>,
    section: usize,
    problems: &mut Vec<Problem>,
) {
    let made = Made::ByKey(section);
    let mut keys = keys.peekable();
    while let Some(key) = keys.next() {
        let known = table.find(&key.name);
        if keys.peek().is_none() {
            match known {
                Some(at) => problems.push(twice(&key, table.entry(at).key.span)),
                None => {
                    table.push(key, item);
                }
            }
            return;
        }
        let span = key.span;
        let at = known.unwrap_or_else(|| {
            let value = Value::Table(Table::new(made));
            table.push(key.clone(), Item { value, span })
        });
        let entry = table.entry(at);
        match &mut entry.item.value {
            Value::Table(inner) if [made, Made::Implicitly].contains(&inner.made()) => {
                table = inner
            }
            _ => return problems.push(twice(&key, entry.key.span)),
        }
    }
}

fn twice(key: &Key<'_>, first: Span) -> Problem {
    Problem::new(key.span, format!("\"{}\" is defined twice", key.name))
        .also(first, "first here")
        .help("keep one of them")
}
