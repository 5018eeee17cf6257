//! What nodes were before: the signatures that they had when they were last
//! looked at, by whoever ran the pipeline last. It is unaware of what they are
//! now, and of why they changed.

use std::sync::Arc;

use refrain_store::{Signature, Store};

use crate::graph::Graph;

/// After so many single questions to the store all answers are fetched at once.
const ASK_SINGLY: usize = 64;

/// So many runs of this process are told apart from those of others at the most.
const OWN_RUNS: usize = 64;

/// The latest signatures known, from this process or from another one.
pub(super) struct Before {
    known: Vec<Option<Signature>>,
    store: Option<Arc<Store>>,
    /// The number of the last run that the history had when it was looked at.
    seen: Option<i64>,
    /// The runs of this process that were not in the history then.
    own: Vec<String>,
    /// Whether the history is yet to be looked at.
    may_be_behind: bool,
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
            seen: None,
            own: Vec::new(),
            may_be_behind: true,
            elsewhere: None,
            asked: 0,
        }
    }

    /// Takes into account that others may have left answers meanwhile.
    pub fn catch_up(&mut self) {
        self.may_be_behind = true;
        self.elsewhere = None;
        self.asked = 0;
    }

    /// Forgets what is known here where others have run the pipeline since. The
    /// history is looked at once in a run, and only if somebody asks for something.
    fn hear_of_others(&mut self, graph: &Graph) {
        if !std::mem::take(&mut self.may_be_behind) {
            return;
        }
        let heard = self.store.as_ref();
        let heard = heard.and_then(|store| store.runs_since(&graph.name, self.seen));
        let Some((last, runs)) = heard else {
            return;
        };
        self.seen = Some(last);
        let others = runs.iter().filter(|run| !self.own.contains(run)).count();
        self.own.retain(|own| !runs.contains(own));
        if others > 0 {
            self.known.fill(None);
        }
    }

    /// The signature that a node had; `None` if it was never looked at.
    pub fn signature(&mut self, graph: &Graph, node: u32) -> Option<Signature> {
        self.hear_of_others(graph);
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

    /// Notes that a run of this process is on its way to the history.
    pub fn note_run(&mut self, run: &str) {
        if self.own.len() == OWN_RUNS {
            // They count as those of others then, which costs questions.
            self.own.clear();
        }
        self.own.push(run.to_owned());
    }

    /// Notes the signature that a node has from now on.
    pub fn note(&mut self, node: u32, signature: Signature) {
        self.known[node as usize] = Some(signature);
    }
}
