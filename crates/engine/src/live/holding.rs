//! Outputs held while what they hang on is written. A node that is written for the
//! first time becomes less durable, and so does every memo below it: salsa makes
//! those again, although their values are the same. The store may not have them
//! any more. It is unaware of why anything is written.

use std::sync::Arc;

use super::Live;
use crate::db::Refrain;
use crate::handle::Handle;

impl Live {
    /// Holds the outputs that are up to date below nodes that are going to be written.
    pub(super) fn hold(&mut self, nodes: &[u32]) {
        let lowered = |node: &&u32| !self.lowered_units.contains(node);
        let newly: Vec<u32> = nodes.iter().filter(lowered).copied().collect();
        if newly.is_empty() {
            return;
        }
        for node in self.graph.descendants(&newly) {
            if self.settled[node as usize] && !nodes.contains(&node) {
                let held = (self.key(node).signature, self.output(node));
                self.held.insert(node, held);
            }
        }
    }

    /// Gives a node its output under its present signature.
    pub(super) fn lay_down(&self, node: u32, handle: Arc<Handle>) {
        let context = self.db.context();
        let key = self.key(node).signature;
        context.arrive(key, handle);
        self.output(node);
        // An output that was still known did not ask for it.
        context.take(&key);
    }
}
