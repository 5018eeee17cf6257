//! What was printed while a recorded output was made. It reads records, and is
//! unaware of runs.

use std::sync::Arc;

use refrain_store::{Lookup, Record, Signature, Store};

use crate::explain::recorded;
use crate::recall::names_key;

/// What an action printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The item of a mapped node that it was executed for, by its key.
    pub item: Option<Arc<str>>,
    /// What it printed.
    pub text: Arc<str>,
}

/// What is kept of all that was printed while the output of this signature was
/// made; of a mapped node item by item, in their order.
pub fn printed(store: &Store, signature: &Signature) -> Vec<Printed> {
    let Some(record) = recorded(store, signature) else {
        return Vec::new();
    };
    let own = text(store, &record).map(|text| Printed { item: None, text });
    let items = items(store, &record).unwrap_or_default();
    own.into_iter().chain(items).collect()
}

/// The same of the items of a mapped node.
fn items(store: &Store, record: &Record) -> Option<Vec<Printed>> {
    let names = recorded(store, &names_key(&record.signature))?;
    let entries = store.load_list(&record.output).ok()?;
    let names = store.load(&names.output).ok()?;
    let (names, _) = names.as_chunks::<32>();
    let item = |(entry, name): (refrain_store::ListEntry, &[u8; 32])| {
        let Lookup::Hit(record) = store.find_resolved(&Signature::from_bytes(*name)) else {
            return None;
        };
        let text = text(store, &record)?;
        let item = Some(entry.key);
        Some(Printed { item, text })
    };
    Some(entries.into_iter().zip(names).filter_map(item).collect())
}

fn text(store: &Store, record: &Record) -> Option<Arc<str>> {
    store.note(&record.log?)
}
