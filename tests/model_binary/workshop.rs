//! A project on disk with its cache, the processes that work on it, and the account that is kept of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use refrain::Digest;
use serde_json::Value;

use crate::desk::{Desk, Said};
use crate::model::account::Account;
use crate::model::behaviour::Given;
use crate::model::check::{self, Checked, Seen};
use crate::model::harm::{self, Part};
use crate::model::known::Known;
use crate::model::names::{Flavour, Named};
use crate::model::oracle::{self, Expected, Fate};
use crate::model::seeds::Tally;
use crate::model::world::{NODE_NAMES, World};
use crate::project;
use crate::steps::Step;
use crate::told::{agree, foretold, node_of, parsed, reasons, told};

pub struct Workshop {
    desk: Desk,
    world: World,
    /// All worlds that there were.
    past: Vec<World>,
    account: Account,
    /// Whether something of the cache was harmed since it was made.
    is_harmed: bool,
    /// Whether the index was: nobody knows when that is noticed.
    index_is_harmed: bool,
    tally: Tally,
}

impl Workshop {
    pub fn new(world: World) -> Self {
        let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
        let workshop = Workshop {
            past: vec![world.clone()],
            world,
            account: Account::default(),
            is_harmed: false,
            index_is_harmed: false,
            tally: Tally::default(),
            desk,
        };
        project::write(&workshop.world, &workshop.desk.path(""));
        workshop
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn cache(&self) -> PathBuf {
        self.desk.path(".cache")
    }

    pub fn take(&mut self, step: &Step) -> Checked {
        match step {
            Step::Run(edits, targets, planned, asked) => {
                self.edit(edits);
                self.run(*targets, *planned, *asked)
            }
            Step::Revert(back, targets) => {
                let at = self.past.len().saturating_sub(1 + back);
                self.turn_to(self.past[at].clone());
                self.run(*targets, false, 0)
            }
            Step::Both(edits, one, other) => {
                self.edit(edits);
                self.run_both([*one, *other])
            }
            Step::Kill(edits, after) => {
                self.edit(edits);
                self.kill(*after)
            }
            Step::Harm(at, harm) => {
                if let Some(part) = harm::apply(&self.cache(), *at, *harm) {
                    self.tally.damages += 1;
                    self.is_harmed = true;
                    self.index_is_harmed |= part == Part::Index;
                    if part != Part::Snapshot {
                        self.account.doubt();
                    }
                }
                Ok(())
            }
            Step::Wipe => {
                drop(fs::remove_dir_all(self.cache()));
                self.account = Account::default();
                (self.is_harmed, self.index_is_harmed) = (false, false);
                Ok(())
            }
            Step::Collect(size) => self.collect(*size),
        }
    }

    fn edit(&mut self, edits: &[crate::model::world::Edit]) {
        let mut world = self.world.clone();
        edits.iter().for_each(|edit| world.apply(edit));
        self.turn_to(world);
    }

    fn turn_to(&mut self, world: World) {
        project::write(&world, &self.desk.path(""));
        self.world = world.clone();
        self.past.push(world);
    }

    // ---- processes ----

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("MODEL_LOG", self.desk.path("log"));
        match self.world.variable {
            Some(value) => command.env("VARIABLE", value.to_string()),
            None => command.env_remove("VARIABLE"),
        };
        command
    }

    fn on(&self, command: &str, options: &[&str], targets: &BTreeSet<usize>) -> Command {
        let settings = project::settings(&self.world);
        let mut words = vec![command];
        words.extend(options);
        words.extend(settings.iter().map(String::as_str));
        words.extend(targets.iter().map(|target| NODE_NAMES[*target]));
        self.command(&words)
    }

    fn runs(&self, targets: &BTreeSet<usize>) -> Command {
        let mut command = self.on("run", &["--json", "-q", "--keep-going"], targets);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What executed since the last call.
    fn executed(&self) -> BTreeMap<String, usize> {
        let path = self.desk.path("log");
        let log = fs::read_to_string(&path).unwrap_or_default();
        drop(fs::remove_file(path));
        let mut executed = BTreeMap::new();
        log.lines()
            .for_each(|label| *executed.entry(label.to_owned()).or_default() += 1);
        executed
    }

    // ---- one run ----

    fn run(&mut self, mask: u8, planned: bool, asked: usize) -> Checked {
        let world = self.world.clone();
        let named = Named::of(&world, Flavour::Program);
        let targets = world.targets(mask);
        let plan =
            planned.then(|| Said::of(self.on("plan", &["--json"], &targets).output().unwrap()));
        let plan = plan.map(parsed).transpose()?;
        let asked = asked % world.nodes.len();
        let why = planned.then(|| self.on("why", &["--json", NODE_NAMES[asked]], &BTreeSet::new()));
        let why = why
            .map(|mut why| parsed(Said::of(why.output().unwrap())))
            .transpose()?;
        ensure!(self.executed().is_empty(), "a plan executes nothing");

        let said = Said::of(self.runs(&targets).output().unwrap());
        let report = parsed(said)?;
        let seen = Seen {
            fates: self.fates(&report),
            itemised: self.itemised(&report),
            executions: self.executed(),
        };
        self.outputs(&report, &named, &targets)?;
        self.tally.runs += 1;
        self.tally.executions += seen.executions.values().sum::<usize>();
        if self.index_is_harmed {
            check::at_most(&expected_of_nothing(&named, &targets), &seen)?;
            self.account.possible.extend(&known_after(&named, &targets));
            self.account.doubt();
            return self.verify();
        }
        let before = self.account.clone();
        let expected = self.account.run(&named, &targets, &seen, true);
        check::executions(&expected, &seen).map_err(|why| told(&why, &expected, &report))?;
        check::fates(&named, &expected, &seen).map_err(|why| told(&why, &expected, &report))?;
        let learned = reasons(&named, &expected, |node| {
            before.reason(&named, node, expected.fates[node])
        });
        agree("the report", &report, "reason", &learned)
            .map_err(|why| told(&why, &expected, &report))?;
        if let Some(plan) = &plan
            && before.is_sure()
            && !self.is_harmed
        {
            foretold(plan, &named, &expected).map_err(|why| format!("{why}\n{plan}\n{report}"))?;
            let foreseen = reasons(&named, &expected, |node| before.foreseen(&named, node));
            agree("the plan", plan, "reason", &foreseen)
                .map_err(|why| format!("{why}\n{plan}\n{report}"))?;
            if let (Some(right), Some(why)) = (foreseen.get(&asked), &why) {
                let first = &why["steps"][0]["reason"]["kind"];
                ensure!(
                    first == right,
                    "why n{asked} says {why}, and it is {right}\n{plan}\n{report}"
                );
            }
        }
        self.account.note(&named, &targets, &expected.fates);
        self.verify()
    }

    fn fates(&self, report: &Value) -> Vec<Option<Fate>> {
        let fate = |node: usize| {
            let told = node_of(report, NODE_NAMES[node])?;
            Some(match told["outcome"].as_str()? {
                "executed" => Fate::Executed,
                "hit" => Fate::Hit,
                "cutoff" => Fate::Cutoff,
                "unneeded" => Fate::Unneeded,
                "failed" => Fate::Failed,
                "blocked" => Fate::Blocked,
                _ => return None,
            })
        };
        (0..self.world.nodes.len()).map(fate).collect()
    }

    fn itemised(&self, report: &Value) -> BTreeSet<usize> {
        let is_itemised = |node: &usize| {
            let told = node_of(report, NODE_NAMES[*node]);
            told.is_some_and(|node| node["items"].is_object())
        };
        (0..self.world.nodes.len()).filter(is_itemised).collect()
    }

    /// The digests that a report tells are those of the right outputs. Of lists they are not known here: their items
    /// are asked for, where it is sure that they can be had.
    fn outputs(&self, report: &Value, named: &Named<'_>, targets: &BTreeSet<usize>) -> Checked {
        for target in targets {
            let name = NODE_NAMES[*target];
            let told = &report["outputs"][name]["digest"];
            let is_cached = self.world.is_cached(*target);
            match &named.evaluated[*target].output {
                Some(Given::One(text)) if is_cached => {
                    let right = Digest::of(text.as_bytes()).to_string();
                    ensure!(
                        told == &right,
                        "{name} gives {told}, and is {right}\n{report}"
                    );
                }
                Some(Given::Items(items)) if is_cached => {
                    ensure!(told.is_string(), "{name} gives nothing\n{report}");
                    if !self.is_harmed {
                        self.items(name, items)?;
                    }
                }
                Some(_) => ensure!(told.is_null(), "{name} is not kept, and gives {told}"),
                None => ensure!(told.is_null(), "{name} fails and gives {told}"),
            }
        }
        Ok(())
    }

    /// What is got of a list has the right items.
    fn items(&self, name: &str, items: &[(String, String)]) -> Checked {
        let keys: BTreeSet<&String> = items.iter().map(|(key, _)| key).collect();
        if keys.len() < items.len() {
            // Items of one key cannot be got as files.
            return Ok(());
        }
        let dir = self.desk.path("got");
        drop(fs::remove_dir_all(&dir));
        let settings = project::settings(&self.world);
        let mut words = vec!["get", name, "-o", "got"];
        words.extend(settings.iter().map(String::as_str));
        let said = Said::of(self.command(&words).output().unwrap());
        ensure!(said.code == Some(0), "{name} cannot be got: {said:?}");
        let mut got = Vec::new();
        contents(&dir, &mut got);
        let mut right: Vec<String> = items.iter().map(|(_, text)| text.clone()).collect();
        got.sort();
        right.sort();
        ensure!(got == right, "{name} has items {got:?}, and not {right:?}");
        Ok(())
    }

    fn verify(&mut self) -> Checked {
        let said = Said::of(self.command(&["verify", "--json"]).output().unwrap());
        ensure!(
            said.code == Some(0) || self.is_harmed && said.code == Some(4),
            "nothing was harmed: {}{}",
            said.out,
            said.err
        );
        Ok(())
    }

    // ---- two at once, and one that is killed ----

    fn run_both(&mut self, masks: [u8; 2]) -> Checked {
        let world = self.world.clone();
        let named = Named::of(&world, Flavour::Program);
        let targets = masks.map(|mask| world.targets(mask));
        let started: Vec<Child> = targets
            .iter()
            .map(|targets| self.runs(targets).spawn().unwrap())
            .collect();
        for (child, targets) in started.into_iter().zip(&targets) {
            let report = parsed(Said::of(child.wait_with_output().unwrap()))?;
            self.outputs(&report, &named, targets)?;
        }
        let executions = self.executed();
        self.tally.runs += 2;
        self.tally.executions += executions.values().sum::<usize>();
        self.account
            .run_both(&named, &targets, &executions, !self.index_is_harmed)?;
        self.verify()
    }

    fn kill(&mut self, after: u64) -> Checked {
        let world = self.world.clone();
        let named = Named::of(&world, Flavour::Program);
        let targets = world.sinks();
        let mut child = self.runs(&targets).spawn().unwrap();
        thread::sleep(Duration::from_millis(after));
        child.kill().unwrap();
        drop(child.wait_with_output().unwrap());
        self.wait_for_orphans();
        let seen = Seen {
            executions: self.executed(),
            ..Seen::default()
        };
        self.tally.kills += 1;
        if !self.index_is_harmed {
            check::at_most(
                &oracle::run(&named, &targets, &mut self.account.sure.clone()),
                &seen,
            )?;
        }
        self.account.possible.extend(&known_after(&named, &targets));
        self.account.doubt_latest();
        self.verify()
    }

    /// Waits until no process is left that a killed one had started: they have the log's name in their environment.
    fn wait_for_orphans(&self) {
        let log = format!("MODEL_LOG={}", self.desk.path("log").display());
        let is_ours = |entry: fs::DirEntry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == log.as_bytes())
        };
        while fs::read_dir("/proc").unwrap().flatten().any(is_ours) {
            thread::yield_now();
        }
    }

    fn collect(&mut self, max_size: u64) -> Checked {
        let size = format!("--max-size={max_size}");
        let collected = parsed(Said::of(
            self.command(&["gc", "--json", &size]).output().unwrap(),
        ))?;
        if collected["records"] != 0 {
            self.account.doubt();
        }
        if max_size == 0 && collected["left"] == 0 && !self.index_is_harmed {
            self.account.possible = Known::default();
        }
        self.verify()
    }
}

/// What is in the files of a directory and those below it.
fn contents(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => contents(&path, found),
            path => found.push(fs::read_to_string(path).unwrap()),
        }
    }
}

/// All that is known after a run that found nothing.
fn known_after(named: &Named<'_>, targets: &BTreeSet<usize>) -> Known {
    let mut known = Known::default();
    let expected = oracle::run(named, targets, &mut known);
    known.resolved.extend(&expected.perhaps);
    known
}

fn expected_of_nothing(named: &Named<'_>, targets: &BTreeSet<usize>) -> Expected {
    oracle::run(named, targets, &mut Known::default())
}
