//! Values that the store could give again and that are kept in memory all the
//! same, as long as there is room. It is unaware of whose values they are.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::handle::Handle;

/// Values that nobody waits for, the first kept in front.
pub(super) struct Memory {
    /// How many bytes there is room for, as the store counts them.
    room: u64,
    held: u64,
    values: VecDeque<Arc<Handle>>,
}

impl Memory {
    pub fn new(room: u64) -> Self {
        Memory {
            room,
            held: 0,
            values: VecDeque::new(),
        }
    }

    /// Keeps a value in place of those that were kept first, or lets go of it.
    /// A value that the store does not have is not let go of.
    pub fn keep(&mut self, handle: &Arc<Handle>) {
        let Some(bytes) = handle.bytes() else { return };
        if bytes > self.room {
            return handle.release();
        }
        if handle.in_hand().is_none() || !handle.mark_kept(true) {
            return;
        }
        self.held += bytes;
        self.values.push_back(handle.clone());
        while self.held > self.room {
            let Some(first) = self.values.pop_front() else {
                return;
            };
            self.held -= first.bytes().unwrap_or(0);
            first.mark_kept(false);
            first.release();
        }
    }
}
