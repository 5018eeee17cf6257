//! What happens to a world and its cache, step by step.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::harm::{Harm, harm};
use crate::model::world::{Edit, edit};

/// The most steps of one case.
const STEPS: usize = 80;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A runner that stays from step to step.
    Live,
    /// A runner that was never there before.
    Fresh,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub client: Client,
    /// A mask; nothing for the ends of the pipeline.
    pub targets: u8,
    pub jobs: usize,
    pub keep_going: bool,
    /// Whether somebody asks for a plan before.
    pub planned: bool,
    /// A node that somebody asks about.
    pub asked: usize,
}

#[derive(Clone, Debug)]
pub enum Step {
    Run(Vec<Edit>, Request),
    /// The world is what it was so many steps ago.
    Revert(usize, Request),
    /// Two runners at once, of the same world.
    Both(Vec<Edit>, Request, u8),
    /// The lasting runner goes.
    Restart,
    /// Something happens to a file of the cache.
    Harm(usize, Harm),
    /// The cache directory is gone.
    Wipe,
    /// Everything but so many bytes is collected.
    Collect(u64),
    /// It is asked what would be collected.
    Survey,
}

fn request() -> impl Strategy<Value = Request> {
    let client = prop_oneof![Just(Client::Live), Just(Client::Fresh)];
    let targets = prop_oneof![3 => Just(0u8), 2 => any::<u8>()];
    let (keep_going, planned) = (prop::bool::weighted(0.9), prop::bool::weighted(0.6));
    (client, targets, 1..4usize, keep_going, planned, 0..7usize).prop_map(
        |(client, targets, jobs, keep_going, planned, asked)| Request {
            client,
            targets,
            jobs,
            keep_going,
            planned,
            asked,
        },
    )
}

/// The steps of one case. In one of three the cache is harmed again and again.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let blow = (any::<Index>(), any::<usize>(), harm());
    let blows = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(blow, 1..12),
    ];
    let quiet = prop::collection::vec(step(), 1..=STEPS);
    (quiet, blows).prop_map(|(mut steps, blows)| {
        for (before, at, harm) in blows {
            steps.insert(before.index(steps.len()), Step::Harm(at, harm));
        }
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    let edits = || prop::collection::vec(edit(), 0..3);
    prop_oneof![
        24 => (edits(), request()).prop_map(|(edits, request)| Step::Run(edits, request)),
        6 => (1..8usize, request()).prop_map(|(back, request)| Step::Revert(back, request)),
        4 => (edits(), request(), any::<u8>()).prop_map(|(edits, one, other)| Step::Both(edits, one, other)),
        3 => Just(Step::Restart),
        1 => (any::<usize>(), harm()).prop_map(|(at, harm)| Step::Harm(at, harm)),
        1 => Just(Step::Wipe),
        1 => prop_oneof![Just(0), 500..20_000u64].prop_map(Step::Collect),
        1 => Just(Step::Survey),
    ]
}
