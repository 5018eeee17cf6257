//! What the tests share.

#![allow(dead_code)] // each test uses its own part

use std::sync::{Arc, Mutex};

/// Counts executions by name, in the order in which they happened.
#[derive(Clone, Default)]
pub struct Counter(Arc<Mutex<Vec<&'static str>>>);

impl Counter {
    /// One execution.
    pub fn count(&self, name: &'static str) {
        self.0.lock().unwrap().push(name);
    }

    /// How many executions there were since the last call of `take`.
    pub fn seen(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The executions since the last call.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An empty directory for a cache.
pub fn cache() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
