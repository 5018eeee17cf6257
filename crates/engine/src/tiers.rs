//! From the names of tiers to tiers, where the library is built with those it
//! knows.

use std::sync::Arc;

use refrain_store::{Tier, TierUse};

use crate::error::{Error, Result};
use crate::remote::Remote;

/// The tiers of a configuration. Nothing is asked of them yet.
pub(crate) fn open(remotes: &[Remote]) -> Result<Vec<(Arc<dyn Tier>, TierUse)>> {
    let open = |remote: &Remote| Ok((open_one(remote)?, remote.usage));
    remotes.iter().map(open).collect()
}

fn open_one(remote: &Remote) -> Result<Arc<dyn Tier>> {
    Err(Error::Remote {
        url: remote.shown(),
        problem: "this program is built without the feature \"remote\"".to_owned(),
    })
}
