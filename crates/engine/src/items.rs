//! The items of a mapped node as its lists are now: what each is, and what it
//! is known by. It is unaware of whether the store has an item, and of when it
//! runs.

use std::sync::Arc;

use refrain_store::{Damage, Digest, Parts, Record, Signature};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::db::Spec;
use crate::files::Tracked;
use crate::graph::Wire;
use crate::handle::{self, Handle, Lost};
use crate::live::Live;
use crate::map::{Axis, Map};
use crate::note;
use crate::signature::{
    Explain, Hash, Notes, PartHashes, PartKind, Visitor, walk_deps, walk_env, walk_inputs,
    walk_trail,
};
use crate::trail::Trail;
use crate::value::Value;
use crate::work::Arg;

/// One item of a mapped node.
pub(crate) struct Item {
    pub key: Arc<str>,
    /// What it is in each of the node's lists, in their order.
    pub places: SmallVec<[Place; 1]>,
    /// What its resolved signature is made of, without files that are found.
    pub hashes: PartHashes,
}

/// What an item is in one list.
#[derive(Clone)]
pub(crate) struct Place {
    digest: Digest,
    pub arg: Arg,
    /// The file that it is, where it is one.
    pub file: Option<Arc<Tracked>>,
    text: Option<Arc<str>>,
}

/// The output of one item.
#[derive(Clone)]
pub(crate) struct ItemOutput {
    pub key: Arc<str>,
    pub handle: Arc<Handle>,
}

/// The outputs of mapped nodes that this run has made or found, by node.
pub(crate) type Outputs = FxHashMap<u32, Arc<[ItemOutput]>>;

/// Why there are no items.
pub(crate) enum Unlisted {
    /// The lists do not fit the node; the message says why.
    Unfit(String),
    /// The output of this parent could not be loaded.
    Lost(u32, Lost),
}

/// Where the outputs of a node's parents are.
pub(crate) trait Parents {
    /// The parent's output.
    fn handle(&self, parent: u32) -> Arc<Handle>;
    /// The outputs of the parent's items, if it is mapped and this run has
    /// looked at them.
    fn items(&self, parent: u32) -> Option<Arc<[ItemOutput]>>;
}

/// The items of a mapped node, all of whose parents have outputs.
pub(crate) fn items(live: &Live, node: u32, parents: &impl Parents) -> Result<Vec<Item>, Unlisted> {
    let spec = live.spec(node);
    let map = spec.node.map.clone().expect("the node is mapped");
    let lists = map.axes.iter();
    let lists = lists.map(|axis| places(live, node, axis, parents));
    let rows = align(&spec, &map, lists.collect::<Result<_, _>>()?)?;
    let digest = |parent| parents.handle(parent).digest;
    let shared = Shared::of(live, node, &digest);
    let item = |(key, places): Row| Item {
        hashes: shared.hashes(&spec, &map, &places),
        key,
        places,
    };
    Ok(rows.into_iter().map(item).collect())
}

/// Where the store has what the items of a node were known by when it had this
/// signature: no signature of work is equal to it.
pub(crate) fn names_key(signature: &Signature) -> Signature {
    let bytes = [b"refrain/1\0items".as_slice(), signature.as_bytes()].concat();
    Signature::from_bytes(*Digest::of(&bytes).as_bytes())
}

/// What an item is known by, with the files that its action finds; `None` while
/// they are not known.
pub(crate) fn resolve(
    live: &Live,
    node: u32,
    item: &Item,
    digest: impl Fn(u32) -> Digest,
) -> Option<(Signature, Option<Trail>)> {
    let base = item.hashes.resolved();
    if !live.graph.node(node).discovers {
        return Some((base, None));
    }
    let trail = live.trail(&base)?;
    let hashes = with_trail(live, node, item, digest, &trail);
    Some((hashes.resolved(), Some(trail)))
}

/// The record of an item whose output the store has.
pub(crate) fn recorded(
    live: &Live,
    node: u32,
    item: &Item,
    digest: impl Fn(u32) -> Digest,
) -> Option<Arc<Record>> {
    let store = live.context().store.as_ref()?;
    let (resolved, _) = resolve(live, node, item, digest)?;
    handle::find(store, &resolved)
}

/// What an item's resolved signature is made of with the files that its action
/// finds.
fn with_trail(
    live: &Live,
    node: u32,
    item: &Item,
    digest: impl Fn(u32) -> Digest,
    trail: &Trail,
) -> PartHashes {
    let spec = live.spec(node);
    let map = spec.node.map.as_ref().expect("the node is mapped");
    let shared = Shared::of(live, node, &digest);
    let inputs = Hash::part(PartKind::Inputs, |hash| {
        shared.walk_inputs(&spec, map, &item.places, hash);
        walk_trail(Some(trail), hash);
    });
    PartHashes {
        inputs,
        ..item.hashes
    }
}

/// The leaves of an item's parts and their texts; parents stand there by their
/// outputs' digests.
pub(crate) fn parts(
    live: &Live,
    node: u32,
    item: &Item,
    digest: impl Fn(u32) -> Digest,
) -> (Parts, Notes) {
    let spec = live.spec(node);
    let map = spec.node.map.as_ref().expect("the node is mapped");
    let shared = Shared::of(live, node, &digest);
    let mut notes = Notes::new();
    let code = live.code_part(node, &mut notes);
    let env = Explain::part(PartKind::Env, &mut notes, |explain| {
        walk_env(&spec.node, &live.context().config, explain);
    });
    let inputs = Explain::part(PartKind::Inputs, &mut notes, |explain| {
        shared.walk_inputs(&spec, map, &item.places, explain);
    });
    let deps = Explain::part(PartKind::Deps, &mut notes, |explain| {
        shared.walk_deps(&spec, map, &item.places, explain);
    });
    let parts = Parts {
        code,
        env,
        inputs,
        deps,
    };
    (parts, notes)
}

/// The items of one list, by key.
type List = Vec<(Arc<str>, Place)>;

/// What stands under one key in all lists, in their order.
type Row = (Arc<str>, SmallVec<[Place; 1]>);

fn places(live: &Live, node: u32, axis: &Axis, parents: &impl Parents) -> Result<List, Unlisted> {
    let name = &live.graph.node(node).params[axis.param].name;
    match live.graph.wires.row(node)[axis.param] {
        Wire::Source(number) => {
            let bound = live.source(number);
            let wanted = live.graph.node(node).params[axis.param].value_type.id();
            match (&axis.split, &bound.files) {
                (Some(_), _) => split(axis, name, bound.value(wanted)),
                (None, Some(files)) => Ok(files_of(files)),
                (None, None) => Err(Unlisted::Unfit(format!("{name} is no list"))),
            }
        }
        Wire::Node(parent) if axis.split.is_none() => {
            let outputs = match parents.items(parent) {
                Some(outputs) => outputs,
                None => stored(live, parent, &parents.handle(parent))
                    .map_err(|lost| Unlisted::Lost(parent, lost))?,
            };
            Ok(outputs
                .iter()
                .map(|output| of_output(parent, output))
                .collect())
        }
        Wire::Node(parent) => {
            let store = live.context().store.as_deref();
            let value = parents.handle(parent).load(store);
            let value = value.map_err(|lost| Unlisted::Lost(parent, lost))?;
            split(axis, name, &value)
        }
    }
}

fn split(axis: &Axis, name: &str, value: &Value) -> Result<List, Unlisted> {
    let split = axis.split.as_ref().expect("asked for axes that split");
    let parts = split(value).map_err(|why| Unlisted::Unfit(format!("{name}: {why}")))?;
    let place = |part: crate::map::Part| {
        let digest = part.digest;
        let key = part.key.unwrap_or_else(|| digest.to_string().into());
        let place = Place {
            digest,
            arg: Arg::Given(part.value),
            file: None,
            text: part.shown,
        };
        (key, place)
    };
    Ok(parts.into_iter().map(place).collect())
}

fn files_of(files: &Tracked) -> List {
    let singles = files.singles();
    let place = |(digest, file): (Digest, Tracked)| {
        let (path, _) = file.files().next().expect("it is one file");
        let place = Place {
            digest,
            arg: Arg::Given(Value::new(path.to_owned())),
            text: Some(file.note()),
            file: None,
        };
        let key: Arc<str> = note::shown(path).into();
        let file = Some(Arc::new(file));
        (key, Place { file, ..place })
    };
    singles.map(place).collect()
}

fn of_output(parent: u32, output: &ItemOutput) -> (Arc<str>, Place) {
    let place = Place {
        digest: output.handle.digest,
        arg: Arg::Output(parent, output.handle.clone()),
        file: None,
        text: None,
    };
    (output.key.clone(), place)
}

/// The outputs of a mapped node's items, as the store has them.
fn stored(live: &Live, parent: u32, handle: &Handle) -> Result<Arc<[ItemOutput]>, Lost> {
    let lost = |damage: Damage| Lost::from(damage);
    let unlisted = || Lost {
        missing: true,
        message: "its items are not in the store".to_owned(),
    };
    let map = live.graph.node(parent).map.clone();
    let codec = map.and_then(|map| map.item.codec()).ok_or_else(unlisted)?;
    let store = live.context().store.as_ref().ok_or_else(unlisted)?;
    let list = handle.output().ok_or_else(unlisted)?;
    let entries = store.load_list(list).map_err(lost)?.into_iter();
    let output = |entry: refrain_store::ListEntry| ItemOutput {
        key: entry.key,
        handle: Arc::new(Handle::stored(entry.output, codec, handle.elapsed, None)),
    };
    Ok(entries.map(output).collect())
}

/// Puts together what has one key in all lists, in the order of the first.
fn align(spec: &Spec, map: &Map, lists: Vec<List>) -> Result<Vec<Row>, Unlisted> {
    let name = |list: usize| &spec.node.params[map.axes[list].param].name;
    for (number, list) in lists.iter().enumerate() {
        refuse_contradictions(name(number), list)?;
    }
    let mut lists = lists.into_iter();
    let first = lists.next().expect("a mapped node has a list");
    let mut rows: Vec<Row> = first
        .into_iter()
        .map(|(key, place)| (key, SmallVec::from_iter([place])))
        .collect();
    for (number, list) in lists.enumerate() {
        let other = name(number + 1);
        let mut by_key: FxHashMap<Arc<str>, Place> = list.into_iter().collect();
        let mut taken = 0;
        for (key, places) in &mut rows {
            let place = by_key.get(key).cloned().ok_or_else(|| {
                Unlisted::Unfit(format!("{} has {key:?}, and {other} has not", name(0)))
            })?;
            taken += 1;
            places.push(place);
        }
        if taken < by_key.len() {
            for (key, _) in &rows {
                by_key.remove(key);
            }
            if let Some(key) = by_key.keys().min() {
                let message = format!("{other} has {key:?}, and {} has not", name(0));
                return Err(Unlisted::Unfit(message));
            }
        }
    }
    Ok(rows)
}

/// One key stands for one thing.
fn refuse_contradictions(name: &str, list: &List) -> Result<(), Unlisted> {
    let mut first = FxHashMap::default();
    for (at, (key, place)) in list.iter().enumerate() {
        let (before, digest) = *first.entry(key).or_insert((at, place.digest));
        if digest != place.digest {
            return Err(Unlisted::Unfit(format!(
                "{name} has two different items under the key {key:?}: number {} and number {}",
                before + 1,
                at + 1
            )));
        }
    }
    Ok(())
}

/// What the items of a node share of their inputs.
struct Shared {
    /// Per parameter: its digest, and its text where it is a source.
    leaves: Vec<(bool, Digest, Option<Arc<str>>)>,
    depth: u32,
}

impl Shared {
    fn of(live: &Live, node: u32, digest: &impl Fn(u32) -> Digest) -> Self {
        let leaf = |wire: &Wire| match *wire {
            Wire::Source(number) => {
                let bound = live.source(number);
                (true, bound.digest, bound.shown.clone())
            }
            Wire::Node(parent) => (false, digest(parent), None),
        };
        Shared {
            leaves: live.graph.wires.row(node).iter().map(leaf).collect(),
            depth: live.context().config.dependency_depth,
        }
    }

    fn hashes(&self, spec: &Spec, map: &Map, places: &[Place]) -> PartHashes {
        PartHashes {
            code: spec.code,
            env: spec.env,
            inputs: Hash::part(PartKind::Inputs, |hash| {
                self.walk_inputs(spec, map, places, hash);
            }),
            deps: Hash::part(PartKind::Deps, |hash| {
                self.walk_deps(spec, map, places, hash);
            }),
        }
    }

    fn walk_inputs(&self, spec: &Spec, map: &Map, places: &[Place], visitor: &mut impl Visitor) {
        let leaves = self.leaves(spec, map, places);
        let sources = leaves.filter(|(_, is_source, ..)| *is_source);
        let sources = sources.map(|(name, _, digest, text)| (name, digest, move || text.cloned()));
        walk_inputs(sources, visitor);
    }

    fn walk_deps(&self, spec: &Spec, map: &Map, places: &[Place], visitor: &mut impl Visitor) {
        let leaves = self.leaves(spec, map, places);
        let parents = leaves.filter(|(_, is_source, ..)| !is_source);
        let parents = parents.map(|(name, _, digest, _)| (name, *digest.as_bytes()));
        walk_deps(parents, &spec.node.code, self.depth, visitor);
    }

    /// By parameter: its name, whether it is a source, its digest and its text;
    /// of a list those of the item.
    fn leaves<'a>(
        &'a self,
        spec: &'a Spec,
        map: &'a Map,
        places: &'a [Place],
    ) -> impl Iterator<Item = (&'a str, bool, Digest, Option<&'a Arc<str>>)> {
        let params = spec.node.params.iter().zip(&self.leaves).enumerate();
        params.map(move |(at, (param, (is_source, digest, text)))| {
            let list = map.axes.iter().position(|axis| axis.param == at);
            match list {
                Some(list) => {
                    let place = &places[list];
                    (&*param.name, *is_source, place.digest, place.text.as_ref())
                }
                None => (&*param.name, *is_source, *digest, text.as_ref()),
            }
        })
    }
}
