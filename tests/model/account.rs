//! The account that is kept of one cache directory from run to run: what it surely has, what it may have, and what each
//! node was when it was last looked at. Damage, kills and collections take things from the first and leave them in the
//! second; what a run is seen to find is sure again. It is unaware of how runs are made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::{Checked, Seen};
use super::known::{Key, Known, Parts};
use super::names::Named;
use super::oracle::{self, Expected, Fate, Times, trail};
use super::world::NODES;

/// What nodes were when they were last looked at; `None` where that is not sure.
pub type Latest = HashMap<usize, Option<Parts>>;

/// Nobody knows what any node was.
pub fn unsure() -> Latest {
    (0..NODES).map(|node| (node, None)).collect()
}

#[derive(Clone, Debug, Default)]
pub struct Account {
    pub sure: Known,
    /// At least all that is sure.
    pub possible: Known,
    pub latest: Latest,
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
            match seen.fates[node] {
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
        self.latest = unsure();
        self.state = None;
    }

    fn doubt_all(&mut self, own: &mut Latest, state: Vec<Key>) {
        self.doubt_latest();
        *own = unsure();
        self.state = Some(state);
    }

    /// Why a node would execute that had these parts before: the reason's name; `None` where it is not sure.
    pub fn reason(
        &self,
        named: &Named<'_>,
        node: usize,
        before: Option<Option<Parts>>,
    ) -> Option<&'static str> {
        if !named.world.is_cached(node) {
            return Some("uncached");
        }
        let Some(before) = before else {
            return Some("first-run");
        };
        let before = before?;
        let key = super::known::hash(before);
        if !self.is_sure() {
            return None;
        }
        if !self.sure.recorded.contains(&key) {
            return Some("first-run");
        }
        Some(
            before
                .difference(&named.names[node].parts)
                .unwrap_or("missing"),
        )
    }

    /// Notes what a run has looked at, in the account and in what a live pipeline knows by itself.
    pub fn note(
        &mut self,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        fates: &[Fate],
        own: &mut Latest,
    ) {
        let state: Vec<Key> = targets
            .iter()
            .map(|target| named.names[*target].signature)
            .collect();
        let changed = fates
            .iter()
            .any(|fate| matches!(fate, Fate::Executed | Fate::Cutoff));
        let before = self.state.replace(state.clone());
        match before {
            Some(before) if !changed && before == state => return,
            // Nobody knows whether it was noted.
            None if !changed => return self.doubt_all(own, state),
            _ => {}
        }
        let mut above = Vec::new();
        let has_output = |fate: Fate| matches!(fate, Fate::Executed | Fate::Hit | Fate::Cutoff);
        let found = (0..fates.len()).filter(|node| has_output(fates[*node]));
        for node in found.collect::<Vec<usize>>() {
            let has_run = fates[node] != Fate::Hit;
            if let Some(surely) = self.note_one(named, node, has_run, own) {
                let parents = named.world.parents(node).into_iter();
                above.extend(parents.map(|parent| (parent, surely)));
            }
        }
        while let Some((node, surely)) = above.pop() {
            if let Some(new) = self.note_one(named, node, false, own) {
                let parents = named.world.parents(node).into_iter();
                above.extend(parents.map(|parent| (parent, surely && new)));
                if !surely {
                    own.insert(node, None);
                    self.latest.insert(node, None);
                }
            }
        }
    }

    /// Notes what a node is now. Gives nothing if it was that before, and else whether it surely was not.
    fn note_one(
        &mut self,
        named: &Named<'_>,
        node: usize,
        has_run: bool,
        own: &mut Latest,
    ) -> Option<bool> {
        let parts = named.names[node].parts;
        let before = own.get(&node).or_else(|| self.latest.get(&node)).copied();
        let surely_new = match before {
            Some(Some(before)) if before == parts => None,
            Some(None) => Some(false),
            Some(Some(_)) | None => Some(true),
        };
        if surely_new.is_some() {
            own.insert(node, Some(parts));
        }
        if surely_new == Some(true) || has_run {
            self.latest.insert(node, Some(parts));
        } else if surely_new == Some(false) {
            self.latest.insert(node, None);
        }
        surely_new
    }
}
