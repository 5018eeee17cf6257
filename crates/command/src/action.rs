//! One execution of a command: what it is given, its process, and what becomes of what it leaves. It knows
//! no pipeline and no record.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use refrain::{Args, Execution, Failure, OutputPath};
use refrain_manifest::{Format, Run, Template};

use crate::arguments::{Arguments, Parameter};
use crate::argv::{self, shell_line};
use crate::depfile;
use crate::ending::Ending;
use crate::error::{Error, Result};
use crate::output;
use crate::process::{Finished, Process};

/// A longer command line is not shown.
const SHOWN: usize = 8 * 1024;
/// Compilers write some hundred kilobytes at most.
const DEPFILE: u64 = 64 * 1024 * 1024;

/// Is given each line that a node's command says, as it comes: the node's name and the line.
pub type Live = dyn Fn(&str, &[u8]) + Send + Sync;

/// What the commands of one project have in common.
#[derive(Clone)]
pub struct Surroundings {
    /// The directory that they run in, absolute.
    pub root: PathBuf,
    /// How long a command has to end by itself once it is asked to.
    pub grace: Duration,
    /// Tools that all of them depend on, each by its name and its version.
    pub tools: Vec<(String, String)>,
    /// Who is told what they say while they run.
    pub live: Option<Arc<Live>>,
}

impl Surroundings {
    /// Commands of the project in this directory, which have two seconds to end and nobody who listens.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Surroundings {
            root: root.into(),
            grace: Duration::from_secs(2),
            tools: Vec::new(),
            live: None,
        }
    }
}

/// What the executions of one node have in common.
pub(crate) struct Action {
    pub name: Arc<str>,
    pub run: Run,
    pub parameters: Vec<Parameter>,
    /// Parameters that are handed over in the environment.
    pub variables: Vec<Arc<str>>,
    pub format: Format,
    pub depfile: Option<Template>,
    pub around: Arc<Surroundings>,
}

/// A command line with its environment and the files that it needs.
struct Line {
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Action {
    /// Executes the command once.
    pub fn execute(&self, args: &Args) -> Result<OutputPath, Failure> {
        let scratch = args.execution().scratch();
        let scratch = scratch.map_err(|error| {
            Failure::new(format!("cannot make a directory to write in: {error}"))
        })?;
        let dir = scratch.path();
        let path = dir.join("output");
        let given = self.arguments(args, &path, dir);
        let line = self
            .line(&given)
            .map_err(|error| Failure::new(error.to_string()))?;
        let stdout = prepare(
            &path,
            self.format,
            argv::names_output(&self.run),
            &line.files,
        );
        let stdout = stdout.map_err(|error| Failure::new(error.to_string()))?;
        let finished = self.process(args.execution(), &line, stdout);
        let finished =
            finished.map_err(|error| Failure::new(format!("cannot watch the command: {error}")))?;
        let log = said(&finished);
        let judged = match &finished.ending {
            Ending::Exited(0) => self.take(&path, &given, args.execution()),
            other => Err(other.to_string()),
        };
        if let Err(problem) = judged {
            let failure = Failure::new(self.message(problem, args));
            return Err(match log.is_empty() {
                true => failure,
                false => failure.with_log(log),
            });
        }
        if !log.is_empty() {
            args.execution().set_log(log);
        }
        Ok(OutputPath::new(path, scratch))
    }

    fn arguments<'a>(&'a self, args: &'a Args, output: &'a Path, dir: &'a Path) -> Arguments<'a> {
        Arguments {
            parameters: &self.parameters,
            args,
            output,
            dir,
            files: RefCell::default(),
        }
    }

    fn line(&self, given: &Arguments) -> Result<Line> {
        let argv = argv::argv(&self.run, |name, form| given.words(name, form))?;
        let env = self.variables.iter().map(|name| given.variable(name));
        Ok(Line {
            argv,
            env: env.collect::<Result<_>>()?,
            files: given.files.take(),
        })
    }

    fn process(
        &self,
        execution: &Execution,
        line: &Line,
        stdout: Option<File>,
    ) -> io::Result<Finished> {
        let process = Process {
            argv: &line.argv,
            dir: &self.around.root,
            env: &line.env,
            stdout,
            grace: self.around.grace,
        };
        let live = self.around.live.as_ref();
        let live = live.map(|live| |said: &[u8]| live(&self.name, said));
        let stop = |waker: crate::Waker| execution.stop().hook(move || waker.wake());
        match &live {
            Some(live) => process.run(stop, Some(live)),
            None => process.run(stop, None),
        }
    }

    /// Takes what a command left that ended well.
    fn take(&self, path: &Path, given: &Arguments, execution: &Execution) -> Result<(), String> {
        output::check(path, self.format)?;
        if let Some(depfile) = &self.depfile {
            let found = self
                .found(depfile, given)
                .map_err(|problem| format!("depfile: {problem}"))?;
            execution.discover(found);
        }
        Ok(())
    }

    /// The files that the command read, without what it was given and what it made for itself.
    fn found(&self, depfile: &Template, given: &Arguments) -> Result<Vec<PathBuf>, String> {
        let path = argv::path(depfile, given.output);
        let root = &self.around.root;
        let path = root.join(path);
        let told = |error: io::Error| format!("cannot read {}: {error}", path.display());
        if path.metadata().map_err(told)?.len() > DEPFILE {
            return Err(format!("{} is longer than 64 MiB", path.display()));
        }
        let text = fs::read(&path).map_err(told)?;
        let mut found = depfile::parse(&text, root).map_err(|error| error.to_string())?;
        let known: Vec<PathBuf> = given
            .paths()
            .map(|path| depfile::within(root, path))
            .collect();
        let dir = depfile::within(root, given.dir);
        found.retain(|file| {
            let given = known.iter().any(|known| file.starts_with(known));
            !given && !file.starts_with(&dir) && root.join(file).is_file()
        });
        // Records are good on other machines as well while paths are relative to where we are.
        if std::env::current_dir().ok().as_ref() != Some(root) {
            found.iter_mut().for_each(|file| *file = root.join(&*file));
        }
        Ok(found)
    }

    /// A failure in words: what happened, and how to repeat it. What the command said is told apart.
    fn message(&self, problem: String, args: &Args) -> String {
        let mut message = problem;
        let dir = std::env::temp_dir().join(format!("refrain-{}", self.name));
        let output = dir.join("output");
        if let Ok(line) = self.line(&self.arguments(args, &output, &dir)) {
            let line = self.pasteable(&line, &dir, &output);
            message += &match line.len() {
                0..SHOWN => format!("\nto repeat it: {line}"),
                length => format!("\nits command has {length} bytes and is not shown"),
            };
        }
        message
    }

    /// A command line that a person can paste into a shell. It writes to a directory of its own.
    fn pasteable(&self, line: &Line, dir: &Path, output: &Path) -> String {
        let mut parts = vec![words(["cd".as_ref(), self.around.root.as_os_str()])];
        let made = match self.format {
            Format::Dir => Some(output),
            _ if argv::names_output(&self.run) || !line.files.is_empty() => Some(dir),
            _ => None,
        };
        parts.extend(made.map(|made| words(["mkdir".as_ref(), "-p".as_ref(), made.as_os_str()])));
        for (path, content) in &line.files {
            let content = OsString::from_vec(content.clone());
            let print = words(["printf".as_ref(), "%s".as_ref(), content.as_os_str()]);
            parts.push(format!("{print} > {}", words([path.as_os_str()])));
        }
        let env = line.env.iter();
        let env =
            env.map(|(name, value)| format!("{}={} ", name.display(), words([value.as_os_str()])));
        parts.push(env.collect::<String>() + &shell_line(&line.argv).to_string_lossy());
        parts.join(" && ")
    }
}

/// Words in a line for people, quoted for a shell.
fn words<const N: usize>(words: [&std::ffi::OsStr; N]) -> String {
    shell_line(&words).to_string_lossy().into_owned()
}

/// Makes what has to be there before a command starts. Gives the file for its standard output, if that is
/// the output.
fn prepare(
    path: &Path,
    format: Format,
    names_output: bool,
    files: &[(PathBuf, Vec<u8>)],
) -> Result<Option<File>> {
    for (path, content) in files {
        fs::write(path, content).map_err(|error| Error::write(path, error))?;
    }
    if format == Format::Dir {
        fs::create_dir(path).map_err(|error| Error::write(path, error))?;
    }
    match names_output {
        true => Ok(None),
        false => File::create(path)
            .map(Some)
            .map_err(|error| Error::write(path, error)),
    }
}

/// What a process said, as it is kept.
fn said(finished: &Finished) -> String {
    let mut log = finished.said.text();
    if finished.left_running {
        if !log.is_empty() && !log.ends_with('\n') {
            log.push('\n');
        }
        log += "[it left processes running, which were killed]\n";
    }
    log
}
