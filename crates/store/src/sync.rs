//! What the queue and its thread meet by. A model of their interleavings has things of the same names in this place.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::thread;
pub(crate) use std::time::Instant;

pub(crate) use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
