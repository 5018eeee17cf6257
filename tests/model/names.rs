//! What everything in a world is known by: nodes before anything above them is known, nodes and items by what they
//! read, outputs by what they are. It is unaware of what a cache has, and of runs.

use std::collections::BTreeMap;

use super::behaviour::{Evaluated, Function, Given, evaluate};
use super::known::{Key, Parts, hash};
use super::world::{Read, World};

/// Headers with the contents that they have.
pub type Trail = BTreeMap<usize, u8>;

/// What a node is known by.
#[derive(Clone, Debug)]
pub struct Name {
    pub parts: Parts,
    pub signature: Key,
    /// The signature without the headers that its function finds.
    pub work: Key,
    /// What it is known by when all that it reads is there.
    pub resolved: Option<Key>,
    /// The same without headers.
    pub resolved_work: Option<Key>,
    pub trail: Trail,
    /// Its calls, and what each is known by when all that it is made of is there.
    pub calls: Vec<(Option<Key>, Option<String>)>,
    /// What its output is known by.
    pub output: Option<Key>,
}

/// A world, what is known of it, and what it comes to.
pub struct Named<'a> {
    pub world: &'a World,
    pub names: Vec<Name>,
    pub evaluated: Vec<Evaluated>,
    flavour: Flavour,
}

/// Who has the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The library, where helpers are imported.
    Library,
    /// The command line, where helpers are files that a command names, and what a node reads are words of it.
    Program,
}

impl<'a> Named<'a> {
    /// Names a world.
    pub fn of(world: &'a World, flavour: Flavour) -> Self {
        let mut named = Named {
            evaluated: evaluate(world),
            world,
            names: Vec::new(),
            flavour,
        };
        for node in 0..world.nodes.len() {
            let name = named.name(node);
            named.names.push(name);
        }
        named
    }

    fn name(&self, node: usize) -> Name {
        let function = Function::of(self.world, node);
        let evaluated = &self.evaluated[node];
        let headers = evaluated
            .calls
            .first()
            .and_then(|call| call.args.as_ref())
            .map(|args| {
                let headers = function.headers(args, |at| self.world.headers[at]);
                headers
                    .into_iter()
                    .map(|at| (at, self.world.headers[at]))
                    .collect::<Trail>()
            });
        let trail = headers.unwrap_or_default();
        let signature = |parent: usize| Some(self.names[parent].signature);
        let output = |parent: usize| self.names[parent].output;
        let parts = |trail: &Trail| {
            self.parts(node, &signature, trail)
                .expect("all have signatures")
        };
        let resolved = |trail: &Trail| {
            self.parts(node, &output, trail)
                .map(|parts| hash(("resolved", parts)))
        };
        let is_mapped = self.world.nodes[node].list.is_some();
        let call = |(at, call): (usize, &super::behaviour::Call)| {
            let known_by = match is_mapped {
                true => self.item(node, at),
                false => resolved(&trail),
            };
            (
                known_by,
                call.args.as_ref().map(|args| function.label(args)),
            )
        };
        let whole = resolved(&trail);
        Name {
            parts: parts(&trail),
            signature: hash(parts(&trail)),
            work: hash(parts(&Trail::new())),
            resolved: whole,
            resolved_work: resolved(&Trail::new()),
            calls: evaluated.calls.iter().enumerate().map(call).collect(),
            output: match (&evaluated.output, self.world.is_cached(node)) {
                // It is known before anybody finds out whether it fails.
                (_, false) => whole,
                (None, true) => None,
                (Some(Given::One(text)), true) => Some(hash(text)),
                (Some(Given::Items(items)), true) => Some(hash(items)),
            },
            trail,
        }
    }

    /// What a node's parts would be if it found the headers of a trail, as they are now.
    pub fn parts_with(&self, node: usize, trail: &Trail) -> Parts {
        let discovers = self.world.nodes[node].discovers;
        let headers = trail.keys().filter(|_| discovers);
        let now = headers.map(|at| (*at, self.world.headers[*at]));
        let signature = |parent: usize| Some(self.names[parent].signature);
        self.parts(node, &signature, &now.collect())
            .expect("all have signatures")
    }

    /// What a node is made of, with its parents known by some keys.
    fn parts(
        &self,
        node: usize,
        parent: &impl Fn(usize) -> Option<Key>,
        trail: &Trail,
    ) -> Option<Parts> {
        let (mut inputs, mut deps) = (Vec::new(), Vec::new());
        for read in self.world.reads(node) {
            match read {
                Read::Node(at) => deps.push((read.name(), parent(at)?)),
                _ => inputs.push((read.name(), self.source(read))),
            }
        }
        Some(self.made_of(node, inputs, deps, trail))
    }

    fn made_of(
        &self,
        node: usize,
        inputs: Vec<(&'static str, Key)>,
        deps: Vec<(&'static str, Key)>,
        trail: &Trail,
    ) -> Parts {
        let design = &self.world.nodes[node];
        let function = Function::of(self.world, node);
        let helper = function
            .helper
            .map(|version| (self.world.helper(design.function), version));
        let words = || {
            let reads = self.world.reads(node).into_iter();
            let word = |read: Read| (read, self.world.is_axis(node, read));
            (design.takes_variable, reads.map(word).collect::<Vec<_>>())
        };
        let (own, imported) = match self.flavour {
            Flavour::Library => (None, helper),
            Flavour::Program => (Some((helper, words())), None),
        };
        let version = match (design.cache_key, self.world.env_hash) {
            (Some(key), _) => Some(("cache_key", key)),
            (None, hash) => hash.map(|hash| ("env_hash", hash)),
        };
        let part = |there: bool, key: Key| if there { key } else { 0 };
        Parts {
            code: hash((
                function.number,
                function.version,
                function.is_mapped,
                function.discovers,
                own,
            )),
            env: part(
                version.is_some() || design.takes_variable,
                hash((version, function.variable)),
            ),
            inputs: part(
                !inputs.is_empty() || !trail.is_empty(),
                hash((inputs, trail)),
            ),
            deps: part(
                !deps.is_empty() || imported.is_some(),
                hash((deps, imported)),
            ),
        }
    }

    fn source(&self, read: Read) -> Key {
        match read {
            Read::Node(_) => unreachable!("a node is no source"),
            Read::Value(at) => hash(("value", self.world.value(at))),
            Read::File(at) => hash(("file", self.world.files[at])),
            Read::List(at) if at == 0 => {
                let contents = self.world.list(at).into_iter().map(|(_, content)| content);
                hash(("values", contents.collect::<Vec<u8>>()))
            }
            Read::List(at) => hash(("files", self.world.list(at))),
        }
    }

    /// What an item is known by; `None` if something that it is made of is not there.
    fn item(&self, node: usize, at: usize) -> Option<Key> {
        let (mut inputs, mut deps) = (Vec::new(), Vec::new());
        for read in self.world.reads(node) {
            match (read, self.world.is_axis(node, read)) {
                (Read::Node(parent), true) => {
                    deps.push((read.name(), self.item_output(parent, at)?))
                }
                (Read::Node(parent), false) => deps.push((read.name(), self.names[parent].output?)),
                (Read::List(list), true) => {
                    let (slot, content) = self.world.list(list)[at];
                    let slot = (list != 0).then_some(slot);
                    inputs.push((read.name(), hash(("item", slot, content))));
                }
                _ => inputs.push((read.name(), self.source(read))),
            }
        }
        let parts = self.made_of(node, inputs, deps, &Trail::new());
        Some(hash(("resolved", parts)))
    }

    fn item_output(&self, node: usize, at: usize) -> Option<Key> {
        let gives = self.evaluated[node].calls[at].gives.as_ref()?;
        match self.world.is_cached(node) {
            true => Some(hash(gives)),
            false => self.names[node].calls[at].0,
        }
    }
}
