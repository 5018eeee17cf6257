//! The one error of this crate: an address that no tier can be made of.
//!
//! Unaware of what happens to a tier later; that is a [`TierError`](refrain_store::TierError).

/// Says why no tier can be made of a URL. Messages name the URL without its credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no URL.
    #[error(
        "open tier {url}: {reason}; write for example file:///mnt/cache or redis://cache.example/0"
    )]
    NoUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No tier is known by this scheme.
    #[error("open tier {url}: the scheme `{scheme}` is not known; known are {known}")]
    Scheme {
        /// What was given.
        url: String,
        /// Its scheme.
        scheme: String,
        /// Those that this program was built with.
        known: String,
    },
    /// A tier is known by this scheme, and this program was built without it.
    #[error("open tier {url}: built without it; build refrain with the feature `{feature}`")]
    Feature {
        /// What was given.
        url: String,
        /// The feature that has it.
        feature: &'static str,
    },
    /// The URL, or a variable that belongs to it, says something that cannot be.
    #[error("open tier {url}: {reason}")]
    Setting {
        /// What was given.
        url: String,
        /// What is wrong, and what to do.
        reason: String,
    },
}
