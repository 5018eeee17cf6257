//! Random projects, edited, damaged and killed at random, run by the real program: outputs are those of a naive
//! evaluator, and what executes is exactly what an oracle says that has to. `REFRAIN_MODEL_SEED=n` replays a case, and
//! `REFRAIN_SOAK_STEPS=n` makes as many steps.

#[macro_use]
mod model;

#[path = "support/desk.rs"]
mod desk;

#[path = "model_binary/project.rs"]
mod project;
#[path = "model_binary/steps.rs"]
mod steps;

#[path = "model_binary/told.rs"]
mod told;

#[path = "model_binary/workshop.rs"]
mod workshop;

use proptest::prelude::*;

use model::seeds::{self, Tally};
use model::world::{World, world};
use steps::{Step, step};
use workshop::Workshop;

/// The most steps of one case.
const STEPS: usize = 30;

#[test]
fn what_a_process_does_is_what_an_oracle_says() {
    let case = (world(), prop::collection::vec(step(), 1..=STEPS));
    seeds::run(
        "model_binary",
        8,
        case,
        |(world, steps): (World, Vec<Step>)| {
            let mut workshop = Workshop::new(world.clone());
            for (number, step) in steps.iter().enumerate() {
                workshop.take(step).map_err(|why| {
                    let steps: Vec<String> = steps[..=number]
                        .iter()
                        .map(|step| format!("{step:?}"))
                        .collect();
                    format!("{why}\nin {world:?}\nafter\n{}", steps.join("\n"))
                })?;
            }
            let mut tally = workshop.tally();
            tally.add(Tally {
                steps: steps.len(),
                ..Tally::default()
            });
            Ok(tally)
        },
    );
}
