//! When `metadata.json` is written, from which records, and how it is known to be whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Store;
use crate::claim::Alone;
use crate::digest::{Digest, Signature};
use crate::error::StoreError;
use crate::snapshot::{self, Standing, Visit};
use crate::writer::Message;

/// The fact under which the last seen state of `metadata.json` is kept.
const SNAPSHOT_FACT: &str = "snapshot";

/// What is in `metadata.json` as long as the file is in this state.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Known {
    state: String,
    pipelines: BTreeSet<String>,
}

impl Store {
    /// Writes the pipeline's section of `metadata.json` from the records of `nodes`; the sections of
    /// other pipelines are kept. Nodes without a record are left out.
    pub fn snapshot(
        &self,
        pipeline: &str,
        nodes: &mut dyn Iterator<Item = (Arc<str>, Signature)>,
    ) -> Result<(), StoreError> {
        let (Some(writer), Some(locks)) = (&self.writer, self.index.locks()) else {
            return match self.problem() {
                Some(problem) => Err(StoreError::Known(problem)),
                None => Ok(()),
            };
        };
        writer.flush();
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
        let _alone = locks.alone(Alone::Snapshot);
        let others = match snapshot::read(&self.root) {
            Standing::Nothing => Default::default(),
            Standing::Sections(sections, _) => sections,
            Standing::Newer(found) => {
                let problem = snapshot::newer(&self.root, found);
                return Err(StoreError::Known(self.index.set_problem(problem)));
            }
        };
        let note = |digest: &Digest| self.note(digest);
        let identity = snapshot::write(&self.root, &others, pipeline, nodes, note)
            .map_err(|error| StoreError::Known(self.index.set_problem(error)))?;
        let names = others.into_keys().chain([pipeline.to_owned()]);
        self.know_snapshot(format!("{identity:?}"), names.collect());
        Ok(())
    }

    /// Says whether `metadata.json` is missing, damaged or lacks the pipeline. False where it could not
    /// be written anyway.
    pub fn needs_snapshot(&self, pipeline: &str) -> bool {
        if self.writer.is_none() {
            return false;
        }
        let Ok(Some(identity)) = self.root.regular(snapshot::FILE) else {
            return true;
        };
        let state = format!("{identity:?}");
        if let Some(known) = &*self.snapshot.lock()
            && known.state == state
        {
            return !known.pipelines.contains(pipeline);
        }
        let fact = self.index.ask(|database| database.fact(SNAPSHOT_FACT));
        if let Ok(Some(text)) = fact
            && let Ok(known) = serde_json::from_str::<Known>(&text)
            && known.state == state
        {
            return !self
                .snapshot
                .lock()
                .insert(known)
                .pipelines
                .contains(pipeline);
        }
        match snapshot::read(&self.root) {
            Standing::Nothing => true,
            Standing::Newer(_) => false,
            Standing::Sections(sections, identity) => {
                let needed = !sections.contains_key(pipeline);
                self.know_snapshot(format!("{identity:?}"), sections.into_keys().collect());
                needed
            }
        }
    }

    fn know_snapshot(&self, state: String, pipelines: BTreeSet<String>) {
        let known = Known { state, pipelines };
        if let (Some(writer), Ok(text)) = (&self.writer, serde_json::to_string(&known)) {
            writer.queue(Message::Fact(SNAPSHOT_FACT, text));
        }
        *self.snapshot.lock() = Some(known);
    }
}
