//! What a store is told when it is opened, beside where it is.

use crate::seal::SealKey;

/// How [`crate::Store::open_with`] opens a cache directory. The default is what [`crate::Store::open`] does.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) key: Option<SealKey>,
}

impl Options {
    /// Accepts only records of holders of `key`, and seals everything that is written.
    pub fn key(mut self, key: SealKey) -> Self {
        self.key = Some(key);
        self
    }
}
