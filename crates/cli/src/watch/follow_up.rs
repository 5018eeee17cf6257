//! The command that follows good revisions. One that still runs when the next
//! revision is good is ended first. It is unaware of what a revision is.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use refrain_command::{Ending, Process, Waker};

use crate::error::Error;
use crate::printer::Printer;
use crate::style::{NAME, paint};

/// How long the command has to end by itself when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// A command, and its execution that is under way.
pub struct FollowUp {
    command: String,
    /// Where it runs.
    root: PathBuf,
    /// Whether standard output is for other things, so that what it prints goes
    /// to standard error.
    aside: bool,
    printer: Printer,
    last: Option<Execution>,
}

/// One execution.
struct Execution {
    stop: Arc<Mutex<Stop>>,
    thread: JoinHandle<()>,
}

/// How an execution is ended.
enum Stop {
    /// It has not begun.
    Early,
    /// It runs.
    Running(Waker),
    /// It is to end, or never to begin.
    Asked,
}

impl FollowUp {
    /// A shell command, to be run in `root`.
    pub fn new(command: String, root: PathBuf, aside: bool, printer: Printer) -> Self {
        FollowUp {
            command,
            root,
            aside,
            printer,
            last: None,
        }
    }

    /// Starts it as soon as the last execution has ended, which is asked to.
    pub fn start(&mut self) {
        let last = self.last.take();
        if let Some(last) = &last {
            last.ask();
        }
        let stop = Arc::new(Mutex::new(Stop::Early));
        let asked = stop.clone();
        let (command, root) = (self.command.clone(), self.root.clone());
        let (aside, printer) = (self.aside, self.printer.clone());
        let thread = thread::Builder::new().spawn(move || {
            if let Some(last) = last {
                let _ = last.thread.join();
            }
            execute(&command, root, aside, &asked, &printer);
        });
        match thread {
            Ok(thread) => self.last = Some(Execution { stop, thread }),
            Err(error) => self.printer.warning(Error::Thread(error)),
        }
    }

    /// Ends it and waits for that.
    pub fn end(&mut self) {
        if let Some(last) = self.last.take() {
            last.ask();
            let _ = last.thread.join();
        }
    }
}

impl Execution {
    fn ask(&self) {
        if let Stop::Running(waker) = std::mem::replace(&mut *lock(&self.stop), Stop::Asked) {
            waker.wake();
        }
    }
}

fn execute(command: &str, root: PathBuf, aside: bool, stop: &Mutex<Stop>, printer: &Printer) {
    let stdout = match aside {
        true => None,
        false => io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .ok()
            .map(File::from),
    };
    let process = Process {
        argv: &["/bin/sh", "-c", command].map(OsString::from),
        dir: &root,
        env: &[],
        stdout,
        grace: GRACE,
    };
    let begin = |waker: Waker| {
        let mut stop = lock(stop);
        match &*stop {
            Stop::Asked => waker.wake(),
            _ => *stop = Stop::Running(waker),
        }
    };
    if let Stop::Asked = &*lock(stop) {
        return;
    }
    let line = |line: &[u8]| {
        let mut line = String::from_utf8_lossy(line).into_owned();
        line.push('\n');
        printer.lines(&line);
    };
    match process.run(begin, Some(&line)) {
        Ok(finished) => match finished.ending {
            Ending::Exited(0) | Ending::Stopped => {}
            ending => printer.warning(format_args!("{}: {ending}", paint(NAME, command))),
        },
        Err(error) => printer.warning(format_args!("{}: {error}", paint(NAME, command))),
    }
}

fn lock(stop: &Mutex<Stop>) -> MutexGuard<'_, Stop> {
    stop.lock().unwrap_or_else(PoisonError::into_inner)
}
