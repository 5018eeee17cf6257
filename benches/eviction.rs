//! Replays what was asked of a cache against the two policies of eviction and against one that knows what comes:
//! `cargo bench --bench eviction`.
//!
//! The policies are those of the store, with the same granularity (a use is noted once a day) and the same room that a
//! collection makes; only the bookkeeping of files is left out, so that months pass in a second.

use std::collections::{HashMap, HashSet};

fn main() {
    let recorded = Trace::recorded(include_str!("eviction/atlas.trace"));
    for (name, trace) in [
        ("generated, switching branches", Trace::generated(1)),
        ("recorded, examples/mixed", recorded),
    ] {
        let whole = trace.whole();
        let (runs, outputs) = (trace.runs.len(), trace.outputs.len());
        println!(
            "{name}: {runs} runs, {outputs} outputs, {:.1} MB in all",
            whole as f64 / 1e6
        );
        println!("| room | policy | hits | computed again |\n|---|---|---|---|");
        for percent in [5, 10, 20, 40] {
            for policy in [
                Policy::Lru,
                Policy::Cost,
                Policy::CostExact,
                Policy::Foresight,
            ] {
                let told = Cache::replay(&trace, whole * percent / 100, policy);
                println!(
                    "| {percent} % | {policy:?} | {:.1} % | {:.0} s of {:.0} s |",
                    100.0 * told.hits as f64 / told.asked.max(1) as f64,
                    told.again,
                    told.first + told.again,
                );
            }
        }
    }
}

/// An output that somebody may ask for.
#[derive(Clone, Debug)]
struct Output {
    bytes: u64,
    seconds: f64,
    /// What it is made of.
    parents: Vec<usize>,
}

/// What was asked for.
struct Trace {
    outputs: Vec<Output>,
    /// Of each run the day, and all that it stands on, in order; the last is the target.
    runs: Vec<(u64, Vec<usize>)>,
}

impl Trace {
    /// What all of it takes.
    fn whole(&self) -> u64 {
        self.outputs.iter().map(|output| output.bytes).sum()
    }

    /// Half a year of one developer: twelve nodes in a row of which each edit touches one and all below it, on branches
    /// that are gone back to as often as Zipf has it.
    fn generated(seed: u64) -> Self {
        let mut random = Random(seed);
        let (mut outputs, mut known) = (Vec::new(), HashMap::new());
        let mut branches: Vec<Vec<u64>> = vec![vec![0; 12]];
        let (mut now, mut edits, mut runs) = (0, 1, Vec::new());
        for day in 0..180 {
            for _ in 0..20 {
                match random.below(100) {
                    0..4 => {
                        branches.push(branches[now].clone());
                        now = branches.len() - 1;
                    }
                    4..20 => now = branches.len() - 1 - random.zipf(branches.len()),
                    20..35 => {}
                    _ => {
                        // Late nodes are edited more often.
                        let node = 11 - random.zipf(12);
                        // One edit in five takes the last one back.
                        match random.below(5) {
                            0 => branches[now][node] = branches[now][node].saturating_sub(1),
                            _ => branches[now][node] = edits,
                        }
                        edits += 1;
                    }
                }
                let mut run = Vec::new();
                for node in 0..12 {
                    let key: Vec<u64> = branches[now][..=node].to_vec();
                    let next = outputs.len();
                    let number = *known.entry(key).or_insert(next);
                    if number == next {
                        outputs.push(Output {
                            // From 4 KB to 60 MB, and from 10 ms to 3 minutes, one not following from the other.
                            bytes: (4096.0 * 15_000_f64.powf(random.part())) as u64,
                            seconds: 0.01 * 18_000_f64.powf(random.part()),
                            parents: run.last().copied().into_iter().collect(),
                        });
                    }
                    run.push(number);
                }
                runs.push((day, run));
            }
        }
        Trace { outputs, runs }
    }

    /// `node NUMBER NAME BYTES MICROSECONDS` for each output, and `run NUMBER..` for each run.
    fn recorded(text: &str) -> Self {
        let above: HashMap<&str, &[&str]> = HashMap::from([
            ("views", &["places"][..]),
            ("drawings", &["views", "draw"]),
            ("inside", &["drawings"]),
            ("pictures", &["drawings"]),
            ("atlas", &["places", "pictures", "inside"]),
        ]);
        let (mut outputs, mut names, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().expect("a number");
            if words[0] == "node" {
                names.push(words[2]);
                outputs.push(Output {
                    bytes: number(3),
                    seconds: number(4) as f64 / 1e6,
                    parents: Vec::new(),
                });
                continue;
            }
            let mut run: Vec<usize> = (1..words.len()).map(|at| number(at) as usize).collect();
            run.sort_by_key(|output| ORDER.iter().position(|name| *name == names[*output]));
            for output in &run {
                let parents = above.get(names[*output]).copied().unwrap_or_default();
                let parent = |name: &&str| run.iter().copied().find(|it| names[*it] == *name);
                outputs[*output].parents = parents.iter().filter_map(parent).collect();
            }
            // Ten runs a day.
            runs.push((runs.len() as u64 / 10, run));
        }
        Trace { outputs, runs }
    }
}

/// The nodes of the recorded pipeline, the target last.
const ORDER: [&str; 7] = [
    "places", "views", "draw", "drawings", "inside", "pictures", "atlas",
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Lru,
    Cost,
    /// The same with every use noted, and not one a day.
    CostExact,
    /// Knows what comes: what is asked for last goes first.
    Foresight,
}

/// What is kept of an output.
#[derive(Clone, Copy)]
struct Kept {
    used: u64,
    day: u64,
    uses: f64,
    clock: f64,
}

#[derive(Default)]
struct Told {
    asked: u64,
    hits: u64,
    /// Seconds spent on what had never been made, and on what had been.
    first: f64,
    again: f64,
}

struct Cache<'a> {
    trace: &'a Trace,
    room: u64,
    policy: Policy,
    kept: HashMap<usize, Kept>,
    made: HashSet<usize>,
    size: u64,
    clock: f64,
    time: u64,
    day: u64,
    told: Told,
}

impl<'a> Cache<'a> {
    fn replay(trace: &'a Trace, room: u64, policy: Policy) -> Told {
        let mut cache = Cache {
            trace,
            room,
            policy,
            kept: HashMap::new(),
            made: HashSet::new(),
            size: 0,
            clock: 0.0,
            time: 0,
            day: 0,
            told: Told::default(),
        };
        let mut coming: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, (_, run)) in trace.runs.iter().enumerate().rev() {
            run.iter()
                .for_each(|output| coming.entry(*output).or_default().push(number));
        }
        for (number, (day, run)) in trace.runs.iter().enumerate() {
            (cache.time, cache.day) = (number as u64, *day);
            for output in run {
                coming.get_mut(output).and_then(Vec::pop);
            }
            cache.ask(*run.last().expect("a target"));
            if cache.size > room {
                cache.collect(run, &coming);
            }
        }
        cache.told
    }

    /// As a run does: what is not there is made of what it stands on.
    fn ask(&mut self, output: usize) {
        let (time, day, clock) = (self.time, self.day, self.clock);
        // What was never made is no miss of the policy.
        self.told.asked += u64::from(self.made.contains(&output));
        if let Some(kept) = self.kept.get_mut(&output) {
            self.told.hits += 1;
            if kept.day < day || !matches!(self.policy, Policy::Cost | Policy::Lru) {
                (kept.used, kept.day, kept.clock) = (time, day, clock);
                kept.uses += 1.0;
            }
            return;
        }
        let trace = self.trace;
        for parent in &trace.outputs[output].parents {
            self.ask(*parent);
        }
        let made = &trace.outputs[output];
        match self.made.insert(output) {
            true => self.told.first += made.seconds,
            false => self.told.again += made.seconds,
        }
        self.size += made.bytes;
        let (used, uses) = (time, 1.0);
        self.kept.insert(
            output,
            Kept {
                used,
                day,
                uses,
                clock,
            },
        );
    }

    /// Makes room, but for what the last run stands on.
    fn collect(&mut self, last: &[usize], coming: &HashMap<usize, Vec<usize>>) {
        let mut order: Vec<(f64, u64, usize)> = Vec::with_capacity(self.kept.len());
        for (output, kept) in self
            .kept
            .iter()
            .filter(|(output, _)| !last.contains(output))
        {
            let made = &self.trace.outputs[*output];
            let worth = match self.policy {
                Policy::Lru => 0.0,
                Policy::Cost | Policy::CostExact => {
                    kept.clock + kept.uses * made.seconds * 1e6 / made.bytes.max(1) as f64
                }
                Policy::Foresight => {
                    let next = coming[output].last().map_or(f64::MAX, |next| *next as f64);
                    -next
                }
            };
            order.push((worth, kept.used, *output));
        }
        order.sort_by(|one, other| {
            (one.0.total_cmp(&other.0)).then((one.1, one.2).cmp(&(other.1, other.2)))
        });
        for (worth, _, output) in order {
            if self.size <= self.room - self.room / 10 {
                break;
            }
            self.clock = self.clock.max(if worth > 0.0 { worth } else { 0.0 });
            self.kept.remove(&output);
            self.size -= self.trace.outputs[output].bytes;
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `limit`, the first ones most often: each as often as one over its place.
    fn zipf(&mut self, limit: usize) -> usize {
        let sum: f64 = (1..=limit).map(|place| 1.0 / place as f64).sum();
        let mut left = self.part() * sum;
        for place in 1..=limit {
            left -= 1.0 / place as f64;
            if left <= 0.0 {
                return place - 1;
            }
        }
        limit - 1
    }
}
