//! A node: one function of a pipeline, with the names of what it needs and
//! the name of what it gives. It knows no graph, no cache and no signature.

mod builder;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

pub use self::builder::NodeBuilder;
use crate::code::Code;
use crate::execution::Execution;
use crate::files::Tracked;
use crate::map::Map;
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
        NodeBuilder::new(location)
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

/// An action that gives values of one type.
pub(crate) fn valued<T: Any + Send + Sync>(
    action: impl Fn(&Args) -> Result<T, Failure> + Send + Sync + 'static,
) -> Arc<Action> {
    Arc::new(move |args| action(args).map(Value::new))
}
