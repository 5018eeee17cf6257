//! Servers that the tests start, on this machine and for themselves.

pub mod faulty;
pub mod moto;
#[path = "../../../../tests/support/redis.rs"]
pub mod redis;
