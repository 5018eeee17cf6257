//! Servers that the tests start, on this machine and for themselves.

pub mod faulty;
pub mod moto;
pub mod redis;
