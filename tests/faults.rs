//! Bad input and faults of functions: clear errors before anything runs, and
//! failures as values. What harms the cache is in `damage.rs`.

#[path = "support/large.rs"]
mod large;
mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use large::{big_and_size, runner};
use refrain::{
    CacheConfig, Failure, Node, Outcome, Param, Pipeline, ReasonKind, Runner, Status, inputs,
    opaque,
};
use serde::{Deserialize, Serialize};
use support::{Counter, cache};

fn constant(name: &str, parents: &[&str]) -> Node {
    let node = parents.iter().fold(Node::named(name), |node, parent| {
        node.param(Param::of::<i64>(*parent))
    });
    node.cached(|_| Ok(1i64))
}

#[test]
fn bad_inputs_are_refused_before_anything_runs() {
    let dir = cache();
    let counter = Counter::default();
    let pipeline = big_and_size(&counter);
    let runner = runner(dir.path());
    let refusal = |given| runner.run(&pipeline, given).unwrap_err().to_string();
    assert_eq!(
        refusal(inputs! { x: 1 }),
        "missing input \"scale\" (taken by \"size\")"
    );
    assert_eq!(
        refusal(inputs! {}),
        "missing inputs \"x\" (taken by \"big\"), \"scale\" (taken by \"size\")"
    );
    assert_eq!(
        refusal(inputs! { x: 1, scale: 2, scales: 3 }),
        "no node takes an input \"scales\"; did you mean \"scale\"?"
    );
    let wrong = refusal(inputs! { x: 300, scale: 2 });
    assert!(
        wrong.starts_with("input \"x\" is i32, and its function takes u8"),
        "{wrong}"
    );
    assert!(
        wrong.contains("300") && wrong.contains("\"big\""),
        "{wrong}"
    );
    let missing = refusal(inputs! { x: refrain::file("no/such/file"), scale: 2 });
    assert!(missing.contains("no/such/file"), "{missing}");
    let unknown = pipeline.targets(["sise"]).unwrap_err().to_string();
    assert_eq!(unknown, "no node gives \"sise\"; did you mean \"size\"?");
    assert!(counter.take().is_empty());
}

#[test]
fn unsound_pipelines_are_refused() {
    let twice = Pipeline::new(vec![constant("a", &[]), constant("a", &[])]);
    assert_eq!(
        twice.unwrap_err().to_string(),
        "two nodes give \"a\": \"a\" and \"a\"; rename the output of one"
    );
    let circle = Pipeline::new(vec![
        constant("start", &[]),
        constant("a", &["c", "start"]),
        constant("b", &["a"]),
        constant("c", &["b"]),
        constant("end", &["c"]),
    ]);
    let said = circle.unwrap_err().to_string();
    let turns = ["a", "b", "c"].map(|first| {
        let names = ["a", "b", "c", "a", "b", "c"];
        let at = names.iter().position(|name| *name == first).unwrap();
        let turn: Vec<String> = (0..4)
            .map(|k| format!("\"{}\"", names[(at + k) % 3]))
            .collect();
        format!("nodes need each other in a circle: {}", turn.join(" -> "))
    });
    assert!(turns.contains(&said), "{said}");
    let own = Pipeline::new(vec![constant("a", &["a"])]).unwrap_err();
    assert!(own.to_string().ends_with("\"a\" -> \"a\""), "{own}");
    let text = Node::named("text").cached(|_| Ok(String::new()));
    let types = Pipeline::new(vec![text, constant("b", &["text"])]).unwrap_err();
    assert_eq!(
        types.to_string(),
        "\"b\" takes text: i64, but \"text\" gives alloc::string::String; make the two types the same"
    );
}

#[test]
fn unknown_backends_are_refused_and_the_known_ones_listed() {
    let dir = cache();
    for name in ["pickle", "redis"] {
        let refused = Runner::new(CacheConfig::new(dir.path()).backend(name)).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains(name) && said.contains("known: diskcache"),
            "{said}"
        );
        let node = Node::named("n").cache_backend(name).cached(|_| Ok(1u8));
        let pipeline = Pipeline::new(vec![node]).unwrap();
        let refused = runner(dir.path()).run(&pipeline, inputs! {}).unwrap_err();
        assert!(refused.to_string().contains("at \"n\""), "{refused}");
    }
}

#[test]
fn failures_and_panics_are_values_that_block_what_needs_them() {
    let dir = cache();
    let counter = Counter::default();
    let counted = counter.clone();
    let nodes = || {
        let counted = counted.clone();
        vec![
            Node::named("fails").cached(|_| Err::<u8, _>(Failure::new("no such table"))),
            Node::named("panics").cached(|_| -> Result<u8, Failure> { panic!("index 7") }),
            Node::named("fine")
                .param(Param::of::<u8>("x"))
                .cached(move |_| {
                    counted.count("fine");
                    Ok(1u8)
                }),
            Node::named("below")
                .param(Param::of::<u8>("fails"))
                .param(Param::of::<u8>("fine"))
                .cached(|_| Ok(2u8)),
            Node::named("far")
                .param(Param::of::<u8>("below"))
                .cached(|_| Ok(3u8)),
        ]
    };
    let pipeline = Pipeline::new(nodes()).unwrap();
    let going = runner(dir.path()).keep_going(true);
    for _ in 0..2 {
        let run = going.run(&pipeline, inputs! { x: 1 }).unwrap();
        assert_eq!(run.status(), Status::Failed);
        let report = run.report();
        assert_eq!(report.outcome("fails"), Some(Outcome::Failed));
        assert_eq!(report.outcome("panics"), Some(Outcome::Failed));
        assert_eq!(report.outcome("far"), Some(Outcome::Blocked));
        let failed = report.node("panics").unwrap().note.unwrap();
        assert_eq!(&*failed, "panicked: index 7");
        let said = run.get::<u8>("far").unwrap_err().to_string();
        assert_eq!(
            said,
            "\"far\" could not run: it needs fails, which failed: no such table"
        );
    }
    assert_eq!(
        counter.take(),
        ["fine"],
        "what went well is kept, what failed is tried again"
    );
    let stopping = runner(dir.path()).jobs(1);
    let run = stopping.run(&pipeline, inputs! { x: 2 }).unwrap();
    assert_eq!(run.report().counts().failed, 1);
    assert!(run.report().counts().cancelled + run.report().counts().blocked >= 2);
}

#[test]
fn retries_try_again_and_timeouts_give_up() {
    let dir = cache();
    let counter = Counter::default();
    let counted = counter.clone();
    let flaky = Node::named("flaky").retries(2).cached(move |_| {
        counted.count("flaky");
        match counted.seen() {
            3 => Ok(1u8),
            _ => Err(Failure::new("not yet")),
        }
    });
    let (release, held) = crossbeam::channel::bounded::<()>(0);
    let slow = Node::named("slow")
        .timeout(std::time::Duration::from_millis(20))
        .cached(move |_| {
            let _ = held.recv();
            Ok(1u8)
        });
    let pipeline = Pipeline::new(vec![flaky, slow]).unwrap();
    let run = runner(dir.path())
        .keep_going(true)
        .run(&pipeline, inputs! {})
        .unwrap();
    assert_eq!(counter.take().len(), 3);
    assert_eq!(run.report().outcome("flaky"), Some(Outcome::Executed));
    let slow = run.report().node("slow").unwrap();
    assert_eq!(slow.outcome, Outcome::Failed);
    assert_eq!(slow.note.as_deref(), Some("timed out after 20ms"));
    drop(release);
}

#[test]
fn what_cannot_be_hashed_or_encoded_runs_every_time_and_says_so() {
    struct Connection(u8);
    #[derive(Deserialize)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a socket cannot be kept"))
        }
    }
    let dir = cache();
    let counter = Counter::default();
    let [a, b, c] = [0; 3].map(|_| counter.clone());
    let pipeline = Pipeline::new(vec![
        Node::named("asked")
            .param(Param::new::<Connection>("db"))
            .cached(move |args| {
                a.count("asked");
                Ok(args.get::<Connection>(0).0)
            }),
        Node::named("socket").cached(move |_| {
            b.count("socket");
            Ok(Stubborn)
        }),
        Node::named("kept")
            .param(Param::new::<Stubborn>("socket"))
            .cached(move |_| {
                c.count("kept");
                Ok(7u8)
            }),
    ])
    .unwrap();
    let shared = opaque(Connection(5));
    let live = runner(dir.path());
    for round in 0..3 {
        let fresh = runner(dir.path());
        let runner = if round < 2 { &live } else { &fresh };
        let run = runner
            .run(&pipeline, inputs! { db: shared.clone() })
            .unwrap();
        assert_eq!(*run.get::<u8>("asked").unwrap(), 5);
        let asked = run.report().node("asked").unwrap();
        let reason = asked.reason.unwrap();
        assert_eq!(reason.kind, ReasonKind::Uncached);
        assert_eq!(
            &*reason.detail,
            "input \"db\" cannot be hashed: given as opaque"
        );
        if round == 0 {
            let note = run.report().node("socket").unwrap().note.unwrap();
            assert!(
                note.starts_with("not cached: ") && note.contains("a socket cannot be kept"),
                "{note}"
            );
        }
        assert_eq!(*run.get::<u8>("kept").unwrap(), 7);
    }
    let all = counter.take();
    assert_eq!(all.iter().filter(|name| **name == "asked").count(), 3);
    assert_eq!(all.iter().filter(|name| **name == "kept").count(), 1);
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let dir = cache();
    // 64 bytes of stack for each node: no call takes so few.
    let nodes = (0..4_000).map(|n| {
        let parent = if n == 0 {
            "x".to_owned()
        } else {
            format!("n{}", n - 1)
        };
        Node::named(format!("n{n}"))
            .param(Param::of::<u64>(parent))
            .version("1")
            .cached(|args| Ok(args.get::<u64>(0) + 1))
    });
    let pipeline = Pipeline::new(nodes.collect()).unwrap();
    let on_small_stack = std::thread::Builder::new().stack_size(256 << 10);
    let path = dir.path().to_owned();
    let ran = on_small_stack.spawn(move || {
        let runner = Runner::new(CacheConfig::new(path)).unwrap();
        for x in [1, 2, 3, 2] {
            let run = runner.run(&pipeline, inputs! { x: x }).unwrap();
            assert_eq!(*run.get::<u64>("n3999").unwrap(), 4_000 + x);
        }
        drop((runner, pipeline));
    });
    ran.unwrap().join().unwrap();
}

#[test]
fn a_cancelled_run_keeps_what_finished() {
    let dir = cache();
    let counter = Counter::default();
    let live = runner(dir.path()).jobs(1);
    let (cancel, counted) = (live.cancel(), counter.clone());
    let nodes = (0..10).map(|n| {
        let parent = if n == 0 {
            "x".to_owned()
        } else {
            format!("n{}", n - 1)
        };
        let (cancel, counted) = (cancel.clone(), counted.clone());
        Node::named(format!("n{n}"))
            .param(Param::of::<u64>(parent))
            .cached(move |args| {
                counted.count("n");
                if n == 4 && counted.seen() == 5 {
                    cancel.cancel();
                }
                Ok(args.get::<u64>(0) + 1)
            })
    });
    let pipeline = Pipeline::new(nodes.collect()).unwrap();
    let run = live.run(&pipeline, inputs! { x: 0 }).unwrap();
    assert_eq!(run.status(), Status::Cancelled);
    assert_eq!(run.report().counts().executed, 5);
    assert_eq!(run.report().counts().cancelled, 5);
    assert!(
        run.get::<u64>("n9")
            .unwrap_err()
            .to_string()
            .contains("cancelled")
    );
    live.cancel().reset();
    let run = live.run(&pipeline, inputs! { x: 0 }).unwrap();
    assert_eq!(*run.get::<u64>("n9").unwrap(), 10);
    assert_eq!(run.report().counts().executed, 5);
}

#[test]
fn a_file_that_changes_while_its_node_runs_is_not_recorded() {
    let dir = cache();
    let source = dir.path().join("source.txt");
    fs::write(&source, "one").unwrap();
    let meddles = source.clone();
    let node = Node::named("read")
        .param(Param::new::<PathBuf>("path"))
        .cached(move |args| {
            let text = fs::read_to_string(args.get::<PathBuf>(0)).unwrap();
            if text == "one" {
                fs::write(&meddles, "two").unwrap();
            }
            Ok(text)
        });
    let pipeline = Pipeline::new(vec![node]).unwrap();
    let cache_dir = dir.path().join("cache");
    let run = runner(&cache_dir)
        .run(&pipeline, inputs! { path: refrain::file(&source) })
        .unwrap();
    let note = run.report().node("read").unwrap().note.unwrap();
    assert!(note.contains("changed while the node ran"), "{note}");
    fs::write(&source, "one!").unwrap();
    let live = runner(&cache_dir);
    for text in ["one!", "one!", "three"] {
        fs::write(&source, text).unwrap();
        let run = live
            .run(&pipeline, inputs! { path: refrain::file(&source) })
            .unwrap();
        assert_eq!(*run.get::<String>("read").unwrap(), text);
    }
}

#[test]
fn shared_values_are_the_same_for_all_readers() {
    let nodes = vec![
        Node::named("list").uncached(|_| Ok(vec![1u8, 2, 3])),
        Node::named("kept")
            .param(Param::new::<Vec<u8>>("list"))
            .uncached(|args| Ok(args.arc::<Vec<u8>>(0))),
    ];
    let pipeline = Pipeline::new(nodes)
        .unwrap()
        .targets(["list", "kept"])
        .unwrap();
    let runner = Runner::new(CacheConfig::default()).unwrap();
    let run = runner.run(&pipeline, inputs! {}).unwrap();
    let list = run.get::<Vec<u8>>("list").unwrap();
    let kept = run.get::<Arc<Vec<u8>>>("kept").unwrap();
    assert!(Arc::ptr_eq(&list, &kept));
    let wrong = run.get::<String>("list").unwrap_err().to_string();
    assert!(
        wrong.contains("is alloc::vec::Vec<u8>, not alloc::string::String"),
        "{wrong}"
    );
}
