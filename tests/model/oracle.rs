//! What a run has to do, worked out from a world and from what a cache has: which nodes are found, which execute, and
//! which of them fail. It keeps to what is promised and knows nothing of how the engine goes about it.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{Key, Known, hash};
use super::names::{Name, Named};
use super::world::{Read, World};

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Executed,
    Hit,
    Cutoff,
    Unneeded,
    Failed,
    Blocked,
}

/// How often something executes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub least: usize,
    pub most: usize,
    /// How much of it is kept, and so done once, whoever needs it.
    pub kept: usize,
    /// How often it is called for: that often at the most if nothing can be kept.
    pub called: usize,
}

/// What a run does.
#[derive(Clone, Debug)]
pub struct Expected {
    pub fates: Vec<Fate>,
    /// By label.
    pub executions: BTreeMap<String, Times>,
    /// Nodes of which it depends on the order of failures what becomes of them.
    pub loose: BTreeSet<usize>,
    /// What is perhaps known after the run.
    pub perhaps: BTreeSet<Key>,
    /// Of mapped nodes whose items were looked at and that have an output: how many items there are, and how many
    /// execute.
    pub items: Vec<Option<(usize, usize)>>,
}

impl Expected {
    pub fn any_fails(&self) -> bool {
        self.fates.contains(&Fate::Failed)
    }
}

/// Who executes some work in one run.
#[derive(Clone, Copy, Debug, Default)]
struct Callers {
    /// Somebody who keeps it: then the others of its kind find it.
    keeps: bool,
    keepers: usize,
    /// Those who do not: one may do it for all.
    others: usize,
    /// Whether any of them surely calls for it.
    surely: bool,
}

/// One run.
struct Course<'a> {
    named: &'a Named<'a>,
    world: &'a World,
    known: &'a mut Known,
    targets: &'a BTreeSet<usize>,
    fates: Vec<Fate>,
    /// Nodes whose outputs are there, or known.
    there: BTreeSet<usize>,
    /// Uncached nodes that are known, and whose value nobody has called for.
    uncalled: BTreeSet<usize>,
    /// Mapped nodes that give some items although they have no output.
    feeding: BTreeSet<usize>,
    /// By label: the works, each with who executes it.
    executions: BTreeMap<String, BTreeMap<Key, Callers>>,
    loose: BTreeSet<usize>,
    /// Blocked nodes that called for what they read, as far as that was known.
    in_vain: BTreeSet<usize>,
    perhaps: BTreeSet<Key>,
    items: Vec<Option<(usize, usize)>>,
}

/// Works out what a run of these targets does, and adds what it leaves to what is known.
pub fn run(named: &Named<'_>, targets: &BTreeSet<usize>, known: &mut Known) -> Expected {
    let count = named.names.len();
    let mut course = Course {
        named,
        world: named.world,
        known,
        targets,
        fates: vec![Fate::Unneeded; count],
        there: BTreeSet::new(),
        uncalled: BTreeSet::new(),
        feeding: BTreeSet::new(),
        executions: BTreeMap::new(),
        loose: BTreeSet::new(),
        in_vain: BTreeSet::new(),
        perhaps: BTreeSet::new(),
        items: vec![None; count],
    };
    for node in course.needed() {
        course.settle(node);
    }
    course.finish()
}

/// What stands for work together with the headers that it is known to read.
pub fn trail(work: Key, name: &Name) -> Key {
    hash((work, &name.trail))
}

/// Whether the headers that a node and those above it will find are known, and with them the node's signature.
pub fn knows_trails(named: &Named<'_>, known: &Known, node: usize) -> bool {
    let above = named.world.ancestors(&BTreeSet::from([node]));
    let mut finders = above
        .into_iter()
        .filter(|node| named.world.nodes[*node].discovers);
    finders.all(|node| {
        let name = &named.names[node];
        known.trails.contains(&trail(name.work, name))
    })
}

impl Course<'_> {
    fn name(&self, node: usize) -> &Name {
        &self.named.names[node]
    }

    fn is_cached(&self, node: usize) -> bool {
        self.world.is_cached(node)
    }

    fn discovers(&self, node: usize) -> bool {
        self.world.nodes[node].discovers
    }

    /// The nodes that the run looks at, in order; those that are found are told at once.
    fn needed(&mut self) -> BTreeSet<usize> {
        let mut needed = self.targets.clone();
        for node in (0..self.world.nodes.len()).rev() {
            if !needed.contains(&node) {
                continue;
            }
            let found = self.known.signatures.contains(&self.name(node).signature);
            if self.is_cached(node) && found && knows_trails(self.named, self.known, node) {
                self.ends(node, Fate::Hit);
            } else {
                needed.extend(self.world.parents(node));
            }
        }
        needed
    }

    fn ends(&mut self, node: usize, fate: Fate) {
        self.fates[node] = fate;
        match fate {
            Fate::Failed | Fate::Blocked => self.there.remove(&node),
            _ => self.there.insert(node),
        };
    }

    // ---- what becomes of each ----

    fn settle(&mut self, node: usize) {
        if self.fates[node] == Fate::Hit {
            return;
        }
        let parents = self.world.parents(node);
        let is_target = self.targets.contains(&node);
        if !parents.iter().all(|parent| self.there.contains(parent)) {
            return self.block(node, self.is_cached(node) || is_target);
        }
        let is_known = !self.discovers(node) || {
            let name = self.name(node);
            let work = name.resolved_work.expect("all that it reads is there");
            self.known.trails.contains(&trail(work, name))
        };
        let resolved = self
            .name(node)
            .resolved
            .expect("all that it reads is there");
        if self.is_cached(node) {
            if is_known && !parents.is_empty() && self.known.resolved.contains(&resolved) {
                self.remember(node);
                return self.ends(node, Fate::Cutoff);
            }
        } else if is_known && !is_target {
            self.there.insert(node);
            self.uncalled.insert(node);
            return;
        }
        self.execute(node);
    }

    /// Executes a node, and before it whatever it reads that is only known.
    fn execute(&mut self, node: usize) {
        self.uncalled.remove(&node);
        let parents = self.world.parents(node);
        for parent in &parents {
            if self.uncalled.contains(parent) {
                self.execute(*parent);
            }
        }
        if !parents.iter().all(|parent| self.there.contains(parent)) {
            return self.block(node, true);
        }
        match self.world.nodes[node].list {
            None => self.execute_one(node),
            Some(_) => self.execute_items(node),
        }
    }

    fn execute_one(&mut self, node: usize) {
        let fate = match self.call(node, 0) {
            Some(fate) => fate,
            // Equal work was done meanwhile.
            None => Fate::Hit,
        };
        if fate != Fate::Failed {
            self.remember(node);
        }
        self.ends(node, fate);
    }

    fn execute_items(&mut self, node: usize) {
        let calls = 0..self.name(node).calls.len();
        let fates: Vec<Option<Fate>> = calls.map(|at| self.call(node, at)).collect();
        let executed = fates
            .iter()
            .filter(|fate| **fate == Some(Fate::Executed))
            .count();
        if fates.contains(&Some(Fate::Failed)) {
            self.feeding.insert(node);
            return self.ends(node, Fate::Failed);
        }
        self.items[node] = Some((fates.len(), executed));
        self.remember(node);
        self.ends(
            node,
            if executed == 0 {
                Fate::Cutoff
            } else {
                Fate::Executed
            },
        );
    }

    /// Makes one call of a node's function; `None` if what it gives is there, or if it cannot be made.
    fn call(&mut self, node: usize, at: usize) -> Option<Fate> {
        let (resolved, label) = self.name(node).calls[at].clone();
        let (resolved, label) = (resolved?, label?);
        let is_cached = self.is_cached(node);
        if is_cached && self.known.resolved.contains(&resolved) {
            return None;
        }
        let gives = self.named.evaluated[node].calls[at].gives.is_some();
        let callers = self
            .executions
            .entry(label)
            .or_default()
            .entry(resolved)
            .or_default();
        callers.keeps |= is_cached && gives;
        callers.keepers += usize::from(is_cached && gives);
        callers.others += usize::from(!is_cached || !gives);
        callers.surely |= !self.loose.contains(&node);
        match (gives, is_cached) {
            (false, _) => return Some(Fate::Failed),
            (true, false) => {}
            (true, true) if self.loose.contains(&node) => drop(self.perhaps.insert(resolved)),
            (true, true) => drop(self.known.resolved.insert(resolved)),
        }
        Some(Fate::Executed)
    }

    /// What a node that has an output leaves in the cache.
    fn remember(&mut self, node: usize) {
        let name = &self.named.names[node];
        if self.discovers(node) {
            for work in [Some(name.work), name.resolved_work].into_iter().flatten() {
                self.known.trails.insert(trail(work, name));
            }
        }
        self.known.recorded.insert(name.signature);
        if self.is_cached(node) {
            self.known.signatures.insert(name.signature);
            self.known.resolved.extend(name.resolved);
        }
    }

    /// Of a mapped node that is blocked those items execute whose own are there, if a mapped node above gives them one
    /// by one, and nothing else was waited for. Where something else was, it depends on which came first.
    fn block(&mut self, node: usize, is_due: bool) {
        self.ends(node, Fate::Blocked);
        if is_due && self.was_known_above(node) {
            self.in_vain.insert(node);
        }
        let feeds = |parent: &usize| {
            self.feeding.contains(parent) && self.world.is_axis(node, Read::Node(*parent))
        };
        let (feeding, others): (Vec<usize>, Vec<usize>) =
            self.world.parents(node).into_iter().partition(feeds);
        // One that is not due may have been called for before what is above it failed, if that is not cached.
        let may_be_due = is_due || !feeding.iter().any(|parent| self.is_cached(*parent));
        let waits = !others.iter().all(|other| self.there.contains(other));
        if !may_be_due || feeding.is_empty() || waits {
            return;
        }
        let surely = |parent: &usize| self.is_cached(*parent) && !self.loose.contains(parent);
        let at_once = |other: &usize| self.fates[*other] == Fate::Hit;
        let only = feeding.len() == 1 && feeding.iter().all(surely) && is_due;
        if !only || !others.iter().all(at_once) {
            self.loose.insert(node);
        }
        let calls = 0..self.name(node).calls.len();
        let fates: Vec<Option<Fate>> = calls.map(|at| self.call(node, at)).collect();
        if fates.contains(&Some(Fate::Failed)) {
            self.ends(node, Fate::Failed);
        }
        self.feeding.insert(node);
    }

    /// Whether a node that fell had all above it known at some time: what is not cached is known before it fails.
    fn was_known_above(&self, node: usize) -> bool {
        let was_known = |parent: &usize| {
            let on_call = !self.is_cached(*parent) && !self.targets.contains(parent);
            self.there.contains(parent) || on_call && self.was_known_above(*parent)
        };
        self.world.parents(node).iter().all(was_known)
    }

    /// Counts what was perhaps called for, by nodes that were blocked when something else failed that they had called
    /// for. Which of it came first nobody knows.
    fn call_in_vain(&mut self) {
        let mut callers: Vec<usize> = self.in_vain.iter().copied().collect();
        let mut seen = BTreeSet::new();
        while let Some(caller) = callers.pop() {
            for parent in self.world.parents(caller) {
                if self.is_cached(parent) || !seen.insert(parent) {
                    continue;
                }
                callers.push(parent);
                if self.uncalled.contains(&parent) {
                    self.loose.insert(parent);
                    for at in 0..self.name(parent).calls.len() {
                        self.call(parent, at);
                    }
                }
            }
        }
    }

    // ---- the end ----

    fn finish(mut self) -> Expected {
        // Where something fails that is not cached, it depends on the order of things what else of its kind is called
        // for.
        let fell = |node: &usize| matches!(self.fates[*node], Fate::Failed | Fate::Blocked);
        let mut uncached = (0..self.fates.len()).filter(|node| !self.is_cached(*node));
        let unsure = uncached.any(|node| fell(&node));
        if unsure {
            let uncached = (0..self.fates.len()).filter(|node| !self.world.is_cached(*node));
            self.loose.extend(uncached);
            self.call_in_vain();
        }
        let add = |sum: Times, callers: &Callers| Times {
            least: sum.least + usize::from(callers.surely && (callers.keeps || !unsure)),
            most: sum.most + usize::from(callers.keeps) + callers.others,
            kept: sum.kept + usize::from(callers.keeps),
            called: sum.called + callers.keepers + callers.others,
        };
        let sum = |works: BTreeMap<Key, Callers>| works.values().fold(Times::default(), add);
        let executions = self
            .executions
            .into_iter()
            .map(|(label, works)| (label, sum(works)));
        Expected {
            fates: self.fates,
            executions: executions.collect(),
            loose: self.loose,
            perhaps: self.perhaps,
            items: self.items,
        }
    }
}
