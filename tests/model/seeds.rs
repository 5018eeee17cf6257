//! Cases from seeds: one seed is one case, again and again the same. A failing case is made small, and its seed is
//! told, to be replayed. How many steps are made is said by the environment, or by who asks. It is unaware of what is
//! tested.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

/// Replays one case.
const SEED: &str = "REFRAIN_MODEL_SEED";
/// Goes on for so many steps, from a seed that nobody has chosen.
const SOAK: &str = "REFRAIN_SOAK_STEPS";

/// What a case did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub steps: usize,
    pub runs: usize,
    pub executions: usize,
    pub damages: usize,
    pub kills: usize,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.steps += other.steps;
        self.runs += other.runs;
        self.executions += other.executions;
        self.damages += other.damages;
        self.kills += other.kills;
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

/// Makes so many cases, or as many as the environment asks for.
///
/// # Panics
/// A case failed.
pub fn run<S: Strategy>(
    test: &str,
    cases: u64,
    strategy: S,
    case: impl Fn(S::Value) -> Result<Tally, String>,
) where
    S::Value: Debug,
{
    if let Some(seed) = from_environment(SEED) {
        one(test, seed, &strategy, &case);
        return;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let steps = from_environment(SOAK);
    let first = if steps.is_some() { now << 20 } else { 0 };
    let (mut tally, started) = (Tally::default(), Instant::now());
    for seed in first.. {
        let is_over = match steps {
            Some(steps) => tally.steps as u64 >= steps,
            None => seed >= cases,
        };
        if is_over {
            break;
        }
        tally.add(one(test, seed, &strategy, &case));
        if steps.is_some() && (seed - first) % 100 == 99 {
            println!(
                "{test}: seeds {first} to {seed}, {:.0?}: {tally:?}",
                started.elapsed()
            );
        }
    }
    println!(
        "{test}: from seed {first}, {:.0?}: {tally:?}",
        started.elapsed()
    );
}

fn one<S: Strategy>(
    test: &str,
    seed: u64,
    strategy: &S,
    case: &impl Fn(S::Value) -> Result<Tally, String>,
) -> Tally
where
    S::Value: Debug,
{
    let config = Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 1500,
        max_shrink_time: 45_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let tree = strategy
        .new_tree(&mut runner)
        .expect("every seed makes a case");
    let (first, failure) = (Cell::new(None), RefCell::new(None));
    let result = runner.run_one(tree, |value| {
        match case(value) {
            Ok(tally) => first.set(Some(tally)),
            // What is made small is this failure, and not another one.
            Err(why) if *failure.borrow_mut().get_or_insert(kind(&why)) == kind(&why) => {
                return Err(TestCaseError::fail(why));
            }
            Err(_) => {}
        }
        Ok(())
    });
    match result {
        Ok(_) => first.get().unwrap_or_default(),
        Err(TestError::Fail(why, _)) => {
            panic!("{test} failed: {why}\nreplay it: {SEED}={seed} cargo test --test {test}")
        }
        Err(TestError::Abort(why)) => panic!("{test} was given up at {SEED}={seed}: {why}"),
    }
}

/// The words of a message, without numbers.
fn kind(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    let words = line
        .split(' ')
        .filter(|word| word.chars().all(char::is_alphabetic));
    words.collect()
}
