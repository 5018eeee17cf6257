//! A node: one function of a pipeline, with the names of what it needs and
//! the name of what it gives. It knows no graph, no cache and no signature.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use refrain_store::Digest;
use serde::{Serialize, de::DeserializeOwned};

use crate::code::Code;
use crate::execution::Execution;
use crate::files::Tracked;
use crate::map::Map;
use crate::mapping::MapBuilder;
use crate::paths::{OutputPath, PathKind};
use crate::value::{Value, ValueType};

/// What a node executes: values in parameter order in, one value out.
pub type Action = dyn Fn(&Args) -> Result<Value, Failure> + Send + Sync;

/// Decodes a parameter from a plain value, as given on a command line or as
/// another integer type than the parameter's own.
pub type PlainDecoder = fn(&serde_json::Value) -> Result<Value, String>;

/// Why an action gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the function said.
    pub message: String,
    /// What it had printed by then.
    pub log: Option<String>,
}

impl Failure {
    /// A failure with a message.
    pub fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            log: None,
        }
    }

    /// The same failure with what the action had printed.
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.log = Some(log.into());
        self
    }
}

/// A node's name and where its function is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The node's output name.
    pub node: Arc<str>,
    /// The function's name.
    pub function: &'static str,
    /// The source file; empty for a node made at run time.
    pub file: &'static str,
    /// The line of the function; 0 for a node made at run time.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            write!(f, "\"{}\"", self.node)
        } else {
            write!(f, "{} ({}:{})", self.function, self.file, self.line)
        }
    }
}

/// One parameter of a node.
#[derive(Clone)]
pub struct Param {
    pub(crate) name: Arc<str>,
    pub(crate) value_type: ValueType,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) plain: Option<PlainDecoder>,
}

/// A default as it is written: made anew when a pipeline is bound to inputs.
pub(crate) type DefaultValue = Arc<dyn Fn() -> crate::inputs::Input + Send + Sync>;

impl Param {
    /// A parameter that takes a `T` from the node or input of its name.
    pub fn new<T: Any + Send + Sync>(name: impl Into<Arc<str>>) -> Self {
        Param {
            name: name.into(),
            value_type: ValueType::memory::<T>(),
            default: None,
            plain: None,
        }
    }

    /// A parameter that needs no input: `default` gives it a value.
    pub fn with_default<T>(name: impl Into<Arc<str>>, default: fn() -> T) -> Self
    where
        T: Any + Send + Sync + Serialize,
    {
        Param {
            default: Some(Arc::new(move || crate::inputs::Input::typed(default()))),
            ..Self::new::<T>(name)
        }
    }

    /// Adds the decoder for values given as text or as another number type.
    pub fn plain(mut self, decoder: Option<PlainDecoder>) -> Self {
        self.plain = decoder;
        self
    }

    /// A parameter of a deserializable type: takes a `T`, or anything that
    /// reads as one.
    pub fn of<T: Any + Send + Sync + DeserializeOwned>(name: impl Into<Arc<str>>) -> Self {
        Self::new::<T>(name).plain(Some(decode_plain::<T>))
    }
}

pub(crate) fn decode_plain<T: Any + Send + Sync + DeserializeOwned>(
    plain: &serde_json::Value,
) -> Result<Value, String> {
    serde_json::from_value::<T>(plain.clone())
        .map(Value::new)
        .map_err(|e| e.to_string())
}

impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value_type.name())
    }
}

/// The values of a node's parameters, in their order, and the execution that
/// they are for.
#[derive(Debug)]
pub struct Args {
    pub(crate) values: Vec<Value>,
    pub(crate) execution: Arc<Execution>,
}

impl Args {
    /// The execution that these are for.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The value of one parameter.
    ///
    /// # Panics
    /// If the parameter was declared with another type.
    pub fn get<T: Any + Send + Sync>(&self, index: usize) -> &T {
        self.values[index]
            .get()
            .expect("a pipeline joins equal types only")
    }

    /// The value of one parameter, shared.
    ///
    /// # Panics
    /// If the parameter was declared with another type.
    pub fn arc<T: Any + Send + Sync>(&self, index: usize) -> Arc<T> {
        self.values[index]
            .arc()
            .expect("a pipeline joins equal types only")
    }
}

/// Something of the surroundings by name, and its value if it has one.
pub(crate) type EnvLeaf = (Arc<str>, Option<Arc<str>>);

/// One function of a pipeline. Made by `#[func]`, or at run time by
/// [`Node::named`].
#[derive(Clone)]
pub struct Node {
    pub(crate) location: Location,
    pub(crate) params: Vec<Param>,
    pub(crate) output: ValueType,
    pub(crate) cache: bool,
    pub(crate) cache_key: Option<Arc<str>>,
    pub(crate) env: Vec<EnvLeaf>,
    pub(crate) cache_backend: Option<Arc<str>>,
    pub(crate) discovers: bool,
    pub(crate) code_files: Arc<Tracked>,
    pub(crate) map: Option<Arc<Map>>,
    pub(crate) retries: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) code: Arc<Code>,
    pub(crate) action: Arc<Action>,
}

impl Node {
    /// Starts a node that is made at run time. Its code is known by
    /// [`NodeBuilder::version`] only.
    ///
    /// ```
    /// use refrain::{Node, Param};
    ///
    /// let double = Node::named("double")
    ///     .param(Param::of::<u64>("x"))
    ///     .version("1")
    ///     .cached(|args| Ok(args.get::<u64>(0) * 2));
    /// assert_eq!(double.name(), "double");
    /// ```
    pub fn named(output: impl Into<Arc<str>>) -> NodeBuilder {
        Self::declare(output, "", "", 0)
    }

    /// Starts a node for a function in a source file.
    pub fn declare(
        output: impl Into<Arc<str>>,
        function: &'static str,
        file: &'static str,
        line: u32,
    ) -> NodeBuilder {
        let location = Location {
            node: output.into(),
            function,
            file,
            line,
        };
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

    /// Whether the other is the same work, as far as anybody can say: of the
    /// same code, reading and giving the same. How it is executed may differ.
    pub(crate) fn is_like(&self, other: &Node) -> bool {
        let params = |node: &Node| {
            let params = node.params.iter();
            let known = params.map(|param| (param.name.clone(), param.value_type.id()));
            known.collect::<Vec<_>>()
        };
        let lists = |node: &Node| node.map.as_ref().map(|map| map.id());
        (Arc::ptr_eq(&self.code, &other.code) || self.code.is_like(&other.code))
            && self.output.id() == other.output.id()
            && self.output.codec().is_some() == other.output.codec().is_some()
            && (self.cache, self.discovers) == (other.cache, other.discovers)
            && lists(self) == lists(other)
            && params(self) == params(other)
    }

    /// The name of its output, which is the node's name.
    pub fn name(&self) -> &str {
        &self.location.node
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}({:?}) -> {}",
            self.location.node,
            self.params,
            self.output.name()
        )
    }
}

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
    /// [`Execution::discover`]: from then on they count as inputs.
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
    /// action leaves it in its [scratch directory](Execution::scratch).
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

/// An action that gives values of one type.
pub(crate) fn valued<T: Any + Send + Sync>(
    action: impl Fn(&Args) -> Result<T, Failure> + Send + Sync + 'static,
) -> Arc<Action> {
    Arc::new(move |args| action(args).map(Value::new))
}
