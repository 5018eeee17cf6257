//! A process group: signals to all of it, and whether anybody in it still runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// The processes that a child started, as far as they did not leave its group.
#[derive(Clone, Copy)]
pub(crate) struct Group(Pid);

/// The groups that run in this process.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Kills all processes that run as commands of this process: for a process that is about to end at once.
pub fn kill_all() {
    for leader in running().iter() {
        Group::of(*leader).signal(Signal::KILL);
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A group that is among those that run, until this is dropped.
pub(crate) struct Listed(Pid);

impl Drop for Listed {
    fn drop(&mut self) {
        running().retain(|leader| *leader != self.0);
    }
}

impl Group {
    /// The group that a process leads.
    pub fn of(leader: Pid) -> Self {
        Group(leader)
    }

    /// Counts it among those that run.
    pub fn list(self) -> Listed {
        running().push(self.0);
        Listed(self.0)
    }

    /// Sends a signal to everybody in it.
    pub fn signal(self, signal: Signal) {
        // There is nobody to tell: a group that is gone needs no signal.
        let _ = kill_process_group(self.0, signal);
    }

    /// Whether anybody in it runs. To be asked when the leader is reaped.
    pub fn is_running(self) -> bool {
        test_kill_process_group(self.0).is_ok() && self.runs_by_table().unwrap_or(true)
    }

    /// The same by the table of all processes, where there is one. A signal cannot tell a running process
    /// from a dead one that its new parent has not reaped, and in containers some parents never do.
    fn runs_by_table(self) -> Option<bool> {
        let processes = std::fs::read_dir("/proc").ok()?;
        let mut stats = processes.flatten().filter_map(|process| {
            let number = process.file_name();
            let is_process = number.as_encoded_bytes().first()?.is_ascii_digit();
            is_process.then(|| std::fs::read(process.path().join("stat")).ok())?
        });
        Some(stats.any(|stat| runs_in(&stat, self.0).unwrap_or_default()))
    }
}

/// Whether a line of the table is of a process that runs in a group.
fn runs_in(stat: &[u8], group: Pid) -> Option<bool> {
    // The name in parentheses may itself hold anything.
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let (state, _parent, its_group) = (fields.next()?, fields.next()?, fields.next()?);
    let own = its_group.parse() == Ok(group.as_raw_nonzero().get());
    Some(own && !matches!(state, "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_do_not_run() {
        let group = Pid::from_raw(7).unwrap();
        let runs = |stat: &str| runs_in(stat.as_bytes(), group);
        assert_eq!(runs("8 (sleep) S 1 7 7 0 -1"), Some(true));
        assert_eq!(runs("8 (a) S 9 9 (b) R 1 7 7 0"), Some(true));
        assert_eq!(runs("8 (sleep) Z 1 7 7 0 -1"), Some(false));
        assert_eq!(runs("7 (sleep) S 7 8 7 0 -1"), Some(false));
        assert_eq!(runs("garbage"), None);
    }
}
