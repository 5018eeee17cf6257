//! The items of a mapped node as its lists are now: what each is, and what it
//! is known by. It is unaware of whether the store has an item, and of when it
//! runs.

mod align;
mod shared;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use refrain_store::{Digest, Parts, Signature};
use smallvec::SmallVec;

use self::align::align;
use self::shared::Shared;
use crate::db::Spec;
use crate::files::Tracked;
use crate::graph::Wire;
use crate::handle::{Handle, Lost};
use crate::lists::{Entry, List};
use crate::live::Live;
use crate::map::{Axis, Map};
use crate::recall::{self, Known, Recall};
use crate::sharing::share;
use crate::signature::{Notes, PartHashes};
use crate::trail::Trail;
use crate::work::Arg;

/// The items of a mapped node, in the order of its first list.
pub(crate) struct Items {
    pub lists: SmallVec<[List; 1]>,
    /// Of each list but the first: where in it each item stands.
    places: SmallVec<[Vec<u32>; 1]>,
    /// Of each list but the first: which items stand at each of its places. Made
    /// when it is first asked for.
    readers: SmallVec<[Vec<SmallVec<[u32; 1]>>; 1]>,
    /// What each item is known by, without files that are found: its resolved
    /// signature. `None` while something that it is made of is still being made.
    bases: Vec<Option<Signature>>,
    shared: Shared,
    /// Whether no two items have one key.
    distinct: bool,
}

/// Why there are no items.
pub(crate) enum Unlisted {
    /// The lists do not fit the node; the message says why.
    Unfit(String),
    /// The output of this parent could not be loaded.
    Lost(u32, Lost),
}

/// Outputs of a node's items as far as they are made, under the items' keys.
pub(crate) type Coming = Vec<(Arc<str>, Option<Arc<Handle>>)>;

/// Where the outputs of a node's parents are.
pub(crate) trait Parents {
    /// The parent's output.
    fn handle(&self, parent: u32) -> Arc<Handle>;
    /// What the parent's output is known by.
    fn digest(&self, parent: u32) -> Digest {
        self.handle(parent).digest
    }
    /// The outputs of the parent's items, if these are being made: then there is
    /// no output of the parent yet.
    fn coming(&self, _parent: u32) -> Option<Coming> {
        None
    }
}

impl Items {
    /// The items of a node whose parents all have outputs, or have items whose
    /// outputs are being made.
    pub fn of(live: &Live, node: u32, parents: &impl Parents) -> Result<Self, Unlisted> {
        let spec = live.spec(node);
        let map = spec.node.map.clone().expect("the node is mapped");
        let recall = live.recalls.of(live.graph.name_of(node));
        let before = |list: usize| recall.map_or(&[][..], |recall| recall.entries(list));
        let lists = map.axes.iter().enumerate();
        let lists = lists.map(|(number, axis)| list(live, node, axis, before(number), parents));
        let lists = lists.collect::<Result<SmallVec<[List; 1]>, _>>()?;
        let names = map.axes.iter();
        let names: Vec<&str> = names
            .map(|axis| &*spec.node.params[axis.param].name)
            .collect();
        let known = recall.is_some_and(|recall| recall.has_keys(&lists[0].entries));
        let aligned = align(&names, &lists, known).map_err(Unlisted::Unfit)?;
        let shared = Shared::of(live, node, spec.clone(), map.clone(), |parent| {
            parents.digest(parent)
        });
        let mut items = Items {
            readers: SmallVec::from_elem(Vec::new(), lists.len() - 1),
            places: aligned.places,
            distinct: aligned.distinct,
            bases: vec![None; lists[0].entries.len()],
            lists,
            shared,
        };
        items.identify(recall.map(Arc::as_ref));
        Ok(items)
    }

    /// Works out what the items are known by; what is equal to what it was is
    /// not worked out again.
    fn identify(&mut self, recall: Option<&Recall>) {
        let recall = recall.filter(|recall| recall.stands_on(&self.shared.mark));
        if let Some(recall) = recall {
            let mut guess = 0;
            for item in 0..self.len() {
                if let Some(at) = recall.locate(guess, self.key(item)) {
                    guess = at + 1;
                    self.bases[item] = recall.base(at, |list| self.digest(item, list));
                }
            }
        }
        let mut bases = std::mem::take(&mut self.bases);
        share(&mut bases, |first, bases| {
            for (item, base) in (first..).zip(bases) {
                *base = base.or_else(|| self.base(item));
            }
        });
        self.bases = bases;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bases.len()
    }

    /// The key of an item.
    pub fn key(&self, item: usize) -> &Arc<str> {
        &self.lists[0].entries[item].key
    }

    /// What an item is known by, without files that are found; `None` while
    /// something that it is made of is still being made.
    pub fn known_by(&self, item: usize) -> Option<Signature> {
        self.bases[item]
    }

    fn place(&self, item: usize, list: usize) -> usize {
        match list.checked_sub(1) {
            None => item,
            Some(further) => self.places[further][item] as usize,
        }
    }

    fn digest(&self, item: usize, list: usize) -> Option<Digest> {
        self.lists[list].entries[self.place(item, list)].digest
    }

    fn digests(&self, item: usize) -> Option<SmallVec<[Digest; 1]>> {
        let lists = 0..self.lists.len();
        lists.map(|list| self.digest(item, list)).collect()
    }

    fn base(&self, item: usize) -> Option<Signature> {
        let digests = self.digests(item)?;
        Some(self.shared.hashes(&digests).resolved())
    }

    /// What the resolved signature of an item is made of, without files that are
    /// found.
    pub fn hashes(&self, item: usize) -> PartHashes {
        self.shared.hashes(&self.made_of(item))
    }

    fn made_of(&self, item: usize) -> SmallVec<[Digest; 1]> {
        let digests = self.digests(item);
        digests.expect("asked for when all that it is made of is there")
    }

    /// What an item is known by, with the files that its action finds; `None`
    /// while they are not known.
    pub fn resolve(&self, live: &Live, item: usize) -> Option<(Signature, Option<Trail>)> {
        let base = self.bases[item]?;
        if !self.shared.spec.node.discovers {
            return Some((base, None));
        }
        let trail = live.trail(&base)?;
        let hashes = self.shared.with_trail(&self.made_of(item), &trail);
        Some((hashes.resolved(), Some(trail)))
    }

    /// The leaves of an item's parts and their texts; parents stand there by
    /// their outputs' digests.
    pub fn parts(&self, live: &Live, node: u32, item: usize) -> (Parts, Notes) {
        let text = |list: usize| self.lists[list].text(self.place(item, list));
        self.shared.parts(live, node, &self.made_of(item), &text)
    }

    /// The item as the action takes it for a parameter; `None` for one that is
    /// no list.
    pub fn arg(&self, item: usize, param: usize) -> Option<(Arg, Option<Arc<Tracked>>)> {
        let mut axes = self.shared.map.axes.iter();
        let list = axes.position(|axis| axis.param == param)?;
        let place = self.place(item, list);
        Some((self.lists[list].arg(place), self.lists[list].file(place)))
    }

    /// The node's spec.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.shared.spec
    }

    /// How the node is mapped.
    pub fn map(&self) -> &Arc<Map> {
        &self.shared.map
    }

    /// The output at a place of a list has been made: which items are whole now.
    pub fn arrive(&mut self, list: usize, at: usize, output: &Arc<Handle>) -> SmallVec<[u32; 1]> {
        self.lists[list].arrive(at, output);
        let mut whole = self.standing_at(list, at);
        whole.retain(|item| {
            let item = *item as usize;
            self.bases[item] = self.base(item);
            self.bases[item].is_some()
        });
        whole
    }

    /// The items that stand at a place of a list.
    pub fn standing_at(&mut self, list: usize, at: usize) -> SmallVec<[u32; 1]> {
        let Some(further) = list.checked_sub(1) else {
            return SmallVec::from_iter([at as u32]);
        };
        let readers = &mut self.readers[further];
        if readers.is_empty() {
            readers.resize(self.lists[list].entries.len(), SmallVec::new());
            for (item, place) in self.places[further].iter().enumerate() {
                readers[*place as usize].push(item as u32);
            }
        }
        readers[at].clone()
    }

    /// The outputs of other nodes' items that an item is made of.
    pub fn outputs_read(&self, item: usize) -> impl Iterator<Item = &Arc<Handle>> {
        let lists = self.lists.iter().enumerate();
        lists.filter_map(move |(number, list)| list.output(self.place(item, number)))
    }

    /// What is to be remembered of what the items are known by.
    pub fn into_known(self) -> Known {
        Known {
            mark: self.shared.mark,
            entries: self.lists.into_iter().map(|list| list.entries).collect(),
            places: self.places,
            bases: self.bases,
            distinct: self.distinct,
        }
    }
}

/// The parents that a mapped node is mapped over.
pub(crate) fn mapped_over(live: &Live, node: u32) -> impl Iterator<Item = u32> {
    let axes = live.graph.node(node).map.iter().flat_map(|map| &map.axes);
    axes.filter_map(move |axis| live.graph.parent_at(node, axis.param))
}

/// Whether a mapped node has any items, as far as it can be said; what it is mapped
/// over is there.
pub(crate) fn are_there(live: &Live, node: u32, parents: &impl Parents) -> bool {
    let map = live.graph.node(node).map.as_ref();
    let first = map.map(|map| list(live, node, &map.axes[0], &[], parents));
    first.is_none_or(|list| list.is_err() || list.is_ok_and(|list| !list.entries.is_empty()))
}

fn list(
    live: &Live,
    node: u32,
    axis: &Axis,
    before: &[Entry],
    parents: &impl Parents,
) -> Result<List, Unlisted> {
    let param = &live.graph.node(node).params[axis.param];
    let apart = |value| {
        let unfit = |why: String| Unlisted::Unfit(format!("{}: {why}", param.name));
        let apart = axis.apart.as_ref();
        let apart = apart.ok_or_else(|| unfit("it is no list".to_owned()))?;
        // Keys and encodings are made by other people's code.
        catch_unwind(AssertUnwindSafe(|| apart(value, before)))
            .unwrap_or_else(|_| Err("it panicked while its items were told apart".to_owned()))
            .map_err(unfit)
    };
    match live.graph.wires.row(node)[axis.param] {
        Wire::Source(number) => {
            let bound = live.source(number);
            match &bound.files {
                Some(files) if !axis.whole => Ok(List::of_files(files)),
                _ => apart(bound.value(param.value_type.id())),
            }
        }
        Wire::Node(parent) if !axis.whole && live.graph.node(parent).map.is_some() => {
            if let Some(coming) = parents.coming(parent) {
                return Ok(List::of_outputs(parent, coming.into_iter()));
            }
            let outputs = recall::outputs(live, parent, &parents.handle(parent));
            let outputs = outputs.map_err(|lost| Unlisted::Lost(parent, lost))?;
            Ok(List::of_outputs(parent, outputs.into_iter()))
        }
        Wire::Node(parent) => {
            let store = live.context().store.as_deref();
            let value = parents.handle(parent).load(store);
            apart(&value.map_err(|lost| Unlisted::Lost(parent, lost))?)
        }
    }
}
