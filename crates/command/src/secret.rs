//! What commands are not told: the key of the cache, although it may stand in the environment. It knows no process.

use std::process::Command;

/// The environment variable that may have the key which records are sealed with.
pub const CACHE_KEY: &str = "REFRAIN_CACHE_KEY";

/// Keeps the key from what `command` starts, which could print it to where outputs and logs are kept.
pub(crate) fn hide_key(command: &mut Command) -> &mut Command {
    command.env_remove(CACHE_KEY)
}
