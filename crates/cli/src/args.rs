//! The command line as it is typed. It is unaware of what commands do.

mod keeping;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use refrain_store::TierUse;

pub use self::keeping::{ExportArgs, GcArgs, ImportArgs, PushArgs, VerifyArgs, WarmArgs};
use crate::figures::read_interval;
use crate::style::When;

/// An incremental engine for pipelines of functions and commands: never a
/// stale result, never an unneeded execution.
#[derive(Debug, Parser)]
#[command(name = "refrain", version, arg_required_else_help = true)]
pub struct ManifestArgs {
    /// The manifest; else the nearest refrain.toml upward from here
    #[arg(
        short,
        long,
        value_name = "FILE",
        global = true,
        env = "REFRAIN_FILE",
        hide_env = true
    )]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: ManifestCommand,
}

/// The commands of `refrain` itself.
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// Write a small project that runs
    Init(InitArgs),
    #[command(flatten)]
    Shared(Command),
    /// Print the manifest's JSON schema
    Schema,
}

/// The command of a pipeline that is written in Rust.
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true)]
pub struct PipelineArgs {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Command,
}

/// What goes with every command.
#[derive(Debug, Args)]
pub struct Options {
    /// Work as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Where outputs are remembered
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "REFRAIN_CACHE_DIR",
        hide_env = true
    )]
    pub cache_dir: Option<PathBuf>,
    /// Where else outputs are looked for and put, in place of what is configured
    #[arg(
        long,
        value_name = "URL",
        global = true,
        env = "REFRAIN_REMOTE",
        hide_env_values = true,
        hide_env = true,
        value_delimiter = ' '
    )]
    pub remote: Vec<String>,
    /// Use no remote
    #[arg(long, global = true, conflicts_with = "remote")]
    pub no_remote: bool,
    /// What remotes are used for: read, write or read-write
    #[arg(
        long,
        value_name = "MODE",
        global = true,
        env = "REFRAIN_REMOTE_MODE",
        hide_env = true,
        value_parser = read_mode
    )]
    pub remote_mode: Option<TierUse>,
    /// When to use colours [default: auto]
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        global = true,
        env = "REFRAIN_COLOR",
        hide_env = true
    )]
    #[arg(hide_possible_values = true)]
    pub color: Option<When>,
    /// Tell errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Tell more; twice, tell what the engine does
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

fn read_mode(name: &str) -> Result<TierUse, String> {
    TierUse::named(name).ok_or_else(|| format!("it is one of {}", TierUse::NAMES.join(", ")))
}

/// The commands that every pipeline has.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Pipeline(PipelineCommand),
    #[command(flatten)]
    Cache(CacheCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// The commands that are about a pipeline as it is now.
#[derive(Debug, Subcommand)]
pub enum PipelineCommand {
    /// Make targets current: execute what changed, and nothing else
    Run(RunArgs),
    /// Keep targets current: whenever a file changes, execute what that reaches
    Watch(WatchArgs),
    /// Show what a run would execute, why, and for how long
    Plan(PlanArgs),
    /// Show which nodes are current and which are stale
    Status(StatusArgs),
    /// Show why a node ran or would run, down to what changed
    Why(WhyArgs),
    /// Print the output of a node
    Get(GetArgs),
    /// Draw the pipeline with the state of every node
    Graph(GraphArgs),
    /// Show what differs between two past runs
    Diff(DiffArgs),
    /// Check everything that is stored
    Verify(VerifyArgs),
    /// Fetch from remotes what a run would need
    Warm(WarmArgs),
    /// Put what is remembered of the targets into remotes
    Push(PushArgs),
    /// Write what is remembered of the targets into one file
    Export(ExportArgs),
}

/// The commands that are about what is remembered, and need no pipeline.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List past runs, the newest first
    Log(LogArgs),
    /// Show hit rates, time saved, and where time and space went
    Stats(JsonArgs),
    /// Evict outputs from the cache
    Gc(GcArgs),
    /// Take in what another cache exported
    Import(ImportArgs),
    /// Forget everything that is cached
    Clean,
}

impl CacheCommand {
    /// The command with its paths as somebody meant them who is at `here`.
    pub fn typed_at(mut self, here: &Path) -> Self {
        if let CacheCommand::Import(args) = &mut self {
            args.archive = here.join(&args.archive);
        }
        self
    }
}

/// Values for the pipeline's inputs.
#[derive(Debug, Default, Args)]
pub struct Bindings {
    /// Give an input a value: JSON or TOML if it reads as such, else text
    #[arg(long, value_name = "NAME=VALUE", value_parser = Assignment::read)]
    pub set: Vec<Assignment>,
}

/// One `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The input's name.
    pub name: String,
    /// The value as it was typed.
    pub value: String,
}

impl Assignment {
    fn read(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Assignment {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("it is NAME=VALUE".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The nodes to make current [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    /// Execute a node, or everything needed, whatever is remembered
    #[arg(long, value_name = "NODE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub force: Vec<String>,
    #[command(flatten)]
    pub effort: Effort,
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// How nodes are executed.
#[derive(Debug, Args)]
pub struct Effort {
    /// How many nodes run at once [default: one for each core]
    #[arg(short, long, value_name = "N", env = "REFRAIN_JOBS", hide_env = true)]
    pub jobs: Option<NonZeroUsize>,
    /// After a failure, run whatever does not need the failed node
    #[arg(
        short,
        long,
        env = "REFRAIN_KEEP_GOING",
        hide_env = true,
        value_parser = FalseyValueParser::new()
    )]
    pub keep_going: bool,
}

#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The nodes to keep current [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    #[command(flatten)]
    pub effort: Effort,
    /// Run this shell command after each good revision; one that still runs is
    /// ended first
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Look for changes every so many milliseconds, for file systems that tell
    /// of none
    #[arg(
        long,
        value_name = "MS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "500",
        value_parser = read_interval
    )]
    pub poll: Option<Duration>,
    /// Print the report of each revision as one JSON object on one line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The nodes to make current [default: the pipeline's targets]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub bindings: Bindings,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub bindings: Bindings,
    /// End with exit code 3 if anything is stale
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,
    #[command(flatten)]
    pub bindings: Bindings,
    /// Why it ran in this past run
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct GetArgs {
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,
    #[command(flatten)]
    pub bindings: Bindings,
    /// Put the output there, replacing what is there
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Take the last output even if it is stale
    #[arg(long)]
    pub stale: bool,
    /// Print what is known about the output instead
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Show this run only: the end or the beginning of its id, or `@` for the
    /// newest and `@1` for the one before it
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Show what this node, or this item of a mapped one, printed by then
    #[arg(value_name = "NODE")]
    pub node: Option<String>,
    /// Show at most so many runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The earlier run, as `log` shows it; `@1` is the last but one
    #[arg(value_name = "RUN", default_value = "@1")]
    pub from: String,
    /// The later run
    #[arg(value_name = "RUN", default_value = "@")]
    pub to: String,
    #[command(flatten)]
    pub print: JsonArgs,
}

#[derive(Debug, Args)]
pub struct GraphArgs {
    #[command(flatten)]
    pub bindings: Bindings,
    /// How to draw
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The kinds of drawings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid, as in Markdown
    Mermaid,
    /// Nodes and edges as data
    Json,
    /// One page to look at and search
    Html,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where to write it [default: here]
    #[arg(value_name = "DIR")]
    pub place: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells that completions are there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// For commands that print nothing but data.
#[derive(Debug, Default, Args)]
pub struct JsonArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
