//! Which features a dependency is asked for.
//!
//! Only the compiler knows which features a crate is compiled with, and only of the crate that it is
//! compiling. Of every other crate that is reached, what the manifests on the way ask of it counts
//! instead: the features named at the dependency, the crate's own table of features, and the value
//! of each feature of the compiled crate that passes one on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::edges::Vertex;
use crate::fingerprint::Fingerprint;
use crate::manifest::{Features, Origin, Package};
use crate::world::{CrateId, World};
use crate::{Condition, Item};

/// The crates and packages of a closure, each with the level at which it is first reached.
#[derive(Default)]
struct Reached<'w> {
    crates: BTreeMap<CrateId, u32>,
    packages: BTreeMap<&'w str, u32>,
}

impl World {
    /// What is asked of the dependencies that `levels` reaches, seen from the crate `own`.
    pub(crate) fn features(
        &self,
        levels: &HashMap<Vertex, u32>,
        own: CrateId,
    ) -> (Vec<Item>, Vec<Condition>) {
        let reached = self.reached(levels);
        let (mut items, mut conditions) = (Vec::new(), Vec::new());
        for krate in reached.crates.keys() {
            let this = self.krate(*krate);
            for (name, asked) in &this.package.asked {
                let Some((level, table)) = self.dependency(&reached, &this.package, name) else {
                    continue;
                };
                let text = text(asked, table);
                if *krate == own {
                    let passing = passing(&this.package.features, name);
                    conditions.extend(passing.iter().filter_map(|feature| {
                        let predicate = format!("feature = {feature:?}");
                        self.condition(this.root, &predicate, level, Some(own))
                    }));
                }
                if text.is_empty() {
                    continue;
                }
                let of = &self.module(this.root).path;
                let shown = this.package.dir.join("Cargo.toml");
                items.push(Item {
                    level,
                    path: format!("{of} (features of {name})"),
                    hash: Fingerprint::new("features")
                        .field(b'T', text.as_bytes())
                        .finish(),
                    text,
                    file: this.package.relative(&shown),
                    line: 0,
                });
            }
        }
        (items, conditions)
    }

    fn reached(&self, levels: &HashMap<Vertex, u32>) -> Reached<'_> {
        let mut reached = Reached::default();
        for (vertex, level) in levels {
            if let Some(krate) = self.crate_of(vertex) {
                let known = reached.crates.entry(krate).or_insert(*level);
                *known = (*known).min(*level);
            }
            if let Vertex::Package(package) = vertex {
                let name = self.locked[package.0 as usize].1.as_str();
                let known = reached.packages.entry(name).or_insert(*level);
                *known = (*known).min(*level);
            }
        }
        reached
    }

    /// The level of the dependency that `package` knows as `name`, with its own table of features
    /// where that is known; None where it is not reached.
    fn dependency<'w>(
        &'w self,
        reached: &Reached<'_>,
        package: &Package,
        name: &str,
    ) -> Option<(u32, Option<&'w Features>)> {
        match package.origins.get(name)? {
            Origin::Path(dir) => {
                let mut crates = reached.crates.iter();
                let (krate, level) =
                    crates.find(|(krate, _)| self.krate(**krate).package.dir == *dir)?;
                Some((*level, Some(&self.krate(*krate).package.features)))
            }
            Origin::Locked(name) => Some((*reached.packages.get(name.as_str())?, None)),
            Origin::Engine(_) => None,
        }
    }
}

/// The features that, directly or by others, ask something of the dependency `name`.
fn passing(features: &Features, name: &str) -> BTreeSet<String> {
    let mut passing: BTreeSet<String> = BTreeSet::new();
    loop {
        let asks = |word: &String| match word.split_once('/') {
            Some((dependency, _)) => dependency.trim_end_matches('?').replace('-', "_") == name,
            None => passing.contains(word),
        };
        let more: BTreeSet<String> = features
            .iter()
            .filter(|(feature, words)| !passing.contains(*feature) && words.iter().any(asks))
            .map(|(feature, _)| feature.clone())
            .collect();
        if more.is_empty() {
            return passing;
        }
        passing.extend(more);
    }
}

fn text(asked: &BTreeSet<String>, table: Option<&Features>) -> String {
    let mut text = String::new();
    for word in asked {
        text.push_str(&format!("{word}\n"));
    }
    for (feature, words) in table.into_iter().flatten() {
        text.push_str(&format!("{feature} = {words:?}\n"));
    }
    text
}
