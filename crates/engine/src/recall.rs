//! What is remembered of the items of mapped nodes from when they were last
//! looked at, in this session or in an earlier process: so that what is equal to
//! what it was costs a comparison. It decides nothing.

use std::sync::{Arc, OnceLock};

use refrain_store::{Digest, ListEntry, Lookup, Record, Signature, Store, Wanted};
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use crate::explain::recorded;
use crate::graph::Graph;
use crate::handle::{self, Handle, Lost};
use crate::items::{Coming, Items};
use crate::lifetime::Lifetime;
use crate::lists::Entry;
use crate::live::Live;
use crate::trail::{self, Trail};

/// The items of mapped nodes, by node.
#[derive(Default)]
pub(crate) struct Recalls(FxHashMap<Arc<str>, Arc<Recall>>);

impl Recalls {
    /// The items of the node of this name.
    pub fn of(&self, node: &Arc<str>) -> Option<&Arc<Recall>> {
        self.0.get(node)
    }

    /// Remembers the items of a node in place of those before.
    pub fn keep(&mut self, node: Arc<str>, recall: Recall) {
        self.0.insert(node, Arc::new(recall));
    }

    /// Forgets what is of no use after a run: outputs that only memory has, and
    /// nodes that are gone.
    pub fn tidy(&mut self, graph: &Graph) {
        let is_there = |node: &Arc<str>| graph.by_name.contains_key(node);
        self.0
            .retain(|node, recall| is_there(node) && recall.stored);
    }
}

/// The items of a node as they were.
pub(crate) struct Recall {
    known: Known,
    /// What those with outputs are known by with the files that their actions
    /// found; without such files it is what they are known by anyway.
    names: Option<Vec<Option<Signature>>>,
    outputs: Vec<Option<Arc<Handle>>>,
    /// The digest of the node's output, if all items have one.
    whole: Option<Digest>,
    /// Whether the store has all outputs.
    stored: bool,
    by_key: OnceLock<FxHashMap<Arc<str>, u32>>,
}

/// What items were known by.
pub(crate) struct Known {
    /// Stands for what the items had in common.
    pub mark: Signature,
    pub entries: SmallVec<[Vec<Entry>; 1]>,
    pub places: SmallVec<[Vec<u32>; 1]>,
    pub bases: Vec<Option<Signature>>,
    pub distinct: bool,
}

impl Recall {
    /// The items of a node that gave this, if it gave anything.
    pub fn new(
        known: Known,
        names: Option<Vec<Option<Signature>>>,
        outputs: Vec<Option<Arc<Handle>>>,
        whole: Option<&Handle>,
    ) -> Self {
        let is_stored = |output: &Arc<Handle>| output.is_stored();
        Recall {
            // A list is stored when its items are.
            stored: match whole {
                Some(whole) => whole.is_stored(),
                None => outputs.iter().flatten().all(is_stored),
            },
            whole: whole.map(|whole| whole.digest),
            known,
            names,
            outputs,
            by_key: OnceLock::new(),
        }
    }

    /// The items of a node as an earlier process left them.
    fn stored(live: &mut Live, node: u32) -> Option<Self> {
        let store = live.context().store.clone()?;
        let codec = live.graph.node(node).map.as_ref()?.item.codec()?;
        let before = live.before(node)?;
        let kept = Kept::of(&store, &before)?;
        let count = u32::try_from(kept.entries.len().max(1)).unwrap_or(u32::MAX);
        let each = kept.record.elapsed / count;
        let created_ms = kept.record.created_ms;
        let mut outputs = Vec::with_capacity(kept.entries.len());
        let entry = |entry: ListEntry| {
            let handle = Handle::stored(entry.output, codec, each, created_ms, None);
            outputs.push(Some(Arc::new(handle)));
            Entry {
                key: entry.key,
                digest: None,
            }
        };
        let entries = kept.entries.into_iter().map(entry).collect();
        let known = Known {
            mark: Signature::from_bytes([0; 32]),
            entries: smallvec![entries],
            places: SmallVec::new(),
            bases: kept.names.into_iter().map(Some).collect(),
            distinct: false,
        };
        let node = live.graph.node(node);
        let names = node.discovers.then(|| known.bases.clone());
        let whole = Handle::recorded(&kept.record, node.output.codec());
        Some(Self::new(known, names, outputs, whole.as_ref()))
    }

    fn keys(&self) -> &[Entry] {
        &self.known.entries[0]
    }

    /// What was in the list of this number.
    pub fn entries(&self, list: usize) -> &[Entry] {
        self.known.entries.get(list).map_or(&[], Vec::as_slice)
    }

    /// Whether no two of these items had one key, and they were these.
    pub fn has_keys(&self, items: &[Entry]) -> bool {
        let mut pairs = self.keys().iter().zip(items);
        self.known.distinct
            && self.keys().len() == items.len()
            && pairs.all(|(was, is)| was.key == is.key)
    }

    /// Whether the items had in common what this stands for.
    pub fn stands_on(&self, mark: &Signature) -> bool {
        self.known.mark == *mark
    }

    /// Where the item of a key was; `guess` is looked at first.
    pub fn locate(&self, guess: usize, key: &Arc<str>) -> Option<usize> {
        if self
            .keys()
            .get(guess)
            .is_some_and(|entry| entry.key == *key)
        {
            return Some(guess);
        }
        let by_key = self.by_key.get_or_init(|| {
            let keys = self.keys().iter().map(|entry| entry.key.clone());
            keys.zip(0..).collect()
        });
        by_key.get(key).map(|at| *at as usize)
    }

    /// What the item there was known by, if it was made of the same.
    pub fn base(&self, at: usize, digest: impl Fn(usize) -> Option<Digest>) -> Option<Signature> {
        let same = |(list, entries): (usize, &Vec<Entry>)| {
            let place = match list.checked_sub(1) {
                None => at,
                Some(further) => self.known.places[further][at] as usize,
            };
            entries[place].digest.is_some() && entries[place].digest == digest(list)
        };
        let mut lists = self.known.entries.iter().enumerate();
        lists
            .all(same)
            .then(|| self.known.bases.get(at).copied()?)
            .flatten()
    }

    /// The output of the item there, if it was known by this.
    fn output(&self, at: usize, resolved: &Signature) -> Option<&Arc<Handle>> {
        let names = self.names.as_ref().unwrap_or(&self.known.bases);
        let same = names[at].as_ref() == Some(resolved);
        self.outputs[at].as_ref().filter(|_| same)
    }
}

/// Has the session remember what an earlier process left of a node's items.
pub(crate) fn prepare(live: &mut Live, node: u32) {
    let name = live.graph.name_of(node).clone();
    if live.recalls.of(&name).is_none()
        && let Some(recall) = Recall::stored(live, node)
    {
        live.recalls.keep(name, recall);
    }
}

/// An item whose output was found.
pub(crate) struct Found {
    pub resolved: Signature,
    pub output: Arc<Handle>,
    /// The files that its action found.
    pub trail: Option<Trail>,
}

/// Finds the outputs of a node's items.
pub(crate) struct Finder {
    store: Arc<Store>,
    recall: Option<Arc<Recall>>,
    guess: usize,
    lifetime: Lifetime,
}

impl Finder {
    /// A finder of the items of a node; `None` without a store.
    pub fn new(live: &Live, node: u32) -> Option<Self> {
        Some(Finder {
            store: live.context().store.clone()?,
            recall: live.recalls.of(live.graph.name_of(node)).cloned(),
            guess: 0,
            lifetime: live.lifetime(node),
        })
    }

    /// Asks the tiers for all items that are whole and that the node did not have
    /// before.
    pub fn ask_tiers(&self, live: &Live, items: &Items) {
        if !self.store.has_tiers() {
            return;
        }
        let whole = || (0..items.len()).filter_map(|item| items.known_by(item));
        if !items.spec().node.discovers {
            return self.ask_for(whole());
        }
        let trails: Vec<Signature> = whole().map(|base| trail::key(&base)).collect();
        self.store.ask_tiers(&trails);
        let resolved = (0..items.len()).filter_map(|item| Some(items.resolve(live, item)?.0));
        self.ask_for(resolved);
    }

    fn ask_for(&self, keys: impl Iterator<Item = Signature>) {
        let wanted: Vec<Wanted> = keys.map(|key| self.lifetime.wants(key)).collect();
        self.store.ask_tiers_for(&wanted);
    }

    /// The output of an item, if the store has it.
    pub fn find(&mut self, live: &Live, items: &Items, item: usize) -> Option<Found> {
        let codec = items.map().item.codec()?;
        let (resolved, trail) = items.resolve(live, item)?;
        let before = self.recall.as_ref().and_then(|recall| {
            let at = recall.locate(self.guess, items.key(item))?;
            self.guess = at + 1;
            recall.output(at, &resolved)
        });
        // What is remembered of an item may be older than the item: then its record tells.
        let there = |handle: &&Arc<Handle>| {
            handle.is_stored()
                && !self.lifetime.is_over(handle.created_ms)
                && handle.check(Some(&self.store)).is_ok()
        };
        let output = match before.filter(there) {
            Some(before) => before.clone(),
            None => {
                let record = handle::find(&self.store, &resolved, self.lifetime)?;
                Arc::new(Handle::recorded(&record, Some(codec))?)
            }
        };
        Some(Found {
            resolved,
            output,
            trail,
        })
    }
}

/// The outputs of a mapped node's items; `output` is what the node gave.
pub(crate) fn outputs(live: &Live, node: u32, output: &Handle) -> Result<Coming, Lost> {
    let recall = live.recalls.of(live.graph.name_of(node));
    if let Some(recall) = recall.filter(|recall| recall.whole == Some(output.digest)) {
        let keys = recall.keys().iter().map(|entry| entry.key.clone());
        return Ok(keys.zip(recall.outputs.iter().cloned()).collect());
    }
    let unlisted = || Lost {
        missing: true,
        message: "its items are not in the store".to_owned(),
    };
    let map = live.graph.node(node).map.as_ref();
    let codec = map.and_then(|map| map.item.codec()).ok_or_else(unlisted)?;
    let store = live.context().store.as_ref().ok_or_else(unlisted)?;
    let list = output.output().ok_or_else(unlisted)?;
    let entry = |entry: ListEntry| {
        let (elapsed, created_ms) = (output.elapsed, output.created_ms);
        let handle = Handle::stored(entry.output, codec, elapsed, created_ms, None);
        (entry.key, Some(Arc::new(handle)))
    };
    Ok(store.load_list(list)?.into_iter().map(entry).collect())
}

/// What the store keeps of the items of a node that had some signature.
pub(crate) struct Kept {
    pub record: Arc<Record>,
    pub entries: Vec<ListEntry>,
    /// What each was known by.
    pub names: Vec<Signature>,
}

impl Kept {
    /// The items that a node had under this signature.
    pub fn of(store: &Store, signature: &Signature) -> Option<Self> {
        let record = recorded(store, signature)?;
        let entries = store.load_list(&record.output).ok()?;
        let names = names_key(signature);
        store.ask_tiers(&[names]);
        let Lookup::Hit(names) = store.find(&names) else {
            return None;
        };
        let names = store.load(&names.output).ok()?;
        let (names, _) = names.as_chunks::<32>();
        let names: Vec<Signature> = names
            .iter()
            .map(|name| Signature::from_bytes(*name))
            .collect();
        (names.len() == entries.len()).then_some(Kept {
            record,
            entries,
            names,
        })
    }
}

/// Where the store has what the items of a node were known by when it had this
/// signature: no signature of work is equal to it.
pub(crate) fn names_key(signature: &Signature) -> Signature {
    let bytes = [b"refrain/1\0items".as_slice(), signature.as_bytes()].concat();
    Signature::from_bytes(*Digest::of(&bytes).as_bytes())
}
