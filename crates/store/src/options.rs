//! What a store is told when it is opened, beside where it is.

use std::sync::Arc;
use std::time::Duration;

use crate::claim::PATIENCE;
use crate::collect::Limits;
use crate::seal::SealKey;
use crate::tier::Tier;
use crate::tiered::TierUse;

/// How [`crate::Store::open_with`] opens a cache directory. The default is what [`crate::Store::open`] does.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) key: Option<SealKey>,
    pub(crate) tiers: Vec<(Arc<dyn Tier>, TierUse)>,
    pub(crate) upload_limit: Duration,
    pub(crate) patience: Duration,
    pub(crate) limits: Option<Limits>,
    pub(crate) max_entry_size: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: None,
            tiers: Vec::new(),
            upload_limit: Duration::from_secs(60),
            patience: PATIENCE,
            limits: None,
            max_entry_size: None,
        }
    }
}

impl Options {
    /// Accepts only records of holders of `key`, and seals everything that is written.
    pub fn key(mut self, key: SealKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a tier behind the directory, after those that were added before.
    pub fn tier(mut self, tier: Arc<dyn Tier>, usage: TierUse) -> Self {
        self.tiers.push((tier, usage));
        self
    }

    /// How long another process that has something locked and shows no sign of life is waited for; ten seconds by
    /// default. After that its work is done here as well.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long the store waits, when it is dropped, for what is still to be put into tiers; a minute by default.
    pub fn upload_limit(mut self, limit: Duration) -> Self {
        self.upload_limit = limit;
        self
    }

    /// How many bytes an output may have to be admitted by [`crate::Store::admit`].
    pub fn max_entry_size(mut self, bytes: u64) -> Self {
        self.max_entry_size = Some(bytes);
        self
    }

    /// What [`crate::Store::keep_limits`] keeps.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }
}
