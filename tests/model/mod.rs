//! The model of a pipeline's world that both model tests go by: what is there, what it comes to, and what a run of it
//! has to execute.

#![allow(dead_code)] // each test uses its own part

pub mod world;

pub mod behaviour;

pub mod known;
pub mod names;

pub mod oracle;

#[macro_use]
pub mod check;

pub mod account;

pub mod harm;
pub mod seeds;
