//! The answers to a question about many things, each of which gets one whatever happens.
//!
//! Unaware of what is asked.

use refrain_store::TierError;

/// What a thing that was asked for turned out to be.
pub(crate) type Answer = Result<Option<Vec<u8>>, TierError>;

/// Hands answers out, and knows who is still without one.
pub(crate) struct Answers<'a> {
    each: &'a mut dyn FnMut(usize, Answer),
    open: Vec<bool>,
}

impl<'a> Answers<'a> {
    /// For so many things.
    pub(crate) fn new(count: usize, each: &'a mut dyn FnMut(usize, Answer)) -> Self {
        Self {
            each,
            open: vec![true; count],
        }
    }

    /// Hands out the answer for the thing at a place.
    pub(crate) fn give(&mut self, place: usize, answer: Answer) {
        self.open[place] = false;
        (self.each)(place, answer);
    }

    /// The places of those that are without one.
    pub(crate) fn open(&self) -> Vec<usize> {
        let places = 0..self.open.len();
        places.filter(|&place| self.open[place]).collect()
    }

    /// Ends the asking. Where it failed, that is the answer for all that have none.
    pub(crate) fn end(self, ended: Result<(), TierError>) {
        if let Err(error) = ended {
            let open = self.open().into_iter();
            open.for_each(|place| (self.each)(place, Err(error.clone())));
        }
    }
}
