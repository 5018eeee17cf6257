//! The output of a node as edges see it: a digest, and the means to get the
//! value. It does not know which node it belongs to.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use refrain_store::{Codec, Damage, Digest, Lookup, Output, Record, Signature, Store};

use crate::lifetime::Lifetime;
use crate::value::{Value, ValueCodec};

/// An output; equal to another when their digests are equal.
pub(crate) struct Handle {
    /// The digest of the stored bytes, or, for a value that is not stored, the
    /// resolved signature that it is known by.
    pub digest: Digest,
    /// How long the execution took that made it.
    pub elapsed: Duration,
    /// When it was made, in milliseconds since 1970; of a list, the oldest of it.
    pub created_ms: i64,
    /// The bytes' place in the store; without one the value stays in memory.
    stored: Option<(Output, &'static dyn ValueCodec)>,
    value: Mutex<Option<Value>>,
    /// Whether somebody keeps the value although nobody waits for it.
    kept: AtomicBool,
}

/// Why a stored output could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// It is not there at all; otherwise it is there and wrong.
    pub missing: bool,
    /// What was found.
    pub message: String,
}

impl From<Damage> for Lost {
    fn from(damage: Damage) -> Self {
        Lost {
            missing: matches!(damage, Damage::Missing(_)),
            message: damage.to_string(),
        }
    }
}

impl Handle {
    /// An output in the store, with its value if that is at hand. A value that
    /// the store took over is not: the store gives it from now on.
    pub fn stored(
        output: Output,
        codec: &'static dyn ValueCodec,
        elapsed: Duration,
        created_ms: i64,
        value: Option<Value>,
    ) -> Self {
        Handle {
            digest: output.digest,
            elapsed,
            created_ms,
            stored: Some((output, codec)),
            value: Mutex::new(value.filter(|_| codec.in_memory())),
            kept: AtomicBool::new(false),
        }
    }

    /// The output that a record names; `None` if the record only explains, or is of
    /// the list of which this is an item.
    pub fn recorded(record: &Record, codec: Option<&'static dyn ValueCodec>) -> Option<Self> {
        let codec = codec?;
        let is_list = record.output.codec == Codec::LIST;
        if record.output.codec == Codec::NONE || is_list != codec.is_list() {
            return None;
        }
        Some(Self::stored(
            record.output.clone(),
            codec,
            record.elapsed,
            record.created_ms,
            None,
        ))
    }

    /// An output that lives in memory only, known by its resolved signature.
    pub fn in_memory(
        resolved: &Signature,
        value: Value,
        elapsed: Duration,
        created_ms: i64,
    ) -> Self {
        Handle {
            digest: Digest::from_bytes(*resolved.as_bytes()),
            elapsed,
            created_ms,
            stored: None,
            value: Mutex::new(Some(value)),
            kept: AtomicBool::new(false),
        }
    }

    /// The resolved signature that a value in memory only is known by.
    pub fn known_by(&self) -> Signature {
        Signature::from_bytes(*self.digest.as_bytes())
    }

    /// Whether the store has the bytes; otherwise the value lives in memory only.
    pub fn is_stored(&self) -> bool {
        self.stored.is_some()
    }

    /// The bytes' place in the store; `None` for a value in memory only.
    pub fn output(&self) -> Option<&Output> {
        self.stored.as_ref().map(|(output, _)| output)
    }

    /// The number of stored bytes; `None` for a value in memory only.
    pub fn bytes(&self) -> Option<u64> {
        self.stored.as_ref().map(|(output, _)| output.size)
    }

    /// Checks, without reading it, that a stored output is still there.
    pub fn check(&self, store: Option<&Store>) -> Result<(), Lost> {
        match (&self.stored, store) {
            (Some((output, _)), Some(store)) => store.present(output).map_err(Lost::from),
            _ => Ok(()),
        }
    }

    /// The value, loaded and verified from the store if it is not in memory.
    pub fn load(&self, store: Option<&Store>) -> Result<Value, Lost> {
        let mut slot = self.slot();
        if let Some(value) = &*slot {
            return Ok(value.clone());
        }
        let (Some((output, codec)), Some(store)) = (&self.stored, store) else {
            unreachable!("a value that is not stored is kept in memory");
        };
        let value = codec.get(store, output)?;
        if codec.in_memory() {
            *slot = Some(value.clone());
        }
        Ok(value)
    }

    /// The value, if it is in memory.
    pub fn in_hand(&self) -> Option<Value> {
        self.slot().clone()
    }

    /// Lets go of a value that the store can give again.
    pub fn release(&self) {
        if self.stored.is_some() {
            *self.slot() = None;
        }
    }

    /// Notes whether somebody keeps the value; says whether that is new.
    pub fn mark_kept(&self, kept: bool) -> bool {
        self.kept.swap(kept, Ordering::Relaxed) != kept
    }

    /// Takes the value of an equal output that was made later.
    pub fn replace_value(&self, later: &Handle) {
        let value = later.slot().clone();
        *self.slot() = value;
    }

    fn slot(&self) -> MutexGuard<'_, Option<Value>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an output of this work is kept from another time: a record that only
/// explains is not to take its place, for it may be known by something else.
pub(crate) fn is_kept(store: &Store, signature: &Signature) -> bool {
    let found = store.find(signature);
    matches!(found, Lookup::Hit(record) if record.output.codec != Codec::NONE)
}

/// What a record names whose work keeps no output.
pub(crate) fn nothing() -> Output {
    Output {
        digest: Digest::from_bytes([0; 32]),
        size: 0,
        codec: Codec::NONE,
        inline: Some(Arc::from([])),
    }
}

/// The record of this work, if the store has its output and that counts. What is
/// looked up so is no list: only its items execute.
pub(crate) fn find(store: &Store, resolved: &Signature, lifetime: Lifetime) -> Option<Arc<Record>> {
    let Lookup::Hit(record) = store.find_resolved(resolved) else {
        return None;
    };
    let usable = !matches!(record.output.codec, Codec::NONE | Codec::LIST)
        && !lifetime.is_over(record.created_ms)
        && store.present(&record.output).is_ok();
    usable.then_some(record)
}

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.digest)
    }
}
