//! How a process ended, in words. It knows no running process.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::Signal;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself, with this exit code.
    Exited(i32),
    /// A signal of this number ended it, and not one of ours.
    Killed(i32),
    /// It never ran. The text says why and what to do.
    NotStarted(String),
    /// It was stopped because it was asked for.
    Stopped,
}

impl Ending {
    /// Whether it ended by itself with exit code 0.
    pub fn is_success(&self) -> bool {
        *self == Ending::Exited(0)
    }
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Killed(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(code) => write!(f, "exit code {code}"),
            Ending::Killed(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            Ending::NotStarted(why) => f.write_str(why),
            Ending::Stopped => f.write_str("stopped"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    Some(match Signal::from_named_raw(number)? {
        Signal::HUP => "SIGHUP",
        Signal::INT => "SIGINT",
        Signal::QUIT => "SIGQUIT",
        Signal::ILL => "SIGILL",
        Signal::TRAP => "SIGTRAP",
        Signal::ABORT => "SIGABRT",
        Signal::BUS => "SIGBUS",
        Signal::FPE => "SIGFPE",
        Signal::KILL => "SIGKILL",
        Signal::USR1 => "SIGUSR1",
        Signal::SEGV => "SIGSEGV",
        Signal::USR2 => "SIGUSR2",
        Signal::PIPE => "SIGPIPE",
        Signal::ALARM => "SIGALRM",
        Signal::TERM => "SIGTERM",
        Signal::XCPU => "SIGXCPU",
        Signal::XFSZ => "SIGXFSZ",
        Signal::SYS => "SIGSYS",
        _ => return None,
    })
}

/// Says why a program could not be started in a directory, by what is there now.
pub(crate) fn not_started(program: &OsStr, dir: &Path, error: &io::Error) -> String {
    let name = program.display();
    let cannot = format!("program \"{name}\" cannot start");
    let Some(path) = locate(program, dir) else {
        return format!(
            "program \"{name}\" not found on PATH ({}); install it, or write ./{name} for a file of \
             the project",
            std::env::var_os("PATH").unwrap_or_default().display()
        );
    };
    let path_name = path.display();
    match error.kind() {
        ErrorKind::NotFound if !dir.is_dir() => {
            format!("{cannot}: there is no directory {}", dir.display())
        }
        ErrorKind::NotFound => match interpreter(&path) {
            Some(interpreter) => format!("{cannot}: its interpreter {interpreter} is not there"),
            None => format!("program \"{name}\" not found: there is no file {path_name}"),
        },
        ErrorKind::PermissionDenied if path.is_dir() => {
            format!("{cannot}: {path_name} is a directory")
        }
        ErrorKind::PermissionDenied => {
            format!("program \"{name}\" may not be executed; try chmod +x {path_name}")
        }
        ErrorKind::ArgumentListTooLong => format!(
            "{cannot}: its arguments are too long; write {{name:list}} for a file that lists them"
        ),
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            format!("{cannot}: {path_name} is no program and does not begin with #!")
        }
        _ => format!("{cannot}: {error}"),
    }
}

/// The file that a program's name leads to; `None` if it is on no directory of PATH.
fn locate(program: &OsStr, dir: &Path) -> Option<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(dir.join(program));
    }
    let path = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&path).map(|place| dir.join(place).join(program));
    files.find(|file| file.exists())
}

/// The interpreter that the first line of a script names.
fn interpreter(script: &Path) -> Option<String> {
    let mut start = Vec::new();
    let file = std::fs::File::open(script).ok()?;
    file.take(256).read_to_end(&mut start).ok()?;
    let line = start
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let path = line.trim_ascii().split(|byte| *byte == b' ').next()?;
    Some(String::from_utf8_lossy(path).into_owned())
}
