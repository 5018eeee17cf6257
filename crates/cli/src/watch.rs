//! A project that is kept current: what is heard of its files, and what is done
//! about it.

// From the ground up, as in the crate.
mod changes;
mod keys;
mod quiet;
mod ways;

mod message;
mod poller;
mod reach;

mod watcher;

mod follow_up;
mod line;
mod live;
mod outlook;

mod revisions;

mod vigil;

pub use keys::{Key, Keys};
pub use message::Message;
pub use vigil::Vigil;
