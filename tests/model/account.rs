//! The account that is kept of one cache directory from run to run: what it surely has, what it may have, and what each
//! node was when it was last looked at. Damage, kills and collections take things from the first and leave them in the
//! second; what a run is seen to find is sure again. It is unaware of how runs are made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::{Checked, Seen};
use super::known::{Key, Known, Parts};
use super::names::{Named, Trail};
use super::oracle::{self, Expected, Fate, Times, trail};
use super::world::NODES;

/// What a node was when it was last looked at, by whoever ran the pipeline then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Was {
    parts: Parts,
    /// The headers that it was known to read.
    trail: Trail,
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub sure: Known,
    /// At least all that is sure.
    pub possible: Known,
    /// What nodes were; `None` where that is not sure.
    latest: HashMap<usize, Option<Was>>,
    /// What the last run was of, by the signatures of its targets.
    state: Option<Vec<Key>>,
}

impl Account {
    pub fn is_sure(&self) -> bool {
        self.sure.len() == self.possible.len()
    }

    /// What a run was to do that was seen to do this; what it leaves is taken into the account, unless what was found
    /// may have been found in memory only.
    pub fn run(
        &mut self,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        seen: &Seen,
        lasts: bool,
    ) -> Expected {
        let mut known = self.sure.clone();
        if !self.is_sure() {
            self.witness(named, targets, seen, &mut known);
            self.witness_calls(named, targets, seen, &mut known);
        }
        let expected = oracle::run(named, targets, &mut known);
        self.possible.extend(&known);
        self.possible.resolved.extend(&expected.perhaps);
        if lasts {
            self.sure = known;
        }
        expected
    }

    /// Two runs at once of one world did this together: each does what the other one does not.
    ///
    /// # Errors
    /// They did less than both had to do, or more.
    pub fn run_both(
        &mut self,
        named: &Named<'_>,
        targets: &[BTreeSet<usize>; 2],
        executions: &BTreeMap<String, usize>,
        is_exact: bool,
    ) -> Checked {
        let is_exact = is_exact && self.is_sure();
        let alone = targets
            .each_ref()
            .map(|targets| oracle::run(named, targets, &mut self.sure.clone()));
        let mut known = self.sure.clone();
        let both = targets
            .each_ref()
            .map(|targets| oracle::run(named, targets, &mut known));
        self.doubt_latest();
        self.possible.extend(&known);
        both.iter()
            .for_each(|run| self.possible.resolved.extend(&run.perhaps));
        if !is_exact {
            return Ok(());
        }
        let sum = |runs: &[Expected; 2], label: &String, of: fn(&Times) -> usize| {
            let times = runs.iter().filter_map(|run| run.executions.get(label));
            times.map(of).sum::<usize>()
        };
        let mut runs = both.iter().chain(&alone);
        let loose = runs.any(|run| !run.perhaps.is_empty() || !run.loose.is_empty());
        let labels: BTreeSet<&String> =
            alone.iter().flat_map(|run| run.executions.keys()).collect();
        for label in &labels {
            let seen = executions.get(*label).copied().unwrap_or_default();
            let kept = sum(&both, label, |times| times.kept);
            let most = kept + sum(&alone, label, |times| times.called - times.kept);
            ensure!(
                seen >= kept || loose,
                "stale: {label} executed {seen} times in both, and not {kept}"
            );
            ensure!(
                seen <= most,
                "excess: {label} executed {seen} times in both, and not {most}"
            );
        }
        let unknown = executions.keys().find(|label| !labels.contains(label));
        ensure!(unknown.is_none(), "excess: {unknown:?}");
        self.sure = known;
        Ok(())
    }

    /// What was found was there, if it was possible.
    fn witness(
        &self,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        seen: &Seen,
        known: &mut Known,
    ) {
        let possible = &self.possible;
        let mut needed = targets.clone();
        for node in (0..named.names.len()).rev() {
            let name = &named.names[node];
            if !needed.contains(&node) {
                continue;
            }
            let resolved = name
                .resolved
                .filter(|resolved| possible.resolved.contains(resolved));
            let resolved_work = name.resolved_work.map(|work| trail(work, name));
            let resolved_work = resolved_work.filter(|trail| possible.trails.contains(trail));
            // What equal work gave in this run need not have been there before.
            let has_run = |other: usize| {
                let other_name = &named.names[other];
                let same = other_name.signature == name.signature
                    || name.resolved.is_some() && other_name.resolved == name.resolved;
                same && seen.fates[other] == Some(Fate::Executed)
            };
            let was_made = (0..named.names.len()).any(has_run);
            match seen.fates[node].filter(|_| !was_made) {
                Some(Fate::Hit) => {
                    known
                        .signatures
                        .extend(possible.signatures.get(&name.signature));
                    known.resolved.extend(resolved);
                    let above = named.world.ancestors(&BTreeSet::from([node])).into_iter();
                    let trails = above
                        .map(|above| &named.names[above])
                        .map(|name| trail(name.work, name));
                    known
                        .trails
                        .extend(trails.filter(|trail| possible.trails.contains(trail)));
                    continue;
                }
                // Then its items were there, and not it.
                Some(Fate::Cutoff) if seen.itemised.contains(&node) => {}
                Some(Fate::Cutoff) => {
                    known.resolved.extend(resolved);
                    known.trails.extend(resolved_work);
                }
                // It was known, and not called for.
                Some(Fate::Unneeded) => known.trails.extend(resolved_work),
                _ => {}
            }
            needed.extend(named.world.parents(node));
        }
    }

    /// What was called for and did not execute was there, if it was possible. Of works that look alike as many were
    /// there as did not execute, and rather those of nodes that did not execute at all.
    fn witness_calls(
        &self,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        seen: &Seen,
        known: &mut Known,
    ) {
        let expected = oracle::run(named, targets, &mut known.clone());
        for (label, times) in &expected.executions {
            let executed = seen.executions.get(label).copied().unwrap_or_default();
            let mut maybe: BTreeMap<Key, bool> = BTreeMap::new();
            for (node, name) in named.names.iter().enumerate() {
                let fate = seen.fates[node];
                if !named.world.is_cached(node) || matches!(fate, Some(Fate::Hit | Fate::Unneeded))
                {
                    continue;
                }
                let alike = name
                    .calls
                    .iter()
                    .filter(|(_, other)| other.as_ref() == Some(label));
                let there = alike
                    .filter_map(|(resolved, _)| *resolved)
                    .filter(|resolved| {
                        self.possible.resolved.contains(resolved)
                            && !known.resolved.contains(resolved)
                    });
                for resolved in there {
                    let has_run = maybe.entry(resolved).or_insert(true);
                    *has_run &= fate == Some(Fate::Executed);
                }
            }
            let mut there: Vec<(bool, Key)> =
                maybe.into_iter().map(|(key, ran)| (ran, key)).collect();
            there.sort_unstable();
            there.truncate(times.least.saturating_sub(executed));
            known.resolved.extend(there.into_iter().map(|(_, key)| key));
        }
    }

    /// From now on nothing of what was there is sure.
    pub fn doubt(&mut self) {
        self.sure = Known::default();
        self.doubt_latest();
    }

    pub fn doubt_latest(&mut self) {
        self.latest = (0..NODES).map(|node| (node, None)).collect();
        self.state = None;
    }

    /// Why a node executes that has this fate: the reason's name; `None` where it is not sure. Which headers a node has
    /// read that fails nobody learns.
    pub fn reason(&self, named: &Named<'_>, node: usize, fate: Fate) -> Option<&'static str> {
        match fate {
            Fate::Failed => self.foreseen(named, node),
            _ => self.reason_of(named, node, |_| named.names[node].parts),
        }
    }

    /// Why a node would execute, for somebody who knows what the cache has and not what is yet to be found: the headers
    /// are taken to be those that the node read before.
    pub fn foreseen(&self, named: &Named<'_>, node: usize) -> Option<&'static str> {
        let is_known = oracle::knows_trails(named, &self.sure, node);
        self.reason_of(named, node, |was| match is_known {
            true => named.names[node].parts,
            false => named.parts_with(node, &was.trail),
        })
    }

    fn reason_of(
        &self,
        named: &Named<'_>,
        node: usize,
        now: impl FnOnce(&Was) -> Parts,
    ) -> Option<&'static str> {
        if !named.world.is_cached(node) {
            return Some("uncached");
        }
        let Some(was) = self.latest.get(&node) else {
            return Some("first-run");
        };
        let was = was.as_ref()?;
        if !self.is_sure() {
            return None;
        }
        if !self.sure.recorded.contains(&super::known::hash(was.parts)) {
            return Some("first-run");
        }
        Some(was.parts.difference(&now(was)).unwrap_or("missing"))
    }

    /// Notes what a run has looked at.
    pub fn note(&mut self, named: &Named<'_>, targets: &BTreeSet<usize>, fates: &[Fate]) {
        let state: Vec<Key> = targets
            .iter()
            .map(|target| named.names[*target].signature)
            .collect();
        let changed = fates
            .iter()
            .any(|fate| matches!(fate, Fate::Executed | Fate::Cutoff));
        match self.state.replace(state.clone()) {
            Some(before) if !changed && before == state => return,
            // Nobody knows whether it was noted.
            None if !changed => {
                self.doubt_latest();
                self.state = Some(state);
                return;
            }
            _ => {}
        }
        let mut above = Vec::new();
        let has_output = |fate: Fate| matches!(fate, Fate::Executed | Fate::Hit | Fate::Cutoff);
        let found = (0..fates.len()).filter(|node| has_output(fates[*node]));
        for node in found {
            let is_new = self.is_new(named, node);
            self.latest.insert(node, Some(now(named, node)));
            if is_new != Some(false) {
                let parents = named.world.parents(node).into_iter();
                above.extend(parents.map(|parent| (parent, is_new.is_some())));
            }
        }
        while let Some((node, surely)) = above.pop() {
            let is_new = self.is_new(named, node);
            if is_new == Some(false) {
                continue;
            }
            self.latest.insert(node, surely.then(|| now(named, node)));
            // Above what may have been what it is, it is not known who was looked at.
            let surely = surely && is_new.is_some();
            let parents = named.world.parents(node).into_iter();
            above.extend(parents.map(|parent| (parent, surely)));
        }
    }

    /// Whether a node is something else now than it was, where that is sure.
    fn is_new(&self, named: &Named<'_>, node: usize) -> Option<bool> {
        match self.latest.get(&node) {
            Some(was) => was.as_ref().map(|was| was.parts != named.names[node].parts),
            None => Some(true),
        }
    }
}

/// What a node is now.
fn now(named: &Named<'_>, node: usize) -> Was {
    let name = &named.names[node];
    Was {
        parts: name.parts,
        trail: name.trail.clone(),
    }
}
