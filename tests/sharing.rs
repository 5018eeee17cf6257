//! Machines that share work through a tier: what one has executed the others find, and whatever the tier does, results
//! are right and no run fails of it.

#[path = "../crates/store/tests/common/tier.rs"]
mod tier;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use refrain::{
    Args, CacheConfig, Failure, Inputs, Node, Outcome, Param, Pipeline, Prospect, Run, Runner,
    SealKey, file, inputs,
};
use refrain_store::{Tier, TierUse};
use tier::{MemoryTier, Mood};

/// One machine: a cache directory of its own, and what executed there.
struct Machine {
    dir: tempfile::TempDir,
    executed: Arc<AtomicUsize>,
    key: Option<SealKey>,
}

impl Machine {
    fn new() -> Self {
        Machine {
            dir: tempfile::tempdir().unwrap(),
            executed: Arc::default(),
            key: None,
        }
    }

    fn with_key(byte: u8) -> Self {
        Machine {
            key: Some(SealKey::new(&[byte; 32])),
            ..Machine::new()
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn runner(&self, tier: &Arc<MemoryTier>, usage: TierUse) -> Runner {
        let mut config = CacheConfig::new(self.path("cache"));
        config.key = self.key.clone();
        Runner::with_tiers(config, vec![(tier.clone(), usage)]).unwrap()
    }

    /// A chain: a corpus too large to be inline, its words, their number.
    fn chain(&self) -> Pipeline {
        let count = |executed: &Arc<AtomicUsize>| {
            let executed = executed.clone();
            move || executed.fetch_add(1, Ordering::Relaxed)
        };
        let (one, two, three) = (
            count(&self.executed),
            count(&self.executed),
            count(&self.executed),
        );
        let corpus = Node::named("corpus")
            .param(Param::of::<String>("text"))
            .version("1")
            .cached(move |args: &Args| {
                one();
                Ok(args.get::<String>(0).repeat(1000))
            });
        let words = Node::named("words")
            .param(Param::of::<String>("corpus"))
            .version("1")
            .cached(move |args: &Args| {
                two();
                let words = args.get::<String>(0).split(' ');
                Ok(words.map(str::to_owned).collect::<Vec<_>>())
            });
        let index = Node::named("index")
            .param(Param::of::<Vec<String>>("words"))
            .param(Param::of::<String>("kind"))
            .version("1")
            .cached(move |args: &Args| {
                three();
                let words = args.get::<Vec<String>>(0);
                Ok(format!("{} {}", args.get::<String>(1), words.join("-")))
            });
        Pipeline::new(vec![corpus, words, index]).unwrap()
    }

    fn run(&self, tier: &Arc<MemoryTier>, kind: &str) -> Run {
        self.run_as(tier, TierUse::ReadWrite, kind)
    }

    /// A whole process's worth of work: what is to be put into the tier is there when this returns.
    fn run_as(&self, tier: &Arc<MemoryTier>, usage: TierUse, kind: &str) -> Run {
        let runner = self.runner(tier, usage);
        let run = runner.run(&self.chain(), given(kind)).unwrap();
        let store = runner.store().unwrap();
        assert!(store.finish_uploads(std::time::Duration::from_secs(60), &mut |_| ()));
        run
    }

    fn executed(&self) -> usize {
        self.executed.swap(0, Ordering::Relaxed)
    }
}

fn given(kind: &str) -> Inputs {
    inputs! { text: "so many words ", kind: kind.to_owned() }
}

fn index(run: &Run) -> String {
    (*run.get::<String>("index").unwrap()).clone()
}

/// What the index should be.
fn wanted(kind: &str) -> String {
    format!("{kind} {}", "so many words ".repeat(1000).replace(' ', "-"))
}

#[test]
fn another_machine_executes_nothing_and_downloads_only_the_target() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    assert_eq!(index(&a.run(&tier, "flat")), wanted("flat"));
    assert_eq!(a.executed(), 3);
    tier.asked.store(0, Ordering::Relaxed);

    let run = b.run(&tier, "flat");
    assert_eq!(b.executed(), 0);
    let node = run.report().node("index").unwrap();
    assert_eq!(
        (node.outcome, node.tier.as_deref()),
        (Outcome::Hit, Some("memory:"))
    );
    let traffic = &run.report().traffic()[0];
    assert_eq!((traffic.records_down, traffic.blobs_down), (1, 1));
    assert_eq!(traffic.bytes_up, 0);
    // The record, whether its blob is there, the blob.
    assert_eq!(tier.times_asked(), 3);

    tier.set(Mood::Dead);
    assert_eq!(index(&run), wanted("flat"));
    let again = b.run(&tier, "flat");
    assert_eq!((b.executed(), index(&again)), (0, wanted("flat")));
    assert_eq!(again.report().node("index").unwrap().tier, None);
    assert_eq!(tier.times_asked(), 3);
}

#[test]
fn what_an_execution_reads_is_downloaded_and_nothing_else() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    a.run(&tier, "flat");
    let run = b.run(&tier, "tree");
    assert_eq!((b.executed(), index(&run)), (1, wanted("tree")));
    let outcomes = ["corpus", "words", "index"].map(|name| run.report().outcome(name).unwrap());
    assert_eq!(
        outcomes,
        [Outcome::Unneeded, Outcome::Hit, Outcome::Executed]
    );
    let traffic = &run.report().traffic()[0];
    // The words only; and the new index goes up.
    assert_eq!((traffic.blobs_down, traffic.blobs_up), (1, 1));
    a.executed();
    assert_eq!(index(&a.run(&tier, "tree")), wanted("tree"));
    assert_eq!(a.executed(), 0);
}

#[test]
fn a_plan_says_what_a_run_would_find_in_a_tier() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    a.run(&tier, "flat");
    let runner = b.runner(&tier, TierUse::Read);
    let plan = |kind| runner.plan(&b.chain(), given(kind)).unwrap();
    assert!(plan("flat").to_run().is_empty());
    assert_eq!(plan("tree").to_run(), ["index"]);
    assert_eq!(plan("tree").node("words").unwrap().prospect, Prospect::Hit);
    assert_eq!(b.executed(), 0);
    assert_eq!(runner.store().unwrap().traffic()[0].blobs_down, 0);
}

#[test]
fn early_cutoff_reaches_across_machines() {
    // The same text from another input: another signature, the same bytes.
    let upper = |machine: &Machine| {
        let (one, two) = (machine.executed.clone(), machine.executed.clone());
        let upper = Node::named("upper")
            .param(Param::of::<String>("text"))
            .version("1")
            .cached(move |args: &Args| {
                one.fetch_add(1, Ordering::Relaxed);
                Ok(args.get::<String>(0).to_uppercase())
            });
        let long = Node::named("long")
            .param(Param::of::<String>("upper"))
            .version("1")
            .cached(move |args: &Args| {
                two.fetch_add(1, Ordering::Relaxed);
                Ok(args.get::<String>(0).repeat(9))
            });
        Pipeline::new(vec![upper, long]).unwrap()
    };
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    let runner = a.runner(&tier, TierUse::ReadWrite);
    runner.run(&upper(&a), inputs! { text: "hello" }).unwrap();
    drop(runner);
    assert_eq!(a.executed(), 2);
    let runner = b.runner(&tier, TierUse::ReadWrite);
    let run = runner.run(&upper(&b), inputs! { text: "HELLO" }).unwrap();
    assert_eq!(*run.get::<String>("long").unwrap(), "HELLO".repeat(9));
    assert_eq!(b.executed(), 1);
    let long = run.report().node("long").unwrap();
    assert_eq!(long.tier.as_deref(), Some("memory:"));
}

/// So many nodes that read one, which gives the same for texts that differ in case only.
fn wide(machine: &Machine, width: usize) -> Pipeline {
    let node = |name: String, of: &'static str| {
        let executed = machine.executed.clone();
        let node = Node::named(&*name)
            .param(Param::of::<String>(of))
            .version("1");
        node.cached(move |args: &Args| {
            executed.fetch_add(1, Ordering::Relaxed);
            Ok(args.get::<String>(0).to_uppercase() + &name)
        })
    };
    let upper = node("upper".to_owned(), "text");
    let readers = (0..width).map(|number| node(format!("reader{number}"), "upper"));
    Pipeline::new(std::iter::once(upper).chain(readers).collect()).unwrap()
}

#[test]
fn who_waits_to_be_executed_is_asked_for_together() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    let run = |machine: &Machine, usage: TierUse, text: &'static str| {
        let runner = machine.runner(&tier, usage);
        let run = runner
            .run(&wide(machine, 300), inputs! { text: text })
            .unwrap();
        assert_eq!(*run.get::<String>("reader7").unwrap(), "HELLOUPPERreader7");
    };
    run(&a, TierUse::Write, "hello");
    assert_eq!(a.executed(), 301);
    tier.asked.store(0, Ordering::Relaxed);
    tier.latency.store(5, Ordering::Relaxed);
    run(&b, TierUse::Read, "HELLO");
    assert_eq!(b.executed(), 1);
    assert!(tier.times_asked() < 100, "{} questions", tier.times_asked());
}

#[test]
fn what_those_read_that_are_executed_comes_together() {
    // Pairs: the one is the same, and the other one reads it and something else.
    let pairs = |machine: &Machine| {
        let pair = |number: usize| {
            let executed = machine.executed.clone();
            let text = Node::named(format!("text{number}"))
                .version("1")
                .cached(move |_| Ok(number.to_string().repeat(9000)));
            let length = Node::named(format!("length{number}"))
                .param(Param::of::<String>(format!("text{number}")))
                .param(Param::of::<u64>("more"))
                .version("1")
                .cached(move |args: &Args| {
                    executed.fetch_add(1, Ordering::Relaxed);
                    Ok(args.get::<String>(0).len() as u64 + args.get::<u64>(1))
                });
            [text, length]
        };
        Pipeline::new((0..300).flat_map(pair).collect()).unwrap()
    };
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    let run = |machine: &Machine, usage: TierUse, more: u64| {
        let runner = machine.runner(&tier, usage);
        let run = runner.run(&pairs(machine), inputs! { more: more }).unwrap();
        assert_eq!(*run.get::<u64>("length7").unwrap(), 9000 + more);
        machine.executed()
    };
    assert_eq!(run(&a, TierUse::Write, 1), 300);
    tier.asked.store(0, Ordering::Relaxed);
    tier.latency.store(5, Ordering::Relaxed);
    assert_eq!(run(&b, TierUse::Read, 2), 300);
    assert!(tier.times_asked() < 200, "{} questions", tier.times_asked());
}

#[test]
fn what_is_too_old_here_is_found_where_it_was_made_again() {
    static AHEAD: AtomicU64 = AtomicU64::new(0);
    fn now() -> SystemTime {
        SystemTime::now() + Duration::from_secs(AHEAD.load(Ordering::SeqCst))
    }
    const DAYS: u64 = 86_400;
    let weather = |machine: &Machine| {
        let count = |machine: &Machine| {
            let executed = machine.executed.clone();
            move || executed.fetch_add(1, Ordering::Relaxed)
        };
        let (one, two, three) = (count(machine), count(machine), count(machine));
        let place = Node::named("place").version("1").cached(move |_| {
            one();
            Ok("here".to_owned())
        });
        let fetch = Node::named("fetch")
            .param(Param::of::<String>("place"))
            .version("1")
            .ttl(Duration::from_secs(DAYS))
            .cached(move |args: &Args| {
                two();
                let ahead = AHEAD.load(Ordering::SeqCst);
                Ok(format!("{}: {ahead}", args.get::<String>(0)))
            });
        let told = Node::named("told")
            .param(Param::of::<String>("fetch"))
            .version("1")
            .cached(move |args: &Args| {
                three();
                Ok(args.get::<String>(0).to_uppercase())
            });
        Pipeline::new(vec![place, fetch, told]).unwrap()
    };
    let (a, b, c, tier) = (
        Machine::new(),
        Machine::new(),
        Machine::new(),
        MemoryTier::new(),
    );
    let told = |machine: &Machine, runner: Runner| {
        let run = runner.run(&weather(machine), inputs! {}).unwrap();
        (
            (*run.get::<String>("told").unwrap()).clone(),
            machine.executed(),
        )
    };
    let fresh = |machine: &Machine| machine.runner(&tier, TierUse::ReadWrite).clock(now);
    let staying = c.runner(&tier, TierUse::ReadWrite).clock(now);
    let pipeline = weather(&c);
    let again = || {
        let run = staying.run(&pipeline, inputs! {}).unwrap();
        ((*run.get::<String>("told").unwrap()).clone(), c.executed())
    };
    for (days, executions) in [(0, 3), (2, 2), (4, 2)] {
        AHEAD.store(days * DAYS, Ordering::SeqCst);
        let said = format!("HERE: {}", days * DAYS);
        assert_eq!(
            told(&a, fresh(&a)),
            (said.clone(), executions),
            "day {days}"
        );
        // The one has a new process for each run, the other one for all of them.
        assert_eq!(told(&b, fresh(&b)), (said.clone(), 0), "day {days}");
        assert_eq!(again(), (said.clone(), 0), "day {days}");
        assert_eq!(again(), (said, 0), "day {days}");
    }
    // Nobody has a fresh one.
    AHEAD.store(6 * DAYS, Ordering::SeqCst);
    let plan = fresh(&b).plan(&weather(&b), inputs! {}).unwrap();
    assert_eq!(plan.node("fetch").unwrap().prospect, Prospect::Run);
    assert_eq!(told(&b, fresh(&b)).1, 2);
}

#[test]
fn whatever_a_tier_does_results_are_right() {
    for mood in [Mood::Dead, Mood::Garbling, Mood::Mixing, Mood::ReadOnly] {
        let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
        a.run(&tier, "flat");
        a.run(&tier, "tree");
        tier.set(mood);
        let run = b.run(&tier, "flat");
        assert_eq!(index(&run), wanted("flat"), "{mood:?}");
        let told: Vec<&str> = run.report().warnings().collect();
        assert_eq!(
            told.is_empty(),
            mood == Mood::ReadOnly,
            "{mood:?}: {told:?}"
        );
        let c = Machine::new();
        assert_eq!(index(&c.run(&tier, "new")), wanted("new"), "{mood:?}");
    }
}

#[test]
fn a_blob_that_a_tier_has_lost_is_made_again_and_put_back() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    a.run(&tier, "flat");
    let lost: Vec<String> = tier.names();
    let blobs = lost.iter().filter(|name| name.starts_with("blobs/"));
    let mut things = tier.things.lock().unwrap();
    for name in blobs {
        things.remove(name);
    }
    drop(things);
    assert_eq!(index(&b.run(&tier, "flat")), wanted("flat"));
    assert_eq!(b.executed(), 3);
    let c = Machine::new();
    assert_eq!(index(&c.run(&tier, "flat")), wanted("flat"));
    assert_eq!(c.executed(), 0);
}

#[test]
fn a_blob_that_goes_bad_after_its_record_came_is_made_again() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    a.run(&tier, "flat");
    let mut things = tier.things.lock().unwrap();
    let blobs = things
        .iter_mut()
        .filter(|(name, _)| name.starts_with("blobs/"));
    blobs.for_each(|(_, bytes)| bytes[9] ^= 1);
    drop(things);
    assert_eq!(index(&b.run(&tier, "flat")), wanted("flat"));
    assert_eq!(b.executed(), 3);
}

#[test]
fn machines_with_a_key_believe_only_each_other() {
    let tier = MemoryTier::new();
    let (a, b) = (Machine::with_key(1), Machine::with_key(1));
    a.run(&tier, "flat");
    b.run(&tier, "flat");
    assert_eq!(b.executed(), 0);
    for (stranger, tier) in [
        (Machine::with_key(2), MemoryTier::new()),
        (Machine::new(), MemoryTier::new()),
    ] {
        stranger.run(&tier, "flat");
        let c = Machine::with_key(1);
        let run = c.run_as(&tier, TierUse::Read, "flat");
        assert_eq!((c.executed(), index(&run)), (3, wanted("flat")));
        let told: Vec<&str> = run.report().warnings().collect();
        assert!(told.iter().any(|told| told.contains("signed")), "{told:?}");
    }
}

#[test]
fn a_tier_for_reading_is_not_written() {
    let (a, b, tier) = (Machine::new(), Machine::new(), MemoryTier::new());
    a.run(&tier, "flat");
    let before = tier.names();
    b.run_as(&tier, TierUse::Read, "tree");
    assert_eq!(tier.names(), before);
}

/// Shouts every word of a list, and joins what was shouted.
fn shouts(machine: &Machine) -> Pipeline {
    let executed = machine.executed.clone();
    let shout = Node::named("shout")
        .version("1")
        .mapped()
        .over_keyed("words", |word: &String| word.clone())
        .cached(move |args: &Args| {
            executed.fetch_add(1, Ordering::Relaxed);
            Ok(args.get::<String>(0).to_uppercase().repeat(1000))
        });
    let join = Node::named("join")
        .param(Param::of::<Vec<String>>("shout"))
        .version("1")
        .cached(move |args| Ok(args.get::<Vec<String>>(0).join(" ")));
    Pipeline::new(vec![shout, join]).unwrap()
}

fn shout(machine: &Machine, tier: &Arc<MemoryTier>, targets: &[&str], words: &[&str]) -> Run {
    let runner = machine.runner(tier, TierUse::ReadWrite);
    let pipeline = shouts(machine).targets(targets.iter().copied()).unwrap();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    runner.run(&pipeline, inputs! { words: words }).unwrap()
}

#[test]
fn items_are_shared_one_by_one() {
    let (a, b, c, tier) = (
        Machine::new(),
        Machine::new(),
        Machine::new(),
        MemoryTier::new(),
    );
    let all: Vec<String> = (0..100).map(|number| format!("word{number}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    shout(&a, &tier, &["join"], &all[1..]);
    assert_eq!(a.executed(), 99);
    // One item is new: the others are asked for at once, and come when they are read.
    tier.asked.store(0, Ordering::Relaxed);
    let run = shout(&b, &tier, &["join"], &all);
    assert_eq!(b.executed(), 1);
    let joined = run.get::<String>("join").unwrap();
    assert_eq!(joined.split(' ').count(), 100);
    assert!(tier.times_asked() < 40, "{} questions", tier.times_asked());
    // The list as a target: it and all its items come.
    let run = shout(&c, &tier, &["shout"], &all[1..]);
    assert_eq!(c.executed(), 0);
    tier.set(Mood::Dead);
    let shouted = run.get::<Vec<String>>("shout").unwrap();
    assert_eq!(shouted[7], "WORD8".repeat(1000));
}

/// "Compiles" the source: every line `include x` names a file that it finds.
fn compiler(machine: &Machine) -> Pipeline {
    let (dir, executed) = (machine.dir.path().to_owned(), machine.executed.clone());
    let object = Node::named("object")
        .param(Param::new::<PathBuf>("source"))
        .version("1")
        .discovers()
        .cached(move |args: &Args| {
            executed.fetch_add(1, Ordering::Relaxed);
            let read = |path| fs::read_to_string(path).map_err(|e| Failure::new(e.to_string()));
            let text = read(args.get::<PathBuf>(0).clone())?;
            let names = text
                .lines()
                .filter_map(|line| line.strip_prefix("include "));
            let found: Vec<PathBuf> = names.map(|name| dir.join(name)).collect();
            let parts: Result<Vec<String>, Failure> = found.iter().cloned().map(read).collect();
            args.execution().discover(found);
            Ok(parts?.concat())
        });
    Pipeline::new(vec![object]).unwrap()
}

#[test]
fn files_that_executions_find_are_known_to_the_other_machine() {
    // Both machines have the project in the same place, at different times.
    let (a, tier) = (Machine::new(), MemoryTier::new());
    let write = |name: &str, text: &str| fs::write(a.path(name), text).unwrap();
    write("main.c", "include a.h");
    let compile = |cache: &str, header: &str| {
        write("a.h", header);
        let config = CacheConfig::new(a.path(cache));
        let tiers = vec![(tier.clone() as Arc<dyn Tier>, TierUse::ReadWrite)];
        let runner = Runner::with_tiers(config, tiers).unwrap();
        let source = file(a.path("main.c"));
        let run = runner
            .run(&compiler(&a), inputs! { source: source })
            .unwrap();
        assert_eq!(*run.get::<String>("object").unwrap(), header);
        drop((run, runner));
        a.executed()
    };
    assert_eq!(compile("one", "old"), 1);
    assert_eq!(compile("two", "old"), 0);
    assert_eq!(compile("two", "new"), 1);
    // It knows the old header only, and finds that others know the new one.
    assert_eq!(compile("one", "new"), 0);
    assert_eq!(compile("three", "new"), 0);
    assert_eq!(compile("three", "old"), 0);
}
