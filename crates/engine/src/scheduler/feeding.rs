//! Mapped nodes that read mapped nodes: the items of one start as soon as the
//! items of the other are done, and nobody waits for a whole list. What comes of
//! an item is taken in here; how items run is not known.

use std::sync::Arc;

use super::Driver;
use super::expansion::Expansion;
use super::ledger::Ending;
use super::progress::State;
use crate::handle::Handle;
use crate::report::Outcome;

/// An item that is over: what it gave, if it did, and whether it is known what
/// that is made of.
struct Fed {
    node: u32,
    item: u32,
    output: Option<Arc<Handle>>,
    sound: bool,
}

impl Driver<'_> {
    /// Notes that mapped nodes that read this one perhaps can start.
    pub(super) fn try_readers(&mut self, node: u32) {
        let graph = &self.live.graph;
        let readers = graph.children.row(node).iter().copied();
        let mapped = readers.filter(|reader| graph.node(*reader).map.is_some());
        self.expansions.try_early(mapped);
    }

    /// Starts a mapped node that reads items which are still being made, if it
    /// waits for nothing else.
    pub(super) fn start_early(&mut self, node: u32) {
        if self.can_start_early(node) {
            self.progress.start(node);
            self.expand(node);
        }
    }

    fn can_start_early(&self, node: u32) -> bool {
        let cached = self.live.graph.node(node).cache;
        let is_due = match self.progress.state(node) {
            Some(State::Waiting) => cached || self.is_forced(node) || self.is_target(node),
            Some(State::Wanted) => true,
            _ => false,
        };
        if !is_due {
            return false;
        }
        let map = self.live.graph.node(node).map.as_ref();
        let map = map.expect("only mapped nodes start early");
        let comes = |param: usize, parent: u32| {
            let mut axes = map.axes.iter();
            let is_list = axes.any(|axis| axis.param == param && !axis.whole);
            is_list && self.expansions.is_going(parent)
        };
        let mut any_comes = false;
        let mut parents = (0..self.live.graph.node(node).params.len())
            .filter_map(|param| Some((param, self.live.graph.parent_at(node, param)?)));
        let all_there = parents.all(|(param, parent)| {
            let comes = comes(param, parent);
            any_comes |= comes;
            comes || self.progress.state(parent) == Some(State::Done)
        });
        all_there && any_comes
    }

    /// Lets the items that are made of this one go on, or blocks them.
    pub(super) fn feed_readers(
        &mut self,
        node: u32,
        item: u32,
        output: Option<Arc<Handle>>,
        sound: bool,
    ) {
        let mut touched = Vec::new();
        let mut over = vec![Fed {
            node,
            item,
            output,
            sound,
        }];
        while let Some(fed) = over.pop() {
            let readers = self.readers_going(fed.node);
            if readers.is_empty()
                && let Some(output) = &fed.output
            {
                self.live.release(output);
            }
            for reader in readers {
                if let Some(mut expansion) = self.expansions.end(reader) {
                    let settled = self.take_in(reader, &mut expansion, &fed);
                    for fed in &settled {
                        for output in expansion.items.outputs_read(fed.item as usize) {
                            self.live.release(output);
                        }
                    }
                    over.extend(settled);
                    self.expansions.add(reader, expansion);
                    touched.push(reader);
                }
            }
        }
        // A node comes before those that read it.
        touched.sort_unstable();
        touched.dedup();
        for reader in touched {
            self.gather_if_over(reader);
        }
    }

    /// The mapped nodes that take the items of this one as they come.
    fn readers_going(&mut self, node: u32) -> Vec<u32> {
        let children = self.live.graph.children.row(node);
        let mut readers = children.to_vec();
        readers.retain(|reader| {
            let expansion = self.expansions.get(*reader);
            let mut lists = expansion.iter().flat_map(|reader| &reader.items.lists);
            lists.any(|list| list.parent() == Some(node))
        });
        readers
    }

    /// Takes in what comes from an item above; gives the items that are over by
    /// that.
    fn take_in(&mut self, reader: u32, expansion: &mut Expansion, fed: &Fed) -> Vec<Fed> {
        let mut over = Vec::new();
        expansion.sound &= fed.sound || fed.output.is_none();
        for list in 0..expansion.items.lists.len() {
            if expansion.items.lists[list].parent() != Some(fed.node) {
                continue;
            }
            let at = fed.item as usize;
            match &fed.output {
                Some(output) => {
                    for item in expansion.items.arrive(list, at, output) {
                        self.look_up(reader, expansion, item);
                        over.extend(expansion.output(item as usize).is_some().then_some(item));
                    }
                }
                None => {
                    let below = expansion.items.standing_at(list, at);
                    over.extend(below.into_iter().filter(|item| expansion.block(*item)));
                }
            }
        }
        let over = over.into_iter().map(|item| Fed {
            node: reader,
            item,
            output: expansion.output(item as usize).cloned(),
            sound: expansion.known && expansion.sound,
        });
        over.collect()
    }

    /// Blocks the items of a node that starts late, for what they are made of has
    /// failed already.
    pub(super) fn block_fallen(&mut self, expansion: &mut Expansion) {
        for list in 0..expansion.items.lists.len() {
            let parent = expansion.items.lists[list].parent();
            let parent = parent.and_then(|parent| self.expansions.get(parent));
            let Some(parent) = parent else { continue };
            for at in 0..parent.items.len() {
                if parent.has_fallen(at) {
                    for item in expansion.items.standing_at(list, at) {
                        expansion.block(item);
                    }
                }
            }
            expansion.sound &= parent.known && parent.sound;
        }
    }

    /// Ends a mapped node some of whose items have no outputs, and what reads it.
    pub(super) fn end_without_output(&mut self, node: u32, expansion: Expansion) {
        let mut ending = vec![(node, expansion)];
        while let Some((node, expansion)) = ending.pop() {
            let failed = !expansion.failures.is_empty();
            let told = match failed {
                true => self.tell_failed(node, &expansion),
                false => self.tell_blocked(node, &expansion),
            };
            self.keep_items(node, expansion);
            let below = match failed {
                true => self.progress.fail(node),
                false => self.progress.block(node),
            };
            for blocked in below {
                let ending = Ending::unstarted(Outcome::Blocked, Some(told.clone()));
                self.tell(blocked, ending);
            }
            self.expansions.fallen.insert(node, told);
            // Those that go on have items whose own are there.
            if self.stopped {
                let readers = self.readers_going(node).into_iter();
                let readers =
                    readers.filter_map(|reader| Some((reader, self.expansions.end(reader)?)));
                ending.extend(readers);
            }
        }
    }

    /// Tells that a mapped node failed; gives what is told of those below.
    fn tell_failed(&mut self, node: u32, expansion: &Expansion) -> Arc<str> {
        self.stopped |= !self.request.keep_going;
        let failure = expansion.failure();
        let message: Arc<str> = failure.message.into();
        let ending = Ending {
            elapsed: expansion.elapsed,
            items: Some(expansion.counts),
            log: failure.log.map(Arc::from),
            ..Ending::unstarted(Outcome::Failed, Some(message.clone()))
        };
        self.tell(node, ending);
        let name = self.live.graph.name_of(node);
        format!("needs {name}, which failed: {message}").into()
    }

    /// Tells that a mapped node is blocked by one that it reads; gives what is
    /// told of those below.
    fn tell_blocked(&mut self, node: u32, expansion: &Expansion) -> Arc<str> {
        let fallen = |parent: u32| self.expansions.fallen.get(&parent).cloned();
        let note = self.live.graph.parents(node).find_map(fallen);
        let note = note.unwrap_or_default();
        let ending = Ending {
            elapsed: expansion.elapsed,
            items: Some(expansion.counts),
            ..Ending::unstarted(Outcome::Blocked, Some(note.clone()))
        };
        self.tell(node, ending);
        note
    }
}
