//! A pipeline that is kept alive while it is edited: what executes is what the edits invalidated, also when they come
//! in the middle of a run.

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use crossbeam::channel::{Receiver, Sender, bounded};
use refrain::{
    CacheConfig, Error, Failure, Node, NodeBuilder, Outcome, Param, Pipeline, RunEvent, Runner,
    Session, dir, file, files, inputs,
};
use support::{Counter, cache};

/// A node that adds its parameters up and counts its executions.
fn sum(name: &'static str, params: &[&'static str], version: &str, counter: &Counter) -> Node {
    let (counter, count) = (counter.clone(), params.len());
    let node = params.iter().fold(Node::named(name), |node, param| {
        node.param(Param::of::<i64>(*param))
    });
    node.version(version).cached(move |args| {
        counter.count(name);
        Ok((0..count).map(|at| *args.get::<i64>(at)).sum::<i64>())
    })
}

fn pipeline(nodes: Vec<Node>) -> Pipeline {
    Pipeline::new(nodes).unwrap().named("edited")
}

fn value(session: &Session, name: &str) -> i64 {
    *session.run().unwrap().get::<i64>(name).unwrap()
}

#[test]
fn an_edited_input_executes_what_stands_on_it_and_an_equal_one_nothing() {
    let (dir, counter) = (cache(), Counter::default());
    let nodes = vec![
        sum("left", &["a"], "1", &counter),
        sum("right", &["b"], "1", &counter),
        sum("both", &["left", "right"], "1", &counter),
    ];
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let session = runner
        .session(&pipeline(nodes), inputs! { a: 1, b: 10 })
        .unwrap();
    assert_eq!(value(&session, "both"), 11);
    assert_eq!(counter.take().len(), 3);
    session.set_input("a", 2).unwrap();
    assert!(session.is_edited());
    assert_eq!(value(&session, "both"), 12);
    assert_eq!(counter.take(), ["left", "both"]);
    session.set_input("a", 2).unwrap();
    let run = session.run().unwrap();
    assert_eq!(run.report().counts().executed, 0);
    assert_eq!(run.report().revision(), 2, "an equal value is no revision");
    session.set_input("a", 1).unwrap();
    assert_eq!(value(&session, "both"), 11);
    assert_eq!(counter.take(), [""; 0], "what was made once is found");
    let unknown = session.set_input("aa", 1).unwrap_err();
    assert!(unknown.to_string().contains("\"a\""), "{unknown}");
}

#[test]
fn files_are_looked_at_when_somebody_says_so() {
    let (cache, desk, counter) = (cache(), tempfile::tempdir().unwrap(), Counter::default());
    let path = |name: &str| desk.path().join(name);
    fs::create_dir(path("all")).unwrap();
    for name in ["one", "two", "all/three"] {
        fs::write(path(name), name).unwrap();
    }
    let reads = |name: &'static str, input: &'static str| {
        let counter = counter.clone();
        Node::named(name)
            .param(Param::new::<PathBuf>(input))
            .version("1")
            .cached(move |args| {
                counter.count(name);
                let path = args.get::<PathBuf>(0);
                let read = match path.is_dir() {
                    true => fs::read_dir(path).map(|entries| entries.count().to_string()),
                    false => fs::read_to_string(path),
                };
                read.map_err(|error| Failure::new(error.to_string()))
            })
    };
    let nodes = vec![
        reads("of_one", "one"),
        reads("of_two", "two"),
        reads("of_all", "all"),
    ];
    let inputs = inputs! { one: file(path("one")), two: file(path("two")), all: dir(path("all")) };
    let runner = Runner::new(CacheConfig::new(cache.path())).unwrap();
    let session = runner.session(&pipeline(nodes), inputs).unwrap();
    session.run().unwrap();
    assert_eq!(counter.take().len(), 3);
    let read = |name: &str| {
        session
            .last()
            .unwrap()
            .get::<String>(name)
            .unwrap()
            .to_string()
    };

    fs::write(path("one"), "one more").unwrap();
    fs::write(path("two"), "two more").unwrap();
    session.refresh_paths([path("one")]);
    session.run().unwrap();
    assert_eq!(
        counter.take(),
        ["of_one"],
        "nobody said that the other has changed"
    );
    assert_eq!(read("of_one"), "one more");
    session.refresh_files();
    session.run().unwrap();
    assert_eq!(counter.take(), ["of_two"]);
    fs::write(path("all/four"), "new").unwrap();
    session.refresh_paths([path("all/four")]);
    session.run().unwrap();
    assert_eq!(counter.take(), ["of_all"]);
    assert_eq!(read("of_all"), "2");

    fs::remove_file(path("one")).unwrap();
    session.refresh_paths([path("one")]);
    let gone = session.run().unwrap_err();
    assert!(gone.to_string().contains("one"), "{gone}");
    assert_eq!(read("of_one"), "one more", "the last revision stays");
    fs::write(path("one"), "back").unwrap();
    session.run().unwrap();
    assert_eq!(
        read("of_one"),
        "back",
        "it is looked at again without being told"
    );
    assert_eq!(counter.take(), ["of_one"]);
    let files = session.files();
    assert!(files.inputs.contains(&path("one")) && files.inputs.contains(&path("all")));
}

#[test]
fn a_file_that_became_an_input_later_is_looked_at_like_the_others() {
    let (cache, desk) = (cache(), tempfile::tempdir().unwrap());
    let path = |name: &str| desk.path().join(name);
    let read = Node::named("read")
        .param(Param::new::<PathBuf>("text"))
        .version("1")
        .cached(|args| {
            fs::read_to_string(args.get::<PathBuf>(0))
                .map_err(|error| Failure::new(error.to_string()))
        });
    fs::write(path("old"), "old").unwrap();
    fs::write(path("new"), "new").unwrap();
    let runner = Runner::new(CacheConfig::new(cache.path())).unwrap();
    let session = runner
        .session(&pipeline(vec![read]), inputs! { text: file(path("old")) })
        .unwrap();
    let text = || {
        session
            .run()
            .unwrap()
            .get::<String>("read")
            .unwrap()
            .to_string()
    };
    assert_eq!(text(), "old");
    for everything in [true, false] {
        session.refresh_paths([path("old")]);
        session.run().unwrap();
        session.set_input("text", file(path("new"))).unwrap();
        if everything {
            session.refresh_files();
        }
        session.run().unwrap();
        let edited = format!("edited {everything}");
        fs::write(path("new"), &edited).unwrap();
        session.refresh_paths([path("new")]);
        assert_eq!(text(), edited);
        session.set_input("text", file(path("old"))).unwrap();
        assert_eq!(text(), "old");
    }
}

#[test]
fn another_pipeline_executes_what_is_new_in_it() {
    let (dir, counter) = (cache(), Counter::default());
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let first = pipeline(vec![
        sum("left", &["a"], "1", &counter),
        sum("right", &["b"], "1", &counter),
        sum("both", &["left", "right"], "1", &counter),
    ]);
    let session = runner.session(&first, inputs! { a: 1, b: 10 }).unwrap();
    assert_eq!(value(&session, "both"), 11);
    counter.take();

    // Another version in the middle, a new node above, one gone, and another order.
    let second = pipeline(vec![
        sum("both", &["left", "more"], "1", &counter),
        sum("left", &["above"], "1", &counter),
        sum("above", &["a", "c"], "1", &counter),
        sum("more", &["c"], "2", &counter),
    ]);
    session
        .set_pipeline(&second, inputs! { a: 1, c: 100 })
        .unwrap();
    assert_eq!(value(&session, "both"), 201);
    let mut executed = counter.take();
    executed.sort_unstable();
    assert_eq!(executed, ["above", "both", "left", "more"]);

    // The same nodes, all made anew: nothing is looked for, and nothing executes.
    let again = pipeline(vec![
        sum("more", &["c"], "2", &counter),
        sum("above", &["a", "c"], "1", &counter),
        sum("left", &["above"], "1", &counter),
        sum("both", &["left", "more"], "1", &counter),
    ]);
    session
        .set_pipeline(&again, inputs! { a: 1, c: 100 })
        .unwrap();
    assert_eq!(value(&session, "both"), 201);
    assert_eq!(counter.take(), [""; 0]);
    session.set_input("c", 0).unwrap();
    assert_eq!(value(&session, "both"), 1);
    counter.take();

    session
        .set_pipeline(&first, inputs! { a: 1, b: 10 })
        .unwrap();
    assert_eq!(value(&session, "both"), 11);
    assert_eq!(counter.take(), [""; 0], "what was made once is found");
}

/// Actions that wait in the middle until they are let on, or asked to end.
#[derive(Clone)]
struct Gate {
    begun: (Sender<&'static str>, Receiver<&'static str>),
    on: (Sender<()>, Receiver<()>),
    stopped: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        Gate {
            begun: bounded(64),
            on: bounded(64),
            stopped: Arc::default(),
        }
    }

    fn node(&self, name: &'static str, reads: &'static str, counter: &Counter) -> Node {
        self.declared(Node::named(name).version("1"), name, reads, counter)
    }

    fn declared(
        &self,
        node: NodeBuilder,
        name: &'static str,
        reads: &'static str,
        counter: &Counter,
    ) -> Node {
        let (gate, counter) = (self.clone(), counter.clone());
        node.param(Param::of::<i64>(reads)).cached(move |args| {
            counter.count(name);
            let (end, ended) = bounded(1);
            let _hook = args.execution().stop().hook(move || {
                let _ = end.try_send(());
            });
            gate.begun.0.send(name).unwrap();
            crossbeam::channel::select! {
                recv(gate.on.1) -> _ => Ok(*args.get::<i64>(0)),
                recv(ended) -> _ => {
                    gate.stopped.fetch_add(1, Ordering::SeqCst);
                    Err(Failure::new("asked to end"))
                }
            }
        })
    }

    /// Waits until so many actions have begun.
    fn wait(&self, actions: usize) -> Vec<&'static str> {
        let mut begun: Vec<_> = self.begun.1.iter().take(actions).collect();
        begun.sort_unstable();
        begun
    }

    /// Waits until one action has been asked to end, and checks that no other was.
    fn wait_for_stop(&self) {
        while self.stopped.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        assert_eq!(self.stopped.swap(0, Ordering::SeqCst), 1);
    }

    fn let_on(&self, actions: usize) {
        (0..actions).for_each(|_| self.on.0.send(()).unwrap());
    }
}

#[test]
fn an_edit_in_the_middle_of_a_run_ends_what_no_longer_counts_and_nothing_else() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let nodes = vec![
        gate.node("left", "a", &counter),
        gate.node("right", "b", &counter),
        sum("both", &["left", "right"], "1", &counter),
    ];
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(2);
    let session = runner
        .session(&pipeline(nodes), inputs! { a: 1, b: 10 })
        .unwrap();
    let events = session.subscribe();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run().unwrap()
    });
    assert_eq!(gate.wait(2), ["left", "right"]);
    session.set_input("a", 2).unwrap();
    // The one that reads it begins again before anything is let on.
    assert_eq!(gate.wait(1), ["left"]);
    gate.wait_for_stop();
    gate.let_on(2);
    let run = run.join().unwrap();
    assert_eq!(*run.get::<i64>("both").unwrap(), 12);
    let mut executed = counter.take();
    executed.sort_unstable();
    assert_eq!(executed, ["both", "left", "left", "right"]);
    assert_eq!(run.report().counts().executed, 3);
    assert_eq!(run.report().revision(), 2);
    assert!(
        events
            .try_iter()
            .any(|event| matches!(event, RunEvent::Edited { revision: 2 }))
    );
}

#[test]
fn what_was_told_before_an_edit_is_told_anew_where_it_is_another() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let nodes = vec![
        sum("quick", &["a"], "1", &counter),
        gate.node("slow", "b", &counter),
    ];
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(2);
    let session = runner
        .session(&pipeline(nodes), inputs! { a: 1, b: 1 })
        .unwrap();
    gate.let_on(1);
    let first = session.run().unwrap();
    gate.wait(1);
    session.set_input("a", 2).unwrap();
    session.set_input("b", 2).unwrap();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run().unwrap()
    });
    gate.wait(1);
    while counter.seen() < 4 {
        thread::yield_now();
    }
    session.set_input("a", 1).unwrap();
    gate.let_on(1);
    let run = run.join().unwrap();
    assert_eq!(*run.get::<i64>("quick").unwrap(), 1);
    assert_eq!(run.report().outcome("quick"), Some(Outcome::Hit));
    let digest = |run: &refrain::Run| run.report().node("quick").unwrap().digest;
    assert_eq!(digest(&run), digest(&first));
    let mut executed = counter.take();
    executed.sort_unstable();
    assert_eq!(executed, ["quick", "quick", "slow", "slow"]);
}

#[test]
fn a_node_that_never_ends_is_ended_by_an_edit_of_the_pipeline() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(1);
    let stuck = pipeline(vec![
        sum("before", &["a"], "1", &counter),
        gate.node("end", "before", &counter),
    ]);
    let session = runner.session(&stuck, inputs! { a: 1 }).unwrap();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run().unwrap()
    });
    gate.wait(1);
    // The number of each node is another one, and the one that runs is gone.
    let mended = pipeline(vec![
        sum("first", &["a"], "1", &counter),
        sum("before", &["first"], "2", &counter),
        sum("finish", &["before"], "1", &counter),
    ]);
    session.set_pipeline(&mended, inputs! { a: 1 }).unwrap();
    let run = run.join().unwrap();
    assert_eq!(*run.get::<i64>("finish").unwrap(), 1);
    assert_eq!(
        counter.take(),
        ["before", "end", "first", "before", "finish"]
    );
}

#[test]
fn an_edited_item_in_the_middle_of_a_run_ends_that_item_alone() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let slow = gate.clone();
    let each = Node::named("each")
        .version("1")
        .mapped()
        .over_keyed("all", |item: &(u32, i64)| item.0.to_string())
        .cached(move |args| {
            let (end, ended) = bounded(1);
            let _hook = args.execution().stop().hook(move || {
                let _ = end.try_send(());
            });
            slow.begun.0.send("item").unwrap();
            crossbeam::channel::select! {
                recv(slow.on.1) -> _ => Ok(args.get::<(u32, i64)>(0).1),
                recv(ended) -> _ => {
                    slow.stopped.fetch_add(1, Ordering::SeqCst);
                    Err(Failure::new("asked to end"))
                }
            }
        });
    let after = counter.clone();
    let sum = Node::named("sum")
        .param(Param::of::<Vec<i64>>("each"))
        .version("1")
        .cached(move |args| {
            after.count("sum");
            Ok(args.get::<Vec<i64>>(0).iter().sum::<i64>())
        });
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(3);
    let all = |second: i64| vec![(1u32, 1i64), (2, second), (3, 100)];
    let session = runner
        .session(&pipeline(vec![each, sum]), inputs! { all: all(10) })
        .unwrap();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run().unwrap()
    });
    gate.wait(3);
    session.set_input("all", all(20)).unwrap();
    // All three were busy: the item that is no more makes room for the new one.
    gate.wait(1);
    gate.wait_for_stop();
    gate.let_on(3);
    let run = run.join().unwrap();
    assert_eq!(*run.get::<i64>("sum").unwrap(), 121);
    assert_eq!(counter.take(), ["sum"]);
    assert_eq!(
        run.report().node("each").unwrap().items.unwrap().executed,
        3
    );
}

#[test]
fn items_that_executed_before_an_edit_are_counted_with_the_others() {
    let (dir, gate) = (cache(), Gate::new());
    let slow = gate.clone();
    let each = Node::named("each")
        .version("1")
        .mapped()
        .over_items::<i64>("all")
        .cached(move |args| {
            slow.begun.0.send("item").unwrap();
            slow.on.1.recv().unwrap();
            Ok(*args.get::<i64>(0))
        });
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(1);
    let session = runner
        .session(&pipeline(vec![each]), inputs! { all: vec![1i64, 2] })
        .unwrap();
    let events = session.subscribe();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run().unwrap()
    });
    gate.let_on(1);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, RunEvent::ItemFinished { .. }))
    );
    session.set_input("all", vec![2i64, 1, 3]).unwrap();
    gate.let_on(2);
    let run = run.join().unwrap();
    assert_eq!(*run.get::<Vec<i64>>("each").unwrap(), [2, 1, 3]);
    let items = run.report().node("each").unwrap().items.unwrap();
    assert_eq!((items.executed, items.hit), (3, 0));
}

#[test]
fn a_node_goes_on_until_it_is_known_that_what_it_reads_is_another() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let halves = {
        let counter = counter.clone();
        Node::named("half")
            .param(Param::of::<i64>("a"))
            .version("1")
            .cached(move |args| {
                counter.count("half");
                Ok(args.get::<i64>(0) / 2)
            })
    };
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap().jobs(2);
    let nodes = vec![halves, gate.node("slow", "half", &counter)];
    let session = runner.session(&pipeline(nodes), inputs! { a: 2 }).unwrap();
    let run = |session: &Session| {
        let session = session.clone();
        thread::spawn(move || *session.run().unwrap().get::<i64>("slow").unwrap())
    };
    let first = run(&session);
    gate.wait(1);
    // Half of it is what it was: the slow one is not begun again.
    session.set_input("a", 3).unwrap();
    while counter.seen() < 3 {
        thread::yield_now();
    }
    gate.let_on(1);
    assert_eq!(first.join().unwrap(), 1);
    assert_eq!(counter.take(), ["half", "slow", "half"]);

    session.set_input("a", 5).unwrap();
    let second = run(&session);
    gate.wait(1);
    session.set_input("a", 9).unwrap();
    gate.wait(1);
    gate.wait_for_stop();
    gate.let_on(1);
    assert_eq!(second.join().unwrap(), 4);
    assert_eq!(counter.take(), ["half", "slow", "half", "slow"]);
}

#[test]
fn bad_inputs_in_the_middle_of_a_run_end_it_and_the_last_revision_stays() {
    let (cache, desk, counter, gate) = (
        cache(),
        tempfile::tempdir().unwrap(),
        Counter::default(),
        Gate::new(),
    );
    let path = desk.path().join("text");
    fs::write(&path, "one").unwrap();
    let reads = Node::named("read")
        .param(Param::new::<PathBuf>("text"))
        .version("1")
        .cached(|args| {
            fs::read_to_string(args.get::<PathBuf>(0))
                .map_err(|error| Failure::new(error.to_string()))
        });
    let nodes = vec![reads, gate.node("slow", "a", &counter)];
    let runner = Runner::new(CacheConfig::new(cache.path())).unwrap().jobs(2);
    let session = runner
        .session(&pipeline(nodes), inputs! { text: file(&path), a: 1 })
        .unwrap();
    gate.let_on(1);
    session.run().unwrap();
    gate.wait(1);
    session.set_input("a", 2).unwrap();
    let run = thread::spawn({
        let session = session.clone();
        move || session.run()
    });
    gate.wait(1);
    fs::remove_file(&path).unwrap();
    session.refresh_paths([&path]);
    assert!(matches!(
        run.join().unwrap().unwrap_err(),
        Error::SourceFile { .. }
    ));
    assert_eq!(*session.last().unwrap().get::<i64>("slow").unwrap(), 1);
    fs::write(&path, "two").unwrap();
    gate.let_on(1);
    let run = session.run().unwrap();
    assert_eq!(*run.get::<i64>("slow").unwrap(), 2);
    assert_eq!(*run.get::<String>("read").unwrap(), "two");
}

#[test]
fn outputs_of_the_last_revision_are_read_while_the_next_one_is_made() {
    let (dir, counter, gate) = (cache(), Counter::default(), Gate::new());
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let session = runner
        .session(
            &pipeline(vec![gate.node("slow", "a", &counter)]),
            inputs! { a: 1 },
        )
        .unwrap();
    gate.let_on(1);
    session.run().unwrap();
    gate.wait(1);
    session.set_input("a", 2).unwrap();
    let next = thread::spawn({
        let session = session.clone();
        move || value(&session, "slow")
    });
    gate.wait(1);
    assert_eq!(*session.last().unwrap().get::<i64>("slow").unwrap(), 1);
    gate.let_on(1);
    assert_eq!(next.join().unwrap(), 2);
    assert_eq!(*session.last().unwrap().get::<i64>("slow").unwrap(), 2);
}

#[test]
fn a_panic_is_a_failure_and_a_mended_node_goes_on() {
    let (dir, counter) = (cache(), Counter::default());
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let broken = Node::named("broken")
        .param(Param::of::<i64>("a"))
        .version("1")
        .cached(|args| {
            assert!(*args.get::<i64>(0) > 0, "it is not positive");
            Ok(*args.get::<i64>(0))
        });
    let nodes = vec![broken, sum("after", &["broken"], "1", &counter)];
    let session = runner.session(&pipeline(nodes), inputs! { a: 1 }).unwrap();
    assert_eq!(value(&session, "after"), 1);
    session.set_input("a", -1).unwrap();
    let run = session.run().unwrap();
    assert_eq!(run.report().outcome("broken"), Some(Outcome::Failed));
    assert_eq!(run.report().outcome("after"), Some(Outcome::Blocked));
    assert_eq!(*session.last().unwrap().get::<i64>("after").unwrap(), 1);
    session.set_input("a", 2).unwrap();
    assert_eq!(value(&session, "after"), 2);
}

#[test]
fn a_forced_node_executes_once() {
    let (dir, counter) = (cache(), Counter::default());
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let nodes = vec![
        sum("one", &["a"], "1", &counter),
        sum("two", &["one"], "1", &counter),
    ];
    let session = runner.session(&pipeline(nodes), inputs! { a: 1 }).unwrap();
    session.run().unwrap();
    counter.take();
    session.force(["one"]).unwrap();
    session.run().unwrap();
    assert_eq!(counter.take(), ["one"]);
    session.run().unwrap();
    assert_eq!(counter.take(), [""; 0]);
    assert!(session.force(["onn"]).is_err());

    // It is not forgotten when a run cannot begin.
    session.force(["one"]).unwrap();
    session.set_input("a", "no number").unwrap();
    assert!(session.run().is_err());
    session.set_input("a", 1).unwrap();
    session.run().unwrap();
    assert_eq!(counter.take(), ["one"]);
}

#[test]
fn two_sessions_and_a_run_of_one_directory_execute_everything_once() {
    let (dir, counter) = (cache(), Counter::default());
    let started = Arc::new(Barrier::new(3));
    let nodes = |counter: &Counter| {
        vec![
            sum("left", &["a"], "1", counter),
            sum("right", &["b"], "1", counter),
            sum("both", &["left", "right"], "1", counter),
        ]
    };
    thread::scope(|scope| {
        for kind in 0..3 {
            let (started, dir, counter) = (started.clone(), dir.path(), &counter);
            scope.spawn(move || {
                let runner = Runner::new(CacheConfig::new(dir)).unwrap();
                let pipeline = pipeline(nodes(counter));
                let session = runner.session(&pipeline, inputs! { a: 0, b: 0 }).unwrap();
                for round in 0..20i64 {
                    started.wait();
                    let both = match kind {
                        0 => {
                            let run = runner.run(&pipeline, inputs! { a: round, b: 1 }).unwrap();
                            *run.get::<i64>("both").unwrap()
                        }
                        _ => {
                            session.set_input("a", round).unwrap();
                            session.set_input("b", 1).unwrap();
                            value(&session, "both")
                        }
                    };
                    assert_eq!(both, round + 1);
                }
            });
        }
    });
    // `left` of each round, `right` once, `both` of each round.
    assert_eq!(counter.take().len(), 20 + 1 + 20);
}

#[test]
fn ten_thousand_new_files_are_one_revision() {
    let (cache, desk) = (cache(), tempfile::tempdir().unwrap());
    let count = Node::named("count")
        .param(Param::new::<Vec<PathBuf>>("all"))
        .version("1")
        .cached(|args| Ok(args.get::<Vec<PathBuf>>(0).len()));
    let runner = Runner::new(CacheConfig::new(cache.path())).unwrap();
    let none: [PathBuf; 0] = [];
    let session = runner
        .session(&pipeline(vec![count]), inputs! { all: files(none) })
        .unwrap();
    session.run().unwrap();
    let paths: Vec<PathBuf> = (0..10_000)
        .map(|file| desk.path().join(file.to_string()))
        .collect();
    paths.iter().for_each(|path| fs::write(path, "").unwrap());
    session.set_input("all", files(&paths)).unwrap();
    session.refresh_paths(&paths);
    let run = session.run().unwrap();
    assert_eq!(*run.get::<usize>("count").unwrap(), 10_000);
    assert_eq!(
        (run.report().revision(), run.report().counts().executed),
        (2, 1)
    );
}

/// A number that counts how often it is read back.
#[derive(serde::Serialize)]
struct Weighty(i64);

static READ_BACK: AtomicUsize = AtomicUsize::new(0);

impl<'de> serde::Deserialize<'de> for Weighty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ_BACK.fetch_add(1, Ordering::SeqCst);
        i64::deserialize(deserializer).map(Weighty)
    }
}

#[test]
fn values_are_held_in_memory_as_long_as_there_is_room() {
    for (room, read_back) in [(1 << 20, 0), (0, 5)] {
        let dir = cache();
        let weighty = Node::named("weighty")
            .version("1")
            .cached(|_| Ok(Weighty(1)));
        let sum = Node::named("sum")
            .param(Param::new::<Weighty>("weighty"))
            .param(Param::of::<i64>("a"))
            .version("1")
            .cached(|args| Ok(args.get::<Weighty>(0).0 + args.get::<i64>(1)));
        let runner = Runner::new(CacheConfig::new(dir.path()).memory(room)).unwrap();
        let session = runner
            .session(&pipeline(vec![weighty, sum]), inputs! { a: 0 })
            .unwrap();
        assert_eq!(value(&session, "sum"), 1);
        let before = READ_BACK.load(Ordering::SeqCst);
        for a in 1..=5 {
            session.set_input("a", a).unwrap();
            assert_eq!(value(&session, "sum"), 1 + a);
        }
        assert_eq!(READ_BACK.load(Ordering::SeqCst) - before, read_back);
    }
}

#[test]
fn a_store_that_loses_blobs_under_a_session_has_them_made_again() {
    let (dir, counter) = (cache(), Counter::default());
    let (one, two) = (counter.clone(), counter.clone());
    let large = Node::named("large")
        .param(Param::of::<i64>("a"))
        .version("1")
        .cached(move |args| {
            one.count("large");
            Ok(args.get::<i64>(0).to_string().repeat(10_000))
        });
    let length = Node::named("length")
        .param(Param::of::<String>("large"))
        .param(Param::of::<i64>("b"))
        .version("1")
        .cached(move |args| {
            two.count("length");
            Ok(args.get::<String>(0).len() as i64 + args.get::<i64>(1))
        });
    let runner = Runner::new(CacheConfig::new(dir.path()).memory(0)).unwrap();
    let session = runner
        .session(&pipeline(vec![large, length]), inputs! { a: 7, b: 0 })
        .unwrap();
    assert_eq!(value(&session, "length"), 10_000);
    counter.take();
    let blobs = || {
        fs::read_dir(dir.path().join("blobs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };

    session.set_input("b", 1).unwrap();
    assert_eq!(value(&session, "length"), 10_001);
    assert_eq!(counter.take(), ["length"]);
    blobs().for_each(|blob| fs::remove_file(blob).unwrap());
    session.set_input("b", 2).unwrap();
    assert_eq!(value(&session, "length"), 10_002);
    assert_eq!(counter.take(), ["large", "length"]);

    for blob in blobs() {
        let mut permissions = fs::metadata(&blob).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        fs::set_permissions(&blob, permissions).unwrap();
        fs::write(&blob, "8".repeat(10_002)).unwrap();
    }
    session.set_input("b", 3).unwrap();
    assert_eq!(value(&session, "length"), 10_003);
    assert_eq!(counter.take(), ["large", "length"]);
}
