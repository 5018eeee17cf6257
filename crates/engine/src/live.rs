//! A pipeline kept alive: the salsa database, the inputs it is bound to, and
//! which outputs are up to date. It runs nothing.
//!
//! Two rules of salsa shape this room. Verification recurses along edges, so
//! after every write the memos that the write could have touched are verified
//! in topological order ([`Live::refresh`]) before anything else is asked.
//! And a write re-verifies everything of its durability: sources start HIGH
//! and become LOW when first edited, so that a later edit costs the cone below
//! the edited sources and not the whole graph.

mod asking;
mod before;
mod binder;
mod code_parts;
mod found;
mod holding;
mod memory;
mod parts;
mod places;
mod revision;
mod structure;
#[cfg(test)]
mod tests;
mod units;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use refrain_store::{Home, Signature};
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::{Durability, Setter};

use self::before::Before;
use self::code_parts::CodeParts;
pub(crate) use self::found::Resolved;
use self::memory::Memory;
use self::places::Places;
pub(crate) use self::structure::Renumbered;
use self::structure::Spare;
use self::units::{Specs, new_source, new_unit};
use crate::clock::{self, Clock};
use crate::config;
use crate::db::{Bound, Context, Db, Refrain, Spec};
use crate::force::Forced;
use crate::graph::Graph;
use crate::handle::Handle;
use crate::inputs::Inputs;
use crate::lifetime::Lifetime;
use crate::node::Node;
use crate::queries::{self, Key, Source, Unit};
use crate::recall::Recalls;

/// The live state of one pipeline.
pub(crate) struct Live {
    db: Db,
    pub graph: Arc<Graph>,
    sources: Vec<Source>,
    units: Vec<Unit>,
    /// The nodes' specs. What queries see of them is the same in the database.
    specs: Vec<Arc<Spec>>,
    spare: Spare,
    /// Per source: whether it has a value, and whether it was lowered.
    bound: Vec<bool>,
    lowered: Vec<bool>,
    /// The units whose spec was lowered.
    lowered_units: FxHashSet<u32>,
    /// The nodes below everything lowered, in order.
    low: Vec<u32>,
    stale: Stale,
    /// Per node: whether its signature was ever asked for.
    seen: Vec<bool>,
    /// The nodes that the present targets need and that are not seen yet.
    unseen: Vec<u32>,
    /// Per node: whether its output is up to date in the present revision.
    settled: Vec<bool>,
    /// What the present revision was bound with.
    inputs: Option<Inputs>,
    /// Where these are read from, once somebody asked.
    places: Option<Places>,
    reach: Reach,
    revision: u64,
    code_parts: CodeParts,
    before: Before,
    /// Which nodes' actions found a file at some time.
    finders: FxHashMap<PathBuf, FxHashSet<u32>>,
    /// When the files of the present revision were looked at.
    looked_at: SystemTime,
    memory: Memory,
    /// The items of mapped nodes as they were.
    pub recalls: Recalls,
    /// Whether what only memory has counts in later runs as well.
    remembers: bool,
    /// Outputs that are up to date, while what they hang on is written.
    held: FxHashMap<u32, (Signature, Arc<Handle>)>,
    /// The last outputs of nodes that only memory has.
    unstored: FxHashMap<u32, Arc<Handle>>,
    /// What tells when outputs are made, and what it told last, in milliseconds
    /// since 1970: by that they are old.
    clock: Clock,
    now_ms: i64,
}

/// The nodes that some targets need, themselves included.
#[derive(Default)]
struct Reach {
    targets: Arc<[u32]>,
    nodes: Vec<u32>,
}

/// Which memos a write may have touched since the last refresh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    Nothing,
    Low,
    Everything,
}

impl Live {
    /// One with no inputs bound and no output up to date.
    pub fn new(graph: Arc<Graph>, context: Arc<Context>) -> Self {
        let before = Before::new(&graph, context.store.clone());
        let db = Db::new(context);
        let nodes = graph.nodes.len();
        let sources: Vec<Source> = graph.sources.iter().map(|_| new_source(&db)).collect();
        let mut units: Vec<Unit> = Vec::with_capacity(nodes);
        let mut specs: Vec<Arc<Spec>> = Vec::with_capacity(nodes);
        let mut making = Specs::default();
        for node in 0..nodes as u32 {
            let spec = making.spec(db.context(), &graph, node, &sources, &units);
            specs.push(Arc::new(spec));
            units.push(new_unit(&db, &specs[node as usize]));
        }
        Live {
            db,
            sources,
            units,
            specs,
            spare: Spare::default(),
            bound: vec![false; graph.sources.len()],
            lowered: vec![false; graph.sources.len()],
            lowered_units: FxHashSet::default(),
            low: Vec::new(),
            stale: Stale::Nothing,
            seen: vec![false; nodes],
            unseen: Vec::new(),
            settled: vec![false; nodes],
            inputs: None,
            places: None,
            reach: Reach::default(),
            revision: 0,
            code_parts: CodeParts::default(),
            before,
            finders: FxHashMap::default(),
            looked_at: clock::now(),
            memory: Memory::new(0),
            recalls: Recalls::default(),
            remembers: false,
            held: FxHashMap::default(),
            unstored: FxHashMap::default(),
            clock: clock::now,
            now_ms: clock::millis(clock::now()),
            graph,
        }
    }

    pub fn context(&self) -> &Context {
        self.db.context()
    }

    /// Where the output of a node is kept.
    pub fn home(&self, node: &Node) -> Home {
        let backend = node.cache_backend.as_deref();
        config::home(&self.context().config, backend, &node.location.node)
    }

    /// Remembers from run to run what only memory has, and holds values up to so
    /// many bytes that the store could give again.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Memory::new(bytes);
        self.remembers = true;
        self
    }

    /// Whether an output that is up to date counts in another run than the one
    /// that made it.
    pub fn outlasts_run(&self, handle: &Handle) -> bool {
        handle.is_stored() || self.remembers
    }

    /// The last output of a node that only memory has.
    pub fn unstored(&self, node: u32) -> Option<&Arc<Handle>> {
        self.unstored.get(&node)
    }

    /// Lets go of a node's value, which nobody waits for any more, as far as
    /// there is no room for it.
    pub fn release(&mut self, handle: &Arc<Handle>) {
        self.memory.keep(handle);
    }

    /// Looks what time it is, by this clock from now on.
    pub fn look_at_clock(&mut self, clock: Clock) {
        self.clock = clock;
        self.now_ms = self.time_ms();
    }

    /// What tells when outputs are made.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The time, in milliseconds since 1970.
    pub fn time_ms(&self) -> i64 {
        clock::millis((self.clock)())
    }

    /// What is forced, with what is not to be trusted because outputs above count
    /// for some time only.
    pub fn doubting(&self, forced: Forced, targets: &[u32]) -> Forced {
        forced.with_timed(&self.graph, targets, self.context().config.ttl)
    }

    /// How old an output of the node may be.
    pub fn lifetime(&self, node: u32) -> Lifetime {
        let node = self.graph.node(node);
        let ttl = node.ttl.or(self.context().config.ttl);
        Lifetime::new(ttl.filter(|_| node.cache), self.now_ms)
    }

    /// The number of the present revision: it grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When the files of the present revision were looked at.
    pub fn looked_at(&self) -> SystemTime {
        self.looked_at
    }

    /// Notes that something LOW was written. The cones below these nodes hang
    /// on it from now on.
    fn touch_low(&mut self, newly: &[u32]) {
        let touched = if newly.is_empty() {
            Stale::Low
        } else {
            self.low.extend(self.graph.descendants(newly));
            self.low.sort_unstable();
            self.low.dedup();
            Stale::Everything
        };
        self.stale = self.stale.max(touched);
    }

    /// Forgets nodes' outputs: they turned out lost, or are to be made anew. What is
    /// below them stays as it is.
    pub fn unsettle(&mut self, nodes: &[u32]) {
        if !nodes.is_empty() {
            self.hold(nodes);
            self.touch(nodes);
            self.refresh();
        }
    }

    /// Forgets nodes' signatures and outputs and those of all below them: what
    /// the nodes stand on besides their specs has changed.
    pub fn forget(&mut self, nodes: &[u32]) {
        if !nodes.is_empty() {
            for node in self.graph.descendants(nodes) {
                self.settled[node as usize] = false;
            }
            self.touch(nodes);
        }
    }

    fn touch(&mut self, nodes: &[u32]) {
        let mut newly_low = Vec::new();
        for &node in nodes {
            self.settled[node as usize] = false;
            let unit = self.units[node as usize];
            unit.set_spec(&mut self.db)
                .with_durability(Durability::LOW)
                .to(self.specs[node as usize].clone());
            let forgotten = unit.forgotten(&self.db) + 1;
            unit.set_forgotten(&mut self.db)
                .with_durability(Durability::LOW)
                .to(forgotten);
            newly_low.extend(self.lowered_units.insert(node).then_some(node));
        }
        self.touch_low(&newly_low);
    }

    /// Verifies, in topological order, every memo that a write may have touched.
    pub fn refresh(&mut self) {
        match std::mem::replace(&mut self.stale, Stale::Nothing) {
            Stale::Nothing => {}
            Stale::Low => {
                let low = std::mem::take(&mut self.low);
                low.iter().for_each(|node| self.verify(*node));
                self.low = low;
            }
            Stale::Everything => (0..self.units.len() as u32).for_each(|node| self.verify(node)),
        }
        let unseen = std::mem::take(&mut self.unseen);
        self.ask_for_trails(&unseen);
        for node in unseen {
            self.seen[node as usize] = true;
            self.look_at(node);
        }
    }

    fn look_at(&mut self, node: u32) {
        self.key(node);
        if self.graph.node(node).discovers {
            let unit = self.units[node as usize];
            for file in queries::trails(&self.db, unit).files() {
                match self.finders.get_mut(file) {
                    Some(finders) => finders.insert(node),
                    None => self
                        .finders
                        .entry(file.to_owned())
                        .or_default()
                        .insert(node),
                };
            }
        }
    }

    fn verify(&mut self, node: u32) {
        if self.seen[node as usize] {
            self.look_at(node);
            match self.held.remove(&node) {
                _ if !self.settled[node as usize] => {}
                None => drop(self.output(node)),
                Some((key, handle)) if key == self.key(node).signature => {
                    self.lay_down(node, handle);
                }
                Some(_) => self.settled[node as usize] = false,
            }
        }
    }

    /// The node's signature in the present revision.
    pub fn key(&self, node: u32) -> Key {
        queries::signature(&self.db, self.units[node as usize])
    }

    /// What the store has under the node's signature. That it has nothing, or only
    /// what is too old, is asked again: something may have come since the signature
    /// changed.
    pub fn probe(&self, node: u32) -> Option<Arc<Handle>> {
        let unit = self.units[node as usize];
        let lifetime = self.lifetime(node);
        queries::probe(&self.db, unit)
            .filter(|handle| !lifetime.is_over(handle.created_ms))
            .or_else(|| queries::look_up(&self.db, unit))
    }

    /// The output of a node that is settled.
    pub fn output(&self, node: u32) -> Arc<Handle> {
        queries::output(&self.db, self.units[node as usize])
    }

    /// Whether the node's output is up to date.
    pub fn is_settled(&self, node: u32) -> bool {
        self.settled[node as usize]
    }

    /// Whether the node's signature was computed for the present targets or
    /// for earlier ones.
    pub fn is_seen(&self, node: u32) -> bool {
        self.seen[node as usize]
    }

    /// Takes over what a node's execution or a lookup gave.
    pub fn settle(&mut self, node: u32, handle: Arc<Handle>) {
        if self.remembers && !handle.is_stored() {
            self.unstored.insert(node, handle.clone());
        }
        if self.settled[node as usize] {
            // An uncached node that ran once more.
            let known = self.output(node);
            if known == handle {
                return known.replace_value(&handle);
            }
            self.unsettle(&[node]);
        }
        self.settled[node as usize] = true;
        self.lay_down(node, handle);
    }

    /// The signature that the node had when it was last looked at, by whoever
    /// ran the pipeline then.
    pub fn before(&mut self, node: u32) -> Option<Signature> {
        self.before.signature(&self.graph, node)
    }

    /// Notes the signature that the node has after a run looked at it.
    pub fn is_now(&mut self, node: u32, signature: Signature) {
        self.before.note(node, signature);
    }

    /// Notes that the store is about to be told of a run.
    pub fn note_run(&mut self, run: &str) {
        self.before.note_run(run);
    }

    /// The node's spec.
    pub fn spec(&self, node: u32) -> Arc<Spec> {
        self.specs[node as usize].clone()
    }

    /// The source of this number as it is bound.
    pub fn source(&self, number: u32) -> &Bound {
        self.sources[number as usize].bound(&self.db)
    }
}
