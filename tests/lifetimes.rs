//! Outputs that count for some time only: they are made again when it is over, whatever stands below is never stale,
//! and nothing executes that is fresh. And caches that hold so much only.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use refrain::{CacheConfig, Inputs, Node, Param, Pipeline, Report, Run, Runner, inputs};

const DAY: u64 = 86_400;

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY)
}

/// What the nodes of a test read that is no input of theirs, and what executed.
#[derive(Clone, Default)]
struct World {
    weather: Arc<AtomicU64>,
    executed: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn note(&self, node: &str) {
        self.executed.lock().unwrap().push(node.to_owned());
    }

    /// The names of what executed since this was last asked, sorted.
    fn take(&self) -> Vec<String> {
        let mut executed = std::mem::take(&mut *self.executed.lock().unwrap());
        executed.sort();
        executed
    }

    /// A node that reads the weather, and counts for a week unless it is told otherwise.
    fn fetch(&self, ttl: Option<Duration>) -> Node {
        let world = self.clone();
        let node = Node::named("fetch").version("1");
        let node = match ttl {
            Some(ttl) => node.ttl(ttl),
            None => node,
        };
        node.cached(move |_| {
            world.note("fetch");
            Ok(world.weather.load(Ordering::SeqCst))
        })
    }

    /// A node that adds one to another.
    fn above(&self, name: &'static str, of: &'static str) -> Node {
        let world = self.clone();
        Node::named(name)
            .param(Param::of::<u64>(of))
            .version("1")
            .cached(move |args| {
                world.note(name);
                Ok(args.get::<u64>(0) + 1)
            })
    }

    /// fetch -> middle -> top, and apart from them `other`.
    fn pipeline(&self, ttl: Option<Duration>) -> Pipeline {
        let world = self.clone();
        let other = Node::named("other").version("1").cached(move |_| {
            world.note("other");
            Ok(0_u64)
        });
        Pipeline::new(vec![
            self.fetch(ttl),
            self.above("middle", "fetch"),
            self.above("top", "middle"),
            other,
        ])
        .unwrap()
    }
}

/// How far the clock of this thread's test is ahead, in seconds. Each test has a thread of its own.
macro_rules! clock {
    () => {{
        static AHEAD: AtomicI64 = AtomicI64::new(0);
        fn now() -> SystemTime {
            let ahead = AHEAD.load(Ordering::SeqCst);
            let by = Duration::from_secs(ahead.unsigned_abs());
            match ahead < 0 {
                true => SystemTime::now() - by,
                false => SystemTime::now() + by,
            }
        }
        (&AHEAD, now as fn() -> SystemTime)
    }};
}

fn runner(dir: &Path, now: fn() -> SystemTime) -> Runner {
    Runner::new(CacheConfig::new(dir)).unwrap().clock(now)
}

fn top(run: &Run) -> u64 {
    *run.get::<u64>("top").unwrap()
}

fn reason(report: &Report, node: &str) -> String {
    report.node(node).unwrap().reason.unwrap().to_string()
}

#[test]
fn what_is_too_old_is_made_again_and_what_stands_on_it_only_if_it_differs() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let pipeline = world.pipeline(Some(days(7)));
    let run = || {
        runner(dir.path(), now)
            .run(&pipeline, Inputs::default())
            .unwrap()
    };
    assert_eq!(top(&run()), 2);
    assert_eq!(world.take(), ["fetch", "middle", "other", "top"]);
    ahead.store(6 * DAY as i64, Ordering::SeqCst);
    assert_eq!(top(&run()), 2);
    assert_eq!(world.take(), [""; 0]);
    // It is made again and is the same.
    ahead.store(7 * DAY as i64, Ordering::SeqCst);
    let plan = runner(dir.path(), now)
        .plan(&pipeline, Inputs::default())
        .unwrap();
    assert!(
        plan.to_string().contains("fetch (expired: it was made 7d"),
        "{plan}"
    );
    let why = runner(dir.path(), now)
        .why(&pipeline, Inputs::default(), "fetch")
        .unwrap();
    assert!(why.to_string().contains("expired: it was made 7d"), "{why}");
    let ran = run();
    assert_eq!((top(&ran), world.take()), (2, vec!["fetch".to_owned()]));
    let told = reason(ran.report(), "fetch");
    assert!(
        told.starts_with("expired: it was made 7d") && told.ends_with("counts for 7d"),
        "{told}"
    );
}

#[test]
fn nothing_below_is_stale_in_the_process_that_made_it_again_or_in_any_other() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let pipeline = world.pipeline(Some(days(7)));
    let only = pipeline.targets(["fetch"]).unwrap();
    let run = |pipeline: &Pipeline| {
        runner(dir.path(), now)
            .run(pipeline, Inputs::default())
            .unwrap()
    };
    let session = runner(dir.path(), now)
        .session(&pipeline, Inputs::default())
        .unwrap();
    assert_eq!(top(&session.run().unwrap()), 2);
    world.take();
    // A run makes it again and ends before the others are made.
    ahead.store(7 * DAY as i64, Ordering::SeqCst);
    world.weather.store(10, Ordering::SeqCst);
    run(&only);
    assert_eq!(world.take(), ["fetch"]);
    assert_eq!(top(&run(&pipeline)), 12);
    assert_eq!(world.take(), ["middle", "top"]);
    assert_eq!(top(&run(&pipeline)), 12);
    assert_eq!(world.take(), [""; 0]);
    // It is again what it was, and so is what is made of it.
    ahead.store(15 * DAY as i64, Ordering::SeqCst);
    world.weather.store(0, Ordering::SeqCst);
    let again = run(&pipeline);
    assert_eq!(top(&again), 2);
    assert_eq!(world.take(), ["fetch", "middle", "top"]);
    assert_eq!(top(&run(&pipeline)), 2);
    // So it is in a session that has held the other outputs all the while.
    assert_eq!(top(&session.run().unwrap()), 2);
    assert_eq!(world.take(), [""; 0]);
    ahead.store(23 * DAY as i64, Ordering::SeqCst);
    world.weather.store(20, Ordering::SeqCst);
    run(&only);
    assert_eq!(top(&session.run().unwrap()), 22);
}

#[test]
fn a_session_notices_that_time_passes_without_an_edit() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let pipeline = world.pipeline(Some(days(1)));
    let session = runner(dir.path(), now)
        .session(&pipeline, Inputs::default())
        .unwrap();
    assert_eq!(top(&session.run().unwrap()), 2);
    world.take();
    assert_eq!(session.run().unwrap().report().counts().executed, 0);
    for day in 1..4 {
        ahead.store(day * (DAY as i64 + 60), Ordering::SeqCst);
        world.weather.store(day as u64, Ordering::SeqCst);
        let run = session.run().unwrap();
        assert_eq!(top(&run), 2 + day as u64);
        assert_eq!(world.take(), ["fetch", "middle", "top"], "day {day}");
        assert_eq!(top(&session.run().unwrap()), 2 + day as u64);
        assert_eq!(world.take(), [""; 0]);
    }
}

#[test]
fn the_time_is_no_part_of_what_an_output_is_known_by() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let run = |ttl: Option<Duration>, general: Option<Duration>| {
        let mut config = CacheConfig::new(dir.path());
        config.ttl = general;
        let runner = Runner::new(config).unwrap().clock(now);
        runner.run(&world.pipeline(ttl), Inputs::default()).unwrap();
        world.take()
    };
    assert_eq!(run(None, None).len(), 4);
    for (ttl, general) in [(7, 1), (1, 7), (100, 100)] {
        assert_eq!(run(Some(days(ttl)), Some(days(general))), [""; 0]);
    }
    ahead.store(2 * DAY as i64, Ordering::SeqCst);
    // A node's own time comes before that of the configuration.
    assert_eq!(
        run(Some(days(7)), Some(days(1))),
        ["middle", "other", "top"]
    );
    assert_eq!(run(None, None), [""; 0]);
}

#[test]
fn a_clock_that_jumps_costs_an_execution_and_no_more() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let pipeline = world.pipeline(Some(days(1)));
    let run = || {
        let run = runner(dir.path(), now)
            .run(&pipeline, Inputs::default())
            .unwrap();
        (top(&run), world.take().join(" "))
    };
    assert_eq!(run(), (2, "fetch middle other top".to_owned()));
    // What was made now is made in the future for a clock that is a year behind.
    ahead.store(-365 * DAY as i64, Ordering::SeqCst);
    let plan = runner(dir.path(), now)
        .plan(&pipeline, Inputs::default())
        .unwrap();
    assert!(
        plan.to_string().contains("by a clock that was wrong"),
        "{plan}"
    );
    assert_eq!(run(), (2, "fetch".to_owned()));
    assert_eq!(run(), (2, String::new()));
    ahead.store(0, Ordering::SeqCst);
    assert_eq!(run(), (2, "fetch".to_owned()));
    assert_eq!(run(), (2, String::new()));
}

#[test]
fn the_items_of_a_list_are_as_old_as_they_are() {
    let (ahead, now) = clock!();
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let mapped = |world: &World| {
        let world = world.clone();
        Node::named("sizes")
            .ttl(days(7))
            .version("1")
            .mapped()
            .over_items::<u64>("xs")
            .cached(move |args| {
                world.note(&format!("item {}", args.get::<u64>(0)));
                Ok(args.get::<u64>(0) * 2)
            })
    };
    let pipeline = Pipeline::new(vec![mapped(&world)]).unwrap();
    let run = |xs: &[u64]| {
        let runner = runner(dir.path(), now);
        runner.run(&pipeline, inputs! { xs: xs.to_vec() }).unwrap();
        world.take()
    };
    assert_eq!(run(&[1, 2]), ["item 1", "item 2"]);
    assert_eq!(run(&[1, 2, 3]), ["item 3"]);
    ahead.store(4 * DAY as i64, Ordering::SeqCst);
    assert_eq!(run(&[1, 2, 3, 4]), ["item 4"]);
    // The list was made four days ago, and what it stands on before.
    ahead.store(8 * DAY as i64, Ordering::SeqCst);
    assert_eq!(run(&[1, 2, 3, 4]), ["item 1", "item 2", "item 3"]);
    assert_eq!(run(&[4, 3, 2, 1, 5]), ["item 5"]);
}

#[test]
fn what_is_too_large_is_not_kept_and_costs_nothing_else() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let noted = world.clone();
    let large = Node::named("large").version("1").cached(move |_| {
        noted.note("large");
        Ok(vec![7_u8; 20_000])
    });
    let size = Node::named("size")
        .param(Param::of::<Vec<u8>>("large"))
        .version("1")
        .cached(|args| Ok(args.get::<Vec<u8>>(0).len()));
    let pipeline = Pipeline::new(vec![large, size]).unwrap();
    let both = pipeline.targets(["large", "size"]).unwrap();
    let config = CacheConfig::new(dir.path()).max_entry_size(10_000);
    let run = |pipeline: &Pipeline| {
        let runner = Runner::new(config.clone()).unwrap();
        runner.run(pipeline, Inputs::default()).unwrap()
    };
    let first = run(&both);
    assert_eq!(*first.get::<usize>("size").unwrap(), 20_000);
    let note = first.report().node("large").unwrap().note.unwrap();
    assert!(
        note.contains("not cached") && note.contains("larger than max_entry_size"),
        "{note}"
    );
    world.take();
    assert_eq!(*run(&pipeline).get::<usize>("size").unwrap(), 20_000);
    assert_eq!(world.take(), [""; 0], "what stands on it is kept");
    assert_eq!(run(&both).get::<Vec<u8>>("large").unwrap().len(), 20_000);
    assert_eq!(world.take(), ["large"]);
}

#[test]
fn sessions_keep_the_size_beside_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let pipeline = |name: &'static str| {
        let blob = Node::named(name)
            .param(Param::of::<u64>("x"))
            .version("1")
            .cached(move |args| Ok(vec![*args.get::<u64>(0) as u8; 10_000]));
        Pipeline::new(vec![blob]).unwrap().named(name)
    };
    let session = |name: &'static str| {
        let config = CacheConfig::new(dir.path()).max_size(65_000);
        let runner = Runner::new(config).unwrap();
        runner
            .session(&pipeline(name), inputs! { x: 0_u64 })
            .unwrap()
    };
    let blobs = || std::fs::read_dir(dir.path().join("blobs")).unwrap().count();
    let sessions = ["one", "two"].map(|name| (name, session(name)));
    for x in 0..12_u64 {
        for (name, session) in &sessions {
            session
                .set_input("x", x * 2 + u64::from(*name == "two"))
                .unwrap();
            let run = session.run().unwrap();
            assert!(blobs() <= 6, "{name}, {x}: {}", blobs());
            assert_eq!(run.get::<Vec<u8>>(name).unwrap().len(), 10_000);
        }
    }
}

#[test]
fn runs_keep_the_size_and_what_the_last_ones_stand_on() {
    let (dir, world) = (tempfile::tempdir().unwrap(), World::default());
    let noted = world.clone();
    let blob = Node::named("blob")
        .param(Param::of::<u64>("x"))
        .version("1")
        .cached(move |args| {
            noted.note("blob");
            Ok(vec![*args.get::<u64>(0) as u8; 10_000])
        });
    let pipeline = Pipeline::new(vec![blob]).unwrap();
    let config = CacheConfig::new(dir.path()).max_size(45_000);
    let runner = Runner::new(config).unwrap();
    let blobs = || std::fs::read_dir(dir.path().join("blobs")).unwrap().count();
    for x in 0..20_u64 {
        let run = runner.run(&pipeline, inputs! { x: x }).unwrap();
        assert!(blobs() <= 4, "{x}: {}", blobs());
        assert_eq!(run.get::<Vec<u8>>("blob").unwrap()[0], x as u8);
    }
    assert_eq!(world.take().len(), 20);
    // The last ones are there, the first ones are made again.
    runner.run(&pipeline, inputs! { x: 19_u64 }).unwrap();
    runner.run(&pipeline, inputs! { x: 18_u64 }).unwrap();
    assert_eq!(world.take(), [""; 0]);
    runner.run(&pipeline, inputs! { x: 0_u64 }).unwrap();
    assert_eq!(world.take(), ["blob"]);
}
