//! The guide's scenarios on nodes made at run time: executions are counted,
//! not only results. The same scenarios on `#[func]` nodes are in `guide.rs`.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use refrain::{CacheConfig, Node, Outcome, Param, Pipeline, ReasonKind, Runner, file, inputs};
use refrain_store::Limits;
use support::{Counter, cache};

/// DAG of the guide: (a, b) -> foo -> bar(foo, c).
fn foo_bar(counter: &Counter) -> Pipeline {
    let (foo, bar) = (counter.clone(), counter.clone());
    Pipeline::new(vec![
        Node::named("foo")
            .param(Param::of::<i64>("a"))
            .param(Param::of::<i64>("b"))
            .cached(move |args| {
                foo.count("foo");
                Ok(args.get::<i64>(0) + args.get::<i64>(1))
            }),
        Node::named("bar")
            .param(Param::of::<i64>("foo"))
            .param(Param::of::<i64>("c"))
            .cached(move |args| {
                bar.count("bar");
                Ok(args.get::<i64>(0) * args.get::<i64>(1))
            }),
    ])
    .unwrap()
}

#[test]
fn a_second_run_executes_nothing_in_the_same_process_and_in_a_fresh_one() {
    let dir = cache();
    let counter = Counter::default();
    for _ in 0..3 {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let pipeline = foo_bar(&counter);
        for _ in 0..2 {
            let run = runner.run(&pipeline, inputs! { a: 1, b: 2, c: 3 }).unwrap();
            assert_eq!(*run.get::<i64>("bar").unwrap(), 9);
        }
    }
    assert_eq!(counter.take(), ["foo", "bar"]);
}

#[test]
fn five_ten_five_hits_on_the_third_run() {
    let dir = cache();
    let counter = Counter::default();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let pipeline = foo_bar(&counter);
    for (a, expected) in [(5, 21), (10, 36), (5, 21)] {
        let run = runner.run(&pipeline, inputs! { a: a, b: 2, c: 3 }).unwrap();
        assert_eq!(*run.get::<i64>("bar").unwrap(), expected);
    }
    assert_eq!(counter.take(), ["foo", "bar", "foo", "bar"]);
}

#[test]
fn a_change_below_executes_only_what_is_below_it() {
    let dir = cache();
    let counter = Counter::default();
    for (c, executed) in [(3, vec!["foo", "bar"]), (4, vec!["bar"])] {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let run = runner
            .run(&foo_bar(&counter), inputs! { a: 1, b: 2, c: c })
            .unwrap();
        assert_eq!(*run.get::<i64>("bar").unwrap(), 3 * c);
        assert_eq!(counter.take(), executed);
        assert_eq!(run.report().executed(), executed);
    }
}

#[test]
fn a_change_above_executes_all_below_and_says_why() {
    let dir = cache();
    let counter = Counter::default();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let pipeline = foo_bar(&counter);
    let first = runner.run(&pipeline, inputs! { a: 1, b: 2, c: 3 }).unwrap();
    let reason = first.report().node("bar").unwrap().reason.unwrap();
    assert_eq!(reason.kind, ReasonKind::FirstRun);
    let run = runner.run(&pipeline, inputs! { a: 7, b: 2, c: 3 }).unwrap();
    assert_eq!(counter.take(), ["foo", "bar", "foo", "bar"]);
    let foo = run.report().node("foo").unwrap().reason.unwrap();
    assert_eq!(foo.kind, ReasonKind::Inputs);
    assert_eq!(&*foo.detail, "a: 1 -> 7");
    let bar = run.report().node("bar").unwrap().reason.unwrap();
    assert_eq!(bar.kind, ReasonKind::Dependency);
    let why = run.explain("bar").unwrap();
    let nodes: Vec<&str> = why.steps.iter().map(|step| &*step.node).collect();
    assert_eq!(nodes, ["bar", "foo"]);
    assert_eq!(
        why.to_string(),
        "bar: dependency: foo changed\n  foo: inputs: a: 1 -> 7"
    );
}

#[test]
fn a_reason_is_told_against_whoever_ran_last() {
    let dir = cache();
    let counter = Counter::default();
    let config = CacheConfig::new(dir.path());
    let (stays, pipeline) = (Runner::new(config.clone()).unwrap(), foo_bar(&counter));
    let reasons = |runner: &Runner, a: i64, c: i64| {
        let run = runner.run(&pipeline, inputs! { a: a, b: 2, c: c });
        runner.flush();
        let report = run.unwrap().report().clone();
        ["foo", "bar"].map(|node| report.node(node).unwrap().reason.map(|reason| reason.kind))
    };
    let anew = || Runner::new(config.clone()).unwrap();
    reasons(&stays, 1, 3);
    assert_eq!(reasons(&anew(), 1, 4), [None, Some(ReasonKind::Inputs)]);
    // Another one has run it with this c.
    let (inputs, dependency) = (Some(ReasonKind::Inputs), Some(ReasonKind::Dependency));
    assert_eq!(reasons(&stays, 5, 4), [inputs, dependency]);
    // What is found by the one that stays is what counts for others.
    reasons(&anew(), 1, 7);
    assert_eq!(reasons(&stays, 1, 4), [None, None]);
    assert_eq!(reasons(&anew(), 9, 4), [inputs, dependency]);
    assert_eq!(reasons(&stays, 9, 8), [None, inputs]);
}

#[test]
fn an_equal_output_stops_the_change_across_processes() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = |counter: &Counter| {
        let (sign, show) = (counter.clone(), counter.clone());
        Pipeline::new(vec![
            Node::named("sign")
                .param(Param::of::<i64>("x"))
                .cached(move |args| {
                    sign.count("sign");
                    Ok(args.get::<i64>(0).signum())
                }),
            Node::named("show")
                .param(Param::of::<i64>("sign"))
                .cached(move |args| {
                    show.count("show");
                    Ok(format!("{:+}", args.get::<i64>(0)))
                }),
        ])
        .unwrap()
    };
    for (x, executed) in [
        (5, vec!["sign", "show"]),
        (6, vec!["sign"]),
        (7, vec!["sign"]),
    ] {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let run = runner.run(&pipeline(&counter), inputs! { x: x }).unwrap();
        assert_eq!(*run.get::<String>("show").unwrap(), "+1");
        assert_eq!(counter.take(), executed);
        if x > 5 {
            assert_eq!(run.report().outcome("show"), Some(Outcome::Cutoff));
        }
    }
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let live = pipeline(&counter);
    for x in [6, 8, 9] {
        runner.run(&live, inputs! { x: x }).unwrap();
    }
    assert_eq!(
        counter.take(),
        ["sign", "sign"],
        "in a live session as well"
    );
}

#[test]
fn an_uncached_node_runs_only_for_a_child_that_runs() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = || {
        let [load, filter, sum] = [0; 3].map(|_| counter.clone());
        Pipeline::new(vec![
            Node::named("data")
                .param(Param::of::<i64>("path"))
                .cached(move |args| {
                    load.count("data");
                    Ok((0..*args.get::<i64>(0))
                        .map(|n| n / 2)
                        .collect::<Vec<i64>>())
                }),
            Node::named("filtered")
                .param(Param::new::<Vec<i64>>("data"))
                .param(Param::of::<i64>("threshold"))
                .uncached(move |args| {
                    filter.count("filtered");
                    let (data, threshold) = (args.get::<Vec<i64>>(0), *args.get::<i64>(1));
                    Ok(data
                        .iter()
                        .copied()
                        .filter(|n| *n > threshold)
                        .collect::<Vec<_>>())
                }),
            Node::named("result")
                .param(Param::new::<Vec<i64>>("filtered"))
                .param(Param::of::<i64>("scale"))
                .cached(move |args| {
                    sum.count("result");
                    Ok(args.get::<Vec<i64>>(0).iter().sum::<i64>() * args.get::<i64>(1))
                }),
        ])
        .unwrap()
    };
    let cases = [
        (10, 2, 1, vec!["data", "filtered", "result"]),
        (10, 2, 1, vec![]),
        (10, 3, 1, vec!["filtered", "result"]),
        (10, 3, 5, vec!["filtered", "result"]),
        (10, 2, 1, vec![]),
    ];
    let live = pipeline();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let fresh_dir = cache();
    for (path, threshold, scale, executed) in cases {
        let given = inputs! { path: path, threshold: threshold, scale: scale };
        let expected = *runner
            .run(&live, given.clone())
            .unwrap()
            .get::<i64>("result")
            .unwrap();
        assert_eq!(counter.take(), executed, "live {path} {threshold} {scale}");
        let fresh = Runner::new(CacheConfig::new(fresh_dir.path())).unwrap();
        let run = fresh.run(&pipeline(), given).unwrap();
        assert_eq!(*run.get::<i64>("result").unwrap(), expected);
        assert_eq!(counter.take(), executed, "fresh {path} {threshold} {scale}");
    }
}

#[test]
fn a_cutoff_reaches_through_an_uncached_node_that_never_runs() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = || {
        let [a, b, c] = [0; 3].map(|_| counter.clone());
        Pipeline::new(vec![
            Node::named("half")
                .param(Param::of::<i64>("x"))
                .cached(move |args| {
                    a.count("half");
                    Ok(args.get::<i64>(0) / 2)
                }),
            Node::named("boxed")
                .param(Param::of::<i64>("half"))
                .uncached(move |args| {
                    b.count("boxed");
                    Ok(Box::new(*args.get::<i64>(0)))
                }),
            Node::named("shown")
                .param(Param::new::<Box<i64>>("boxed"))
                .cached(move |args| {
                    c.count("shown");
                    Ok(args.get::<Box<i64>>(0).to_string())
                }),
        ])
        .unwrap()
    };
    for (x, executed) in [(4, vec!["half", "boxed", "shown"]), (5, vec!["half"])] {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let plan = runner.plan(&pipeline(), inputs! { x: x }).unwrap();
        assert!(executed.iter().all(|node| plan.to_run().contains(node)));
        let run = runner.run(&pipeline(), inputs! { x: x }).unwrap();
        assert_eq!(*run.get::<String>("shown").unwrap(), "2");
        assert_eq!(counter.take(), executed);
    }
}

#[test]
fn caching_is_off_by_default_and_then_nothing_is_written() {
    let dir = cache();
    let counter = Counter::default();
    let config = CacheConfig::default().cache_dir(dir.path().join("never"));
    let runner = Runner::new(config).unwrap();
    let pipeline = foo_bar(&counter);
    for _ in 0..2 {
        let run = runner.run(&pipeline, inputs! { a: 1, b: 2, c: 3 }).unwrap();
        assert_eq!(*run.get::<i64>("bar").unwrap(), 9);
    }
    assert_eq!(counter.take(), ["foo", "bar", "foo", "bar"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn cache_key_and_env_hash_are_versions_of_their_own() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = |key: Option<&str>| {
        let count = counter.clone();
        let node = Node::named("model").param(Param::of::<i64>("x"));
        let node = match key {
            Some(key) => node.cache_key(key),
            None => node,
        };
        let node = node.cached(move |args| {
            count.count("model");
            Ok(*args.get::<i64>(0))
        });
        Pipeline::new(vec![node]).unwrap()
    };
    let run = |key, env: Option<&str>| {
        let mut config = CacheConfig::new(dir.path());
        config.env_hash = env.map(str::to_owned);
        let runner = Runner::new(config).unwrap();
        let run = runner.run(&pipeline(key), inputs! { x: 1 }).unwrap();
        let reason = run.report().node("model").unwrap().reason;
        (
            counter.take().len(),
            reason.map(|reason| reason.to_string()),
        )
    };
    assert_eq!(run(Some("v1"), None).0, 1);
    assert_eq!(
        run(Some("v2"), None),
        (1, Some("env: cache_key: \"v1\" -> \"v2\"".to_owned()))
    );
    assert_eq!(run(Some("v1"), None), (0, None));
    assert_eq!(
        run(Some("v1"), Some("gpu")),
        (0, None),
        "cache_key replaces env_hash"
    );
    assert_eq!(run(None, Some("gpu")).0, 1);
    assert_eq!(run(None, Some("cpu")).0, 1);
    assert_eq!(run(None, Some("gpu")).0, 0);
}

#[test]
fn two_pipelines_share_a_directory_without_disturbing_each_other() {
    let dir = cache();
    let counter = Counter::default();
    let other = |counter: &Counter| {
        let count = counter.clone();
        let node = Node::named("bar")
            .param(Param::of::<i64>("c"))
            .version("other");
        let node = node.cached(move |args| {
            count.count("other bar");
            Ok(-*args.get::<i64>(0))
        });
        Pipeline::new(vec![node]).unwrap().named("other")
    };
    for round in 0..2 {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let one = runner
            .run(&foo_bar(&counter), inputs! { a: 1, b: 2, c: 3 })
            .unwrap();
        let two = runner.run(&other(&counter), inputs! { c: 3 }).unwrap();
        assert_eq!(*one.get::<i64>("bar").unwrap(), 9);
        assert_eq!(*two.get::<i64>("bar").unwrap(), -3);
        let expected: &[&str] = if round == 0 {
            &["foo", "bar", "other bar"]
        } else {
            &[]
        };
        assert_eq!(counter.take(), expected);
    }
}

#[test]
fn plan_says_what_run_does() {
    let dir = cache();
    let counter = Counter::default();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let pipeline = foo_bar(&counter);
    let given = inputs! { a: 1, b: 2, c: 3 };
    let plan = runner.plan(&pipeline, given.clone()).unwrap();
    assert_eq!(plan.to_run(), ["foo", "bar"]);
    assert_eq!(counter.take(), [] as [&str; 0]);
    runner.run(&pipeline, given.clone()).unwrap();
    assert_eq!(counter.take(), ["foo", "bar"]);
    assert_eq!(
        runner.plan(&pipeline, given).unwrap().to_run(),
        [] as [&str; 0]
    );
    let plan = runner
        .plan(&pipeline, inputs! { a: 1, b: 2, c: 4 })
        .unwrap();
    assert_eq!(plan.to_run(), ["bar"]);
    assert_eq!(
        plan.node("bar")
            .unwrap()
            .reason
            .as_ref()
            .unwrap()
            .to_string(),
        "inputs: c: 3 -> 4"
    );
}

#[test]
fn what_reads_a_forced_node_gets_what_it_gives_now() {
    let dir = cache();
    let counter = Counter::default();
    let world = Arc::new(AtomicU64::new(1));
    let [fetch, show] = [0; 2].map(|_| counter.clone());
    let outside = world.clone();
    let pipeline = Pipeline::new(vec![
        Node::named("fetched").cached(move |_| {
            fetch.count("fetched");
            Ok(outside.load(Ordering::SeqCst))
        }),
        Node::named("shown")
            .param(Param::of::<u64>("fetched"))
            .cached(move |args| {
                show.count("shown");
                Ok(args.get::<u64>(0).to_string())
            }),
    ])
    .unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    runner.run(&pipeline, inputs! {}).unwrap();
    world.store(2, Ordering::SeqCst);
    assert_eq!(counter.take(), ["fetched", "shown"]);
    let forcing = runner.clone().force(["fetched"]);
    let run = forcing.run(&pipeline, inputs! {}).unwrap();
    assert_eq!(counter.take(), ["fetched", "shown"]);
    assert_eq!(*run.get::<String>("shown").unwrap(), "2");
    let reason = run.report().node("shown").unwrap().reason.unwrap();
    assert_eq!(
        reason.to_string(),
        "dependency: a forced node gave something else"
    );
    for runner in [runner, Runner::new(CacheConfig::new(dir.path())).unwrap()] {
        let run = runner.run(&pipeline, inputs! {}).unwrap();
        assert_eq!(*run.get::<String>("shown").unwrap(), "2", "and keeps it");
    }
    assert!(counter.take().is_empty());
}

#[test]
fn what_reads_a_forced_uncached_node_executes_with_it() {
    let dir = cache();
    let counter = Counter::default();
    let [clock, show] = [0; 2].map(|_| counter.clone());
    let pipeline = Pipeline::new(vec![
        Node::named("clock").uncached(move |_| {
            clock.count("clock");
            Ok(clock.seen())
        }),
        Node::named("shown")
            .param(Param::new::<usize>("clock"))
            .cached(move |_| {
                show.count("shown");
                Ok(0u8)
            }),
    ])
    .unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    for runner in [runner.clone(), runner.force(["clock"])] {
        runner.run(&pipeline, inputs! {}).unwrap();
        assert_eq!(counter.take(), ["clock", "shown"]);
    }
}

#[test]
fn a_node_that_is_not_cached_for_a_while_keeps_what_it_had() {
    let (dir, counter) = (cache(), Counter::default());
    let node = |cached: bool| {
        let counter = counter.clone();
        let action = move |args: &refrain::Args| {
            counter.count("one");
            Ok(*args.get::<i64>(0))
        };
        let node = Node::named("one").param(Param::of::<i64>("a")).version("1");
        match cached {
            true => node.cached(action),
            false => node.uncached(action),
        }
    };
    for (cached, executions) in [(true, 1), (false, 1), (true, 0)] {
        let pipeline = Pipeline::new(vec![node(cached)]).unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let run = runner.run(&pipeline, inputs! { a: 7 }).unwrap();
        assert_eq!(*run.get::<i64>("one").unwrap(), 7);
        assert_eq!(counter.take().len(), executions);
    }
}

#[test]
fn what_was_not_cached_for_a_while_is_cut_off_by_what_it_was_known_by_before() {
    let dir = cache();
    let run = |version: &str, is_cached: bool| {
        let above = Node::named("above").version(version);
        let below = Node::named("below")
            .param(Param::of::<u64>("above"))
            .version("1");
        let add = |args: &refrain::Args| Ok(args.get::<u64>(0) + 1);
        let nodes = match is_cached {
            true => vec![above.cached(|_| Ok(1_u64)), below.cached(add)],
            false => vec![above.uncached(|_| Ok(1_u64)), below.uncached(add)],
        };
        let pipeline = Pipeline::new(nodes).unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let run = runner.run(&pipeline, inputs! {}).unwrap();
        assert_eq!(*run.get::<u64>("below").unwrap(), 2);
        run.report().outcome("below").unwrap()
    };
    assert_eq!(run("1", true), Outcome::Executed);
    assert_eq!(run("1", false), Outcome::Executed);
    assert_eq!(run("1", true), Outcome::Hit);
    assert_eq!(run("2", true), Outcome::Cutoff);
}

#[test]
fn a_missing_file_that_no_target_needs_is_no_error() {
    let dir = cache();
    let reads = |name: &'static str, input: &'static str| {
        let node = Node::named(name).param(Param::new::<std::path::PathBuf>(input));
        node.version("1")
            .cached(|args| Ok(args.get::<std::path::PathBuf>(0).exists()))
    };
    let there = dir.path().join("there");
    std::fs::write(&there, "").unwrap();
    let pipeline = Pipeline::new(vec![reads("one", "there"), reads("two", "gone")]).unwrap();
    let inputs = inputs! { there: file(&there), gone: file(dir.path().join("gone")) };
    let runner = Runner::new(CacheConfig::new(dir.path().join("cache"))).unwrap();
    let one = pipeline.targets(["one"]).unwrap();
    assert!(
        *runner
            .run(&one, inputs.clone())
            .unwrap()
            .get::<bool>("one")
            .unwrap()
    );
    let missing = runner.run(&pipeline, inputs).unwrap_err();
    assert!(missing.to_string().contains("gone"), "{missing}");
}

#[test]
fn what_is_collected_under_a_runner_is_made_again_where_it_is_asked_for() {
    let (dir, counter) = (cache(), Counter::default());
    let node = |name: &'static str, param: Param| {
        let counter = counter.clone();
        Node::named(name).param(param).cached(move |_| {
            counter.count(name);
            Ok(name.repeat(5000))
        })
    };
    let pipeline = Pipeline::new(vec![
        node("top", Param::of::<i64>("a")),
        node("left", Param::of::<String>("top")),
        node("right", Param::of::<String>("top")),
    ]);
    let pipeline = pipeline.unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(1);
    runner.run(&pipeline, inputs! { a: 1 }).unwrap();
    counter.take();
    let limits = Limits {
        max_size: Some(0),
        ..Limits::default()
    };
    let store = runner.store().unwrap();
    store.gc(&limits, SystemTime::now(), false).unwrap();
    let right = pipeline.targets(["right"]).unwrap();
    runner.run(&right, inputs! { a: 1 }).unwrap();
    assert_eq!(counter.take(), ["top", "right"]);
}
