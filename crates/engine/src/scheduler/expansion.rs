//! Mapped nodes in the middle of a run: which of their items have outputs, and
//! which are still to start. It is unaware of what an item is made of, and of
//! the states of nodes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::Signature;
use rustc_hash::FxHashMap;

use crate::items::{Item, ItemOutput, Outputs};
use crate::node::Failure;
use crate::report::ItemCounts;
use crate::trail::Trail;

/// One mapped node whose items are being made.
pub(super) struct Expansion {
    pub items: Vec<Item>,
    outputs: Vec<Option<ItemOutput>>,
    /// What the items with outputs are known by.
    pub names: Vec<Option<Signature>>,
    /// How many items have neither an output nor a failure.
    missing: usize,
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
    /// Why some output is not cached.
    pub note: Option<Arc<str>>,
}

impl Expansion {
    pub fn new(items: Vec<Item>) -> Self {
        Expansion {
            outputs: vec![None; items.len()],
            names: vec![None; items.len()],
            missing: items.len(),
            counts: ItemCounts {
                total: items.len(),
                ..ItemCounts::default()
            },
            items,
            failures: Vec::new(),
            elapsed: Duration::ZERO,
            saved: Duration::ZERO,
            trail: None,
            known: true,
            note: None,
        }
    }

    /// Takes over the output of an item, and what the item is known by.
    pub fn take(
        &mut self,
        item: u32,
        resolved: Signature,
        output: ItemOutput,
        trail: Option<&Trail>,
    ) {
        self.names[item as usize] = Some(resolved);
        let place = &mut self.outputs[item as usize];
        if place.replace(output).is_none() {
            self.missing -= 1;
        }
        if let Some(trail) = trail {
            self.trail.get_or_insert_with(Trail::default).add(trail);
        }
    }

    /// Notes that an item failed.
    pub fn fail(&mut self, item: u32, failure: Failure) {
        self.missing -= 1;
        self.failures.push((item, failure));
    }

    /// The items that have no output yet.
    pub fn absent(&self) -> Vec<u32> {
        let absent = self.outputs.iter().enumerate();
        let absent = absent.filter(|(_, output)| output.is_none());
        absent.map(|(item, _)| item as u32).collect()
    }

    /// Whether every item has an output or has failed.
    pub fn is_over(&self) -> bool {
        self.missing == 0
    }

    /// The outputs of all items, in order.
    pub fn outputs(self) -> Arc<[ItemOutput]> {
        self.outputs.into_iter().flatten().collect()
    }

    /// The failures as one.
    pub fn failure(&self) -> Failure {
        let (item, first) = &self.failures[0];
        let key = &self.items[*item as usize].key;
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
    going: FxHashMap<u32, Expansion>,
    /// Items that are to start, by node and number.
    waiting: VecDeque<(u32, u32)>,
    /// What those that are over gave.
    pub outputs: Outputs,
}

impl Expansions {
    /// Takes up a mapped node whose absent items are to start.
    pub fn add(&mut self, node: u32, expansion: Expansion) {
        let absent = expansion.absent().into_iter();
        self.waiting.extend(absent.map(|item| (node, item)));
        self.going.insert(node, expansion);
    }

    /// The next item to start.
    pub fn next(&mut self) -> Option<(u32, u32)> {
        self.waiting.pop_front()
    }

    /// Whether no item is to start.
    pub fn none_waiting(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The node's items, while they are being made.
    pub fn get(&mut self, node: u32) -> Option<&mut Expansion> {
        self.going.get_mut(&node)
    }

    /// Ends the expansion of a node; items of it start no more.
    pub fn end(&mut self, node: u32) -> Option<Expansion> {
        let ended = self.going.remove(&node)?;
        if !ended.is_over() {
            self.waiting.retain(|(waiting, _)| *waiting != node);
        }
        Some(ended)
    }

    /// Forgets what those gave that are not chosen, and calls the others by the
    /// numbers that they are given.
    pub fn keep(&mut self, keep: impl Fn(u32) -> Option<u32>) {
        let outputs = std::mem::take(&mut self.outputs).into_iter();
        let kept = outputs.filter_map(|(node, outputs)| Some((keep(node)?, outputs)));
        self.outputs = kept.collect();
    }

    /// Forgets what is going on; what is in flight goes on by itself.
    pub fn start_over(&mut self) {
        self.going.clear();
        self.waiting.clear();
    }
}

/// The items of an earlier run by their keys: each with what it was known by.
pub(super) type Earlier = FxHashMap<Arc<str>, (Signature, refrain_store::Output)>;
