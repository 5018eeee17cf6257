//! Does one thing to many items, on all cores where there are very many. It is
//! unaware of what is done.

use std::thread;

/// So many items are worth a thread. What is done takes some microseconds each.
const WORTH: usize = 512;

/// What becomes of each item, in their order.
pub(crate) fn spread<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let threads = match items.len() / WORTH {
        0 | 1 => 1,
        worth => worth.min(cores()),
    };
    let mut shares = items.chunks(items.len().div_ceil(threads).max(1));
    let Some(first) = shares.next() else {
        return Vec::new();
    };
    let work = |share: &[T]| -> Vec<R> { share.iter().map(&each).collect() };
    thread::scope(|scope| {
        let work = &work;
        let start = |share| {
            let thread = thread::Builder::new().spawn_scoped(scope, move || work(share));
            (share, thread)
        };
        let others: Vec<_> = shares.map(start).collect();
        let mut done = work(first);
        for (share, thread) in others {
            done.extend(match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(share)) => share,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system has no more threads.
                Err(_) => work(share),
            });
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order() {
        for count in [0, 1, 1023, 1024, 5000, 5001] {
            let items: Vec<usize> = (0..count).collect();
            let done = spread(&items, |item| item * 2);
            assert!(done.into_iter().eq((0..count).map(|item| item * 2)));
        }
    }
}
