//! Servers that the tests start, on this machine and for themselves.

pub mod redis;
