//! Waiting: for something to read, and for a child to end. It knows no commands.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// How long to sleep at most between two looks, where a child's end wakes nobody.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until one of these can be read or is at its end, but no longer than `timeout`, and says which
/// ones. What is `None` never can.
pub(crate) fn readable<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let watched = |fd: &Option<BorrowedFd<'_>>| fd.is_some();
    let mut asked: Vec<PollFd<'_>> = fds
        .iter()
        .flatten()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut asked, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut answers = asked.iter().map(|fd| !fd.revents().is_empty());
    Ok(std::array::from_fn(|index| {
        watched(&fds[index]) && answers.next().unwrap_or_default()
    }))
}

/// Tells when a child has ended, without letting the system forget it: its number stays its own until it
/// is reaped.
pub(crate) struct Exit {
    child: Pid,
    /// Readable when it has ended. `None` where the system has no such thing: then it is looked at.
    fd: Option<OwnedFd>,
}

impl Exit {
    pub fn of(child: Pid) -> Self {
        #[cfg(target_os = "linux")]
        let fd = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()).ok();
        #[cfg(not(target_os = "linux"))]
        let fd = None;
        Exit { child, fd }
    }

    /// What can be read when it has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    /// How long waiting for something else may take.
    pub fn patience(&self) -> Option<Duration> {
        match self.fd {
            Some(_) => None,
            None => Some(LOOK),
        }
    }

    /// Whether it has ended, when `readable` is what the wait said of [`fd`](Self::fd).
    pub fn has_ended(&self, readable: bool) -> io::Result<bool> {
        if self.fd.is_some() {
            return Ok(readable);
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        Ok(waitid(WaitId::Pid(self.child), options)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn an_end_is_seen_without_being_told() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exit 3"])
            .spawn()
            .unwrap();
        let exit = Exit {
            child: Pid::from_child(&child),
            fd: None,
        };
        while !exit.has_ended(false).unwrap() {
            let [ended] = readable([exit.fd()], exit.patience()).unwrap();
            assert!(!ended);
        }
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }
}
