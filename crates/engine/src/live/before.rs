//! What nodes were before: the signatures that they had when they were last
//! looked at. It is unaware of what they are now, and of why they changed.

use std::sync::Arc;

use refrain_store::{Signature, Store};

use crate::graph::Graph;

/// After so many single questions to the store all answers are fetched at once.
const ASK_SINGLY: usize = 64;

/// The latest signatures known, from this process or from another one.
pub(super) struct Before {
    known: Vec<Option<Signature>>,
    store: Option<Arc<Store>>,
    /// Whether other processes left answers there that are not known here; `None`
    /// as long as nobody has asked.
    elsewhere: Option<bool>,
    asked: usize,
}

impl Before {
    pub fn new(graph: &Graph, store: Option<Arc<Store>>) -> Self {
        Before {
            known: vec![None; graph.nodes.len()],
            store,
            elsewhere: None,
            asked: 0,
        }
    }

    /// Takes into account that other processes may have left answers meanwhile.
    pub fn catch_up(&mut self) {
        self.elsewhere = None;
        self.asked = 0;
    }

    /// The signature that a node had; `None` if it was never looked at.
    pub fn signature(&mut self, graph: &Graph, node: u32) -> Option<Signature> {
        let known = self.known[node as usize];
        if known.is_some() {
            return known;
        }
        let store = self.store.as_ref()?;
        let elsewhere = &mut self.elsewhere;
        if !*elsewhere.get_or_insert_with(|| store.has_latest(&graph.name)) {
            return None;
        }
        self.asked += 1;
        if self.asked <= ASK_SINGLY {
            return store.latest_signature(&graph.name, graph.name_of(node));
        }
        for (name, signature) in store.latest_signatures(&graph.name) {
            if let Some(&node) = graph.by_name.get(&name) {
                self.known[node as usize].get_or_insert(signature);
            }
        }
        self.elsewhere = Some(false);
        self.known[node as usize]
    }

    /// Calls nodes by the numbers that they have in another graph.
    pub fn renumber(&mut self, renumbered: &[Option<u32>], nodes: usize) {
        let known = std::mem::replace(&mut self.known, vec![None; nodes]);
        for (signature, new) in known.into_iter().zip(renumbered) {
            if let Some(new) = new {
                self.known[*new as usize] = signature;
            }
        }
    }

    /// Notes the signature that a node has from now on.
    pub fn note(&mut self, node: u32, signature: Signature) {
        self.known[node as usize] = Some(signature);
    }
}
