//! Mapped nodes in the middle of a run: where each of their items stands, and
//! which are to start. It is unaware of what an item is made of, and of the
//! states of nodes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use refrain_store::Signature;
use rustc_hash::FxHashMap;

use crate::handle::Handle;
use crate::items::{Coming, Items};
use crate::node::Failure;
use crate::recall::{Finder, Recall};
use crate::recorder::Kept;
use crate::report::ItemCounts;
use crate::trail::Trail;

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Something that it is made of is still being made, by a mapped node that
    /// gives its outputs one by one.
    Coming,
    /// All that it is made of is there, its output is not, and no worker has it.
    Waiting,
    /// A worker has it, or another process does.
    Running,
    /// Its output is at hand; nothing more happens to it in this run.
    Made,
    /// It ran and gave no output; nothing more happens to it in this run.
    Failed,
    /// Something that it is made of failed; nothing more happens to it in this
    /// run.
    Blocked,
}

/// One mapped node whose items are being made.
pub(super) struct Expansion {
    pub items: Items,
    stages: Vec<Stage>,
    outputs: Vec<Option<Arc<Handle>>>,
    /// What the items with outputs are known by, where that is not what they were
    /// known by before their files were found.
    names: Option<Vec<Option<Signature>>>,
    /// The items that wait, in order.
    waiting: VecDeque<u32>,
    /// How many items are coming, and how many more are not over.
    coming: usize,
    open: usize,
    /// How many items start together.
    pub at_once: usize,
    /// Looks items up that may be there; `None` where every item runs.
    pub finder: Option<Finder>,
    /// What was made of items that nobody looks up, by what they are known by: equal ones run once.
    made: FxHashMap<Signature, Kept>,
    pub counts: ItemCounts,
    /// The failed items, by number.
    pub failures: Vec<(u32, Failure)>,
    /// What executing took in this run, and what it had taken before where it
    /// was not done again.
    pub elapsed: Duration,
    pub saved: Duration,
    /// The files that all items' actions found.
    pub trail: Option<Trail>,
    /// Whether it is known what every item's execution read.
    pub known: bool,
    /// Whether that is known of all that came from other mapped nodes.
    pub sound: bool,
    /// Why some output is not cached.
    pub note: Option<Arc<str>>,
}

impl Expansion {
    /// All items are coming.
    pub fn new(items: Items, finder: Option<Finder>) -> Self {
        let total = items.len();
        let names = items.spec().node.discovers;
        Expansion {
            items,
            stages: vec![Stage::Coming; total],
            outputs: vec![None; total],
            names: names.then(|| vec![None; total]),
            waiting: VecDeque::new(),
            coming: total,
            open: total,
            at_once: 1,
            finder,
            made: FxHashMap::default(),
            counts: ItemCounts {
                total,
                ..ItemCounts::default()
            },
            failures: Vec::new(),
            elapsed: Duration::ZERO,
            saved: Duration::ZERO,
            trail: None,
            known: true,
            sound: true,
            note: None,
        }
    }

    fn turn(&mut self, item: u32, stage: Stage) {
        let was = std::mem::replace(&mut self.stages[item as usize], stage);
        self.coming -= usize::from(was == Stage::Coming);
        let over = |stage| matches!(stage, Stage::Made | Stage::Failed | Stage::Blocked);
        self.open -= usize::from(!over(was) && over(stage));
    }

    /// From `Coming` to `Waiting`.
    pub fn wait(&mut self, item: u32) {
        self.turn(item, Stage::Waiting);
        self.waiting.push_back(item);
    }

    /// From `Coming` to `Running`: equal work is under way.
    pub fn join(&mut self, item: u32) {
        self.turn(item, Stage::Running);
    }

    /// Whether there may be items that nobody has looked up yet.
    pub fn is_coming(&self) -> bool {
        self.coming > 0
    }

    /// From `Waiting` to `Running`: as many as start together. None start as long
    /// as there are fewer and more are coming.
    pub fn start(&mut self) -> Vec<u32> {
        if !self.can_start() {
            return Vec::new();
        }
        let together = self.at_once.min(self.waiting.len());
        let items: Vec<u32> = self.waiting.drain(..together).collect();
        for item in &items {
            self.turn(*item, Stage::Running);
        }
        items
    }

    fn can_start(&self) -> bool {
        self.waiting.len() >= self.at_once || (self.coming == 0 && !self.waiting.is_empty())
    }

    /// To `Made`: takes over the output of an item, and what the item is known by.
    pub fn take(
        &mut self,
        item: u32,
        resolved: Signature,
        output: Arc<Handle>,
        trail: Option<&Trail>,
    ) {
        self.turn(item, Stage::Made);
        if let Some(names) = &mut self.names {
            names[item as usize] = Some(resolved);
        }
        self.outputs[item as usize] = Some(output);
        if let Some(trail) = trail {
            self.trail.get_or_insert_with(Trail::default).add(trail);
        }
    }

    /// Notes what was made of an item, for those that are equal to it and start later.
    pub fn note_made(&mut self, item: u32, kept: &Kept) {
        if self.finder.is_none()
            && let Some(known_by) = self.items.known_by(item as usize)
        {
            self.made.insert(known_by, kept.clone());
        }
    }

    /// What was made of an equal item.
    pub fn made(&self, known_by: &Signature) -> Option<&Kept> {
        self.made.get(known_by)
    }

    /// To `Failed`.
    pub fn fail(&mut self, item: u32, failure: Failure) {
        self.turn(item, Stage::Failed);
        self.counts.failed += 1;
        self.failures.push((item, failure));
    }

    /// From `Coming` to `Blocked`; says whether it was not yet.
    pub fn block(&mut self, item: u32) -> bool {
        let new = self.stages[item as usize] == Stage::Coming;
        self.turn(item, Stage::Blocked);
        new
    }

    /// Whether the item will have no output in this run.
    pub fn has_fallen(&self, item: usize) -> bool {
        matches!(self.stages[item], Stage::Failed | Stage::Blocked)
    }

    /// Whether all items have outputs.
    pub fn is_whole(&self) -> bool {
        self.stages.iter().all(|stage| *stage == Stage::Made)
    }

    /// Whether nothing more happens to any item.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// How many items may still run.
    pub fn left(&self) -> usize {
        self.open
    }

    /// The output of an item, if it has one.
    pub fn output(&self, item: usize) -> Option<&Arc<Handle>> {
        self.outputs[item].as_ref()
    }

    /// The outputs that there are, under their items' keys.
    pub fn coming(&self) -> Coming {
        let outputs = self.outputs.iter().enumerate();
        let outputs = outputs.map(|(item, output)| (self.items.key(item).clone(), output.clone()));
        outputs.collect()
    }

    /// What is to be remembered of the items; `outputs` are those that there are.
    pub fn into_recall(self, outputs: Vec<Option<Arc<Handle>>>, whole: Option<&Handle>) -> Recall {
        Recall::new(self.items.into_known(), self.names, outputs, whole)
    }

    /// The outputs of items, in order.
    pub fn outputs(&mut self) -> Vec<Option<Arc<Handle>>> {
        std::mem::take(&mut self.outputs)
    }

    /// What the items are known by, all of which have outputs, in order.
    pub fn names(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 * self.items.len());
        for item in 0..self.items.len() {
            let name = match &self.names {
                Some(names) => names[item],
                None => self.items.known_by(item),
            };
            bytes.extend_from_slice(name.expect("it has an output").as_bytes());
        }
        bytes
    }

    /// The failures as one, told by the first in the order of the list, whichever
    /// came first.
    pub fn failure(&self) -> Failure {
        let first = self.failures.iter().min_by_key(|(item, _)| *item);
        let (item, first) = first.expect("asked for where items failed");
        let key = self.items.key(*item as usize);
        let message = match self.failures.len() {
            1 => format!("item {key}: {}", first.message),
            some => format!(
                "{some} of {} items failed; item {key}: {}",
                self.items.len(),
                first.message
            ),
        };
        Failure {
            message,
            log: first.log.clone(),
        }
    }
}

/// All mapped nodes of a run.
#[derive(Default)]
pub(super) struct Expansions {
    going: BTreeMap<u32, Expansion>,
    /// Those with items that can start.
    ready: BTreeSet<u32>,
    /// Nodes that perhaps can start although not all that they read is over.
    early: Vec<u32>,
    /// Why those that failed have no output, as it is told of what reads them.
    pub fallen: FxHashMap<u32, Arc<str>>,
}

impl Expansions {
    /// Takes up a mapped node.
    pub fn add(&mut self, node: u32, expansion: Expansion) {
        self.going.insert(node, expansion);
        self.look_at(node);
    }

    /// Notes whether a node has items that can start.
    pub fn look_at(&mut self, node: u32) {
        match self.going.get(&node) {
            Some(expansion) if expansion.can_start() => self.ready.insert(node),
            _ => self.ready.remove(&node),
        };
    }

    /// The next items to start: those nearest to the end of the pipeline, so that
    /// what they are made of need not be in memory for long.
    pub fn start(&mut self) -> Option<(u32, Vec<u32>)> {
        let node = *self.ready.last()?;
        let items = self.going.get_mut(&node).map(Expansion::start);
        self.look_at(node);
        Some((node, items.unwrap_or_default()))
    }

    /// Whether no item can start.
    pub fn none_waiting(&self) -> bool {
        self.ready.is_empty() && self.early.is_empty()
    }

    /// Notes nodes that perhaps can start early.
    pub fn try_early(&mut self, nodes: impl Iterator<Item = u32>) {
        self.early.extend(nodes);
    }

    /// The next node that perhaps can start early.
    pub fn next_early(&mut self) -> Option<u32> {
        self.early.pop()
    }

    /// Whether no mapped node's items are being made.
    pub fn is_empty(&self) -> bool {
        self.going.is_empty()
    }

    /// Whether the node's items are being made.
    pub fn is_going(&self, node: u32) -> bool {
        self.going.contains_key(&node)
    }

    /// Whether items of the node may not have been looked up yet.
    pub fn is_coming(&self, node: u32) -> bool {
        self.going.get(&node).is_some_and(Expansion::is_coming)
    }

    /// The node's items, while they are being made.
    pub fn get(&mut self, node: u32) -> Option<&mut Expansion> {
        self.going.get_mut(&node)
    }

    /// The outputs of the node's items that there are, while they are being made.
    pub fn coming(&self, node: u32) -> Option<Coming> {
        self.going.get(&node).map(Expansion::coming)
    }

    /// Ends the expansion of a node; items of it start no more.
    pub fn end(&mut self, node: u32) -> Option<Expansion> {
        self.ready.remove(&node);
        self.going.remove(&node)
    }

    /// Forgets what is going on; what is in flight goes on by itself.
    pub fn start_over(&mut self) {
        self.going.clear();
        self.ready.clear();
        self.early.clear();
    }
}
