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

/// How often a failing case is tried in a smaller form.
const SHRINKS: u32 = 1500;

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
/// A case failed. A soak goes on then, and tells all failures in the end.
pub fn run<S: Strategy>(
    test: &str,
    cases: u64,
    strategy: S,
    case: impl Fn(S::Value) -> Result<Tally, String>,
) where
    S::Value: Debug,
{
    let (seed, steps) = (from_environment(SEED), from_environment(SOAK));
    match (seed, steps) {
        (Some(seed), _) => drop(replay(test, seed, &strategy, &case)),
        (None, Some(steps)) => soak(test, steps, &strategy, &case),
        (None, None) => {
            let (mut tally, started) = (Tally::default(), Instant::now());
            for seed in 0..cases {
                tally.add(replay(test, seed, &strategy, &case));
            }
            println!(
                "{test}: {cases} cases, {:.0?}: {tally:?}",
                started.elapsed()
            );
        }
    }
}

/// Makes case after case until there were so many steps.
fn soak<S: Strategy>(
    test: &str,
    steps: u64,
    strategy: &S,
    case: &impl Fn(S::Value) -> Result<Tally, String>,
) where
    S::Value: Debug,
{
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let first = now << 20;
    let (mut tally, started) = (Tally::default(), Instant::now());
    let mut failures = Vec::new();
    for (cases, seed) in (1_u64..).zip(first..) {
        // What fails is made small by who replays it.
        match one(seed, 0, strategy, case) {
            Ok(did) => tally.add(did),
            Err(why) => {
                println!("{test}: seed {seed} fails: {why}");
                let line = why.lines().next().unwrap_or_default();
                failures.push(format!("{seed}: {line}"));
            }
        }
        let is_over = tally.steps as u64 >= steps;
        if is_over || cases.is_multiple_of(100) {
            let (failed, elapsed) = (failures.len(), started.elapsed());
            println!(
                "{test}: {cases} cases from seed {first}, {failed} failed, {elapsed:.0?}: {tally:?}"
            );
        }
        if is_over {
            break;
        }
    }
    assert!(
        failures.is_empty(),
        "{test} failed; replay with {SEED}:\n{}",
        failures.join("\n")
    );
}

/// Makes one case, and makes it small if it fails.
fn replay<S: Strategy>(
    test: &str,
    seed: u64,
    strategy: &S,
    case: &impl Fn(S::Value) -> Result<Tally, String>,
) -> Tally
where
    S::Value: Debug,
{
    one(seed, SHRINKS, strategy, case).unwrap_or_else(|why| {
        panic!("{test} failed: {why}\nreplay it: {SEED}={seed} cargo test --test {test}")
    })
}

fn one<S: Strategy>(
    seed: u64,
    shrinks: u32,
    strategy: &S,
    case: &impl Fn(S::Value) -> Result<Tally, String>,
) -> Result<Tally, String>
where
    S::Value: Debug,
{
    let config = Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: shrinks,
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
        Ok(_) => Ok(first.get().unwrap_or_default()),
        Err(TestError::Fail(why, _)) => Err(why.to_string()),
        Err(TestError::Abort(why)) => Err(format!("given up: {why}")),
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
