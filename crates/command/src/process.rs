//! Runs one child process to its end, with all that it starts. It knows no placeholders and no node.
//!
//! A process leads a process group of its own, reads nothing, writes its standard output to a file and
//! its standard error to us. The calling thread waits for all three that can happen, a word on standard
//! error, the end, and the wish to stop, in one `poll`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::capture::{Captured, Lines, OnLine};
use crate::ending::{Ending, not_started};
use crate::group::Group;
use crate::secret::hide_key;
use crate::wait::{Exit, readable};

/// How long a killed group may take to be gone. It is no promise: a process in the kernel's hands may
/// take longer, and what left its group is never waited for.
const SETTLE: Duration = Duration::from_millis(500);

/// How much is read at once.
const BUFFER: usize = 16 * 1024;
/// How much a pipe can hold, unless somebody asked for more.
const PIPE: usize = 64 * 1024;

/// How often a program that somebody still writes to is tried again, each time after a millisecond more.
const BUSY_RETRIES: u64 = 10;

/// A process to run.
pub struct Process<'a> {
    /// The program and its arguments.
    pub argv: &'a [OsString],
    /// The directory that it runs in.
    pub dir: &'a Path,
    /// What is added to the environment.
    pub env: &'a [(OsString, OsString)],
    /// Where its standard output goes; without it, where its standard error does.
    pub stdout: Option<File>,
    /// How long it has to end by itself once it is asked to.
    pub grace: Duration,
}

/// How a process ended, and what it said.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// What it said on standard error.
    pub said: Captured,
    /// Whether it left processes running, which were killed.
    pub left_running: bool,
}

/// Asks a process to stop, from any thread.
#[derive(Debug)]
pub struct Waker(PipeWriter);

impl Waker {
    /// Asks for it. Nothing happens if the process has ended.
    pub fn wake(&self) {
        let _ = (&self.0).write(&[0]);
    }
}

impl Process<'_> {
    /// Runs it to its end. `stop` is given the waker that stops it, and what it gives back is held until
    /// the end; `line` is given each line of standard error as it comes.
    ///
    /// When this returns, nothing of the process's group is running; only a process that left the group
    /// may be.
    ///
    /// # Errors
    /// If the system has no pipe left, or cannot tell about the process.
    pub fn run<G>(
        self,
        stop: impl FnOnce(Waker) -> G,
        line: Option<&OnLine<'_>>,
    ) -> io::Result<Finished> {
        let (stopped, waker) = io::pipe()?;
        let _guard = stop(Waker(waker));
        let (stderr, theirs) = io::pipe()?;
        let (program, dir, grace) = (&self.argv[0], self.dir, self.grace);
        let child = match self.start(theirs) {
            Ok(child) => child,
            Err(error) => {
                return Ok(Finished {
                    ending: Ending::NotStarted(not_started(program, dir, &error)),
                    said: Captured::default(),
                    left_running: false,
                });
            }
        };
        let leader = Pid::from_child(&child);
        let group = Group::of(leader);
        let _listed = group.list();
        let mut running = Running {
            group,
            exit: Exit::of(leader),
            child,
            stderr: Some(stderr),
            wish: Some(stopped),
            stop: Stop::No,
            grace,
            captured: Captured::default(),
            lines: Lines::new(line),
        };
        let ended = running.end().inspect_err(|_| running.abandon());
        let (ending, left_running) = ended?;
        running.lines.finish();
        Ok(Finished {
            ending,
            said: running.captured,
            left_running,
        })
    }

    fn start(self, stderr: PipeWriter) -> io::Result<Child> {
        let stdout = match self.stdout {
            Some(file) => Stdio::from(file),
            None => Stdio::from(stderr.try_clone()?),
        };
        let mut command = Command::new(&self.argv[0]);
        hide_key(&mut command)
            .args(&self.argv[1..])
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        let mut tried = 0;
        loop {
            match command.spawn() {
                // A process that is being started elsewhere may hold the program open for writing until
                // it has become another program.
                Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tried < BUSY_RETRIES => {
                    tried += 1;
                    std::thread::sleep(Duration::from_millis(tried));
                }
                started => return started,
            }
        }
    }
}

/// How far stopping has come.
#[derive(Clone, Copy)]
enum Stop {
    /// Nobody asked for it.
    No,
    /// The group was asked to end, and is killed at this time.
    Asked(Instant),
    /// The group was killed, and is given up at this time.
    Killed(Instant),
}

struct Running<'a> {
    child: Child,
    group: Group,
    exit: Exit,
    /// `None` once nobody can write to it any more.
    stderr: Option<PipeReader>,
    /// Readable when somebody wants the process to stop; `None` once that is settled.
    wish: Option<PipeReader>,
    stop: Stop,
    grace: Duration,
    captured: Captured,
    lines: Lines<'a>,
}

impl Running<'_> {
    /// Waits for the end of the child and of its group. Says also whether the child left somebody running.
    fn end(&mut self) -> io::Result<(Ending, bool)> {
        self.wait()?;
        let status = self.child.wait()?;
        let ending = match self.stop {
            Stop::No => status.into(),
            Stop::Asked(_) | Stop::Killed(_) => Ending::Stopped,
        };
        Ok((ending, self.settle()?))
    }

    /// Leaves nothing running when the system cannot tell us about it.
    fn abandon(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }

    /// Waits until the child itself has ended, and does what there is to do meanwhile.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            let wish = self.wish.as_ref().map(AsFd::as_fd);
            let stderr = self.stderr.as_ref().map(AsFd::as_fd);
            let [ended, said, stop] = readable([self.exit.fd(), stderr, wish], self.patience())?;
            if said {
                self.read()?;
            }
            if self.exit.has_ended(ended)? {
                return Ok(());
            }
            if stop && self.hear() {
                self.group.signal(Signal::TERM);
                self.stop = Stop::Asked(Instant::now() + self.grace);
            }
            self.lose_patience();
        }
    }

    /// Whether somebody wants the process to stop, and has not just gone away.
    fn hear(&mut self) -> bool {
        let wish = self.wish.take();
        wish.is_some_and(|mut wish| wish.read(&mut [0]).is_ok_and(|said| said > 0))
    }

    /// Waits until the group is gone and reads what it still said. Who is left in it is killed, at once
    /// unless it was asked to end: then it has the rest of the grace.
    fn settle(&mut self) -> io::Result<bool> {
        let left = self.group.is_running();
        if left && let Stop::No = self.stop {
            self.kill();
        }
        let mut waiting = left;
        let mut pause = Duration::from_millis(1);
        while waiting && !self.given_up() {
            self.read_within(pause)?;
            self.lose_patience();
            pause = (pause * 2).min(Duration::from_millis(32));
            waiting = self.group.is_running();
        }
        // Whoever left the group may hold the pipe open and write without end.
        for _ in 0..PIPE / BUFFER {
            if !self.read_within(Duration::ZERO)? {
                break;
            }
        }
        Ok(left)
    }

    /// How long nothing has to happen before there is something to do.
    fn patience(&self) -> Option<Duration> {
        let deadline = match self.stop {
            Stop::Asked(at) => Some(at.saturating_duration_since(Instant::now())),
            Stop::No | Stop::Killed(_) => None,
        };
        match (deadline, self.exit.patience()) {
            (Some(deadline), Some(look)) => Some(deadline.min(look)),
            (deadline, look) => deadline.or(look),
        }
    }

    /// Kills the group if it was asked to end and has had its time.
    fn lose_patience(&mut self) {
        if let Stop::Asked(at) = self.stop
            && Instant::now() >= at
        {
            self.kill();
        }
    }

    fn kill(&mut self) {
        self.group.signal(Signal::KILL);
        self.stop = Stop::Killed(Instant::now() + SETTLE);
    }

    fn given_up(&self) -> bool {
        matches!(self.stop, Stop::Killed(at) if Instant::now() >= at)
    }

    /// Reads once if there is something within a time; says whether there was.
    fn read_within(&mut self, time: Duration) -> io::Result<bool> {
        let Some(stderr) = &self.stderr else {
            std::thread::sleep(time);
            return Ok(false);
        };
        let [said] = readable([Some(stderr.as_fd())], Some(time))?;
        if said {
            self.read()?;
        }
        Ok(said)
    }

    /// Reads once; there is something, or the end.
    fn read(&mut self) -> io::Result<()> {
        let Some(stderr) = &mut self.stderr else {
            return Ok(());
        };
        let mut buffer = [0; BUFFER];
        match stderr.read(&mut buffer) {
            Ok(0) => self.stderr = None,
            Ok(length) => {
                self.captured.push(&buffer[..length]);
                self.lines.push(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
