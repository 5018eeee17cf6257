//! Disks for tests: one that keeps the state of the directory before every change, and one that refuses all changes
//! from some moment on. Unaware of what is in the directory.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::{Promises, copy_dir};
use crate::root::{Change, Disk};

/// Keeps what a process that is killed before each change leaves.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    into: PathBuf,
    promises: Promises,
    states: Mutex<Vec<State>>,
}

/// What a process leaves that is killed now.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// A copy of the directory.
    pub(super) dir: PathBuf,
    /// What was about to be done.
    pub(super) change: Change,
    pub(super) name: PathBuf,
    /// The words that must be found in it.
    pub(super) promised: Vec<&'static str>,
}

impl Journal {
    pub(super) fn new(dir: PathBuf, into: PathBuf, promises: Promises) -> Self {
        Self {
            dir,
            into,
            promises,
            states: Mutex::default(),
        }
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.states.lock().clone()
    }
}

impl Disk for Journal {
    fn before(&self, change: Change, name: &Path) -> io::Result<()> {
        // Nothing is changed by other threads meanwhile.
        let mut states = self.states.lock();
        let dir = self.into.join(states.len().to_string());
        let promised = self.promises.given();
        copy_dir(&self.dir, &dir);
        states.push(State {
            dir,
            change,
            name: name.to_owned(),
            promised,
        });
        Ok(())
    }
}

/// Refuses every change but the first ones.
#[derive(Debug)]
pub(super) struct Refusing(pub(super) Mutex<usize>);

impl Disk for Refusing {
    fn before(&self, _: Change, _: &Path) -> io::Result<()> {
        let mut left = self.0.lock();
        match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                Ok(())
            }
            None => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }
}
