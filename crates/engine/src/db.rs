//! The query database: what salsa holds. It knows inputs, specs and memos;
//! it runs no user code and decides nothing.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use refrain_store::{Digest, Signature, Store};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::config::CacheConfig;
use crate::files::Tracked;
use crate::handle::Handle;
use crate::node::Node;
use crate::queries::{Source, Unit};
use crate::value::Value;

/// The database of one session.
#[salsa::db]
#[derive(Clone)]
pub(crate) struct Db {
    storage: salsa::Storage<Self>,
    context: Arc<Context>,
}

impl Db {
    pub fn new(context: Arc<Context>) -> Self {
        Db {
            storage: salsa::Storage::default(),
            context,
        }
    }
}

#[salsa::db]
impl salsa::Database for Db {}

/// What queries may read besides salsa's own inputs. Reading it inside a query
/// is sound although salsa does not track it: the store is content-addressed,
/// and an arrival is put here before the query that takes it is demanded.
#[salsa::db]
pub(crate) trait Refrain: salsa::Database {
    fn context(&self) -> &Context;
}

#[salsa::db]
impl Refrain for Db {
    fn context(&self) -> &Context {
        &self.context
    }
}

/// The surroundings of the queries.
pub(crate) struct Context {
    pub config: CacheConfig,
    pub store: Option<Arc<Store>>,
    arrivals: Mutex<FxHashMap<Signature, Arc<Handle>>>,
    /// Files that actions found, as they were last looked at.
    files: Mutex<FxHashMap<PathBuf, Option<Digest>>>,
}

impl Context {
    pub fn new(config: CacheConfig, store: Option<Arc<Store>>) -> Self {
        Context {
            config,
            store,
            arrivals: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// The digest of a file that an action found, looked at once a revision;
    /// `None` if it cannot be read.
    pub fn file_digest(&self, path: &Path) -> Option<Digest> {
        let mut files = self.files();
        if let Some(known) = files.get(path) {
            return *known;
        }
        let digest = self.read(path);
        files.insert(path.to_owned(), digest);
        digest
    }

    /// Looks at files again that were looked at before, if they are chosen;
    /// gives those that are not what they were.
    pub fn changed_files(&self, choose: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (path, known) in self.files().iter_mut() {
            if !choose(path) {
                continue;
            }
            let digest = self.read(path);
            if std::mem::replace(known, digest) != digest {
                changed.push(path.clone());
            }
        }
        changed
    }

    fn read(&self, path: &Path) -> Option<Digest> {
        let store = self.store.as_ref()?;
        store.file_digest(path).ok().map(|(digest, _)| digest)
    }

    fn files(&self) -> std::sync::MutexGuard<'_, FxHashMap<PathBuf, Option<Digest>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays down what an execution or lookup gave, under the key by which the
    /// node's query will ask for it.
    pub fn arrive(&self, key: Signature, handle: Arc<Handle>) {
        self.lock().insert(key, handle);
    }

    /// Takes what has arrived under a key. Each arrival is taken once: from
    /// then on salsa's memo holds it.
    pub fn take(&self, key: &Signature) -> Option<Arc<Handle>> {
        self.lock().remove(key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<Signature, Arc<Handle>>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source's value as bound for one revision.
#[derive(Clone)]
pub(crate) struct Bound {
    pub digest: Digest,
    /// The value as text, where it is short.
    pub shown: Option<Arc<str>>,
    /// Why the value has no digest that outlives this process.
    pub unhashable: Option<Arc<str>>,
    /// The value as each type that some parameter takes.
    pub values: Arc<[(TypeId, Value)]>,
    /// The files whose contents the digest stands for.
    pub files: Option<Arc<Tracked>>,
}

impl Bound {
    /// The value as text, for showing what changed.
    pub fn text(&self) -> Option<Arc<str>> {
        let files = || self.files.as_ref().map(|files| files.note());
        self.shown.clone().or_else(files)
    }

    /// Whether the value is there as this type.
    pub fn is_given_as(&self, wanted: TypeId) -> bool {
        self.values.iter().any(|(id, _)| *id == wanted)
    }

    pub fn value(&self, wanted: TypeId) -> &Value {
        self.values
            .iter()
            .find(|(id, _)| *id == wanted)
            .map(|(_, value)| value)
            .expect("bound for every type its takers want")
    }
}

/// A node with everything about it that is fixed between edits.
pub(crate) struct Spec {
    pub node: Arc<Node>,
    /// The hashes of these two parts: they change with the spec only.
    pub code: Option<Digest>,
    pub env: Option<Digest>,
    pub links: SmallVec<[Link; 4]>,
}

impl Spec {
    /// Whether no query can tell the two apart.
    pub fn is_like(&self, other: &Spec) -> bool {
        self.code == other.code
            && self.env == other.env
            && self.links == other.links
            && self.node.is_like(&other.node)
    }
}

/// Where a parameter's value comes from, in the database's terms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Source(Source),
    Node(Unit),
}
