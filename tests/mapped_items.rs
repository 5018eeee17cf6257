//! Mapped nodes over values: each item is remembered by itself, whatever it is handed over with.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use refrain::{
    CacheConfig, Failure, ItemCounts, Mode, Node, Outcome, Param, Pipeline, Prospect, Run, Runner,
    Status, Verdict, files, func, functions, inputs,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Document {
    id: u32,
    text: String,
}

/// Documents by their numbers and texts.
fn docs(all: &[(u32, &str)]) -> Vec<Document> {
    let doc = |(id, text): &(u32, &str)| Document {
        id: *id,
        text: (*text).to_owned(),
    };
    all.iter().map(doc).collect()
}

/// What executed, for pipelines of nodes made at run time.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What executed since the last time, sorted.
    fn take(&self) -> Vec<String> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.sort();
        all
    }
}

fn counts(total: usize, executed: usize, failed: usize) -> Option<ItemCounts> {
    Some(ItemCounts {
        total,
        executed,
        hit: total - executed - failed,
        failed,
    })
}

/// Shouts every document, and joins what was shouted; a bad document fails.
fn shouts(log: &Log) -> Pipeline {
    let (shouted, joined) = (log.clone(), log.clone());
    let shout = Node::named("shout")
        .param(Param::of::<String>("mark"))
        .version("1")
        .mapped()
        .over_keyed("docs", |doc: &Document| doc.id.to_string())
        .cached(move |args| {
            let doc = args.get::<Document>(1);
            shouted.note(&doc.text);
            match &*doc.text {
                "bad" => Err(Failure::new("a bad text")),
                text => Ok(text.to_uppercase() + args.get::<String>(0)),
            }
        });
    let join = Node::named("join")
        .param(Param::of::<Vec<String>>("shout"))
        .version("1")
        .cached(move |args| {
            joined.note("join");
            Ok(args.get::<Vec<String>>(0).join(" "))
        });
    Pipeline::new(vec![shout, join]).unwrap()
}

struct Desk {
    dir: tempfile::TempDir,
    log: Log,
}

impl Desk {
    fn new() -> Self {
        Desk {
            dir: tempfile::tempdir().unwrap(),
            log: Log::default(),
        }
    }

    fn runner(&self) -> Runner {
        Runner::new(CacheConfig::new(self.dir.path())).unwrap()
    }
}

#[test]
fn an_item_costs_itself_in_a_session_and_in_a_fresh_process() {
    let lists = [
        (
            docs(&[(1, "one"), (2, "two")]),
            "ONE! TWO!",
            &["join", "one", "two"][..],
        ),
        (docs(&[(1, "one"), (2, "two")]), "ONE! TWO!", &[]),
        (docs(&[(1, "one"), (2, "2")]), "ONE! 2!", &["2", "join"]),
        (
            docs(&[(3, "new"), (1, "one"), (2, "2")]),
            "NEW! ONE! 2!",
            &["join", "new"],
        ),
        (docs(&[(2, "2"), (3, "new")]), "2! NEW!", &["join"]),
        (docs(&[(1, "one"), (2, "two")]), "ONE! TWO!", &[]),
        (docs(&[]), "", &["join"]),
    ];
    for fresh in [false, true] {
        let desk = Desk::new();
        let mut pipeline = shouts(&desk.log);
        let mut runner = desk.runner();
        for (list, gives, executed) in &lists {
            if fresh {
                pipeline = shouts(&desk.log);
                runner = desk.runner();
            }
            let run = runner.run(&pipeline, inputs! { docs: list.clone(), mark: "!" });
            let run = run.unwrap();
            assert_eq!(*run.get::<String>("join").unwrap(), *gives);
            assert_eq!(desk.log.take(), *executed, "{gives}, fresh: {fresh}");
        }
    }
}

#[test]
fn what_items_share_costs_all_of_them() {
    let desk = Desk::new();
    let (runner, pipeline) = (desk.runner(), shouts(&desk.log));
    let list = docs(&[(1, "one"), (2, "two")]);
    let run = |mark: &str| {
        let inputs = inputs! { docs: list.clone(), mark: mark.to_owned() };
        let run = runner.run(&pipeline, inputs).unwrap();
        (
            run.report().node("shout").unwrap().items,
            desk.log.take().len(),
        )
    };
    assert_eq!(run("!"), (counts(2, 2, 0), 3));
    assert_eq!(run("?"), (counts(2, 2, 0), 3));
    assert_eq!(run("!"), (None, 0));
}

#[func(output = "tokens", cache, map_axis = "doc in docs", key_attr = "id")]
fn tokenize(doc: &Document, stop: &[String]) -> Result<Vec<String>, String> {
    let words = doc.text.split(' ').map(str::to_owned);
    Ok(words.filter(|word| !stop.contains(word)).collect())
}

#[func(cache, map_axis = "list in tokens, doc in docs", key_attr = "doc.id")]
fn lengths(list: Vec<String>, doc: Arc<Document>) -> (u32, usize) {
    (doc.id, list.len())
}

#[func(cache)]
fn vocabulary(tokens: &[Vec<String>], lengths: &[(u32, usize)]) -> (Vec<String>, usize) {
    let mut words = tokens.concat();
    words.sort();
    words.dedup();
    (words, lengths.iter().map(|(_, length)| length).sum())
}

#[test]
fn functions_are_mapped_and_still_functions() {
    let desk = Desk::new();
    let pipeline = Pipeline::new(functions![tokenize, lengths, vocabulary]).unwrap();
    let stop = vec!["the".to_owned()];
    assert_eq!(
        tokenize(&docs(&[(1, "the end")])[0], &stop).unwrap(),
        ["end"]
    );
    let run = |list: &[(u32, &str)]| {
        let inputs = inputs! { docs: docs(list), stop: stop.clone() };
        desk.runner().run(&pipeline, inputs).unwrap()
    };
    let first = run(&[(7, "the end"), (8, "a start")]);
    let (words, count) = &*first.get::<(Vec<String>, usize)>("vocabulary").unwrap();
    assert_eq!((words.join(" "), *count), ("a end start".to_owned(), 3));
    let second = run(&[(7, "the end"), (8, "a fresh start"), (9, "the end")]);
    assert_eq!(
        second.report().node("tokens").unwrap().items,
        counts(3, 2, 0)
    );
    assert_eq!(
        second.report().node("lengths").unwrap().items,
        counts(3, 2, 0)
    );
    let only = pipeline.targets(["lengths"]).unwrap();
    let inputs = inputs! { docs: docs(&[(9, "the end")]), stop: stop.clone() };
    let third = desk.runner().run(&only, inputs).unwrap();
    assert_eq!(
        *third.get::<Vec<(u32, usize)>>("lengths").unwrap(),
        [(9, 1)]
    );
    assert_eq!(third.report().outcome("tokens"), Some(Outcome::Cutoff));
}

#[func(cache, map_axis = "doc in docs, list in tokens", key_attr = "doc.id")]
fn counted(doc: &Document, list: &[String]) -> (u32, usize) {
    (doc.id, list.len())
}

#[test]
fn items_that_are_over_before_all_equal_ones_above_wait_for_these() {
    let desk = Desk::new();
    let pipeline = Pipeline::new(functions![tokenize, counted]).unwrap();
    let run = |stop: &str| {
        let inputs =
            inputs! { docs: docs(&[(7, "the end"), (7, "the end")]), stop: vec![stop.to_owned()] };
        let run = desk.runner().run(&pipeline, inputs).unwrap();
        let counted = run.get::<Vec<(u32, usize)>>("counted").unwrap();
        (counted.to_vec(), run.report().outcome("counted").unwrap())
    };
    let twice = vec![(7, 2), (7, 2)];
    assert_eq!(run("no"), (twice.clone(), Outcome::Executed));
    // Both are found as soon as the first text has been split, and the list above has yet to hear of the second.
    assert_eq!(run("none"), (twice, Outcome::Cutoff));
}

#[func(cache, map_axis = "path in texts")]
fn sizes(path: &Path) -> std::io::Result<usize> {
    Ok(std::fs::read_to_string(path)?.len())
}

#[test]
fn files_are_items_known_by_their_paths() {
    let desk = Desk::new();
    let pipeline = Pipeline::new(functions![sizes]).unwrap();
    let texts = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| texts.path().join(name));
    let run = |executed: usize| {
        let run = desk
            .runner()
            .run(&pipeline, inputs! { texts: files(&paths) });
        let run = run.unwrap();
        let items = run.report().node("sizes").unwrap().items;
        assert_eq!(items.map_or(0, |items| items.executed), executed);
        run.get::<Vec<usize>>("sizes").unwrap()
    };
    for path in &paths {
        std::fs::write(path, "same").unwrap();
    }
    // A function sees the path, so files of one content are two items.
    assert_eq!(*run(2), [4, 4]);
    std::fs::write(&paths[1], "other").unwrap();
    assert_eq!(*run(1), [4, 5]);
    assert_eq!(*run(0), [4, 5]);
}

/// Doubles numbers that another node gives as one list.
fn doubled(log: &Log) -> Pipeline {
    let log = log.clone();
    let numbers = Node::named("numbers")
        .param(Param::of::<String>("text"))
        .version("1")
        .uncached(|args| {
            let numbers = args.get::<String>(0).split(' ').map(str::parse);
            let numbers: Result<Vec<u64>, _> = numbers.collect();
            numbers.map_err(|e| Failure::new(e.to_string()))
        });
    let double = Node::named("double")
        .version("1")
        .mapped()
        .over_items::<u64>("numbers")
        .cached(move |args| {
            log.note(args.get::<u64>(0).to_string());
            Ok(args.get::<u64>(0) * 2)
        });
    Pipeline::new(vec![numbers, double]).unwrap()
}

#[test]
fn values_of_a_node_are_items_known_by_their_content() {
    let desk = Desk::new();
    let run = |text: &str| {
        let run = desk
            .runner()
            .run(&doubled(&desk.log), inputs! { text: text.to_owned() });
        (
            run.unwrap().get::<Vec<u64>>("double").unwrap().to_vec(),
            desk.log.take(),
        )
    };
    let owned = |items: &[&str]| {
        items
            .iter()
            .map(|item| (*item).to_owned())
            .collect::<Vec<_>>()
    };
    // Equal items are one execution and two places.
    assert_eq!(run("5 6 5"), (vec![10, 12, 10], owned(&["5", "6"])));
    assert_eq!(run("6 7"), (vec![12, 14], owned(&["7"])));
}

#[test]
fn equal_items_run_once_where_nothing_is_looked_up() {
    let desk = Desk::new();
    let text = || inputs! { text: "5 6 5".to_owned() };
    let run = |forced: bool| {
        let runner = desk.runner().jobs(1);
        let runner = match forced {
            true => runner.force(["double"]),
            false => runner,
        };
        runner.run(&doubled(&desk.log), text()).unwrap()
    };
    run(false);
    desk.log.take();
    let forced = run(true);
    assert_eq!(*forced.get::<Vec<u64>>("double").unwrap(), [10, 12, 10]);
    assert_eq!(desk.log.take(), ["5", "6"]);
    let items = forced.report().node("double").unwrap().items;
    assert_eq!(items, counts(3, 2, 0));
}

#[test]
fn one_key_stands_for_one_thing() {
    let desk = Desk::new();
    let (runner, pipeline) = (desk.runner(), shouts(&desk.log));
    let run = |list: &[(u32, &str)]| {
        let run = runner.run(&pipeline, inputs! { docs: docs(list), mark: "!" });
        run.unwrap()
    };
    let twice = run(&[(1, "one"), (1, "one")]);
    assert_eq!(*twice.get::<String>("join").unwrap(), "ONE! ONE!");
    let run = run(&[(1, "one"), (2, "two"), (1, "other")]);
    let note = run.report().node("shout").unwrap().note.unwrap();
    assert_eq!(
        &*note,
        "docs has two different items under the key \"1\": number 1 and number 3"
    );
}

#[test]
fn a_failing_item_is_named_and_loses_no_other() {
    let desk = Desk::new();
    let pipeline = shouts(&desk.log);
    let run = |runner: Runner, list: &[(u32, &str)]| {
        let run = runner.run(&pipeline, inputs! { docs: docs(list), mark: "!" });
        run.unwrap()
    };
    let bad = [(1, "one"), (2, "bad"), (3, "three"), (4, "bad")];
    let failed = run(desk.runner().keep_going(true), &bad);
    assert_eq!(failed.status(), Status::Failed);
    let shout = failed.report().node("shout").unwrap();
    assert_eq!(
        &*shout.note.unwrap(),
        "2 of 4 items failed; item 2: a bad text"
    );
    assert_eq!(shout.items, counts(4, 2, 2));
    assert_eq!(failed.report().outcome("join"), Some(Outcome::Blocked));
    assert_eq!(desk.log.take(), ["bad", "bad", "one", "three"]);
    let again = run(desk.runner().keep_going(true), &bad);
    assert_eq!(again.report().node("shout").unwrap().items, counts(4, 0, 2));
    assert_eq!(desk.log.take(), ["bad", "bad"]);
    let good = run(desk.runner(), &[(1, "one"), (2, "good"), (3, "three")]);
    assert_eq!(*good.get::<String>("join").unwrap(), "ONE! GOOD! THREE!");
    assert_eq!(desk.log.take(), ["good", "join"]);
}

/// Encodes documents, several at once; a bad document fails its batch, and an odd one is left out.
fn encoder(log: &Log) -> Pipeline {
    let log = log.clone();
    let encode = Node::named("encode")
        .version("1")
        .mapped()
        .over_keyed("docs", |doc: &Document| doc.id.to_string())
        .in_batches(3)
        .cached(move |args| {
            let docs = args.get::<Vec<Document>>(0);
            let texts: Vec<&str> = docs.iter().map(|doc| &*doc.text).collect();
            log.note(texts.join(" "));
            match texts.contains(&"bad") {
                true => Err(Failure::new("cannot encode it")),
                false => Ok(texts
                    .iter()
                    .filter(|text| **text != "odd")
                    .map(|text| text.len())
                    .collect()),
            }
        });
    Pipeline::new(vec![encode]).unwrap()
}

#[test]
fn a_batch_is_made_of_the_missing_items() {
    let desk = Desk::new();
    let pipeline = encoder(&desk.log);
    let run = |list: &[(u32, &str)]| {
        let run = desk
            .runner()
            .jobs(1)
            .run(&pipeline, inputs! { docs: docs(list) });
        run.unwrap()
    };
    let first = run(&[(1, "a"), (2, "bb"), (3, "ccc"), (4, "dddd")]);
    assert_eq!(*first.get::<Vec<usize>>("encode").unwrap(), [1, 2, 3, 4]);
    assert_eq!(desk.log.take(), ["a bb ccc", "dddd"]);
    let list = [(5, "eeeee"), (1, "a"), (2, "B"), (3, "ccc"), (6, "F")];
    let second = run(&list);
    assert_eq!(
        *second.get::<Vec<usize>>("encode").unwrap(),
        [5, 1, 1, 3, 1]
    );
    assert_eq!(desk.log.take(), ["eeeee B F"]);
    assert_eq!(
        second.report().node("encode").unwrap().items,
        counts(5, 3, 0)
    );
}

#[test]
fn a_batch_gives_one_output_for_each_item() {
    let desk = Desk::new();
    let list = docs(&[(1, "a"), (2, "odd")]);
    let run = desk
        .runner()
        .run(&encoder(&desk.log), inputs! { docs: list });
    let note = run.unwrap().report().node("encode").unwrap().note.unwrap();
    let refused = "it was given 2 items and gave 1 outputs; it must give one for each";
    assert!(note.ends_with(refused), "{note}");
    assert_eq!(desk.log.take(), ["a odd"]);
}

#[test]
fn the_item_that_fails_a_batch_is_found() {
    let desk = Desk::new();
    let list = docs(&[(1, "a"), (2, "bad"), (3, "c")]);
    let runner = desk.runner().jobs(1).keep_going(true);
    let run = runner.run(&encoder(&desk.log), inputs! { docs: list });
    let encode = run.unwrap().report().node("encode").unwrap();
    assert_eq!(&*encode.note.unwrap(), "item 2: cannot encode it");
    assert_eq!(encode.items, counts(3, 2, 1));
    assert_eq!(desk.log.take(), ["a", "a bad c", "bad", "c"]);
}

#[test]
fn modes_differ_in_calls_and_in_nothing_else() {
    let list = docs(&[(1, "a"), (2, "bb"), (3, "ccc"), (4, "dddd")]);
    let modes = [
        (Mode::Local, 2, 4),
        (Mode::Batch, 9, 2),
        (Mode::Auto, 4, 2),
        (Mode::Auto, 5, 4),
    ];
    let mut known = Vec::new();
    for (mode, threshold, calls) in modes {
        let desk = Desk::new();
        let pipeline = encoder(&desk.log);
        let run = |runner: Runner| {
            runner
                .run(&pipeline, inputs! { docs: list.clone() })
                .unwrap()
        };
        let first = run(desk.runner().jobs(1).mode(mode).batch_threshold(threshold));
        assert_eq!(desk.log.take().len(), calls, "{mode:?} from {threshold}");
        let node = first.report().node("encode").unwrap();
        assert_eq!(node.items, counts(4, 4, 0));
        let store = desk.runner().store().unwrap();
        let record = match store.find(&node.signature.unwrap()) {
            refrain_store::Lookup::Hit(record) => record,
            other => panic!("{other:?}"),
        };
        let items = store.load_list(&record.output).unwrap();
        known.push((
            record.signature,
            record.resolved,
            record.parts.clone(),
            items,
        ));
        // What one mode remembers every other finds.
        for (mode, threshold, _) in modes {
            run(desk.runner().mode(mode).batch_threshold(threshold));
        }
        assert!(desk.log.take().is_empty());
    }
    known.dedup();
    assert_eq!(known.len(), 1);
}

/// Waits for a message that another node's execution sends.
fn wait(from: &Mutex<Receiver<()>>) -> Result<(), Failure> {
    let patience = Duration::from_secs(60);
    let came = from.lock().unwrap().recv_timeout(patience);
    came.map_err(|_| Failure::new("nobody went on while this waited"))
}

#[test]
fn items_go_on_while_others_are_made() {
    let desk = Desk::new();
    let (second, done) = channel();
    let done = Mutex::new(done);
    let first = Node::named("first")
        .version("1")
        .mapped()
        .over_items::<u64>("numbers")
        .cached(move |args| match args.get::<u64>(0) {
            // The last of these ends only when the second node had the first of them.
            2 => wait(&done).map(|()| 2),
            number => Ok(*number),
        });
    let next = Node::named("second")
        .version("1")
        .mapped()
        .over_items::<u64>("first")
        .over_items::<u64>("numbers")
        .cached(move |args| {
            let _ = second.send(());
            Ok(args.get::<u64>(0) * 10 + args.get::<u64>(1))
        });
    // What comes item by item need not be the first list.
    let last = Node::named("third")
        .version("1")
        .mapped()
        .over_items::<u64>("numbers")
        .over_items::<u64>("second")
        .cached(|args| Ok(args.get::<u64>(0) + args.get::<u64>(1)));
    let pipeline = Pipeline::new(vec![first, next, last]).unwrap();
    let pipeline = pipeline.targets(["second", "third"]).unwrap();
    let runner = desk.runner().jobs(2);
    let run = runner
        .run(&pipeline, inputs! { numbers: vec![1u64, 2] })
        .unwrap();
    assert_eq!(run.status(), Status::Ok, "{}", run.report());
    assert_eq!(*run.get::<Vec<u64>>("second").unwrap(), [11, 22]);
    assert_eq!(*run.get::<Vec<u64>>("third").unwrap(), [12, 24]);
    assert_eq!(run.report().node("second").unwrap().items, counts(2, 2, 0));
}

/// Three mapped nodes in a row: shouts, doubles and counts documents. The one in the middle can refuse.
fn row(log: &Log) -> Pipeline {
    let step = |name: &'static str, above: &'static str| {
        let log = log.clone();
        Node::named(name)
            .version("1")
            .mapped()
            .over_items::<String>(above)
            .cached(move |args| {
                let text = args.get::<String>(0);
                log.note(format!("{name} {text}"));
                match (name, &**text) {
                    ("b", "xa") => Err(Failure::new("no x")),
                    _ => Ok(format!("{text}{name}")),
                }
            })
    };
    Pipeline::new(vec![step("a", "words"), step("b", "a"), step("c", "b")]).unwrap()
}

#[test]
fn what_is_made_of_a_failed_item_is_blocked_and_no_other() {
    let desk = Desk::new();
    let pipeline = row(&desk.log);
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let run = |runner: Runner, list: &[&str]| {
        runner
            .run(&pipeline, inputs! { words: words(list) })
            .unwrap()
    };
    let failed = run(desk.runner().keep_going(true), &["u", "x", "v"]);
    let items = |run: &Run, node: &str| run.report().node(node).unwrap().items;
    assert_eq!(failed.report().outcome("b"), Some(Outcome::Failed));
    assert_eq!(items(&failed, "b"), counts(3, 2, 1));
    let c = failed.report().node("c").unwrap();
    assert_eq!(c.outcome, Outcome::Blocked);
    assert!(c.note.unwrap().starts_with("needs b, which failed: item "));
    assert_eq!(
        desk.log.take(),
        [
            "a u", "a v", "a x", "b ua", "b va", "b xa", "c uab", "c vab"
        ]
    );
    let good = run(desk.runner(), &["u", "y", "v"]);
    assert_eq!(
        good.get::<Vec<String>>("c").unwrap().join(" "),
        "uabc yabc vabc"
    );
    assert_eq!(desk.log.take(), ["a y", "b ya", "c yab"]);
    // Without `keep_going` nothing waits for what will not come.
    let stopped = run(desk.runner(), &["x"]);
    assert_eq!(stopped.report().outcome("c"), Some(Outcome::Blocked));
}

#[test]
fn a_long_row_of_mapped_nodes_needs_no_stack() {
    let desk = Desk::new();
    let step = |n: usize| {
        Node::named(format!("n{n}"))
            .version("1")
            .mapped()
            .over_items::<u64>(format!("n{}", n + 1))
            .cached(|args| Ok(*args.get::<u64>(0) + 1))
    };
    let pipeline = Pipeline::new((0..1000).map(step).collect()).unwrap();
    let run = || {
        let inputs = refrain::Inputs::new().with("n1000", vec![1u64, 2]);
        desk.runner().run(&pipeline, inputs).unwrap()
    };
    let thread = std::thread::Builder::new().stack_size(512 << 10);
    std::thread::scope(|scope| {
        let first = thread.spawn_scoped(scope, run).unwrap().join().unwrap();
        assert_eq!(*first.get::<Vec<u64>>("n0").unwrap(), [1001, 1002]);
    });
    assert_eq!(run().report().counts().executed, 0);
}

#[test]
fn without_a_cache_and_uncached_every_item_runs() {
    let desk = Desk::new();
    let runner = Runner::new(CacheConfig::default()).unwrap();
    let list = docs(&[(1, "one"), (2, "two")]);
    for _ in 0..2 {
        let run = runner.run(
            &shouts(&desk.log),
            inputs! { docs: list.clone(), mark: "!" },
        );
        assert_eq!(*run.unwrap().get::<String>("join").unwrap(), "ONE! TWO!");
        assert_eq!(desk.log.take().len(), 3);
    }
    let log = desk.log.clone();
    // A closure: nothing that could be stored.
    type Add = Arc<dyn Fn(u64) -> u64 + Send + Sync>;
    let adders = Node::named("adders")
        .version("1")
        .mapped()
        .over_items::<u64>("numbers")
        .uncached(move |args| {
            let number = *args.get::<u64>(0);
            log.note(number.to_string());
            Ok(Arc::new(move |x| x + number) as Add)
        });
    let sum = Node::named("sum")
        .param(Param::new::<Vec<Add>>("adders"))
        .version("1")
        .cached(|args| Ok(args.get::<Vec<Add>>(0).iter().fold(0, |sum, add| add(sum))));
    let pipeline = Pipeline::new(vec![adders, sum]).unwrap();
    let runner = desk.runner();
    let run = |numbers: Vec<u64>| {
        let run = runner.run(&pipeline, inputs! { numbers: numbers }).unwrap();
        (*run.get::<u64>("sum").unwrap(), desk.log.take().len())
    };
    assert_eq!(run(vec![1, 2]), (3, 2));
    assert_eq!(run(vec![1, 2]), (3, 0), "nobody needs the values");
    assert_eq!(run(vec![1, 2, 3]), (6, 3));
}

#[test]
fn plans_and_second_executions_know_the_items() {
    let desk = Desk::new();
    let pipeline = shouts(&desk.log);
    let runner = desk.runner();
    let one = inputs! { docs: docs(&[(1, "one"), (2, "two")]), mark: "!" };
    runner.run(&pipeline, one.clone()).unwrap();
    let other = inputs! { docs: docs(&[(1, "one"), (2, "other"), (3, "new")]), mark: "!" };
    for runner in [runner.clone(), desk.runner()] {
        let plan = runner.plan(&pipeline, other.clone()).unwrap();
        let shout = plan.node("shout").unwrap();
        let items = shout.items.unwrap();
        assert_eq!(
            (shout.prospect, items.total, items.to_run),
            (Prospect::Run, 3, 2)
        );
        assert_eq!(plan.node("join").unwrap().prospect, Prospect::Perhaps);
    }
    let reruns = runner
        .rerun(&pipeline, one, |name| name.starts_with("shout["))
        .unwrap();
    let told: Vec<_> = reruns
        .iter()
        .map(|rerun| (&*rerun.node, &rerun.verdict))
        .collect();
    assert_eq!(
        told,
        [("shout[1]", &Verdict::Same), ("shout[2]", &Verdict::Same)]
    );
}

#[test]
fn the_reason_is_told_down_to_the_item() {
    let desk = Desk::new();
    let pipeline = shouts(&desk.log);
    let (mark, other_mark) = ("!", "?");
    let given =
        |list: &[(u32, &str)], mark: &str| inputs! { docs: docs(list), mark: mark.to_owned() };
    let one = [(1, "one"), (2, "two")];
    let long = "long ".repeat(100);
    /// A list, the mark, and what the reason ends with.
    type Case<'a> = (&'a [(u32, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 6] = [
        (
            &[(1, "one"), (2, "other")],
            mark,
            r#"shout[2]: inputs: docs: {"id":2,"text":"two"} -> {"id":2,"text":"other"}"#,
        ),
        (
            &[(1, "one"), (2, "two"), (3, "new")],
            mark,
            "shout[3]: inputs: is new",
        ),
        (&[(2, "two")], mark, "shout[1]: inputs: is gone"),
        (
            &[(1, "one"), (2, &long)],
            mark,
            "shout[2]: inputs: docs changed",
        ),
        // Nothing of one item alone: what they share, and their order.
        (&one, other_mark, r#"shout: inputs: mark: "!" -> "?""#),
        (&[(2, "two"), (1, "one")], mark, "shout: inputs: docs: ["),
    ];
    for (list, mark, told) in cases {
        let fresh = Desk::new();
        let runner = fresh.runner();
        runner.run(&pipeline, given(&one, "!")).unwrap();
        let last = |explained: &refrain::Explanation| {
            let told = explained.to_string();
            told.lines().last().unwrap().trim().to_owned()
        };
        for runner in [runner.clone(), fresh.runner()] {
            let why = runner.why(&pipeline, given(list, mark), "join").unwrap();
            assert!(last(&why).starts_with(told), "{why}\n{told}");
        }
        // What was only put together anew did not run.
        let run = runner.run(&pipeline, given(list, mark)).unwrap();
        if run.report().outcome("shout") == Some(Outcome::Executed) {
            let why = run.explain("shout").unwrap();
            assert!(last(&why).starts_with(told), "{why}\n{told}");
        }
    }
}

#[test]
fn an_edit_in_the_middle_of_a_run_costs_the_items_it_reaches() {
    for batch in [false, true] {
        let desk = Desk::new();
        let (began, beginning) = channel();
        let (go_on, going) = channel();
        let (log, going) = (desk.log.clone(), Mutex::new(going));
        let slow = move |number: u64| {
            log.note(number.to_string());
            if number == 1 {
                let _ = began.send(());
                wait(&going)?;
            }
            Ok(number * 10)
        };
        let node = Node::named("slow")
            .version("1")
            .mapped()
            .over_items::<u64>("numbers");
        let node = match batch {
            false => node.cached(move |args| slow(*args.get::<u64>(0))),
            true => node.in_batches(2).cached(move |args| {
                let numbers = args.get::<Vec<u64>>(0);
                numbers.iter().map(|number| slow(*number)).collect()
            }),
        };
        let next = Node::named("next")
            .version("1")
            .mapped()
            .over_items::<u64>("slow")
            .cached(|args| Ok(args.get::<u64>(0) + 1));
        let pipeline = Pipeline::new(vec![node, next]).unwrap();
        let session = desk
            .runner()
            .jobs(2)
            .session(&pipeline, inputs! { numbers: vec![1u64, 2, 3] });
        let session = session.unwrap();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| session.run().unwrap());
            beginning.recv().unwrap();
            session.set_input("numbers", vec![4u64, 1, 2]).unwrap();
            go_on.send(()).unwrap();
            let run = run.join().unwrap();
            assert_eq!(run.status(), Status::Ok, "{}", run.report());
            assert_eq!(*run.get::<Vec<u64>>("next").unwrap(), [41, 11, 21]);
        });
        let mut executed = desk.log.take();
        executed.retain(|number| number != "3");
        assert_eq!(executed, ["1", "2", "4"], "in batches: {batch}");
    }
}

#[test]
fn lists_and_items_are_told_as_json_has_them() {
    let desk = Desk::new();
    let (runner, pipeline) = (desk.runner(), encoder(&desk.log));
    let inputs = inputs! { docs: docs(&[(1, "a"), (2, "bb")]) };
    let run = runner.run(&pipeline, inputs.clone()).unwrap();
    assert_eq!(run.status(), Status::Ok);
    let plan = runner.plan(&pipeline, inputs).unwrap();
    let list = plan.node("encode").unwrap().output.clone().unwrap();
    let items = runner.store().unwrap().load_list(&list).unwrap();
    let plain = |output| runner.plain(&pipeline, "encode", output).unwrap().unwrap();
    assert_eq!(plain(&list).to_string(), "[1,2]");
    assert_eq!(
        (&*items[1].key, plain(&items[1].output).to_string()),
        ("2", "2".to_owned())
    );
}

#[test]
fn keys_that_cannot_be_made_fail_the_node() {
    let desk = Desk::new();
    let node = Node::named("node")
        .version("1")
        .mapped()
        .over_keyed("numbers", |number: &u64| panic!("no key for {number}"))
        .cached(|args| Ok(*args.get::<u64>(0)));
    let pipeline = Pipeline::new(vec![node]).unwrap();
    let run = desk
        .runner()
        .run(&pipeline, inputs! { numbers: vec![1u64] });
    let note = run.unwrap().report().node("node").unwrap().note.unwrap();
    assert_eq!(
        &*note,
        "numbers: it panicked while its items were told apart"
    );
}
