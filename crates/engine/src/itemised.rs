//! Why a mapped node is not what it was, down to the item: which items it had
//! and has, and what differs of the first that is another. It is unaware of why
//! anybody asks.

use std::sync::Arc;

use refrain_store::{Digest, Lookup, Parts, Signature, Store};
use rustc_hash::FxHashMap;

use crate::detail::Texts;
use crate::explain::{Difference, Reason, Step, difference};
use crate::handle::Handle;
use crate::items::{Items, Parents};
use crate::live::Live;
use crate::recall::Kept;
use crate::signature::Notes;

/// The items of a mapped node as they are now.
struct Present<'a> {
    /// Each item's key, and what it is known by.
    items: Vec<(Arc<str>, Option<Signature>)>,
    /// What an item is made of, and texts of it that may not be stored.
    parts: &'a dyn Fn(usize) -> Option<(Parts, Notes)>,
}

/// The step from a node, of which a list differs, to the first item that does:
/// between two of the node's signatures.
pub(crate) fn between(
    store: &Store,
    node: &Arc<str>,
    list: &Difference,
    before: &Signature,
    now: &Signature,
) -> Option<Step> {
    let (was, is) = (Kept::of(store, before)?, Kept::of(store, now)?);
    let keys = is.entries.iter().map(|entry| entry.key.clone());
    let present = Present {
        items: keys.zip(is.names.iter().copied().map(Some)).collect(),
        parts: &|item| Some((parts(store, &is.names[item])?, Notes::new())),
    };
    step(store, node, list, &was, &present)
}

/// The same between the node's signature before and what its lists are now, as
/// far as they are there.
pub(crate) fn since(live: &Live, node: u32, list: &Difference, before: &Signature) -> Option<Step> {
    let store = live.context().store.clone()?;
    let was = Kept::of(&store, before)?;
    let items = Items::of(live, node, &Found::of(live, node)?).ok()?;
    let item = |item: usize| {
        let name = items.resolve(live, item).map(|(name, _)| name);
        (items.key(item).clone(), name)
    };
    let present = Present {
        items: (0..items.len()).map(item).collect(),
        parts: &|item| Some(items.parts(live, node, item)),
    };
    step(&store, live.graph.name_of(node), list, &was, &present)
}

fn step(
    store: &Store,
    node: &Arc<str>,
    list: &Difference,
    was: &Kept,
    is: &Present<'_>,
) -> Option<Step> {
    let before = was.entries.iter().map(|entry| &entry.key).zip(&was.names);
    let mut before: FxHashMap<&Arc<str>, &Signature> = before.collect();
    let mut came = None;
    for (item, (key, name)) in is.items.iter().enumerate() {
        match before.remove(key) {
            None => came = came.or(Some(key)),
            Some(old) if Some(old) == name.as_ref() => {}
            Some(old) => return changed(store, node, list, key, old, (is.parts)(item)?),
        }
    }
    let gone = || before.keys().min().map(|key| (*key, "is gone"));
    let (key, what) = came.map(|key| (key, "is new")).or_else(gone)?;
    Some(Step {
        node: format!("{node}[{key}]").into(),
        reason: Reason::new(list.kind, what),
        leaf: Some(list.leaf.clone()),
        place: None,
        old: None,
        new: None,
    })
}

/// The step to an item of which the list differs, and not what all items share.
fn changed(
    store: &Store,
    node: &Arc<str>,
    list: &Difference,
    key: &Arc<str>,
    old: &Signature,
    (new, fresh): (Parts, Notes),
) -> Option<Step> {
    let found = difference(&parts(store, old)?, &new)?;
    let digest = |of: &Difference| of.new.as_ref().map(|leaf| leaf.digest);
    let is_item: Option<Digest> = digest(&found).filter(|own| digest(list) != Some(*own));
    let texts = Texts {
        store: Some(store),
        fresh: &fresh,
    };
    let step = found.step(&format!("{node}[{key}]").into(), &texts);
    is_item.map(|_| step)
}

/// What the item that is known by this was made of.
fn parts(store: &Store, resolved: &Signature) -> Option<Parts> {
    match store.find_resolved(resolved) {
        Lookup::Hit(record) => Some(record.parts.clone()),
        Lookup::Absent | Lookup::Damaged(_) => None,
    }
}

/// The outputs of a node's parents, which are all there.
struct Found(FxHashMap<u32, Arc<Handle>>);

impl Found {
    fn of(live: &Live, node: u32) -> Option<Self> {
        let parents = live.graph.parents(node);
        let found = parents.map(|parent| {
            let handle = match live.is_settled(parent) {
                true => Some(live.output(parent)),
                false => live.probe(parent),
            };
            Some((parent, handle?))
        });
        found.collect::<Option<_>>().map(Found)
    }
}

impl Parents for Found {
    fn handle(&self, parent: u32) -> Arc<Handle> {
        self.0[&parent].clone()
    }
}
