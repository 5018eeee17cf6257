//! When `metadata.json` is written, from which records, and how it is known to be whole.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};

use super::Store;
use crate::claim::Alone;
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::record::Lookup;
use crate::root::Identity;
use crate::snapshot::{self, Standing, Visit};
use crate::writer::Message;

/// The fact under which the last seen state of `metadata.json` is kept.
const SNAPSHOT_FACT: &str = "snapshot";

/// What is in `metadata.json` as long as the file is in this state.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Known {
    state: String,
    /// The pipelines in it, each with the state that its last run had left when its section was written.
    pipelines: BTreeMap<String, Option<Digest>>,
    /// The bytes of the file when this version wrote it whole, if it did.
    #[serde(default)]
    whole: Option<u64>,
}

/// A file that has grown by one part in this many since it was written whole is written whole again.
const GROWN: u64 = 4;

impl Store {
    /// Writes the pipeline's section of `metadata.json` from the records of `nodes`; the sections of
    /// other pipelines are kept. Nodes without a record are left out.
    pub fn snapshot(
        &self,
        pipeline: &str,
        nodes: &mut dyn Iterator<Item = (Arc<str>, Signature)>,
    ) -> Result<(), StoreError> {
        self.write_snapshot(pipeline, nodes.collect(), true)
    }

    /// Does what [`Store::snapshot`] does after a run; else some of the records are gone, and the section is to be
    /// written again when they have been made again.
    pub(super) fn write_snapshot(
        &self,
        pipeline: &str,
        nodes: FxHashMap<Arc<str>, Signature>,
        after_run: bool,
    ) -> Result<(), StoreError> {
        let Some((writer, locks)) = self.writer.as_ref().zip(self.index.locks()) else {
            return match self.problem() {
                Some(problem) => Err(StoreError::Known(problem)),
                None => Ok(()),
            };
        };
        writer.flush();
        let _alive = locks.show_life();
        let alone = locks.alone(Alone::Snapshot);
        let _alone = alone.map_err(|frozen| {
            let path = self.root.path(snapshot::FILE);
            self.impaired(StoreError::frozen("write", path, frozen))
        })?;
        let anew = std::mem::take(&mut *self.made_anew.lock());
        let spliced = after_run.then(|| self.splice(pipeline, &nodes, &anew));
        let spliced = spliced.flatten();
        let written = match spliced {
            Some(known) => Ok(known),
            None => self.write_whole(pipeline, nodes, after_run),
        };
        match written {
            Ok(known) => {
                self.know_snapshot(known);
                Ok(())
            }
            Err(error) => {
                self.made_anew.lock().extend(anew);
                Err(StoreError::Known(self.index.set_problem(error)))
            }
        }
    }

    /// Puts what changed into the file that stands there, where that is much less than all of it.
    fn splice(
        &self,
        pipeline: &str,
        nodes: &FxHashMap<Arc<str>, Signature>,
        anew: &FxHashSet<Signature>,
    ) -> Option<Known> {
        let (file, identity) = self.root.read_all(snapshot::FILE).ok()??;
        let known = self.known_snapshot(&state_of(&identity))?;
        let whole = known
            .whole
            .filter(|_| known.pipelines.keys().eq([pipeline]))?;
        if identity.size > whole + whole / GROWN {
            return None;
        }
        let find = |signature: &Signature| match self.find(signature) {
            Lookup::Hit(record) => Some(record),
            Lookup::Absent | Lookup::Damaged(_) => None,
        };
        let splice = snapshot::Splice::of(&file, pipeline, nodes.clone(), anew, find)?;
        let note = |digest: &Digest| self.note(digest);
        let identity = snapshot::write_spliced(&self.root, &splice, note).ok()?;
        Some(Known {
            state: state_of(&identity),
            pipelines: BTreeMap::from([(pipeline.to_owned(), self.state(pipeline))]),
            ..known
        })
    }

    fn write_whole(
        &self,
        pipeline: &str,
        nodes: FxHashMap<Arc<str>, Signature>,
        after_run: bool,
    ) -> Result<Known, StoreError> {
        // Nodes of the same signature share a record.
        let mut names: FxHashMap<Signature, Vec<Arc<str>>> = FxHashMap::default();
        for (node, signature) in nodes {
            names.entry(signature).or_default().push(node);
        }
        let nodes = |visit: &mut Visit<'_>| {
            self.index.each(&names, |names, record| {
                names.iter().for_each(|name| visit(name, record));
            });
        };
        let (others, known) = match snapshot::read(&self.root) {
            Standing::Nothing => Default::default(),
            Standing::Sections(sections, identity) => {
                (sections, self.known_snapshot(&state_of(&identity)))
            }
            Standing::Newer(found) => return Err(snapshot::newer(&self.root, found)),
        };
        let notes = |digests: &[Digest]| {
            let read = self.index.ask(|database| database.notes(digests));
            read.unwrap_or_default()
        };
        let identity = snapshot::write(&self.root, &others, pipeline, nodes, notes)?;
        let mut known = known.map(|known| known.pipelines).unwrap_or_default();
        let others = others.into_keys();
        let others = others.map(|name| (known.remove(&name).flatten(), name));
        let mut pipelines: BTreeMap<_, _> = others.map(|(state, name)| (name, state)).collect();
        let state = after_run.then(|| self.state(pipeline)).flatten();
        pipelines.insert(pipeline.to_owned(), state);
        Ok(Known {
            state: state_of(&identity),
            pipelines,
            whole: Some(identity.size),
        })
    }

    /// Says whether `metadata.json` is missing, damaged, or has not what the pipeline's last run left. False where it
    /// could not be written anyway.
    pub fn needs_snapshot(&self, pipeline: &str) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let Ok(Some(identity)) = self.root.regular(snapshot::FILE) else {
            return true;
        };
        if let Some(known) = self.known_snapshot(&state_of(&identity)) {
            let written = known.pipelines.get(pipeline);
            return written.is_none_or(|state| *state != self.state(pipeline));
        }
        match snapshot::read(&self.root) {
            Standing::Nothing => true,
            Standing::Newer(_) => false,
            Standing::Sections(sections, identity) => {
                // Who wrote it ended before it could say of which runs it is, or it came from elsewhere.
                let needed = !sections.contains_key(pipeline) || self.state(pipeline).is_some();
                self.know_snapshot(Known {
                    state: state_of(&identity),
                    pipelines: sections.into_keys().map(|name| (name, None)).collect(),
                    whole: None,
                });
                needed
            }
        }
    }

    /// What is known of the file in this state.
    fn known_snapshot(&self, state: &str) -> Option<Known> {
        let mut last = self.snapshot.lock();
        if let Some(known) = last.as_ref().filter(|known| known.state == state) {
            return Some(known.clone());
        }
        let fact = self.index.ask(|database| database.fact(SNAPSHOT_FACT));
        let known: Known = serde_json::from_str(&fact.ok()??).ok()?;
        (known.state == state).then(|| last.insert(known).clone())
    }

    fn know_snapshot(&self, known: Known) {
        if let (Some(writer), Ok(text)) = (&self.writer, serde_json::to_string(&known)) {
            writer.queue(Message::Fact(SNAPSHOT_FACT, text));
        }
        *self.snapshot.lock() = Some(known);
    }
}

/// What tells that the file is as it was. After a loss of power a file may have lost its bytes and look as before, so
/// nothing is known of it when the machine was started anew.
fn state_of(identity: &Identity) -> String {
    static STARTED: OnceLock<String> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "the system's own file")]
    let started = STARTED.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        id.unwrap_or_default().trim().to_owned()
    });
    format!("{identity:?} {started}")
}
