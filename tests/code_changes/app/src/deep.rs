//! Two import levels away from the nodes.

/// Stands under `weighed`, through `helpers`.
pub fn factor() -> u64 {
    3
}

/// Stands under nothing.
#[allow(dead_code)]
pub fn unused() -> u64 {
    30
}
