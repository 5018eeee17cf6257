//! Sharing the work on a long list among the cores. It knows nothing of the
//! list.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Fewer items than this are worked on by one thread.
const WORTH_A_THREAD: usize = 4096;

/// Works on the pieces of a list, each with the number of its first item, and on
/// several at once where the list is long.
pub(crate) fn share<T: Send>(list: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let cores = cores.min(list.len() / WORTH_A_THREAD + 1);
    if cores == 1 {
        return work(0, list);
    }
    let piece = list.len().div_ceil(cores);
    let pieces = Mutex::new(list.chunks_mut(piece).enumerate());
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_off = || {
        while let Some((number, piece_of)) = next() {
            work(number * piece, piece_of);
        }
    };
    thread::scope(|scope| {
        for _ in 1..cores {
            // Where the system has no more threads, this one does it all.
            let _ = thread::Builder::new().spawn_scoped(scope, work_off);
        }
        work_off();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_under_its_number() {
        for length in [0, 1, WORTH_A_THREAD, 5 * WORTH_A_THREAD + 3] {
            let mut list = vec![0; length];
            share(&mut list, |first, piece| {
                for (number, item) in (first..).zip(piece) {
                    *item += number + 1;
                }
            });
            assert!((1..).zip(list).all(|(number, item)| number == item));
        }
    }
}
