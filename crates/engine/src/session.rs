//! A pipeline kept alive: the salsa database, the inputs it is bound to, and
//! which outputs are up to date. It runs nothing.
//!
//! Two rules of salsa shape this room. Verification recurses along edges, so
//! after every write the memos that the write could have touched are verified
//! in topological order ([`Session::refresh`]) before anything else is asked.
//! And a write re-verifies everything of its durability: sources start HIGH
//! and become LOW when first edited, so that a later edit costs the cone below
//! the edited sources and not the whole graph.

use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;

use refrain_store::{Digest, Part, Parts, Signature};
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::{Durability, Setter};

use crate::code::Code;
use crate::db::{Bound, Context, Db, Link, Refrain, Spec};
use crate::error::{Error, Result, suggest};
use crate::files;
use crate::graph::{Graph, Wire};
use crate::handle::Handle;
use crate::inputs::{Input, Inputs, Kind};
use crate::node::Node;
use crate::queries::{self, Key, Source, Unit};
use crate::signature::{Explain, Hash, Notes, PartKind, walk_code, walk_deps, walk_env};
use crate::value::Value;

/// The live state of one pipeline.
pub(crate) struct Session {
    db: Db,
    pub graph: Arc<Graph>,
    sources: Vec<Source>,
    units: Vec<Unit>,
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
    reach: Option<Arc<Reach>>,
    revision: u64,
    /// Code parts and their texts, by the code's address, which nodes share.
    explained: RefCell<FxHashMap<usize, ExplainedCode>>,
    before: Before,
}

/// A code part and the texts of its leaves.
type ExplainedCode = (Option<Arc<Part>>, Notes);

/// The signatures that nodes had when they were last looked at, in this
/// process or an earlier one.
struct Before {
    known: Vec<Option<Signature>>,
    /// Whether an earlier process ran this pipeline: else there is nothing to ask for.
    elsewhere: bool,
    asked: usize,
}

/// After so many single questions all answers are fetched at once.
const ASK_SINGLY: usize = 64;

/// The nodes that some targets need, themselves included.
pub(crate) struct Reach {
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

impl Session {
    /// A session with no inputs bound and no output up to date.
    pub fn new(graph: Arc<Graph>, context: Arc<Context>) -> Self {
        let store = context.store.as_ref();
        let ran_before = store.is_some_and(|store| store.has_latest(&graph.name));
        let db = Db::new(context);
        let unbound = Bound {
            digest: Digest::from_bytes([0; 32]),
            shown: None,
            unhashable: None,
            values: Arc::new([]),
            files: None,
        };
        let sources: Vec<Source> = graph
            .sources
            .iter()
            .map(|_| {
                Source::builder(unbound.clone())
                    .bound_durability(Durability::HIGH)
                    .new(&db)
            })
            .collect();
        let units = make_units(&db, &graph, &sources);
        let nodes = graph.nodes.len();
        Session {
            db,
            sources,
            units,
            bound: vec![false; graph.sources.len()],
            lowered: vec![false; graph.sources.len()],
            lowered_units: FxHashSet::default(),
            low: Vec::new(),
            stale: Stale::Nothing,
            seen: vec![false; nodes],
            unseen: Vec::new(),
            settled: vec![false; nodes],
            inputs: None,
            reach: None,
            revision: 0,
            explained: RefCell::default(),
            before: Before {
                known: vec![None; nodes],
                elsewhere: ran_before,
                asked: 0,
            },
            graph,
        }
    }

    pub fn context(&self) -> &Context {
        self.db.context()
    }

    /// The number of the present revision: it grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Binds the inputs that these targets need; what differs from before
    /// becomes a new revision. Refuses bad inputs before changing anything.
    pub fn bind(&mut self, inputs: &Inputs, targets: &Arc<[u32]>) -> Result<()> {
        let same_reach = self.set_reach(targets);
        let again = self.inputs.as_ref().is_some_and(|last| last.same(inputs));
        if same_reach && again && !inputs.any_file() {
            return Ok(());
        }
        self.refuse_names(inputs)?;
        let mut edits = Vec::new();
        for number in 0..self.sources.len() as u32 {
            if let Some(bound) = self.bind_source(number, inputs)? {
                edits.push((number, bound));
            }
        }
        for (number, bound) in edits {
            self.set_source(number, bound);
        }
        self.inputs = Some(inputs.clone());
        Ok(())
    }

    fn set_reach(&mut self, targets: &Arc<[u32]>) -> bool {
        if self
            .reach
            .as_ref()
            .is_some_and(|reach| reach.targets == *targets)
        {
            return true;
        }
        let nodes = self.graph.ancestors(targets);
        self.unseen = nodes
            .iter()
            .copied()
            .filter(|node| !self.seen[*node as usize])
            .collect();
        self.reach = Some(Arc::new(Reach {
            targets: targets.clone(),
            nodes,
        }));
        false
    }

    fn reach(&self) -> Arc<Reach> {
        self.reach.clone().expect("set when inputs are bound")
    }

    fn refuse_names(&self, inputs: &Inputs) -> Result<()> {
        let known = || self.graph.sources.iter().map(|source| &*source.name);
        for name in inputs.names() {
            if !known().any(|source| source == name) {
                return Err(Error::UnknownInput {
                    input: name.to_owned(),
                    suggestion: suggest(name, known()),
                });
            }
        }
        let reach = self.reach();
        let mut missing = Vec::new();
        for source in &self.graph.sources {
            let mut takers = source.takers.iter().filter(|(node, param)| {
                let param = &self.graph.node(*node).params[*param as usize];
                param.default.is_none() && reach.nodes.binary_search(node).is_ok()
            });
            if inputs.get(&source.name).is_none()
                && let Some((node, _)) = takers.next()
            {
                let taker = self.graph.node(*node).location.clone();
                missing.push((source.name.to_string(), taker));
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::MissingInputs(missing))
        }
    }

    /// The new value of a source, or `None` if it is what it was.
    fn bind_source(&self, number: u32, inputs: &Inputs) -> Result<Option<Bound>> {
        let source = &self.graph.sources[number as usize];
        let given = inputs.get(&source.name).cloned().or_else(|| {
            let (node, param) = *source.takers.first()?;
            let param = &self.graph.node(node).params[param as usize];
            Some(param.default.as_ref()?())
        });
        let Some(input) = given else {
            return Ok(None);
        };
        let before =
            self.bound[number as usize].then(|| self.sources[number as usize].bound(&self.db));
        let store = self.context().store.as_deref();
        let unreadable = |(path, cause)| Error::SourceFile {
            input: source.name.to_string(),
            path,
            cause,
        };
        let (digest, shown, unhashable, files) = match &input.0 {
            Kind::Typed(typed) => {
                let (digest, unhashable) = match &typed.digest {
                    Ok(digest) => (*digest, None),
                    // Known by its address, which no other live value has.
                    Err(why) => {
                        let address = Arc::as_ptr(typed) as usize;
                        (
                            Digest::of(&address.to_le_bytes()),
                            Some(why.as_str().into()),
                        )
                    }
                };
                (digest, typed.shown.clone(), unhashable, None)
            }
            Kind::File(path) => {
                let (digest, files) = files::one(path, store).map_err(unreadable)?;
                (
                    digest,
                    Some(path.display().to_string().into()),
                    None,
                    Some(files),
                )
            }
            Kind::Files(paths) => {
                let (digest, files) = files::list(paths, store).map_err(unreadable)?;
                let shown = format!("{} files", paths.len()).into();
                (digest, Some(shown), None, Some(files))
            }
            Kind::Dir(path) => {
                let (digest, files) = files::below(path, store).map_err(unreadable)?;
                (
                    digest,
                    Some(path.display().to_string().into()),
                    None,
                    Some(files),
                )
            }
        };
        if before.is_some_and(|before| before.digest == digest) {
            return Ok(None);
        }
        Ok(Some(Bound {
            digest,
            shown,
            unhashable,
            values: self.convert(number, &input)?,
            files: files.map(Arc::new),
        }))
    }

    /// The input as every type that some parameter takes it as.
    fn convert(&self, number: u32, input: &Input) -> Result<Arc<[(TypeId, Value)]>> {
        let source = &self.graph.sources[number as usize];
        let mut values: Vec<(TypeId, Value)> = Vec::new();
        for (node, param) in &source.takers {
            let node = &self.graph.node(*node);
            let param = &node.params[*param as usize];
            if values.iter().any(|(id, _)| *id == param.value_type.id()) {
                continue;
            }
            let value = input.as_param(param).map_err(|problem| Error::InputValue {
                input: source.name.to_string(),
                problem: format!("{problem} (taken by {})", node.location),
            })?;
            values.push((param.value_type.id(), value));
        }
        Ok(values.into())
    }

    fn set_source(&mut self, number: u32, bound: Bound) {
        let first = !std::mem::replace(&mut self.bound[number as usize], true);
        let takers: Vec<u32> = self.graph.sources[number as usize]
            .takers
            .iter()
            .map(|(node, _)| *node)
            .collect();
        let source = self.sources[number as usize];
        if first {
            source
                .set_bound(&mut self.db)
                .with_durability(Durability::HIGH)
                .to(bound);
            self.stale = Stale::Everything;
        } else {
            source
                .set_bound(&mut self.db)
                .with_durability(Durability::LOW)
                .to(bound);
            let lowered = std::mem::replace(&mut self.lowered[number as usize], true);
            self.touch_low(&takers, !lowered);
        }
        if !first {
            for node in self.graph.descendants(&takers) {
                self.settled[node as usize] = false;
            }
        }
        self.revision += 1;
    }

    /// Remembers that the cone below these nodes hangs on something LOW.
    fn touch_low(&mut self, nodes: &[u32], newly: bool) {
        if newly {
            self.low.extend(self.graph.descendants(nodes));
            self.low.sort_unstable();
            self.low.dedup();
        }
        let touched = if newly { Stale::Everything } else { Stale::Low };
        self.stale = self.stale.max(touched);
    }

    /// Forgets a node's output: it turned out lost, or is to be made anew.
    /// Nothing below it is touched, because no memo stands on it.
    pub fn unsettle(&mut self, node: u32) {
        self.settled[node as usize] = false;
        let unit = self.units[node as usize];
        let spec = unit.spec(&self.db).clone();
        unit.set_spec(&mut self.db)
            .with_durability(Durability::LOW)
            .to(spec);
        let newly = self.lowered_units.insert(node);
        self.touch_low(&[node], newly);
        self.refresh();
    }

    /// Verifies, in topological order, every memo that a write may have touched.
    pub fn refresh(&mut self) {
        match std::mem::replace(&mut self.stale, Stale::Nothing) {
            Stale::Nothing => {}
            Stale::Low => self.low.iter().for_each(|node| self.verify(*node)),
            Stale::Everything => (0..self.units.len() as u32).for_each(|node| self.verify(node)),
        }
        for node in std::mem::take(&mut self.unseen) {
            self.seen[node as usize] = true;
            self.key(node);
        }
    }

    fn verify(&self, node: u32) {
        if self.seen[node as usize] {
            self.key(node);
            if self.settled[node as usize] {
                self.output(node);
            }
        }
    }

    /// The node's signature in the present revision.
    pub fn key(&self, node: u32) -> Key {
        queries::signature(&self.db, self.units[node as usize])
    }

    /// What the store has under the node's signature.
    pub fn probe(&self, node: u32) -> Option<Arc<Handle>> {
        queries::probe(&self.db, self.units[node as usize])
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
        if self.settled[node as usize] {
            // An uncached node that ran once more.
            let known = self.output(node);
            if known == handle {
                return known.replace_value(&handle);
            }
            self.unsettle(node);
        }
        let context = self.db.context();
        context.arrive(self.key(node).signature, handle);
        self.settled[node as usize] = true;
        self.output(node);
    }

    /// The signature that the node had when it was last looked at, here or in
    /// an earlier process.
    pub fn before(&mut self, node: u32) -> Option<Signature> {
        let known = self.before.known[node as usize];
        if known.is_some() || !self.before.elsewhere {
            return known;
        }
        let store = self.db.context().store.clone()?;
        self.before.asked += 1;
        if self.before.asked <= ASK_SINGLY {
            let name = self.graph.name_of(node);
            return store.latest_signature(&self.graph.name, name);
        }
        for (name, signature) in store.latest_signatures(&self.graph.name) {
            if let Some(&node) = self.graph.by_name.get(&name) {
                self.before.known[node as usize].get_or_insert(signature);
            }
        }
        self.before.elsewhere = false;
        self.before.known[node as usize]
    }

    /// Notes the signature that the node has after a run looked at it.
    pub fn is_now(&mut self, node: u32, signature: Signature) {
        self.before.known[node as usize] = Some(signature);
    }

    /// The node's spec.
    pub fn spec(&self, node: u32) -> Arc<Spec> {
        self.units[node as usize].spec(&self.db).clone()
    }

    /// The source of this number as it is bound.
    pub fn source(&self, number: u32) -> &Bound {
        self.sources[number as usize].bound(&self.db)
    }

    /// The resolved signature of a node whose parents' digests are known.
    pub fn resolved(&self, node: u32, digest: impl Fn(u32) -> Digest) -> Signature {
        let spec = self.spec(node);
        let parents = self.named_parents(node);
        let keys = parents.map(|(name, parent)| (name, *digest(parent).as_bytes()));
        queries::part_hashes(&self.db, &spec, keys).resolved()
    }

    /// The parts of a node's signature, leaf by leaf, and the texts of the leaves.
    pub fn parts(&self, node: u32) -> (Parts, Notes) {
        let spec = self.spec(node);
        let mut notes = Notes::new();
        let code = self.explained_code(&spec.node, &mut notes);
        let env = Explain::part(PartKind::Env, &mut notes, |explain| {
            walk_env(&spec.node, &self.context().config, explain);
        });
        let inputs = Explain::part(PartKind::Inputs, &mut notes, |explain| {
            queries::walk_sources(&self.db, &spec, explain);
        });
        let deps = Explain::part(PartKind::Deps, &mut notes, |explain| {
            let parents = self.named_parents(node);
            let keys = parents.map(|(name, parent)| (name, *self.key(parent).signature.as_bytes()));
            let depth = self.context().config.dependency_depth;
            walk_deps(keys, &spec.node.code, depth, explain);
        });
        let parts = Parts {
            code,
            env,
            inputs,
            deps,
        };
        (parts, notes)
    }

    /// The code part of a node, explained once for all that share the code.
    fn explained_code(&self, node: &Node, notes: &mut Notes) -> Option<Arc<Part>> {
        let mut explained = self.explained.borrow_mut();
        let (part, texts) = explained
            .entry(Arc::as_ptr(&node.code) as usize)
            .or_insert_with(|| {
                let mut texts = Notes::new();
                let part = Explain::part(PartKind::Code, &mut texts, |explain| {
                    walk_code(&node.code, explain);
                });
                (part, texts)
            });
        notes.extend(texts.iter().cloned());
        part.clone()
    }

    fn named_parents(&self, node: u32) -> impl Iterator<Item = (&str, u32)> {
        let params = self.graph.node(node).params.iter();
        params
            .zip(self.graph.wires.row(node))
            .filter_map(|(param, wire)| match wire {
                Wire::Node(parent) => Some((&*param.name, *parent)),
                Wire::Source(_) => None,
            })
    }
}

/// One unit a node, parents first. Nodes that share their code are hashed once.
fn make_units(db: &Db, graph: &Graph, sources: &[Source]) -> Vec<Unit> {
    let config = &db.context().config;
    let mut codes = FxHashMap::<*const Code, Option<Digest>>::default();
    let mut units: Vec<Unit> = Vec::with_capacity(graph.nodes.len());
    for (node, wires) in graph.nodes.iter().zip(graph.wires.rows()) {
        let code = *codes
            .entry(Arc::as_ptr(&node.code))
            .or_insert_with(|| Hash::part(PartKind::Code, |hash| walk_code(&node.code, hash)));
        let link = |wire: &Wire| match *wire {
            Wire::Source(number) => Link::Source(sources[number as usize]),
            Wire::Node(parent) => Link::Node(units[parent as usize]),
        };
        let spec = Spec {
            node: node.clone(),
            code,
            env: Hash::part(PartKind::Env, |hash| walk_env(node, config, hash)),
            links: wires.iter().map(link).collect(),
        };
        let unit = Unit::builder(Arc::new(spec))
            .spec_durability(Durability::HIGH)
            .new(db);
        units.push(unit);
    }
    units
}
