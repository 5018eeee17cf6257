//! What the workers of the pool meet by. A model of their interleavings has
//! things of the same names in this place.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use std::thread;

pub(crate) use crossbeam::channel::{Receiver, Sender, unbounded};
