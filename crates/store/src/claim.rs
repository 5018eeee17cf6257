//! Claims: one live process at a time makes a record.

/// The right to make one record; released when dropped or when the record is committed.
#[derive(Debug)]
#[must_use = "a claim is released when dropped"]
pub struct Claim {
    _private: (),
}

/// What [`crate::Store::claim`] says.
#[derive(Debug)]
pub enum Claimed {
    /// No other live process is making this.
    Mine(Claim),
    /// Another live process is making this.
    Busy,
}

impl Claim {
    pub(crate) fn unlocked() -> Self {
        Self { _private: () }
    }
}
