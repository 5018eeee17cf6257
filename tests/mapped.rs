//! Mapped nodes: every item has a record of its own, and a change costs the items that it reaches.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use refrain::{
    Args, CacheConfig, Failure, ItemCounts, Node, Outcome, OutputList, OutputPath, Param, Part,
    PathKind, Pipeline, Prospect, Run, Runner, Status, files, inputs,
};

/// A directory of texts, and a pipeline that shouts each of them, counts what was shouted, and adds it all up.
struct Desk {
    dir: tempfile::TempDir,
    /// What executed, by node and text.
    executed: Arc<Mutex<Vec<String>>>,
    config: CacheConfig,
}

fn write(args: &Args, text: &str) -> Result<OutputPath, Failure> {
    let failure = |e: std::io::Error| Failure::new(e.to_string());
    let scratch = args.execution().scratch().map_err(failure)?;
    let path = scratch.path().join("output");
    fs::write(&path, text).map_err(failure)?;
    Ok(OutputPath::new(path, scratch))
}

impl Desk {
    fn new(texts: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk {
            config: CacheConfig::new(dir.path().join("cache")),
            executed: Arc::default(),
            dir,
        };
        for (name, text) in texts {
            desk.write(name, text);
        }
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn texts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
        paths
    }

    fn note(&self, node: &'static str) -> impl Fn(&str) + use<> {
        let executed = self.executed.clone();
        move |text| executed.lock().unwrap().push(format!("{node} {text}"))
    }

    fn pipeline(&self) -> Pipeline {
        let (shouts, counts, adds) = (self.note("shout"), self.note("count"), self.note("sum"));
        let read = |path: &OutputPath| fs::read_to_string(path.path()).unwrap();
        let shout = Node::named("shout")
            .param(Param::of::<String>("mark"))
            .version("1")
            .mapped()
            .over(Param::new::<Vec<PathBuf>>("texts"))
            .cached_path(PathKind::File, move |args| {
                let text = fs::read_to_string(args.get::<PathBuf>(1)).unwrap();
                shouts(&text);
                if text == "bad" {
                    return Err(Failure::new("a bad text"));
                }
                write(
                    args,
                    &format!("{}{}", text.to_uppercase(), args.get::<String>(0)),
                )
            });
        let count = Node::named("count")
            .version("1")
            .mapped()
            .over(Param::new::<OutputList>("shout"))
            .cached_path(PathKind::File, move |args| {
                let text = read(args.get::<OutputPath>(0));
                counts(&text);
                write(args, &text.len().to_string())
            });
        let sum = Node::named("sum")
            .param(Param::new::<OutputList>("count"))
            .version("1")
            .cached(move |args| {
                adds("");
                let list = args.get::<OutputList>(0);
                let numbers = list
                    .items()
                    .map(|(_, path)| fs::read_to_string(path).unwrap());
                Ok(numbers.collect::<Vec<String>>().join("+"))
            });
        Pipeline::new(vec![shout, count, sum]).unwrap()
    }

    fn run(&self) -> Run {
        self.executed.lock().unwrap().clear();
        let runner = Runner::new(self.config.clone()).unwrap();
        let inputs = inputs! { texts: files(self.texts()), mark: "!" };
        runner.run(&self.pipeline(), inputs).unwrap()
    }

    /// Runs; the sum is as expected, and this is what executed.
    fn gives(&self, sum: &str, executed: &[&str]) -> Run {
        let run = self.run();
        assert_eq!(*run.get::<String>("sum").unwrap(), sum);
        let mut done = self.executed.lock().unwrap().clone();
        done.sort();
        assert_eq!(done, executed);
        run
    }
}

const TWO: [(&str, &str); 2] = [("a", "one"), ("b", "three")];

fn counts(total: usize, executed: usize) -> ItemCounts {
    ItemCounts {
        total,
        executed,
        hit: total - executed,
        failed: 0,
    }
}

#[test]
fn an_item_costs_itself() {
    let desk = Desk::new(&TWO);
    let all = [
        "count ONE!",
        "count THREE!",
        "shout one",
        "shout three",
        "sum ",
    ];
    let run = desk.gives("4+6", &all);
    assert_eq!(
        run.report().node("shout").unwrap().items,
        Some(counts(2, 2))
    );
    desk.gives("4+6", &[]);
    desk.write("b", "four");
    let run = desk.gives("4+5", &["count FOUR!", "shout four", "sum "]);
    assert_eq!(
        run.report().node("shout").unwrap().items,
        Some(counts(2, 1))
    );
    desk.write("c", "fives");
    desk.gives("4+5+6", &["count FIVES!", "shout fives", "sum "]);
    fs::remove_file(desk.dir.path().join("a")).unwrap();
    let run = desk.gives("5+6", &["sum "]);
    assert_eq!(run.report().outcome("shout"), Some(Outcome::Cutoff));
    desk.write("a", "one");
    desk.gives("4+5+6", &[]);
}

#[test]
fn a_list_of_one_file_is_another_thing_than_its_item() {
    let desk = Desk::new(&[("a", "one")]);
    desk.gives("4", &["count ONE!", "shout one", "sum "]);
    desk.write("a", "other");
    desk.gives("6", &["count OTHER!", "shout other", "sum "]);
    desk.write("a", "one");
    desk.write("b", "three");
    desk.gives("4+6", &["count THREE!", "shout three", "sum "]);
    fs::remove_file(desk.dir.path().join("b")).unwrap();
    desk.gives("4", &[]);
}

#[test]
fn what_gives_the_same_stops_there() {
    let desk = Desk::new(&TWO);
    desk.run();
    desk.write("a", "One");
    desk.gives("4+6", &["shout One"]);
    // Another text of the same length: counted, and then nothing has changed.
    desk.write("a", "two");
    desk.gives("4+6", &["count TWO!", "shout two"]);
}

#[test]
fn a_failing_item_is_named_and_loses_no_other() {
    let desk = Desk::new(&[("a", "one"), ("b", "bad"), ("c", "three")]);
    let run = desk.run();
    assert_eq!(run.status(), Status::Failed);
    let shout = run.report().node("shout").unwrap();
    let note = shout.note.unwrap();
    assert!(note.contains("/b: a bad text"), "{note}");
    assert_eq!(run.report().outcome("sum"), Some(Outcome::Blocked));
    let runner = Runner::new(desk.config.clone()).unwrap().keep_going(true);
    let inputs = inputs! { texts: files(desk.texts()), mark: "!" };
    runner.run(&desk.pipeline(), inputs).unwrap();
    // What is made of the others is there as well.
    desk.write("b", "good");
    desk.gives("4+5+6", &["count GOOD!", "shout good", "sum "]);
}

#[test]
fn a_lost_output_of_an_item_costs_that_item() {
    let desk = Desk::new(&[("a", "one"), ("b", &"long ".repeat(2000))]);
    desk.run();
    let blobs = fs::read_dir(desk.dir.path().join("cache/blobs")).unwrap();
    for blob in blobs {
        fs::remove_file(blob.unwrap().path()).unwrap();
    }
    // Nothing needs the lost output as long as the sum is there.
    desk.gives("4+10001", &[]);
    desk.write("a", "four");
    let run = desk.run();
    assert_eq!(*run.get::<String>("sum").unwrap(), "5+10001");
}

#[test]
fn the_portable_snapshot_knows_the_items() {
    let desk = Desk::new(&TWO);
    desk.run();
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = fs::remove_file(desk.dir.path().join("cache").join(name));
    }
    desk.write("b", "four");
    desk.gives("4+5", &["count FOUR!", "shout four", "sum "]);
}

#[test]
fn without_a_cache_every_item_runs() {
    let mut desk = Desk::new(&TWO);
    desk.config = CacheConfig::default();
    let all = [
        "count ONE!",
        "count THREE!",
        "shout one",
        "shout three",
        "sum ",
    ];
    desk.gives("4+6", &all);
    desk.gives("4+6", &all);
}

#[test]
fn a_plan_counts_the_items_to_run() {
    let desk = Desk::new(&TWO);
    desk.run();
    desk.write("b", "four");
    let runner = Runner::new(desk.config.clone()).unwrap();
    let inputs = inputs! { texts: files(desk.texts()), mark: "!" };
    let plan = runner.plan(&desk.pipeline(), inputs).unwrap();
    let shout = plan.node("shout").unwrap();
    let items = shout.items.unwrap();
    assert_eq!(
        (shout.prospect, items.total, items.to_run),
        (Prospect::Run, 2, 1)
    );
    assert_eq!(plan.node("count").unwrap().prospect, Prospect::Perhaps);
    let reason = shout.reason.as_ref().unwrap();
    assert!(
        reason.detail.ends_with("/b:1: `three` -> `four`"),
        "{reason}"
    );
}

/// The words of a text as items, the part before a colon being the key.
fn words(text: &str) -> Result<Vec<Part>, String> {
    let word = |word: &str| {
        let part = Part::new(word.to_owned(), word.as_bytes()).shown(word);
        match word.split_once(':') {
            Some((key, _)) => part.keyed(key),
            None => part,
        }
    };
    Ok(text.split_whitespace().map(word).collect())
}

fn paired(executed: &Arc<Mutex<Vec<String>>>) -> Pipeline {
    let executed = executed.clone();
    let pair = Node::named("pair")
        .version("1")
        .mapped()
        .over_parts(Param::of::<String>("left"), |text: &String| words(text))
        .over_parts(Param::of::<String>("right"), |text: &String| words(text))
        .cached_path(PathKind::File, move |args| {
            let text = format!("{} {}", args.get::<String>(0), args.get::<String>(1));
            executed.lock().unwrap().push(text.clone());
            write(args, &text)
        });
    Pipeline::new(vec![pair]).unwrap()
}

#[test]
fn lists_are_aligned_by_key() {
    let dir = tempfile::tempdir().unwrap();
    let executed = Arc::default();
    let pipeline = paired(&executed);
    let run = |left: &str, right: &str| {
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        executed.lock().unwrap().clear();
        runner
            .run(
                &pipeline,
                inputs! { left: left.to_owned(), right: right.to_owned() },
            )
            .unwrap()
    };
    let read = |run: &Run| {
        let list = run.get::<OutputList>("pair").unwrap();
        let items = list
            .items()
            .map(|(key, path)| format!("{key}={}", fs::read_to_string(path).unwrap()));
        items.collect::<Vec<String>>()
    };
    let first = run("a:1 b:2", "b:3 a:4");
    assert_eq!(read(&first), ["a=a:1 a:4", "b=b:2 b:3"]);
    let second = run("b:2 a:1", "a:4 b:3");
    assert_eq!(read(&second), ["b=b:2 b:3", "a=a:1 a:4"]);
    assert!(
        executed.lock().unwrap().is_empty(),
        "only the order changed"
    );
    // The same item twice is one execution and two places.
    let twice = run("c:5 c:5", "c:6");
    assert_eq!(read(&twice), ["c=c:5 c:6", "c=c:5 c:6"]);
    assert_eq!(executed.lock().unwrap().len(), 1);
    let refused = |left: &str, right: &str| {
        let run = run(left, right);
        assert_eq!(run.status(), Status::Failed);
        run.report().node("pair").unwrap().note.unwrap().to_string()
    };
    assert_eq!(
        refused("a:1 b:2", "a:4"),
        "left has \"b\", and right has not"
    );
    assert_eq!(
        refused("a:1", "a:4 c:1"),
        "right has \"c\", and left has not"
    );
    assert_eq!(
        refused("a:1 a:2", "a:4"),
        "left has two different items under the key \"a\": number 1 and number 2"
    );
    assert!(read(&run("", "")).is_empty());
}
