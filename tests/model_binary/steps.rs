//! What happens to a project and its cache, step by step.

use proptest::prelude::*;

use crate::model::harm::{Harm, harm};
use crate::model::world::{Edit, edit};

#[derive(Clone, Debug)]
pub enum Step {
    /// Edits, and a run of the targets of a mask; asked for a plan before or not, and why a node runs.
    Run(Vec<Edit>, u8, bool, usize),
    /// The world is what it was so many steps ago.
    Revert(usize, u8),
    /// Two processes at once.
    Both(Vec<Edit>, u8, u8),
    /// A process that is killed after so many thousandths of a second.
    Kill(Vec<Edit>, u64),
    /// Something happens to a file of the cache.
    Harm(usize, Harm),
    /// The cache directory is gone.
    Wipe,
    /// Everything but so many bytes is collected.
    Collect(u64),
}

pub fn step() -> impl Strategy<Value = Step> {
    let edits = || prop::collection::vec(edit(), 0..3);
    let targets = || prop_oneof![3 => Just(0u8), 2 => any::<u8>()];
    prop_oneof![
        16 => (edits(), targets(), any::<bool>(), 0..7usize)
            .prop_map(|(edits, targets, planned, asked)| Step::Run(edits, targets, planned, asked)),
        4 => (1..8usize, targets()).prop_map(|(back, targets)| Step::Revert(back, targets)),
        3 => (edits(), targets(), targets()).prop_map(|(edits, one, other)| Step::Both(edits, one, other)),
        2 => (edits(), 5..60u64).prop_map(|(edits, after)| Step::Kill(edits, after)),
        1 => (any::<usize>(), harm()).prop_map(|(at, harm)| Step::Harm(at, harm)),
        1 => Just(Step::Wipe),
        1 => prop_oneof![Just(0), 500..20_000u64].prop_map(Step::Collect),
    ]
}
