//! What can go wrong before or around a run. A failing node is not an error
//! of the engine: it is an outcome, and only asking for its output is one.

use std::path::PathBuf;

use crate::node::Location;

/// Everything the engine refuses, with what to do next in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two nodes give the same output.
    #[error("two nodes give \"{output}\": {first} and {second}; rename the output of one")]
    DuplicateOutput {
        /// The contested output name.
        output: String,
        /// The node declared first.
        first: Box<Location>,
        /// The node declared after it.
        second: Box<Location>,
    },
    /// Nodes need each other in a circle.
    #[error("nodes need each other in a circle: {}", .0.join(" -> "))]
    Cycle(
        /// Each node on the circle with its place, the first repeated at the end.
        Vec<String>,
    ),
    /// A parameter's type is not what the node of that name gives.
    #[error(
        "{consumer} takes {parameter}: {wanted}, but {producer} gives {given}; make the two types the same"
    )]
    EdgeType {
        /// The node with the parameter.
        consumer: Box<Location>,
        /// The parameter.
        parameter: String,
        /// The parameter's type.
        wanted: &'static str,
        /// The node that gives the value.
        producer: Box<Location>,
        /// The type it gives.
        given: &'static str,
    },
    /// Several nodes want one input as types that no single value can have.
    #[error("input \"{input}\" {problem}")]
    InputValue {
        /// The input's name.
        input: String,
        /// What is wrong with the value given, and for which function.
        problem: String,
    },
    /// Inputs that a run needs and was not given.
    #[error("missing {}", describe_missing(.0))]
    MissingInputs(
        /// Name of each missing input and the node that takes it.
        Vec<(String, Location)>,
    ),
    /// An input that no node takes.
    #[error("no node takes an input \"{input}\"{}", nearest(.suggestion))]
    UnknownInput {
        /// The name given.
        input: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
    },
    /// A target or node name that is not in the pipeline.
    #[error("no node gives \"{target}\"{}", nearest(.suggestion))]
    UnknownTarget {
        /// The name asked for.
        target: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
    },
    /// A node that this run did not ask for or need.
    #[error("\"{0}\" was not a target of this run; add it to the targets")]
    NotATarget(
        /// The node's name.
        String,
    ),
    /// An output was asked for as a type it does not have.
    #[error("\"{node}\" is {given}, not {wanted}")]
    OutputType {
        /// The node's name.
        node: String,
        /// The type it has.
        given: &'static str,
        /// The type asked for.
        wanted: &'static str,
    },
    /// The output asked for does not exist, because its node failed.
    #[error("{location} failed: {message}")]
    NodeFailed {
        /// The node.
        location: Location,
        /// What it said.
        message: String,
    },
    /// The output asked for does not exist, because a node above it failed.
    #[error("\"{node}\" could not run: it {message}")]
    NodeBlocked {
        /// The node asked for.
        node: String,
        /// Which node failed, and what that one said.
        message: String,
    },
    /// A stored output was lost, made again, and lost again.
    #[error(
        "the output of \"{node}\" was made again and still cannot be read: {why}; check the disk that the cache is on"
    )]
    OutputLost {
        /// The node.
        node: String,
        /// What was found.
        why: String,
    },
    /// The output asked for does not exist, because the run was cancelled first.
    #[error("\"{0}\" did not run: the run was cancelled before it started")]
    Cancelled(
        /// The node's name.
        String,
    ),
    /// A storage backend that does not exist, or does not exist yet.
    #[error("unknown cache backend \"{name}\"{place}; known: {known}")]
    UnknownBackend {
        /// The name given.
        name: String,
        /// Which node asked for it, if a node did.
        place: String,
        /// The names that are known.
        known: &'static str,
    },
    /// A file source cannot be read.
    #[error("input \"{input}\": cannot read {}: {cause}", path.display())]
    SourceFile {
        /// The input's name.
        input: String,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// Something was asked of a store, and there is none.
    #[error("nothing is remembered: caching is off, or the cache directory cannot be used")]
    NoStore,
    /// A tier that cannot be one. The message has no password in it.
    #[error("{0}")]
    Remote(
        /// What is wrong with it, and what to do next.
        String,
    ),
    /// The key that records are sealed with cannot be had.
    #[error(transparent)]
    Key(#[from] refrain_store::KeyError),
    /// The cache directory cannot be used at all.
    #[error(transparent)]
    Store(#[from] refrain_store::StoreError),
}

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn nearest(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => String::new(),
    }
}

fn describe_missing(missing: &[(String, Location)]) -> String {
    let list: Vec<String> = missing
        .iter()
        .map(|(name, taker)| format!("\"{name}\" (taken by {taker})"))
        .collect();
    format!(
        "input{} {}",
        if list.len() == 1 { "" } else { "s" },
        list.join(", ")
    )
}

/// The known name most like `wanted`, if one is like it at all.
pub(crate) fn suggest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}
