//! What a loss of power may make of a directory, beyond what a killed process leaves.
//!
//! Nothing was synced but what SQLite syncs by itself: its log before a page of it goes into the database, and the
//! database before the log is begun anew. Any other file may be as it was at any time, or have lost its bytes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::files_below;
use super::journal::State;

/// The files whose order SQLite keeps.
const DATABASE: &str = "records.db";
const LOG: &str = "records.db-wal";

/// Where pickles are added to.
const PICKLES: &str = "cachier_blobs";

/// The bytes before the first frame of a log, and of a frame (sqlite.org/fileformat.html, 4.1).
const LOG_HEAD: usize = 32;
const FRAME: usize = 24 + 4096;

/// Numbers in an order that a seed gives.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `end`.
    pub(super) fn roll(&mut self, end: usize) -> usize {
        // splitmix64, prng.di.unimi.it
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }
}

/// Makes of `dir`, a copy of the last of `before`, what may be left.
pub(super) fn lose(dir: &Path, before: &[State], dice: &mut Dice) {
    for name in files_below(dir) {
        let path = dir.join(&name);
        match name.to_str() {
            Some(DATABASE) => {}
            Some(LOG) => lose_log(&path, dice),
            // Most stay: else nothing is ever found.
            _ if dice.roll(3) > 0 => {}
            _ => lose_file(&path, &name, before, dice),
        }
    }
}

/// Gives the log up to a byte that was not there yet before the last change: the process was killed while it wrote.
pub(super) fn tear_log(dir: &Path, after: &Path, dice: &mut Dice) -> bool {
    tear(dir, after, Path::new(LOG), dice)
}

/// Does the same with a pickle.
pub(super) fn tear_pickle(dir: &Path, after: &Path, dice: &mut Dice) -> bool {
    let pickles = files_below(&dir.join(PICKLES)).into_iter();
    let mut pickles = pickles.map(|name| Path::new(PICKLES).join(name));
    pickles.any(|name| tear(dir, after, &name, dice))
}

fn tear(dir: &Path, after: &Path, name: &Path, dice: &mut Dice) -> bool {
    let bytes = |dir: &Path| std::fs::read(dir.join(name)).unwrap_or_default();
    let (old, new) = (bytes(dir), bytes(after));
    let grown = new.len() > old.len() && new.starts_with(&old);
    if grown {
        let end = old.len() + dice.roll(new.len() - old.len());
        std::fs::write(dir.join(name), &new[..end]).expect("write");
    }
    grown
}

/// Puts some pages of the database as it is in `after` into that in `dir`, whose log has all of them: the process ended
/// while they were moved.
pub(super) fn tear_checkpoint(dir: &Path, after: &Path, dice: &mut Dice) -> bool {
    let path = dir.join(DATABASE);
    let (Ok(mut pages), Ok(new)) = (std::fs::read(&path), std::fs::read(after.join(DATABASE)))
    else {
        return false;
    };
    let logged = std::fs::metadata(dir.join(LOG)).is_ok_and(|log| log.len() > 0);
    if pages == new || !logged {
        return false;
    }
    pages.resize(new.len().max(pages.len()), 0);
    for (number, page) in new.chunks(4096).enumerate() {
        if dice.roll(2) == 0 {
            pages[number * 4096..][..page.len()].copy_from_slice(page);
        }
    }
    std::fs::write(path, pages).expect("write");
    true
}

fn lose_log(path: &Path, dice: &mut Dice) {
    let mut bytes = std::fs::read(path).expect("read");
    let frames = bytes.len().saturating_sub(LOG_HEAD) / FRAME;
    let frame = LOG_HEAD + dice.roll(frames) * FRAME;
    match dice.roll(6) {
        0 => return,
        1 => bytes.clear(),
        2 => bytes.truncate(dice.roll(bytes.len())),
        3 => bytes.truncate(frame),
        4 if frames > 0 => bytes[frame..frame + FRAME].fill(0),
        _ => {
            let start = frame.min(bytes.len());
            bytes[start..].fill(0);
        }
    }
    std::fs::write(path, bytes).expect("write");
}

fn lose_file(path: &Path, name: &Path, before: &[State], dice: &mut Dice) {
    let bytes = std::fs::read(path).expect("read");
    match dice.roll(5) {
        0 => std::fs::remove_file(path).expect("remove"),
        1 => overwrite(path, &[]),
        2 => overwrite(path, &bytes[..dice.roll(bytes.len())]),
        3 => overwrite(path, &vec![0; bytes.len()]),
        _ => {
            std::fs::remove_file(path).expect("remove");
            let older = before[dice.roll(before.len())].dir.join(name);
            if let Ok(older) = std::fs::read(older) {
                std::fs::write(path, older).expect("write");
            }
        }
    }
}

/// Replaces the bytes of a file, whichever names it has.
fn overwrite(path: &Path, bytes: &[u8]) {
    let before = std::fs::metadata(path).expect("metadata").permissions();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("mode");
    std::fs::write(path, bytes).expect("write");
    std::fs::set_permissions(path, before).expect("mode");
}
