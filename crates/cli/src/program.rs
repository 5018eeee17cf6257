//! A program from its arguments to its exit code: reads the arguments, makes
//! the project, has the command carried out, and tells what went wrong.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use refrain::{CacheConfig, Inputs, Pipeline};

use crate::args::{Command, ManifestArgs, ManifestCommand, Options, PipelineArgs};
use crate::assembly::{assemble, cache};
use crate::commands;
use crate::completion;
use crate::discovery;
use crate::error::{Error, Result};
use crate::escape;
use crate::exit::Exit;
use crate::help::{describe, describe_manifest};
use crate::maker::Maker;
use crate::printer::{Printer, Verbosity};
use crate::project::{Cache, Project};
use crate::settings::Settings;
use crate::style::When;

/// What can be made a program: a pipeline, or the attempt to join one.
pub trait IntoPipeline {
    /// The pipeline, or what is wrong with it.
    ///
    /// # Errors
    /// The nodes do not join.
    fn into_pipeline(self) -> refrain::Result<Pipeline>;
}

impl IntoPipeline for Pipeline {
    fn into_pipeline(self) -> refrain::Result<Pipeline> {
        Ok(self)
    }
}

impl IntoPipeline for refrain::Result<Pipeline> {
    fn into_pipeline(self) -> refrain::Result<Pipeline> {
        self
    }
}

/// A pipeline that is written in Rust, as a whole command.
#[derive(Debug)]
pub struct Program {
    pipeline: refrain::Result<Pipeline>,
    inputs: Inputs,
    cache: Option<CacheConfig>,
}

impl Program {
    /// A program of a pipeline. It remembers outputs in `.cache`.
    pub fn new(pipeline: impl IntoPipeline) -> Self {
        Program {
            pipeline: pipeline.into_pipeline(),
            inputs: Inputs::new(),
            cache: None,
        }
    }

    /// What inputs are given unless `--set` gives something else.
    pub fn inputs(mut self, inputs: Inputs) -> Self {
        self.inputs = inputs;
        self
    }

    /// How outputs are remembered, unless flags say otherwise.
    pub fn cache(mut self, config: CacheConfig) -> Self {
        self.cache = Some(config);
        self
    }

    /// Carries out the command that the process was started with.
    pub fn main(self) -> ExitCode {
        let pipeline = match self.pipeline {
            Ok(pipeline) => pipeline,
            Err(error) => return refused(&Printer::new(Verbosity::Normal), &error.into()).into(),
        };
        let nodes: Vec<String> = pipeline.nodes().map(str::to_owned).collect();
        let name = program_name();
        let command = || {
            let command = PipelineArgs::command().name(&name).bin_name(&name);
            let command = command.about(format!("The pipeline {}", pipeline.name()));
            let nodes = nodes.clone();
            completion::offer_nodes(command, move || nodes.clone())
        };
        completion::answer(&command);
        let more = || format!("\n{}\n", describe(&pipeline, &self.inputs));
        let args = match read::<PipelineArgs>(command(), more) {
            Ok(args) => args,
            Err(code) => return code,
        };
        let (given, cache) = (self.inputs, self.cache);
        carry_out(&args.options, |printer, settings| {
            let config = match cache {
                Some(config) => config,
                None => settings.cache()?,
            };
            let cache = Cache {
                pipeline: pipeline.name().to_owned(),
                config: Settings::apply(config, &args.options, Path::new(""))?,
            };
            let command = match args.command {
                Command::Pipeline(command) => command,
                Command::Cache(command) => return commands::on_cache(command, &cache, printer),
                Command::Completions(args) => {
                    return completion::print(args.shell, &name, printer);
                }
            };
            let project = Project {
                pipeline,
                inputs: given,
                texts: Vec::new(),
                cache,
                exports: BTreeMap::new(),
                here: None,
                jobs: settings.jobs,
                keep_going: settings.keep_going,
                warnings: None,
            };
            let maker = Maker::new(|_| Ok(project.clone()));
            commands::on_project(command, &maker, printer)
        })
    }
}

/// Carries out the command that `refrain` was started with.
pub fn manifest_main() -> ExitCode {
    let command = || completion::offer_nodes(ManifestArgs::command(), discovery::nodes);
    completion::answer(&command);
    let more = || match discovery::glance() {
        Some(manifest) if !manifest.inputs.is_empty() => {
            format!("\n{}", describe_manifest(&manifest))
        }
        _ => String::new(),
    };
    let args = match read::<ManifestArgs>(command(), more) {
        Ok(args) => args,
        Err(code) => return code,
    };
    carry_out(&args.options, |printer, settings| match args.command {
        ManifestCommand::Shared(Command::Completions(args)) => {
            completion::print(args.shell, "refrain", printer)
        }
        ManifestCommand::Init(args) => commands::init(&args, printer),
        ManifestCommand::Schema => commands::schema(printer),
        ManifestCommand::Shared(Command::Cache(command)) => {
            let found = discovery::find(args.file.as_deref())?;
            let cache = cache(&found, settings, &args.options)?;
            commands::on_cache(command.typed_at(&found.here), &cache, printer)
        }
        ManifestCommand::Shared(Command::Pipeline(command)) => {
            let place = discovery::locate(args.file.as_deref())?;
            let maker = Maker::new(|basis| {
                let found = place.read()?;
                assemble(&found, settings, &args.options, printer, basis)
            });
            commands::on_project(command, &maker, printer)
        }
    })
}

/// Reads the process's arguments. Mistakes are told here, and so is help, with
/// what there is to add to it.
fn read<A: FromArgMatches>(
    command: clap::Command,
    more: impl Fn() -> String,
) -> Result<A, ExitCode> {
    let matches = command.try_get_matches();
    matches
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| {
            // Whoever asked for help and closed the pipe has seen enough.
            let told = error.print();
            if told.is_ok() && error.kind() == ErrorKind::DisplayHelp {
                let _ = anstream::stdout().write_all(escape::lines(&more()).as_bytes());
            }
            match error.use_stderr() {
                true => Exit::Usage.into(),
                false => Exit::Fine.into(),
            }
        })
}

/// What every command has in common: where it works, what it prints, and how
/// it ends.
fn carry_out(
    options: &Options,
    work: impl FnOnce(&Printer, &Settings) -> Result<Exit>,
) -> ExitCode {
    options.color.unwrap_or(When::Auto).choose();
    let printer = Printer::new(match (options.quiet, options.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    });
    log(options.verbose);
    let work = || {
        enter(options.directory.as_deref())?;
        let settings = Settings::of_user()?;
        if let (None, Some(color)) = (options.color, settings.color) {
            color.choose();
        }
        work(&printer, &settings)
    };
    work()
        .unwrap_or_else(|error| refused(&printer, &error))
        .into()
}

/// Tells why a command ends early.
fn refused(printer: &Printer, error: &Error) -> Exit {
    let exit = error.exit();
    if exit != Exit::Fine {
        printer.refusal(error);
    }
    exit
}

fn enter(directory: Option<&Path>) -> Result<()> {
    match directory {
        Some(path) => env::set_current_dir(path)
            .map_err(|source| Error::file("enter the directory", path, source)),
        None => Ok(()),
    }
}

/// Lets the engine tell what it does.
fn log(verbose: u8) {
    let level = match verbose {
        0 | 1 => return,
        2 => tracing::Level::DEBUG,
        _ => tracing::Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr);
    subscriber.init();
}

/// The name that the process was started by.
fn program_name() -> String {
    let started = env::args_os()
        .next()
        .unwrap_or_else(|| OsString::from("pipeline"));
    let name = Path::new(&started).file_name().unwrap_or(&started);
    name.to_string_lossy().into_owned()
}
