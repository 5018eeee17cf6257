//! Everything that ends a command early, each with its exit code and, where
//! there is one, what to do next.

use std::io;
use std::path::PathBuf;

use refrain_manifest::Problems;
use refrain_store::StoreError;

use crate::exit::Exit;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine refuses the pipeline or its inputs.
    #[error("{}", engine_message(.0))]
    Engine(#[from] refrain::Error),
    /// The cache directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Caching is off, and the command is about what is cached.
    #[error("nothing is cached: caching is off")]
    CachingOff,
    /// There is no manifest.
    #[error("no refrain.toml in {} or above", .0.display())]
    NoManifest(
        /// Where the search began.
        PathBuf,
    ),
    /// The manifest is no text.
    #[error("read {}: byte {offset} is not UTF-8", path.display())]
    NoText {
        /// The manifest.
        path: PathBuf,
        /// The first byte that is no part of a text.
        offset: usize,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] Box<Problems>),
    /// The system has no more threads.
    #[error("start a thread: {0}")]
    Thread(#[source] io::Error),
    /// Standard output cannot be written to.
    #[error("write to standard output: {0}")]
    Output(#[source] io::Error),
    /// A file operation failed.
    #[error("{operation} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An output cannot be put where it is wanted.
    #[error("put \"{node}\" at {}: {source}", path.display())]
    Export {
        /// The node.
        node: String,
        /// Where it is wanted.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The user's settings cannot be read.
    #[error("read settings {}: {problem}", path.display())]
    Settings {
        /// The settings file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An output was asked for that is not current.
    #[error("\"{node}\" is stale ({reason})")]
    Stale {
        /// The node.
        node: String,
        /// Why it would run.
        reason: String,
    },
    /// An output was asked for that nothing keeps.
    #[error("\"{0}\" has no stored output")]
    NoOutput(
        /// The node.
        String,
    ),
    /// A stored output is damaged.
    #[error("the output of \"{node}\" is lost: {why}")]
    Lost {
        /// The node.
        node: String,
        /// What was found.
        why: String,
    },
    /// No past run goes by that id.
    #[error("no run \"{0}\" is known here")]
    UnknownRun(
        /// The id given.
        String,
    ),
    /// Several past runs go by that id.
    #[error("\"{id}\" could be {count} runs")]
    AmbiguousRun {
        /// The id given.
        id: String,
        /// How many fit.
        count: usize,
    },
    /// No past run had an output of that node.
    #[error("no run up to that one is known to have made \"{0}\"")]
    NeverRan(
        /// The node.
        String,
    ),
    /// The arguments do not go together.
    #[error("{problem}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// What to do instead.
        help: Option<String>,
    },
}

/// The result of a command's parts.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A file operation that failed.
    pub fn file(operation: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::File {
            operation,
            path: path.into(),
            source,
        }
    }

    /// How a command ends that meets this error. Whoever closed the pipe has
    /// seen enough, which is no failure.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Output(problem) if problem.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Error::Engine(refrain::Error::Store(_)) | Error::Store(_) => Exit::Store,
            Error::Export { .. } | Error::Lost { .. } => Exit::Store,
            Error::Engine(refrain::Error::NodeFailed { .. }) => Exit::Failed,
            Error::Engine(refrain::Error::NodeBlocked { .. }) => Exit::Failed,
            Error::Engine(refrain::Error::Cancelled(_)) => Exit::Interrupted,
            Error::Stale { .. } => Exit::Stale,
            _ => Exit::Usage,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        use refrain::Error as Engine;
        match self {
            Error::Engine(
                Engine::UnknownInput { suggestion, .. } | Engine::UnknownTarget { suggestion, .. },
            ) => suggestion
                .as_ref()
                .map(|name| format!("did you mean \"{name}\"?")),
            Error::Engine(Engine::MissingInputs(missing)) => {
                let given = missing
                    .iter()
                    .map(|(name, _)| format!("--set {name}=VALUE"));
                Some(format!("give {}", given.collect::<Vec<_>>().join(" ")))
            }
            Error::Engine(Engine::SourceFile { input, cause, .. }) => match cause.kind() {
                io::ErrorKind::NotFound => Some(format!(
                    "create it, or name another one with --set {input}=PATH"
                )),
                io::ErrorKind::PermissionDenied => Some("make it readable".into()),
                io::ErrorKind::IsADirectory => {
                    Some("name a file; a directory is an input by `dir`".into())
                }
                _ => None,
            },
            Error::NoManifest(_) => {
                Some("write one with `refrain init`, or name one with `-f FILE`".into())
            }
            Error::CachingOff => Some("set `enabled = true` in the cache's configuration".into()),
            Error::Stale { node, .. } => Some(format!(
                "make it current with `run {node}`, or take the last output with `--stale`"
            )),
            Error::Lost { node, .. } => Some(format!("make it again with `run --force={node}`")),
            Error::NoOutput(node) => Some(format!("make it with `run {node}`")),
            Error::UnknownRun(_) | Error::AmbiguousRun { .. } => {
                Some("`log` lists the runs; `@` is the newest, `@1` the one before it".into())
            }
            Error::Thread(_) => Some("raise the limit of processes (`ulimit -u`)".into()),
            Error::Usage { help, .. } => help.clone(),
            _ => None,
        }
    }
}

/// What the engine says, without the advice that [`Error::help`] gives.
fn engine_message(error: &refrain::Error) -> String {
    match error {
        refrain::Error::UnknownInput { input, .. } => format!("no node takes an input \"{input}\""),
        refrain::Error::UnknownTarget { target, .. } => format!("no node gives \"{target}\""),
        other => other.to_string(),
    }
}
