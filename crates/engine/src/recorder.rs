//! What is kept of an execution: its output, and a record that says what work
//! gave it. It is unaware of how the action ran.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use refrain_store::{Claim, Digest, Parts, Record, Signature, Store};

use crate::execution::Told;
use crate::files;
use crate::handle::{self, Handle};
use crate::signature::{Explain, Notes, PartHashes};
use crate::trail::{Trail, Trails};
use crate::value::Value;
use crate::work::{Draft, Work};

/// An execution that gave a value.
pub(crate) struct Execution {
    pub value: Value,
    pub told: Told,
    pub started: SystemTime,
    pub elapsed: Duration,
    /// When it ended, in milliseconds since 1970.
    pub created_ms: i64,
}

/// What an execution is known by from now on.
#[derive(Clone)]
pub(crate) struct Kept {
    pub handle: Arc<Handle>,
    /// What the work was, with the files that it found.
    pub resolved: Signature,
    /// Why the output is not cached, if it should have been.
    pub note: Option<Arc<str>>,
    /// The files that the action found, where it finds any.
    pub trail: Option<Trail>,
    /// Whether what it read is known: otherwise nothing is to be remembered of
    /// what is made of it.
    pub known: bool,
}

/// Stores an output and records it. An output that cannot be stored stays in
/// memory, with a note of the reason: it costs the caching, not the run.
pub(crate) fn keep(
    store: Option<&Store>,
    work: &Work,
    execution: Execution,
    claim: Option<Claim>,
) -> Kept {
    let (Some(store), Some(draft)) = (store, &work.draft) else {
        let handle = execution.in_memory(&work.key);
        return Kept {
            handle: Arc::new(handle),
            resolved: work.key,
            note: None,
            trail: None,
            known: true,
        };
    };
    let read = match Read::of(store, work, &execution) {
        Ok(read) => read,
        Err(changed) => return unknown(&changed, execution),
    };
    let found = Found::of(work, draft, read.trail.as_ref());
    let (stored, note) = match record(store, work, draft, &read, &found, &execution, claim) {
        Ok(stored) => (stored, None),
        Err(why) => (None, Some(format!("not cached: {why}").into())),
    };
    let in_memory = || execution.in_memory(&found.resolved);
    Kept {
        handle: Arc::new(stored.unwrap_or_else(in_memory)),
        resolved: found.resolved,
        note,
        trail: read.trail,
        known: true,
    }
}

impl Execution {
    /// The output where only memory has it.
    fn in_memory(self, known_by: &Signature) -> Handle {
        Handle::in_memory(known_by, self.value, self.elapsed, self.created_ms)
    }
}

/// The output of an execution of which nobody can say what it read: nothing is
/// remembered of it, nor of anything that is made of it.
fn unknown(changed: &Path, execution: Execution) -> Kept {
    let signature =
        Signature::from_bytes(*Digest::of(&ulid::Ulid::generate().to_bytes()).as_bytes());
    let note = format!(
        "not cached: {} changed while the node ran",
        changed.display()
    );
    let handle = execution.in_memory(&signature);
    Kept {
        handle: Arc::new(handle),
        resolved: signature,
        note: Some(note.into()),
        trail: None,
        known: false,
    }
}

/// The files that an execution read, as they were all the while.
struct Read {
    trail: Option<Trail>,
    texts: Notes,
}

impl Read {
    /// A file that changed meanwhile is the error.
    fn of(store: &Store, work: &Work, execution: &Execution) -> Result<Self, PathBuf> {
        let code_files = &work.spec.node.code_files;
        if let Some(path) = code_files.changed(Some(store)) {
            return Err(path.to_owned());
        }
        let mut texts = Notes::new();
        for tracked in &work.files {
            if let Some(path) = tracked.changed(Some(store)) {
                return Err(path.to_owned());
            }
            files::texts(tracked.files(), &mut texts);
        }
        let discovers = work.spec.node.discovers;
        let found = execution.told.discovered.as_ref().filter(|_| discovers);
        let Some(found) = found else {
            let trail = discovers.then(|| Trail::new(Vec::new()));
            return Ok(Read { trail, texts });
        };
        let trail = Trail::new(files::unchanged(found, execution.started, store)?);
        files::texts(trail.files(), &mut texts);
        let trail = Some(trail);
        Ok(Read { trail, texts })
    }
}

/// What the work is known by with the files that its execution found.
pub(crate) struct Found {
    pub signature: Signature,
    pub resolved: Signature,
    parts: Parts,
    notes: Notes,
}

impl Found {
    pub fn of(work: &Work, draft: &Draft, trail: Option<&Trail>) -> Self {
        let (mut parts, mut notes) = (draft.parts.clone(), draft.notes.clone());
        let mut resolved = work.key;
        if let Some(trail) = trail {
            parts.inputs = Explain::with_trail(parts.inputs.as_deref(), trail, &mut notes);
            let inputs = PartHashes::of(&parts).inputs;
            resolved = PartHashes {
                inputs,
                ..work.hashes
            }
            .resolved();
        }
        Found {
            signature: PartHashes::of(&parts).signature(),
            resolved,
            parts,
            notes,
        }
    }
}

fn record(
    store: &Store,
    work: &Work,
    draft: &Draft,
    read: &Read,
    found: &Found,
    execution: &Execution,
    claim: Option<Claim>,
) -> Result<Option<Handle>, String> {
    let node = &work.spec.node;
    let codec = node.output.codec().filter(|_| draft.keeps_output);
    let output = match codec {
        Some(codec) => codec.put(store, &draft.home, &execution.value)?,
        None => handle::nothing(),
    };
    if let Some(trail) = &read.trail {
        for base in [PartHashes::of(&draft.parts).signature(), work.key] {
            Trails::remember(store, &node.location.node, &base, trail)?;
        }
    }
    if codec.is_none() && handle::is_kept(store, &found.signature) {
        return Ok(None);
    }
    let mut notes = found.notes.clone();
    notes.extend(read.texts.iter().cloned());
    let log = execution.told.log.as_ref().filter(|log| !log.is_empty());
    if let Some(log) = log {
        notes.push((Digest::of(log.as_bytes()), log.as_str().into()));
    }
    let created_ms = execution.created_ms;
    let record = Record {
        node: node.location.node.clone(),
        signature: found.signature,
        resolved: found.resolved,
        parts: found.parts.clone(),
        output,
        created_ms,
        elapsed: execution.elapsed,
        log: log.map(|log| Digest::of(log.as_bytes())),
        seal: None,
    };
    let output = store.commit_at(&draft.home, record, notes, claim);
    let value = Some(execution.value.clone());
    Ok(codec.map(|codec| Handle::stored(output, codec, execution.elapsed, created_ms, value)))
}
