//! The code parts of signatures, leaf by leaf, as records keep them. Nodes that
//! share their code share its part, which is made once.

use std::cell::RefCell;
use std::sync::Arc;

use refrain_store::Part;
use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::signature::{Explain, Notes, PartKind, walk_code};

/// The parts made so far, by the address of the code, which the graph keeps
/// alive for as long as this is asked.
#[derive(Default)]
pub(super) struct CodeParts(RefCell<FxHashMap<usize, Made>>);

/// A part and the texts of its leaves.
type Made = (Option<Arc<Part>>, Notes);

impl CodeParts {
    /// The part of some code; its texts go to `notes`.
    pub fn part(&self, code: &Arc<Code>, notes: &mut Notes) -> Option<Arc<Part>> {
        let mut made = self.0.borrow_mut();
        let (part, texts) = made.entry(Arc::as_ptr(code) as usize).or_insert_with(|| {
            let mut texts = Notes::new();
            let part = Explain::part(PartKind::Code, &mut texts, |explain| {
                walk_code(code, explain);
            });
            (part, texts)
        });
        notes.extend(texts.iter().cloned());
        part.clone()
    }
}
