//! A world on disk with its cache, the runners that work on it, and the account that is kept of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use refrain::{CacheConfig, Outcome, Pipeline, Plan, Run, Runner};
use refrain_store::{Limits, Store};

use crate::losses;
use crate::model::account::Account;
use crate::model::behaviour::Given;
use crate::model::check::{self, Checked, Seen};
use crate::model::harm::{self, Harm, Part};
use crate::model::known::{Key, Known};
use crate::model::names::{Flavour, Named};
use crate::model::oracle::{self, Expected, Fate};
use crate::model::seeds::Tally;
use crate::model::world::{NODE_NAMES, World};
use crate::pipeline::{self, Log};
use crate::steps::{Client, Request, Step};

pub struct Desk {
    dir: tempfile::TempDir,
    world: World,
    /// All worlds that there were.
    past: Vec<World>,
    log: Log,
    /// How many caches there were before.
    wiped: usize,
    live: Option<Live>,
    account: Account,
    /// Whether something of the cache was harmed since it was made.
    is_harmed: bool,
    /// Whether the index was: nobody knows when that is noticed.
    index_is_harmed: bool,
    tally: Tally,
}

/// The runner that stays, and the pipelines that it knows.
struct Live {
    runner: Runner,
    env_hash: Option<u8>,
    pipelines: Vec<(Key, Pipeline)>,
    /// Whether it was there while something was taken from the cache: what it finds may be in memory only.
    outlived: bool,
}

impl Desk {
    pub fn new(world: World) -> Self {
        let desk = Desk {
            dir: tempfile::tempdir().unwrap(),
            past: vec![world.clone()],
            world,
            log: Log::default(),
            wiped: 0,
            live: None,
            account: Account::default(),
            is_harmed: false,
            index_is_harmed: false,
            tally: Tally::default(),
        };
        pipeline::write(&desk.world, None, desk.dir.path());
        desk
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join(format!("cache-{}", self.wiped))
    }

    pub fn take(&mut self, step: &Step) -> Checked {
        match step {
            Step::Run(edits, request) => {
                let mut world = self.world.clone();
                edits.iter().for_each(|edit| world.apply(edit));
                self.turn_to(world);
                self.run(request)
            }
            Step::Revert(back, request) => {
                let at = self.past.len().saturating_sub(1 + back);
                self.turn_to(self.past[at].clone());
                self.run(request)
            }
            Step::Both(edits, request, other) => {
                let mut world = self.world.clone();
                edits.iter().for_each(|edit| world.apply(edit));
                self.turn_to(world);
                self.run_both(request, *other)
            }
            Step::Restart => {
                self.live = None;
                Ok(())
            }
            Step::Harm(at, harm) => {
                self.harm(*at, *harm);
                Ok(())
            }
            Step::Wipe => {
                self.live = None;
                drop(fs::remove_dir_all(self.cache()));
                // Runners close in the background: those of the old cache are not to meet the new one.
                self.wiped += 1;
                self.account = Account::default();
                (self.is_harmed, self.index_is_harmed) = (false, false);
                Ok(())
            }
            Step::Collect(size) => self.collect(*size),
            Step::Survey => self.survey(),
        }
    }

    fn turn_to(&mut self, world: World) {
        pipeline::write(&world, Some(&self.world), self.dir.path());
        self.world = world.clone();
        self.past.push(world);
    }

    // ---- runners ----

    fn runner(&self) -> Runner {
        let config = CacheConfig::new(self.cache());
        let config = match self.world.env_hash {
            Some(hash) => config.env_hash(hash.to_string()),
            None => config,
        };
        Runner::new(config).unwrap()
    }

    /// A runner and its pipeline.
    fn client(&mut self, client: Client) -> (Runner, Pipeline) {
        if client == Client::Fresh {
            return (
                self.runner(),
                pipeline::pipeline(&self.world, self.dir.path(), &self.log),
            );
        }
        if self
            .live
            .as_ref()
            .is_none_or(|live| live.env_hash != self.world.env_hash)
        {
            self.live = None;
            self.live = Some(Live {
                runner: self.runner(),
                env_hash: self.world.env_hash,
                pipelines: Vec::new(),
                outlived: false,
            });
        }
        let structure = pipeline::structure(&self.world);
        let made = pipeline::pipeline(&self.world, self.dir.path(), &self.log);
        let live = self.live.as_mut().unwrap();
        let known = live
            .pipelines
            .iter()
            .position(|(known, _)| *known == structure);
        let at = known.unwrap_or_else(|| {
            live.pipelines.push((structure, made));
            live.pipelines.len() - 1
        });
        (live.runner.clone(), live.pipelines[at].1.clone())
    }

    fn names<'a>(targets: &'a BTreeSet<usize>) -> impl Iterator<Item = &'static str> + 'a {
        targets.iter().map(|target| NODE_NAMES[*target])
    }

    // ---- one run ----

    fn run(&mut self, request: &Request) -> Checked {
        let world = self.world.clone();
        let named = Named::of(&world, Flavour::Library);
        let targets = world.targets(request.targets);
        let (runner, pipeline) = self.client(request.client);
        let runner = runner.jobs(request.jobs).keep_going(request.keep_going);
        let pipeline = pipeline.targets(Self::names(&targets)).unwrap();
        let inputs = pipeline::inputs(&world, self.dir.path());
        let asked = request.asked % world.nodes.len();
        let plan = request
            .planned
            .then(|| runner.plan(&pipeline, inputs.clone()).unwrap());
        let why = request.planned.then(|| {
            runner
                .why(&pipeline, inputs.clone(), NODE_NAMES[asked])
                .unwrap()
        });
        ensure!(self.log.take().is_empty(), "a plan executes nothing");

        let (run, losses) =
            losses::heard(&[losses::RUN], || runner.run(&pipeline, inputs).unwrap());
        let seen = Seen {
            fates: self.seen(&run),
            itemised: self.itemised(&run),
            executions: self.log.take(),
        };
        self.made_again(&run, &named, &targets, request.keep_going)?;
        self.tally.runs += 1;
        self.tally.executions += seen.executions.values().sum::<usize>();

        let outlived =
            request.client == Client::Live && self.live.as_ref().is_some_and(|live| live.outlived);
        let is_exact = !self.index_is_harmed && !outlived && losses == 0;
        let before = self.account.clone();
        let expected = if !request.keep_going && self.would_fail(&named, &targets) {
            self.stops_early(&named, &targets, &seen, losses)?;
            return self.verify(&runner);
        } else {
            self.account.run(&named, &targets, &seen, is_exact)
        };
        if !is_exact {
            let most = losses::beside(expected_of_nothing(&named, &targets), losses);
            check::at_most(&most, &seen)?;
            if self.index_is_harmed || losses > 0 {
                self.account.doubt();
            }
            self.account.doubt_latest();
        } else {
            check::executions(&expected, &seen).map_err(|why| told(&why, &expected, &run))?;
            check::fates(&named, &expected, &seen).map_err(|why| told(&why, &expected, &run))?;
            let reasons = Reasons {
                before: &before,
                named: &named,
            };
            reasons.of_run(&run, &expected)?;
            if let Some(plan) = &plan
                && before.is_sure()
                && !self.is_harmed
            {
                foretold(plan, &named, &expected)
                    .map_err(|why| format!("{why}\nplan:\n{plan}\n{}", run.report()))?;
                reasons
                    .of_plan(plan, &expected)
                    .map_err(|why| format!("{why}\nplan:\n{plan}\n{}", run.report()))?;
                if let (Some(planned), Some(why)) = (plan.node(NODE_NAMES[asked]), &why)
                    && let Some(reason) = &planned.reason
                {
                    let first = why.steps.first().map(|step| step.reason.kind);
                    ensure!(
                        first == Some(reason.kind),
                        "why n{asked} says {first:?}, and the plan {reason}"
                    );
                }
            }
            // A runner that has all in memory looks at nothing, and tells nobody of its run.
            let store = runner.store().unwrap();
            let idle = |fate: &Fate| matches!(fate, Fate::Hit | Fate::Unneeded);
            match store.run(run.report().run()) {
                Some(_) => self.account.note(&named, &targets, &expected.fates),
                None => ensure!(
                    request.client == Client::Live && expected.fates.iter().all(idle),
                    "the history has nothing of\n{}",
                    run.report()
                ),
            }
        }
        self.verify(&runner)
    }

    fn would_fail(&self, named: &Named<'_>, targets: &BTreeSet<usize>) -> bool {
        expected_of(named, targets, &self.account).any_fails()
            || expected_of_nothing(named, targets).any_fails()
    }

    /// A run that stops at a failure does a part of what it would do.
    fn stops_early(
        &mut self,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        seen: &Seen,
        losses: usize,
    ) -> Checked {
        let mut known = self.account.sure.clone();
        let all = oracle::run(named, targets, &mut known);
        if !self.index_is_harmed && losses == 0 {
            check::at_most(&all, seen)?;
        }
        self.account.possible.extend(&known);
        self.account.possible.resolved.extend(&all.perhaps);
        self.account.doubt_latest();
        Ok(())
    }

    fn seen(&self, run: &Run) -> Vec<Option<Fate>> {
        let fate = |node: usize| {
            Some(match run.report().outcome(NODE_NAMES[node])? {
                Outcome::Executed => Fate::Executed,
                Outcome::Hit => Fate::Hit,
                Outcome::Cutoff => Fate::Cutoff,
                Outcome::Unneeded => Fate::Unneeded,
                Outcome::Failed => Fate::Failed,
                Outcome::Blocked => Fate::Blocked,
                Outcome::Cancelled => return None,
            })
        };
        (0..self.world.nodes.len()).map(fate).collect()
    }

    fn itemised(&self, run: &Run) -> BTreeSet<usize> {
        let is_itemised = |node: &usize| {
            let told = run.report().node(NODE_NAMES[*node]);
            told.is_some_and(|node| node.items.is_some())
        };
        (0..self.world.nodes.len()).filter(is_itemised).collect()
    }

    fn outputs(
        &self,
        run: &Run,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        all: bool,
    ) -> Checked {
        for target in targets {
            let name = NODE_NAMES[*target];
            let given = match self.world.nodes[*target].list {
                None => run
                    .get::<String>(name)
                    .ok()
                    .map(|text| Given::One(text.to_string())),
                Some(_) => run.get::<Vec<String>>(name).ok().map(|texts| {
                    let keys = named.evaluated[*target]
                        .calls
                        .iter()
                        .map(|call| call.key.clone().unwrap_or_default());
                    Given::Items(keys.zip(texts.iter().cloned()).collect())
                }),
            };
            let right = &named.evaluated[*target].output;
            // A run that stops at a failure does not come to all that would be right.
            let stopped = given.is_none() && !all && run.status() == refrain::Status::Failed;
            ensure!(
                given == *right || stopped,
                "{name} gives {given:?}, and is {right:?}\n{}",
                run.report()
            );
        }
        Ok(())
    }

    /// What is found to be damaged when it is asked for is made again.
    fn made_again(
        &self,
        run: &Run,
        named: &Named<'_>,
        targets: &BTreeSet<usize>,
        all: bool,
    ) -> Checked {
        let (given, losses) =
            losses::heard(&[losses::RUN], || self.outputs(run, named, targets, all));
        given?;
        let again = Seen {
            executions: self.log.take(),
            ..Seen::default()
        };
        ensure!(
            again.executions.is_empty() || self.is_harmed,
            "made again, and nothing was harmed: {again:?}"
        );
        let most = losses::beside(expected_of_nothing(named, targets), losses);
        check::at_most(&most, &again)
    }

    fn verify(&mut self, runner: &Runner) -> Checked {
        let store = runner.store().unwrap();
        let found = store.verify(&mut |_| ());
        ensure!(
            self.is_harmed || found.findings.is_empty(),
            "nothing was harmed: {:?}",
            found.findings
        );
        let rebuilt = self.cache().join("records.db.damaged");
        ensure!(
            self.is_harmed || !rebuilt.exists(),
            "nothing was harmed, and records were rebuilt"
        );
        Ok(())
    }

    // ---- two at once ----

    fn run_both(&mut self, request: &Request, other: u8) -> Checked {
        let world = self.world.clone();
        let named = Named::of(&world, Flavour::Library);
        let (mine, yours) = (world.targets(request.targets), world.targets(other));
        let (one, first) = self.client(request.client);
        let (two, second) = self.client(Client::Fresh);
        let inputs = pipeline::inputs(&world, self.dir.path());
        let run = |runner: Runner, pipeline: &Pipeline, targets: &BTreeSet<usize>| {
            let pipeline = pipeline.targets(Self::names(targets)).unwrap();
            let run = runner
                .jobs(request.jobs)
                .keep_going(true)
                .run(&pipeline, inputs.clone())
                .unwrap();
            self.outputs(&run, &named, targets, true)
        };
        let go = |runner: Runner, pipeline: &Pipeline, targets: &BTreeSet<usize>| {
            let from = &[losses::RUN, losses::ASKED];
            losses::heard(from, || run(runner, pipeline, targets))
        };
        let ((did, first_losses), (too, losses)) = std::thread::scope(|scope| {
            let other = scope.spawn(|| go(two.clone(), &second, &yours));
            (go(one.clone(), &first, &mine), other.join().unwrap())
        });
        did?;
        too?;
        let executions = self.log.take();
        self.tally.runs += 2;
        self.tally.executions += executions.values().sum::<usize>();

        let outlived =
            request.client == Client::Live && self.live.as_ref().is_some_and(|live| live.outlived);
        let losses = losses + first_losses;
        let is_exact = !self.index_is_harmed && !outlived && losses == 0;
        self.account
            .run_both(&named, &[mine, yours], &executions, is_exact)?;
        if losses > 0 {
            self.account.doubt();
        }
        self.verify(&two)
    }

    // ---- what happens to the cache ----

    fn outlive(&mut self) {
        if let Some(live) = &mut self.live {
            live.outlived = true;
        }
    }

    fn harm(&mut self, at: usize, harm: Harm) {
        if at.is_multiple_of(2) {
            self.live = None;
        }
        if let Some(live) = &self.live {
            live.runner.flush();
        }
        let Some(part) = harm::apply(&self.cache(), at, harm) else {
            return;
        };
        self.tally.damages += 1;
        self.is_harmed = true;
        self.index_is_harmed |= part == Part::Index;
        if part != Part::Snapshot {
            self.account.doubt();
            self.outlive();
        }
    }

    fn store(&self) -> Arc<Store> {
        match &self.live {
            Some(live) => live.runner.store().unwrap(),
            None => Arc::new(Store::open(&self.cache()).unwrap()),
        }
    }

    fn collect(&mut self, max_size: u64) -> Checked {
        if max_size == 0 {
            self.live = None;
        }
        let store = self.store();
        let limits = Limits {
            max_size: Some(max_size),
            ..Limits::default()
        };
        let collected = match store.gc(&limits, SystemTime::now(), false) {
            // It says so, and whoever opens the index next mends it.
            Err(_) if self.index_is_harmed => return Ok(()),
            collected => collected.map_err(|error| error.to_string())?,
        };
        let left = store.verify(&mut |_| ());
        ensure!(
            self.is_harmed || left.findings.is_empty(),
            "collecting harms: {:?}",
            left.findings
        );
        if collected.records > 0 {
            self.account.doubt();
            self.outlive();
        }
        if left.records == 0 && !self.index_is_harmed {
            self.account.possible = Known::default();
        }
        Ok(())
    }

    fn survey(&mut self) -> Checked {
        let store = self.store();
        let before = store.verify(&mut |_| ());
        let limits = Limits {
            max_size: Some(0),
            ..Limits::default()
        };
        match store.gc(&limits, SystemTime::now(), true) {
            Err(_) if self.index_is_harmed => return Ok(()),
            asked => drop(asked.map_err(|error| error.to_string())?),
        }
        let after = store.verify(&mut |_| ());
        ensure!(before == after, "asking changes: {before:?}, {after:?}");
        Ok(())
    }
}

fn expected_of(named: &Named<'_>, targets: &BTreeSet<usize>, account: &Account) -> Expected {
    oracle::run(named, targets, &mut account.sure.clone())
}

fn expected_of_nothing(named: &Named<'_>, targets: &BTreeSet<usize>) -> Expected {
    oracle::run(named, targets, &mut Default::default())
}

fn told(why: &str, expected: &Expected, run: &Run) -> String {
    format!("{why}\n{expected:?}\n{}", run.report())
}

/// Whether a run did what was planned.
fn foretold(plan: &Plan, named: &Named<'_>, expected: &Expected) -> Checked {
    let twins = check::twins(named);
    for (node, fate) in expected.fates.iter().enumerate() {
        let planned = plan.node(NODE_NAMES[node]).map(|planned| planned.prospect);
        let word = planned.map(|planned| format!("{planned:?}").to_lowercase());
        let fits = expected.loose.contains(&node)
            || twins.contains(&node)
            || check::is_foretold(*fate, word.as_deref(), expected.any_fails());
        ensure!(fits, "n{node} is planned {planned:?}, and is {fate:?}");
    }
    Ok(())
}

/// Why nodes execute.
struct Reasons<'a> {
    before: &'a Account,
    named: &'a Named<'a>,
}

impl Reasons<'_> {
    /// The nodes that surely execute.
    fn executed(&self, expected: &Expected) -> Vec<usize> {
        let twins = check::twins(self.named);
        let ran = |fate: Fate| matches!(fate, Fate::Executed | Fate::Failed);
        let nodes = (0..expected.fates.len()).filter(|node| ran(expected.fates[*node]));
        let nodes = nodes.filter(|node| !twins.contains(node) && !expected.loose.contains(node));
        nodes.collect()
    }

    fn of_run(&self, run: &Run, expected: &Expected) -> Checked {
        for node in self.executed(expected) {
            let Some(right) = self.before.reason(self.named, node, expected.fates[node]) else {
                continue;
            };
            let told = run
                .report()
                .node(NODE_NAMES[node])
                .and_then(|node| node.reason);
            let kind = told.as_ref().map(|reason| reason.kind.name());
            ensure!(
                kind == Some(right),
                "n{node} executed for {told:?}, and not for {right}\n{}",
                run.report()
            );
            let first = run.explain(NODE_NAMES[node]).unwrap();
            let first = first.steps.first().map(|step| step.reason.kind.name());
            ensure!(
                first == Some(right),
                "n{node} is explained by {first:?}, and not by {right}"
            );
        }
        Ok(())
    }

    fn of_plan(&self, plan: &Plan, expected: &Expected) -> Checked {
        for node in self.executed(expected) {
            let Some(right) = self.before.foreseen(self.named, node) else {
                continue;
            };
            let told = plan
                .node(NODE_NAMES[node])
                .and_then(|node| node.reason.clone());
            let kind = told.as_ref().map(|reason| reason.kind.name());
            ensure!(
                kind == Some(right),
                "n{node} is to execute for {told:?}, and not for {right}"
            );
        }
        Ok(())
    }
}
