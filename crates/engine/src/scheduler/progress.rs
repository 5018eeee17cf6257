//! The states of the nodes that a run needs, and how many parents each of
//! them waits for. It knows edges and digests; it is unaware of values, of
//! work, and of what a node in some state calls for.

use std::sync::Arc;

use refrain_store::Digest;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::graph::Graph;

/// Where a needed node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Some parents have no digest yet. With the last one known its resolved
    /// signature is, and its output is looked up under that.
    Waiting,
    /// It is not cached, and so far nobody needs its value: it is known by its
    /// resolved signature. If all its children are cut off, it never runs.
    Known,
    /// It must run; it waits until every parent has its value.
    Wanted,
    /// A worker has it, or another process does; of a mapped node: its items are
    /// being made. These may come from a mapped node that is still `Running`.
    Running,
    /// Its output is at hand; nothing more happens to it in this run.
    Done,
    /// It ran and gave no output; nothing more happens to it in this run.
    Failed,
    /// Something above it failed; nothing more happens to it in this run.
    Blocked,
}

struct Needed {
    state: State,
    /// How many parents it waits for: in `Waiting` for their digests, in
    /// `Wanted` for their values.
    waiting: u32,
    /// The output's digest, as soon as it is known.
    digest: Option<Digest>,
    /// How many needed children have not had its value yet.
    readers: u32,
}

/// The needed nodes of one run.
pub(super) struct Progress {
    graph: Arc<Graph>,
    nodes: FxHashMap<u32, Needed>,
    /// Nodes that wait for nothing more; the last one is the next.
    ready: Vec<u32>,
}

impl Progress {
    pub fn new(graph: Arc<Graph>) -> Self {
        Progress {
            graph,
            nodes: FxHashMap::default(),
            ready: Vec::new(),
        }
    }

    /// Where a node stands; `None` if it was not taken up.
    pub fn state(&self, node: u32) -> Option<State> {
        self.nodes.get(&node).map(|needed| needed.state)
    }

    /// Whether the node was taken up.
    pub fn contains(&self, node: u32) -> bool {
        self.nodes.contains_key(&node)
    }

    /// Takes up a node: `Done` if it has an output, known by its digest.
    pub fn add(&mut self, node: u32, digest: Option<Digest>) {
        let state = match digest {
            Some(_) => State::Done,
            None => State::Waiting,
        };
        let needed = Needed {
            state,
            waiting: 0,
            digest,
            readers: 0,
        };
        self.nodes.insert(node, needed);
    }

    /// Counts what nodes that were taken up without an output wait for. Their
    /// parents are taken up as well.
    pub fn count(&mut self, mut nodes: Vec<u32>) {
        nodes.sort_unstable();
        for node in nodes {
            let mut waiting = 0;
            for parent in self.graph.distinct_parents(node) {
                let parent = self.at(parent);
                parent.readers += 1;
                waiting += u32::from(parent.digest.is_none());
            }
            self.at(node).waiting = waiting;
            if waiting == 0 {
                self.ready.push(node);
            }
        }
        // Taken from the end, so that work starts in topological order.
        self.ready.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The next node that waits for nothing more, and its state.
    pub fn next(&mut self) -> Option<(u32, State)> {
        let node = self.ready.pop()?;
        Some((node, self.nodes[&node].state))
    }

    /// Whether no node is ready.
    pub fn none_ready(&self) -> bool {
        self.ready.is_empty()
    }

    /// The digest of an output that a ready node waits for no more.
    pub fn digest(&self, node: u32) -> Digest {
        let digest = self.nodes[&node].digest;
        digest.expect("the parents of a ready node have digests")
    }

    /// From `Waiting` to `Known`: nobody needs the value so far.
    pub fn know(&mut self, node: u32, digest: Digest) {
        let needed = self.at(node);
        needed.state = State::Known;
        needed.digest = Some(digest);
        self.wake_children(node, State::Waiting);
    }

    /// From `Waiting` to `Wanted`: the node must run, and so must its parents
    /// that are only `Known`.
    pub fn want(&mut self, node: u32) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            let mut absent = self.graph.distinct_parents(node);
            absent.retain(|parent| self.nodes[parent].state != State::Done);
            let needed = self.at(node);
            needed.state = State::Wanted;
            needed.waiting = absent.len() as u32;
            if absent.is_empty() {
                self.ready.push(node);
            }
            absent.retain(|parent| self.nodes[parent].state == State::Known);
            stack.extend(absent);
        }
    }

    /// From `Wanted` to `Running`; a mapped node whose items come one by one also
    /// from `Waiting`.
    pub fn start(&mut self, node: u32) {
        self.at(node).state = State::Running;
    }

    /// To `Done`: children that waited for the digest or the value may go on.
    pub fn finish(&mut self, node: u32, digest: Digest) {
        let needed = self.at(node);
        needed.state = State::Done;
        if needed.digest.is_none() {
            needed.digest = Some(digest);
            self.wake_children(node, State::Waiting);
        }
        self.wake_children(node, State::Wanted);
    }

    /// To `Failed`: gives what is `Blocked` by that.
    pub fn fail(&mut self, node: u32) -> Vec<u32> {
        self.end(node, State::Failed)
    }

    /// From `Running` to `Blocked`: some item that a mapped node reads has failed.
    /// Gives what is `Blocked` by that.
    pub fn block(&mut self, node: u32) -> Vec<u32> {
        self.end(node, State::Blocked)
    }

    fn end(&mut self, node: u32, state: State) -> Vec<u32> {
        self.at(node).state = state;
        let mut blocked = Vec::new();
        let mut stack = self.graph.children.row(node).to_vec();
        while let Some(child) = stack.pop() {
            let Some(needed) = self.nodes.get_mut(&child) else {
                continue;
            };
            if matches!(needed.state, State::Waiting | State::Known | State::Wanted) {
                needed.state = State::Blocked;
                blocked.push(child);
                stack.extend(self.graph.children.row(child));
            }
        }
        blocked
    }

    /// Notes that a node needs its parents' values no more; gives the parents
    /// whose values no needed child waits for now.
    pub fn let_go_of_parents(&mut self, node: u32) -> SmallVec<[u32; 8]> {
        let mut parents = self.graph.distinct_parents(node);
        parents.retain(|parent| {
            let parent = self.at(*parent);
            parent.readers = parent.readers.saturating_sub(1);
            parent.readers == 0 && parent.state == State::Done
        });
        parents
    }

    /// Nodes whose values children were to read that never did: they were cut
    /// off, or could not run.
    pub fn unread(&self) -> impl Iterator<Item = u32> {
        let unread = |needed: &Needed| needed.state == State::Done && needed.readers > 0;
        let nodes = self.nodes.iter();
        nodes
            .filter(move |(_, needed)| unread(needed))
            .map(|(node, _)| *node)
    }

    /// Takes up nothing any more but what has failed or is blocked.
    pub fn start_over(&mut self) {
        let over = |state: State| matches!(state, State::Failed | State::Blocked);
        self.nodes.retain(|_, needed| over(needed.state));
        self.ready.clear();
    }

    /// All nodes that were taken up, in no order.
    pub fn states(&self) -> impl Iterator<Item = (u32, State)> {
        self.nodes
            .iter()
            .map(|(node, needed)| (*node, needed.state))
    }

    /// Counts down what children in this state wait for, and readies those
    /// that wait for nothing more.
    fn wake_children(&mut self, node: u32, state: State) {
        for child in self.graph.children.row(node) {
            let Some(needed) = self.nodes.get_mut(child) else {
                continue;
            };
            if needed.state == state && needed.waiting > 0 {
                needed.waiting -= 1;
                if needed.waiting == 0 {
                    self.ready.push(*child);
                }
            }
        }
    }

    fn at(&mut self, node: u32) -> &mut Needed {
        let needed = self.nodes.get_mut(&node);
        needed.expect("the node was taken up")
    }
}
