//! How items of mapped nodes are handed to functions that take several at once.
//! It is unaware of items and of functions.

use std::num::NonZero;

/// How the items of a mapped node are executed whose function takes several at
/// once (`batch`). What is remembered and what executes is the same in all modes;
/// a function that takes one item at a time runs item by item in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Item by item.
    Local,
    /// All items that are missing together, as many at a time as the function
    /// takes.
    Batch,
    /// `Batch` where at least
    /// [`batch_threshold`](crate::Runner::batch_threshold) items are missing,
    /// else `Local`.
    #[default]
    Auto,
}

/// How many items start together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub mode: Mode,
    /// From how many missing items on `Auto` means `Batch`.
    pub threshold: usize,
}

impl Default for Pace {
    /// Two items are a batch.
    fn default() -> Self {
        Pace {
            mode: Mode::Auto,
            threshold: 2,
        }
    }
}

impl Pace {
    /// How many items start together when so many are missing, for a function
    /// that takes at most `batch`.
    pub fn at_once(&self, batch: Option<NonZero<usize>>, missing: usize) -> usize {
        let together = match self.mode {
            Mode::Local => false,
            Mode::Batch => true,
            Mode::Auto => missing >= self.threshold,
        };
        batch.filter(|_| together).map_or(1, NonZero::get)
    }
}
