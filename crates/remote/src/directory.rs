//! A tier that is a plain directory, which may be on another machine.
//!
//! `records/` and `blobs/` hold a file for each name, `parts/` what is being written. No locks and no database: a file
//! is there whole or not at all. All calls of the system are made on threads apart, because none of a network file
//! system that is gone comes back. Unaware of what the bytes mean.

mod files;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam::channel::{self, Receiver, RecvTimeoutError, SendTimeoutError, Sender};
use refrain_store::{Name, Tier, TierError};

use self::files::Files;
use crate::answers::Answers;
use crate::apart::Apart;
use crate::options::Options;
use crate::patience::Patience;
use crate::trouble::Label;

/// Bytes go between the threads in pieces of this size.
const PIECE: usize = 256 * 1024;

/// So many pieces may be on their way.
const PIECES: usize = 4;

/// So many answers may wait to be taken.
const AHEAD: usize = 64;

/// A thread is started for so many things of a batch: on a disk of this machine they take less than that.
const EACH: usize = 8;

/// The tier of one directory.
#[derive(Debug)]
pub(crate) struct Directory {
    label: Label,
    path: Arc<PathBuf>,
    options: Options,
    apart: Apart,
    swept: Arc<AtomicBool>,
}

impl Directory {
    /// The directory is not looked at before the first call. Where it is missing and its parent is not, there is
    /// nothing in it, and writing makes it.
    pub(crate) fn new(label: String, path: PathBuf, options: Options) -> Self {
        Self {
            label: Label(label),
            path: Arc::new(path),
            options,
            apart: Apart::default(),
            swept: Arc::default(),
        }
    }

    fn apart(&self, work: impl FnOnce() + Send + 'static) -> Result<(), TierError> {
        self.apart
            .run(work)
            .map_err(|message| self.label.unreachable(message))
    }

    /// What comes next from a thread apart.
    fn next<T>(&self, from: &Receiver<T>, patience: &Patience) -> Result<T, TierError> {
        from.recv_timeout(patience.left()).map_err(|error| {
            self.label.unreachable(match error {
                RecvTimeoutError::Timeout => patience.over(),
                RecvTimeoutError::Disconnected => "the call ended without an answer".to_owned(),
            })
        })
    }

    /// Asks something for each of `count` places, several at once. Answers come by their places, in any order.
    fn answers<T: Default + Send + 'static>(
        &self,
        count: usize,
        open: fn(&Path) -> io::Result<Option<Files>>,
        ask: impl Fn(&Files, usize) -> io::Result<T> + Send + Sync + 'static,
    ) -> Result<Receiver<(usize, io::Result<T>)>, TierError> {
        let threads = count.div_ceil(EACH).min(self.options.in_flight);
        let (give, answers) = channel::bounded(AHEAD);
        let asked = Arc::new((AtomicUsize::new(0), ask));
        for _ in 0..threads {
            let (path, asked, give) = (Arc::clone(&self.path), Arc::clone(&asked), give.clone());
            self.apart(move || {
                let (next, ask) = &*asked;
                let files = open(&path);
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        break;
                    }
                    let answer = match &files {
                        Ok(Some(files)) => ask(files, place),
                        Ok(None) => Ok(T::default()),
                        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                    };
                    if give.send((place, answer)).is_err() {
                        // Nobody waits any more.
                        break;
                    }
                }
            })?;
        }
        Ok(answers)
    }
}

impl Tier for Directory {
    fn label(&self) -> &str {
        &self.label.0
    }

    fn read_many(
        &self,
        names: &[Name],
        limit: u64,
        each: &mut dyn FnMut(usize, Result<Option<Vec<u8>>, TierError>),
    ) {
        let mut patience = Patience::new(&self.options);
        let mut given = Answers::new(names.len(), each);
        let asked = names.to_vec();
        let ask = move |files: &Files, place: usize| files.read_small(&asked[place], limit);
        let ended = self
            .answers(names.len(), Files::open, ask)
            .and_then(|answers| {
                for _ in names {
                    let (place, answer) = self.next(&answers, &patience)?;
                    let bytes = answer.as_ref().ok().and_then(Option::as_ref);
                    patience.answered(bytes.map_or(0, Vec::len));
                    let answer = answer.map_err(|error| self.label.io(names[place], &error));
                    given.give(place, answer);
                }
                Ok(())
            });
        given.end(ended);
    }

    fn read(
        &self,
        name: &Name,
        limit: u64,
        into: &mut dyn Write,
    ) -> Result<Option<u64>, TierError> {
        let mut patience = Patience::new(&self.options);
        let (give, pieces) = channel::bounded(PIECES);
        let (give_back, used) = channel::bounded(PIECES);
        let (path, asked) = (Arc::clone(&self.path), *name);
        self.apart(move || {
            let end = Files::open(&path).and_then(|files| {
                files.map_or(Ok(false), |files| send(&files, &asked, &give, &used))
            });
            let _ = give.send(match end {
                Ok(there) => Piece::End { there },
                Err(error) => Piece::Failed(error),
            });
        })?;
        let mut size = 0;
        loop {
            match self.next(&pieces, &patience)? {
                Piece::Bytes(bytes) => {
                    size += bytes.len() as u64;
                    if size > limit {
                        return Err(self.label.too_large(name, limit));
                    }
                    into.write_all(&bytes)
                        .map_err(|error| self.label.callers(format!("keep {name}"), &error))?;
                    patience.moved(bytes.len() as u64);
                    let _ = give_back.try_send(bytes);
                }
                Piece::End { there } => return Ok(there.then_some(size)),
                Piece::Failed(error) => return Err(self.label.io(name, &error)),
            }
        }
    }

    fn has_many(&self, names: &[Name]) -> Result<Vec<bool>, TierError> {
        let mut patience = Patience::new(&self.options);
        let mut has = vec![false; names.len()];
        let asked = names.to_vec();
        let ask = move |files: &Files, place: usize| files.has(&asked[place]);
        let answers = self.answers(names.len(), Files::open, ask)?;
        for _ in names {
            let (place, answer) = self.next(&answers, &patience)?;
            has[place] = answer.map_err(|error| self.label.io(names[place], &error))?;
            patience.answered(0);
        }
        Ok(has)
    }

    fn write(&self, name: &Name, size: u64, from: &mut dyn Read) -> Result<(), TierError> {
        let mut patience = Patience::new(&self.options);
        let (give, pieces) = channel::bounded(PIECES);
        let (give_back, used) = channel::bounded(PIECES);
        let (ended, end) = channel::bounded(1);
        let (path, swept, asked) = (Arc::clone(&self.path), Arc::clone(&self.swept), *name);
        self.apart(move || {
            let received = Files::open_or_create(&path).and_then(|files| {
                receive(&files, &asked, size, &pieces, &give_back).map(|()| sweep(&files, &swept))
            });
            let _ = ended.send(received);
        })?;
        let mut left = size;
        while left > 0 {
            let mut piece: Vec<u8> = used.try_recv().unwrap_or_default();
            piece.clear();
            from.take(left.min(PIECE as u64))
                .read_to_end(&mut piece)
                .and_then(|read| match read {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(()),
                })
                .map_err(|error| self.label.callers(format!("take bytes of {name}"), &error))?;
            let bytes = piece.len() as u64;
            match give.send_timeout(piece, patience.left()) {
                Ok(()) => (left, ()) = (left - bytes, patience.moved(bytes)),
                Err(SendTimeoutError::Timeout(_)) => {
                    return Err(self.label.unreachable(patience.over()));
                }
                // It ended early, and says why.
                Err(SendTimeoutError::Disconnected(_)) => break,
            }
        }
        drop(give);
        self.next(&end, &patience)?
            .map_err(|error| self.label.io(format!("write {name}"), &error))
    }

    fn write_many(&self, things: &[(Name, Vec<u8>)]) -> Result<(), TierError> {
        let mut patience = Patience::new(&self.options);
        let (asked, swept) = (things.to_vec(), Arc::clone(&self.swept));
        let ask = move |files: &Files, place: usize| {
            let (name, bytes) = &asked[place];
            let mut part = files.begin(name)?;
            part.write_all(bytes)?;
            part.finish().map(|()| sweep(files, &swept))
        };
        let create = |path: &Path| Files::open_or_create(path).map(Some);
        let answers = self.answers(things.len(), create, ask)?;
        for _ in things {
            let (place, answer) = self.next(&answers, &patience)?;
            let (name, bytes) = &things[place];
            answer.map_err(|error| self.label.io(format!("write {name}"), &error))?;
            patience.answered(bytes.len());
        }
        Ok(())
    }
}

/// What a thread apart sends of a file.
enum Piece {
    Bytes(Vec<u8>),
    End { there: bool },
    Failed(io::Error),
}

/// Sends a file in pieces; says whether there is one. `used` gives buffers back.
fn send(
    files: &Files,
    name: &Name,
    give: &Sender<Piece>,
    used: &Receiver<Vec<u8>>,
) -> io::Result<bool> {
    let Some(mut file) = files.read(name)? else {
        return Ok(false);
    };
    loop {
        let mut piece = used.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        match file.read(&mut piece)? {
            0 => return Ok(true),
            read => piece.truncate(read),
        }
        if give.send(Piece::Bytes(piece)).is_err() {
            // Nobody waits any more.
            return Ok(true);
        }
    }
}

/// Writes the pieces that come, and gives the file its name once `size` bytes have.
fn receive(
    files: &Files,
    name: &Name,
    size: u64,
    pieces: &Receiver<Vec<u8>>,
    give_back: &Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut part = files.begin(name)?;
    let mut written = 0;
    for piece in pieces {
        part.write_all(&piece)?;
        written += piece.len() as u64;
        let _ = give_back.try_send(piece);
    }
    if written < size {
        // Who gave them gave up.
        return Err(io::ErrorKind::Interrupted.into());
    }
    part.finish()
}

/// Removes what dead writers left, once for a tier that is written to.
fn sweep(files: &Files, swept: &AtomicBool) {
    if !swept.swap(true, Ordering::Relaxed) {
        // What could not be removed now is left to others.
        let _ = files.sweep();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use refrain_store::Trouble;

    use super::*;

    #[test]
    fn a_call_that_does_not_come_back_is_not_waited_for() {
        let options = Options::default().call(Duration::from_millis(20));
        let directory = Directory::new("hung".to_owned(), ".".into(), options);
        let (stuck, release) = channel::bounded::<()>(0);
        // As the system does for a file of a server that is gone.
        let ask = move |_: &Files, place: usize| {
            if place == 1 {
                let _ = release.recv();
            }
            Ok(place)
        };
        let open = |path: &Path| Files::open_or_create(path).map(Some);
        let answers = directory.answers(2, open, ask).unwrap();
        let patience = Patience::new(&directory.options.clone().call(Duration::from_secs(60)));
        let (place, answer) = directory.next(&answers, &patience).unwrap();
        assert_eq!((place, answer.unwrap()), (0, 0));
        let patience = Patience::new(&directory.options);
        let error = directory.next(&answers, &patience).unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable);
        assert_eq!(error.to_string(), "hung: no answer within 20ms");
        drop(stuck);
    }
}
