//! A node being declared, one thing after the other. It is finished by saying what it executes.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::Digest;
use serde::{Serialize, de::DeserializeOwned};

use super::{Action, Args, EnvLeaf, Failure, Location, Node, Param, valued};
use crate::code::Code;
use crate::files::Tracked;
use crate::mapping::MapBuilder;
use crate::paths::{OutputPath, PathKind};
use crate::value::ValueType;

/// A node being declared.
#[derive(Debug)]
#[must_use = "finish it with `cached` or `uncached`"]
pub struct NodeBuilder {
    location: Location,
    params: Vec<Param>,
    cache_key: Option<Arc<str>>,
    env: Vec<EnvLeaf>,
    cache_backend: Option<Arc<str>>,
    discovers: bool,
    code_files: Arc<Tracked>,
    retries: u32,
    timeout: Option<Duration>,
    ttl: Option<Duration>,
    code: Option<Arc<Code>>,
}

impl NodeBuilder {
    /// A node of which only its place is known.
    pub(super) fn new(location: Location) -> Self {
        NodeBuilder {
            location,
            params: Vec::new(),
            cache_key: None,
            env: Vec::new(),
            cache_backend: None,
            discovers: false,
            code_files: Arc::default(),
            retries: 0,
            timeout: None,
            ttl: None,
            code: None,
        }
    }

    /// Adds a parameter.
    pub fn param(mut self, param: Param) -> Self {
        self.params.push(param);
        self
    }

    /// Says what the node's behaviour is made of.
    pub fn code(mut self, code: impl Into<Arc<Code>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Names the version of a node made at run time; a new version is new code.
    pub fn version(self, version: &str) -> Self {
        let code = Code::version(&self.location.node, version);
        self.code(code)
    }

    /// Sets the node's manual version: it replaces the configuration's `env_hash`.
    pub fn cache_key(mut self, key: &str) -> Self {
        self.cache_key = Some(key.into());
        self
    }

    /// Adds something of the surroundings that the output depends on, such as
    /// an environment variable (`None` where it is not set) or the version of
    /// a program. It counts in the `env` part, whatever the `cache_key`.
    pub fn env(mut self, name: &str, value: Option<&str>) -> Self {
        let leaf = (name.into(), value.map(Into::into));
        let at = self.env.partition_point(|known| *known < leaf);
        self.env.insert(at, leaf);
        self
    }

    /// Chooses the storage backend of this node.
    pub fn cache_backend(mut self, backend: &str) -> Self {
        self.cache_backend = Some(backend.into());
        self
    }

    /// Says that the action finds files while it runs, and tells them by
    /// [`Execution::discover`](crate::Execution::discover): from then on they count as inputs.
    pub fn discovers(mut self) -> Self {
        self.discovers = true;
        self
    }

    /// Names the files that the code was read from, with the digests of their
    /// bytes: an execution during which one of them changed is not recorded,
    /// for nobody can say which code it ran.
    pub fn code_files(mut self, files: impl IntoIterator<Item = (PathBuf, Digest)>) -> Self {
        self.code_files = Arc::new(files.into_iter().collect());
        self
    }

    /// Goes on with the lists that the node is mapped over: it is applied to
    /// each of their items.
    pub fn mapped(self) -> MapBuilder {
        MapBuilder::new(self)
    }

    /// How often a failed execution is tried again.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// After how long an execution counts as failed.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long an output counts after it was made; one that is older is made
    /// again. It is no part of what the output is known by.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// A node whose output is remembered.
    pub fn cached<T>(
        self,
        action: impl Fn(&Args) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Node
    where
        T: Any + Send + Sync + Serialize + DeserializeOwned,
    {
        self.finish(ValueType::kept::<T>(), true, valued(action))
    }

    /// A node that executes whenever its output is needed.
    pub fn uncached<T: Any + Send + Sync>(
        self,
        action: impl Fn(&Args) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(ValueType::memory::<T>(), false, valued(action))
    }

    /// A node whose output is a file or a directory that is remembered. The
    /// action leaves it in its [scratch directory](crate::Execution::scratch).
    pub fn cached_path(
        self,
        kind: PathKind,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.finish(kind.kept(), true, valued(action))
    }

    /// A node whose output is a file or a directory, and that executes whenever
    /// that is needed.
    pub fn uncached_path(
        self,
        action: impl Fn(&Args) -> Result<OutputPath, Failure> + Send + Sync + 'static,
    ) -> Node {
        self.uncached(action)
    }

    pub(crate) fn params(&self) -> usize {
        self.params.len()
    }

    pub(crate) fn finish(self, output: ValueType, cache: bool, action: Arc<Action>) -> Node {
        let code = self
            .code
            .unwrap_or_else(|| Arc::new(Code::version(&self.location.node, "")));
        Node {
            location: self.location,
            params: self.params,
            output,
            cache,
            cache_key: self.cache_key,
            env: self.env,
            cache_backend: self.cache_backend,
            discovers: self.discovers,
            code_files: self.code_files,
            map: None,
            retries: self.retries,
            timeout: self.timeout,
            ttl: self.ttl,
            code,
            action,
        }
    }
}
