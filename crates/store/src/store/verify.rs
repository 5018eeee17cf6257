//! Whether all that a directory holds is what it was when it was written.

use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Store;
use super::contents::Standing;
use crate::blob::Blob;
use crate::database::Database;
use crate::error::Damage;
use crate::inventory::Inventory;
use crate::{opening, snapshot};

/// How far [`Store::verify`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The bytes of blobs that were hashed.
    pub bytes: u64,
    /// The bytes of all of them.
    pub total: u64,
}

/// What [`Store::verify`] looked at, and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The number of records that can be read.
    pub records: u64,
    /// The number of blobs, and of outputs in pickles, that were hashed.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is damaged; nothing if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is damaged. Running what needs it makes it again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The file or directory.
    pub path: PathBuf,
    /// The node that it belongs to, where that is known.
    pub node: Option<Arc<str>>,
    /// What is wrong with it.
    pub reason: String,
}

impl Store {
    /// Reads every record, hashes every blob, and looks whether trees, lists and `metadata.json` are what they
    /// should be. Changes nothing. Where records came from tiers, a blob that is not here is no damage: it may be there.
    pub fn verify(&self, visit: &mut dyn FnMut(Progress)) -> Verified {
        self.flush();
        let mut found = Verified::default();
        let standing = self.standing().unwrap_or_else(|error| {
            found.findings.push(Finding {
                path: self.root.own_path().to_owned(),
                node: None,
                reason: error.to_string(),
            });
            Standing::default()
        });
        let inventory = self.verify_records(&standing, &mut found.findings);
        found.records = inventory.items.len() as u64;
        self.verify_blobs(&inventory, &standing, &mut found, visit);
        self.verify_pickles(&mut found);
        self.verify_trees(&inventory, &mut found.findings);
        self.verify_snapshot(&standing, &mut found.findings);
        let mut seen = FxHashSet::default();
        found
            .findings
            .retain(|finding| seen.insert((finding.path.clone(), finding.node.clone())));
        found
    }

    fn verify_records(&self, standing: &Standing, findings: &mut Vec<Finding>) -> Inventory {
        let records = self.root.path(opening::FILE);
        let mut wrong = |reason: String| {
            findings.push(Finding {
                path: records.clone(),
                node: None,
                reason,
            });
        };
        match self.index.ask(Database::is_sound) {
            Ok(true) => {}
            Ok(false) => wrong("its pages contradict each other".into()),
            Err(reason) => wrong(reason),
        }
        match self.index.ask(Database::damaged_notes) {
            Ok(notes) => notes
                .iter()
                .for_each(|note| wrong(format!("note {note} has another text"))),
            Err(reason) => wrong(reason),
        }
        let mut inventory = Inventory::default();
        let mut damaged = Vec::new();
        let taken = self.take_inventory(&mut inventory, 0, standing, |row, reason| {
            let output = row.map(|row| (Arc::clone(&row.record.node), &row.record.output));
            let path = match &output {
                Some((_, output)) if output.inline.is_none() => self.blobs.path(&Blob::of(output)),
                _ => records.clone(),
            };
            damaged.push(Finding {
                path,
                node: output.map(|(node, _)| node),
                reason,
            });
        });
        if let Err(reason) = taken {
            wrong(reason);
        }
        findings.extend(damaged);
        inventory
    }

    fn verify_blobs(
        &self,
        inventory: &Inventory,
        standing: &Standing,
        found: &mut Verified,
        visit: &mut dyn FnMut(Progress),
    ) {
        let of_nobody = standing
            .blobs
            .iter()
            .filter(|(blob, _)| inventory.number_of(blob).is_none())
            .map(|(blob, found)| (*blob, found.size));
        let blobs: Vec<(Blob, u64)> = inventory.blobs.iter().copied().chain(of_nobody).collect();
        let total = blobs.iter().map(|(blob, _)| standing.size(blob)).sum();
        visit(Progress { bytes: 0, total });
        for (number, (blob, size)) in blobs.iter().enumerate() {
            let damage = self.blobs.verify(blob, *size).err();
            let is_elsewhere = matches!(damage, Some(Damage::Missing(_))) && standing.elsewhere;
            // Then it is read there, and put right when somebody asks for a path of it.
            let is_pickled = || matches!(self.pickles.load(&blob.digest), Some(Ok(_)));
            if let Some(damage) = damage.filter(|_| !is_elsewhere && !is_pickled()) {
                let finding = |node| Finding {
                    path: self.blobs.path(blob),
                    node,
                    reason: damage.to_string(),
                };
                let nodes = nodes_of(inventory, number);
                match nodes.is_empty() {
                    true => found.findings.push(finding(None)),
                    false => found
                        .findings
                        .extend(nodes.into_iter().map(Some).map(finding)),
                }
            }
            found.blobs += 1;
            found.bytes += standing.size(blob);
            let bytes = found.bytes;
            visit(Progress { bytes, total });
        }
    }

    fn verify_pickles(&self, found: &mut Verified) {
        self.pickles
            .verify(&mut |name, node, verified| match verified {
                Ok(bytes) => {
                    found.blobs += 1;
                    found.bytes += bytes;
                }
                Err(reason) => found.findings.push(Finding {
                    path: self.pickles.path(name),
                    node: node.map(Into::into),
                    reason,
                }),
            });
    }

    /// Trees that nobody can ask for are left out: they go with the next collection.
    fn verify_trees(&self, inventory: &Inventory, findings: &mut Vec<Finding>) {
        for (digest, output) in &inventory.trees {
            // Where its listing is damaged, that was found.
            if let Ok(tree) = self.load_tree(output)
                && self.trees.verify(digest, &tree).is_err()
            {
                let refers = |item: &&crate::inventory::Item| item.trees.contains(digest);
                let item = inventory.items.iter().find(refers);
                findings.push(Finding {
                    path: self.trees.path(digest),
                    node: item.map(|item| Arc::clone(&inventory.nodes[item.node as usize])),
                    reason: "the tree is not what its listing says".into(),
                });
            }
        }
    }

    fn verify_snapshot(&self, standing: &Standing, findings: &mut Vec<Finding>) {
        let mut wrong = |node: Option<&str>, reason: String| {
            findings.push(Finding {
                path: self.root.path(snapshot::FILE),
                node: node.map(Into::into),
                reason,
            });
        };
        let checked = snapshot::check(&self.root, |node, record| match record {
            None => wrong(Some(node), "what is said of the node does not fit".into()),
            Some(record) => match self.present(&record.output) {
                Ok(()) => {}
                Err(Damage::Missing(_)) if standing.elsewhere => {}
                Err(damage) => wrong(Some(node), damage.to_string()),
            },
        });
        checked.into_iter().for_each(|reason| wrong(None, reason));
    }
}

/// The nodes that refer to a blob, each once.
fn nodes_of(inventory: &Inventory, blob: usize) -> Vec<Arc<str>> {
    let refers = |item: &&crate::inventory::Item| {
        item.blobs
            .binary_search_by_key(&blob, |number| *number as usize)
            .is_ok()
    };
    let mut nodes: Vec<u32> = inventory
        .items
        .iter()
        .filter(refers)
        .map(|item| item.node)
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let name = |node: u32| Arc::clone(&inventory.nodes[node as usize]);
    nodes.into_iter().map(name).collect()
}
