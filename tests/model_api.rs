//! Random worlds, edited and damaged at random, run by the library: outputs are those of a naive evaluator, and what
//! executes is exactly what an oracle says that has to. `REFRAIN_MODEL_SEED=n` replays a case, and
//! `REFRAIN_SOAK_STEPS=n` makes as many steps.

#[macro_use]
mod model;

#[path = "model_api/pipeline.rs"]
mod pipeline;
#[path = "model_api/steps.rs"]
mod steps;

#[path = "model_api/losses.rs"]
mod losses;

#[path = "model_api/desk.rs"]
mod desk;

use desk::Desk;
use model::seeds::{self, Tally};
use model::world::{World, world};
use steps::{Step, steps};

#[test]
fn what_a_run_does_is_what_an_oracle_says() {
    let case = (world(), steps());
    seeds::run(
        "model_api",
        25,
        case,
        |(world, steps): (World, Vec<Step>)| {
            let mut desk = Desk::new(world.clone());
            let mut tally = Tally::default();
            for (number, step) in steps.iter().enumerate() {
                desk.take(step).map_err(|why| {
                    let steps: Vec<String> = steps[..=number]
                        .iter()
                        .map(|step| format!("{step:?}"))
                        .collect();
                    format!("{why}\nin {world:?}\nafter\n{}", steps.join("\n"))
                })?;
            }
            tally.steps = steps.len();
            tally.add(desk.tally());
            Ok(tally)
        },
    );
}
