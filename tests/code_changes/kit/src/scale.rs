//! Two import levels away from the nodes.

/// Stands under `measured`, through the crate's root.
pub const OFFSET: u64 = 7;

/// Stands under nothing.
#[allow(dead_code)]
pub const UNUSED: u64 = 8;
