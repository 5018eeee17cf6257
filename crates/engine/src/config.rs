//! How a runner caches.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::{Eviction, Home, Limits, Options, SealKey};
use serde::{Deserialize, Serialize};

use crate::amounts::{size, span};
use crate::error::{Error, Result};
use crate::remote::{Remote, one_or_more};

/// Blobs named by their content, with an index beside them.
const DISKCACHE: &str = "diskcache";

/// A pickle for each node.
const CACHIER: &str = "cachier";

/// How and where outputs are remembered. The default remembers nothing and
/// writes nothing; [`CacheConfig::new`] turns caching on.
///
/// ```
/// use refrain::CacheConfig;
///
/// let config = CacheConfig::new(".cache").env_hash("gpu-box").dependency_depth(3);
/// assert!(config.enabled);
/// assert!(!CacheConfig::default().enabled);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// Whether anything is remembered at all.
    pub enabled: bool,
    /// The storage backend: `diskcache` (outputs are files named by their content)
    /// or `cachier` (outputs are values in pickles, one for each node). What was
    /// stored stays where it is when this changes, and is found.
    pub backend: String,
    /// The directory of the cache, created on first use.
    pub cache_dir: PathBuf,
    /// A version or environment name that counts for every node without a `cache_key`.
    pub env_hash: Option<String>,
    /// How many import levels of code beyond a node's own module count.
    pub dependency_depth: u32,
    /// How many bytes of outputs, as they are stored, a live session holds in
    /// memory although the store could give them again.
    pub memory: u64,
    /// For how many milliseconds another process that is at some work and shows
    /// no sign of life is waited for: one that was stopped. After that the work
    /// is done here as well.
    pub patience_ms: u64,
    /// What the directory may take on disk, in bytes; without it, whatever there
    /// is. It is kept after each run, sparing what the last runs stand on.
    #[serde(with = "size")]
    pub max_size: Option<u64>,
    /// What one output may take, in bytes: a larger one is not kept.
    #[serde(with = "size")]
    pub max_entry_size: Option<u64>,
    /// How long an output is kept that nothing uses; for ever by default.
    #[serde(with = "span")]
    pub max_age: Option<Duration>,
    /// How long outputs count after they were made, of nodes that do not say;
    /// for ever by default. What is older is made again.
    #[serde(with = "span")]
    pub ttl: Option<Duration>,
    /// Which outputs go first when there is not room for all.
    pub eviction: Eviction,
    /// Tiers behind the directory, in the order in which they are asked.
    #[serde(deserialize_with = "one_or_more")]
    pub remote: Vec<Remote>,
    /// A file with the key that records are sealed with: 32 bytes, or 64
    /// hexadecimal digits. Only records of holders of the key are used then.
    pub key_file: Option<PathBuf>,
    /// The key itself, in place of a file. It is written nowhere.
    #[serde(skip)]
    pub key: Option<SealKey>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig {
            enabled: false,
            backend: DISKCACHE.to_owned(),
            cache_dir: PathBuf::from(".cache"),
            env_hash: None,
            dependency_depth: 2,
            memory: 256 << 20,
            patience_ms: 10_000,
            max_size: None,
            max_entry_size: None,
            max_age: None,
            ttl: None,
            eviction: Eviction::default(),
            remote: Vec::new(),
            key_file: None,
            key: None,
        }
    }
}

impl CacheConfig {
    /// Caching on, in this directory.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        CacheConfig {
            enabled: true,
            cache_dir: cache_dir.into(),
            ..Self::default()
        }
    }

    /// Turns caching on or off.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Chooses the storage backend by name.
    pub fn backend(mut self, backend: impl Into<String>) -> Self {
        self.backend = backend.into();
        self
    }

    /// Chooses the directory of the cache.
    pub fn cache_dir(mut self, cache_dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = cache_dir.into();
        self
    }

    /// Sets the global environment name.
    pub fn env_hash(mut self, env_hash: impl Into<String>) -> Self {
        self.env_hash = Some(env_hash.into());
        self
    }

    /// Sets how many import levels count.
    pub fn dependency_depth(mut self, levels: u32) -> Self {
        self.dependency_depth = levels;
        self
    }

    /// Adds a tier behind the directory, such as a URL.
    pub fn remote(mut self, remote: impl Into<Remote>) -> Self {
        self.remote.push(remote.into());
        self
    }

    /// Sets for how long a process that shows no sign of life is waited for.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Sets what the directory may take on disk, in bytes.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Sets what one output may take, in bytes.
    pub fn max_entry_size(mut self, bytes: u64) -> Self {
        self.max_entry_size = Some(bytes);
        self
    }

    /// Sets how long an output is kept that nothing uses.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets how long outputs count after they were made. It is no part of what
    /// they are known by: with another time, what is still fresh stays so.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Chooses which outputs go first.
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// What the store is to keep.
    pub fn limits(&self) -> Limits {
        Limits {
            max_size: self.max_size,
            max_age: self.max_age,
            eviction: self.eviction,
        }
    }

    /// Sets how many bytes of outputs a live session holds in memory.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Seals records with the key in this file, and uses only records of its
    /// holders.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_file = Some(path.into());
        self
    }

    /// Seals records with this key, and uses only records of its holders.
    pub fn key(mut self, key: SealKey) -> Self {
        self.key = Some(key);
        self
    }

    /// How the cache directory is to be opened.
    ///
    /// # Errors
    /// A key that cannot be read: without it, records of anybody would count.
    pub fn store_options(&self) -> Result<Options> {
        let patience = Duration::from_millis(self.patience_ms);
        let mut options = Options::default().patience(patience).limits(self.limits());
        if let Some(bytes) = self.max_entry_size {
            options = options.max_entry_size(bytes);
        }
        let key = match (&self.key, &self.key_file) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(path)) => Some(SealKey::from_file(path)?),
            (None, None) => None,
        };
        if let Some(key) = key {
            options = options.key(key);
        }
        Ok(options)
    }
}

/// Refuses a backend name that is not known. `place` names the node that
/// asked, or is empty for the configuration's own.
pub(crate) fn check_backend(name: &str, place: &str) -> Result<()> {
    match name {
        DISKCACHE | CACHIER => Ok(()),
        _ => Err(Error::UnknownBackend {
            name: name.to_owned(),
            place: place.to_owned(),
            known: "diskcache, cachier",
        }),
    }
}

/// Where the outputs of a node of this name are kept, which may have a backend of
/// its own.
pub(crate) fn home(config: &CacheConfig, backend: Option<&str>, node: &Arc<str>) -> Home {
    match backend.unwrap_or(&config.backend) {
        CACHIER => Home::Pickle(node.clone()),
        _ => Home::Blobs,
    }
}
