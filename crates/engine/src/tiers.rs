//! From the names of tiers to tiers, where the library is built with those it
//! knows (the feature `remote`).

use std::sync::Arc;

use refrain_store::{Tier, TierUse};

use crate::error::{Error, Result};
use crate::remote::Remote;

/// The tiers of a configuration. Nothing is asked of them yet.
pub(crate) fn open(remotes: &[Remote]) -> Result<Vec<(Arc<dyn Tier>, TierUse)>> {
    let open = |remote: &Remote| Ok((open_one(remote)?, remote.usage));
    remotes.iter().map(open).collect()
}

#[cfg(feature = "remote")]
fn open_one(remote: &Remote) -> Result<Arc<dyn Tier>> {
    let mut options = refrain_remote::Options::default();
    if let Some(limit) = remote.timeout {
        options = options.call(limit).connect(limit);
    }
    // The message names the URL, without credentials.
    refrain_remote::open(&remote.url, options).map_err(|error| Error::Remote(error.to_string()))
}

#[cfg(not(feature = "remote"))]
fn open_one(remote: &Remote) -> Result<Arc<dyn Tier>> {
    Err(Error::Remote(format!(
        "open tier {}: this program is built without remotes; build refrain with the feature `remote`",
        remote.shown()
    )))
}
