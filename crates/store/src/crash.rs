//! What a process that dies leaves, at every change that it makes in turn, and what a loss of power makes of that.
//!
//! The directory is copied before each change. Every copy is opened: what was promised is found, and all that is found
//! is right; then the work is done again, and all is well.

mod journal;
mod loss;
mod work;

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::Store;
use journal::{Journal, Refusing, State};
use loss::Dice;

/// What was finished, and must be found for as long as it is not withdrawn.
#[derive(Debug, Clone, Default)]
struct Promises(Arc<Mutex<BTreeSet<&'static str>>>);

impl Promises {
    fn give(&self, words: impl IntoIterator<Item = &'static str>) {
        self.0.lock().extend(words);
    }

    fn withdraw(&self, words: impl IntoIterator<Item = &'static str>) {
        let mut given = self.0.lock();
        words.into_iter().for_each(|word| {
            given.remove(word);
        });
    }

    fn given(&self) -> Vec<&'static str> {
        self.0.lock().iter().copied().collect()
    }
}

/// All states that the work goes through.
fn states(top: &Path) -> Vec<State> {
    let (dir, into) = (top.join("cache"), top.join("states"));
    std::fs::create_dir(&into).expect("mkdir");
    let promises = Promises::default();
    let journal: &'static Journal =
        Box::leak(Box::new(Journal::new(dir.clone(), into, promises.clone())));
    work::work(journal, &dir, &promises).expect("nothing is in its way");
    journal.states()
}

/// How often what takes long is done: every so many states, or for all of them in a soak.
fn every(usual: usize) -> usize {
    match std::env::var_os("REFRAIN_SOAK") {
        Some(_) => 1,
        None => usual,
    }
}

/// Opens what is left. What was promised is found, and what is found is right.
fn look(dir: &Path, promised: &[&str]) {
    let store = Store::open(dir).expect("it opens");
    assert!(store.problem().is_none(), "{:?}", store.problem());
    for word in work::words() {
        let right = work::is_right(&store, word);
        assert!(right || !promised.contains(&word), "{word} is gone");
    }
}

/// Does all work again: then all is there, and nothing is damaged.
fn heal(dir: &Path) {
    let unpromised = Promises::default();
    let again = |pipeline, words: &[&'static str]| {
        let store = Store::open(dir).expect("it opens");
        work::run(&store, pipeline, words, &unpromised);
        assert!(store.problem().is_none(), "{:?}", store.problem());
    };
    // A pickle that lost its end is put right when something is added to it.
    again("other", &work::ADDED);
    again("first", &work::EDITED);
    again("first", &work::FIRST);
    again("other", &work::OTHER);
    let store = Store::open(dir).expect("it opens");
    assert!(work::words().all(|word| work::is_right(&store, word)));
    let verified = store.verify(&mut |_| ());
    assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    drop(store);
    // Its snapshot is a whole cache.
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = std::fs::remove_file(dir.join(name));
    }
    look(dir, &[&work::FIRST[..], &work::OTHER[..]].concat());
}

/// Does the same with a copy of every state, on both cores.
fn each(top: &Path, states: &[State], check: impl Fn(usize, &State, &Path) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (next, check) = (&next, &check);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(state) = states.get(number) else {
                        break;
                    };
                    let dir = top.join(format!("worker {worker}"));
                    copy_dir(&state.dir, &dir);
                    let doing = Doing(number, state);
                    check(number, state, &dir);
                    std::mem::forget(doing);
                    std::fs::remove_dir_all(&dir).expect("remove");
                }
            });
        }
    });
}

/// Says in which state a check failed.
struct Doing<'a>(usize, &'a State);

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        let Self(number, State { change, name, .. }) = self;
        eprintln!("before change {number}, {change:?} {}", name.display());
    }
}

#[test]
fn whoever_dies_at_any_change_loses_nothing_finished_and_no_loss_of_power_makes_anything_wrong() {
    let top = directory();
    let states = states(top.path());
    killed(top.path(), &states);
    killed_within(top.path(), &states);
    powerless(top.path(), &states);
}

fn killed(top: &Path, states: &[State]) {
    let healed = every(12);
    each(top, states, |number, state, dir| {
        look(dir, &state.promised);
        if number % healed == 0 {
            heal(dir);
        }
    });
    eprintln!("{} states of a process that was killed", states.len());
}

/// Not before a change, but in the middle of it.
fn killed_within(top: &Path, states: &[State]) {
    let [logs, checkpoints, pickles] = [const { AtomicUsize::new(0) }; 3];
    let within = &states[..states.len() - 1];
    each(top, within, |number, state, dir| {
        let mut dice = Dice(number as u64);
        let after = &states[number + 1].dir;
        if loss::tear_log(dir, after, &mut dice) {
            logs.fetch_add(1, Ordering::Relaxed);
            look(dir, &state.promised);
        } else if loss::tear_checkpoint(dir, after, &mut dice) {
            checkpoints.fetch_add(1, Ordering::Relaxed);
            look(dir, &state.promised);
        } else if loss::tear_pickle(dir, after, &mut dice) {
            pickles.fetch_add(1, Ordering::Relaxed);
            look(dir, &state.promised);
            heal(dir);
        }
    });
    let torn = [logs, checkpoints, pickles].map(AtomicUsize::into_inner);
    assert!(torn.iter().all(|torn| *torn > 0), "{torn:?}");
    let [logs, checkpoints, pickles] = torn;
    eprintln!("{logs} torn logs, {checkpoints} torn checkpoints, {pickles} torn pickles");
}

fn powerless(top: &Path, states: &[State]) {
    let (every_so_many, healed) = (every(2), every(25));
    let rounds = if every_so_many == 1 { 20 } else { 1 };
    each(top, states, |number, state, dir| {
        for round in 0..rounds {
            if number % every_so_many != 0 {
                continue;
            }
            std::fs::remove_dir_all(dir).expect("remove");
            copy_dir(&state.dir, dir);
            let mut dice = Dice((number * 1000 + round) as u64);
            loss::lose(dir, &states[..=number], &mut dice);
            look(dir, &[]);
            if number % healed == 0 {
                heal(dir);
            }
        }
    });
    eprintln!(
        "{} states without power",
        states.len() / every_so_many * rounds
    );
}

#[test]
fn a_disk_that_refuses_everything_from_some_moment_on_costs_the_caching_alone() {
    let top = directory();
    let changes = refuse(top.path(), usize::MAX);
    let refused = (0..changes).step_by(every(25));
    eprintln!("{} moments of {changes}", refused.len());
    for left in refused {
        refuse(top.path(), left);
    }
}

/// Works on a disk that allows so many changes, then on one that allows all; gives how many were made at first.
fn refuse(top: &Path, left: usize) -> usize {
    let dir = top.join("refused");
    let refusing: &'static Refusing = Box::leak(Box::new(Refusing(Mutex::new(left))));
    // What it looks at in between is right.
    let _ = work::work(refusing, &dir, &Promises::default());
    look(&dir, &[]);
    heal(&dir);
    std::fs::remove_dir_all(&dir).expect("remove");
    left - *refusing.0.lock()
}

/// A directory in memory, where there is one: very many files are copied.
fn directory() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory.or_else(|_| tempfile::tempdir()).expect("tempdir")
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut ahead = vec![PathBuf::new()];
    while let Some(inside) = ahead.pop() {
        let Ok(entries) = std::fs::read_dir(dir.join(&inside)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.expect("entry");
            let name = inside.join(entry.file_name());
            match entry.file_type().expect("type").is_dir() {
                true => ahead.push(name),
                false => files.push(name),
            }
        }
    }
    files
}

/// Copies a directory, with several names of one file where it has them.
fn copy_dir(from: &Path, to: &Path) {
    let mut copied: FxHashMap<u64, PathBuf> = FxHashMap::default();
    let mut ahead = vec![PathBuf::new()];
    while let Some(inside) = ahead.pop() {
        std::fs::create_dir(to.join(&inside)).expect("mkdir");
        let Ok(entries) = std::fs::read_dir(from.join(&inside)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.expect("entry");
            let name = inside.join(entry.file_name());
            let Ok(found) = entry.metadata() else {
                continue;
            };
            if found.is_dir() {
                ahead.push(name);
            } else if let Some(first) = copied.get(&found.ino()) {
                std::fs::hard_link(to.join(first), to.join(&name)).expect("link");
            } else {
                match std::fs::copy(from.join(&name), to.join(&name)) {
                    // Another thread is just removing it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    done => done.expect("copy"),
                };
                copied.insert(found.ino(), name);
            }
        }
    }
}
