//! The caching guide's scenarios on `#[func]` functions: every execution is
//! noted by the function itself, so that a report that errs cannot hide one.
//! Changes of code are tested where packages can be built anew.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use refrain::{
    CacheConfig, Error, Inputs, Outcome, Pipeline, ReasonKind, Run, Runner, file, func, functions,
    inputs, opaque,
};
use serde::{Deserialize, Serialize};
use support::cache;

/// The executions of one scenario, in their order.
struct Log(Mutex<Vec<&'static str>>);

impl Log {
    const fn new() -> Self {
        Log(Mutex::new(Vec::new()))
    }

    fn note(&self, name: &'static str) {
        self.0.lock().unwrap().push(name);
    }

    /// The executions since the last call.
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

const NOTHING: [&str; 0] = [];

/// A run as a fresh process would do it: nothing is remembered but on disk.
fn fresh(dir: &Path, pipeline: &Pipeline, inputs: Inputs) -> Run {
    let runner = Runner::new(CacheConfig::new(dir)).unwrap();
    runner.run(pipeline, inputs).unwrap()
}

mod quick_start {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "processed", cache)]
    fn process_data(data: &str) -> String {
        LOG.note("processed");
        data.to_uppercase()
    }

    #[test]
    fn the_second_run_with_the_same_input_executes_nothing() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![process_data]).unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        for executed in [vec!["processed"], vec![]] {
            let run = runner.run(&pipeline, inputs! { data: "hello" }).unwrap();
            assert_eq!(*run.get::<String>("processed").unwrap(), "HELLO");
            assert_eq!(LOG.take(), executed);
            assert_eq!(run.report().executed(), executed);
        }
        let run = fresh(dir.path(), &pipeline, inputs! { data: "hello" });
        assert_eq!(*run.get::<String>("processed").unwrap(), "HELLO");
        assert_eq!(run.report().outcome("processed"), Some(Outcome::Hit));
        assert_eq!(LOG.take(), NOTHING);
        assert_eq!(process_data("still a function"), "STILL A FUNCTION");
        LOG.take();
    }

    #[test]
    fn a_directory_that_was_removed_is_made_again() {
        static LOG: Log = Log::new();
        #[func(output = "again", cache)]
        fn again(data: &str) -> usize {
            LOG.note("again");
            data.len()
        }
        let dir = cache();
        let at = dir.path().join("cache");
        let pipeline = Pipeline::new(functions![again]).unwrap();
        for _ in 0..2 {
            fresh(&at, &pipeline, inputs! { data: "hello" });
            assert_eq!(LOG.take(), ["again"]);
            fs::remove_dir_all(&at).unwrap();
        }
    }
}

mod input_changes {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "result", cache)]
    fn compute(x: i64) -> i64 {
        LOG.note("result");
        x * 2
    }

    #[test]
    fn five_ten_five_executes_twice() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![compute]).unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        for (x, executed) in [(5, vec!["result"]), (10, vec!["result"]), (5, vec![])] {
            let run = runner.run(&pipeline, inputs! { x: x }).unwrap();
            assert_eq!(*run.get::<i64>("result").unwrap(), x * 2);
            assert_eq!(LOG.take(), executed);
        }
        for x in [10, 5] {
            let run = fresh(dir.path(), &pipeline, inputs! { x: x });
            assert_eq!(*run.get::<i64>("result").unwrap(), x * 2);
        }
        assert_eq!(LOG.take(), NOTHING);
    }
}

mod dependency_changes {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "foo", cache)]
    fn foo(a: i64, b: i64) -> i64 {
        LOG.note("foo");
        a + b
    }

    #[func(output = "bar", cache)]
    fn bar(foo: i64, c: i64) -> i64 {
        LOG.note("bar");
        foo * c
    }

    #[test]
    fn a_change_executes_what_is_below_it_and_nothing_else() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![foo, bar]).unwrap();
        let cases = [
            ((1, 2, 3), vec!["foo", "bar"]),
            ((1, 2, 3), vec![]),
            ((1, 2, 4), vec!["bar"]),
            ((7, 2, 4), vec!["foo", "bar"]),
            ((7, 1, 4), vec!["foo", "bar"]),
            // foo gives 3 once more, from other inputs: bar is cut off.
            ((0, 3, 4), vec!["foo"]),
            ((1, 2, 3), vec![]),
        ];
        for ((a, b, c), executed) in cases {
            let run = fresh(dir.path(), &pipeline, inputs! { a: a, b: b, c: c });
            assert_eq!(*run.get::<i64>("bar").unwrap(), (a + b) * c);
            assert_eq!(LOG.take(), executed, "a {a}, b {b}, c {c}");
            assert_eq!(run.report().executed(), executed);
        }
    }
}

mod manual_versions {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "keyed", cache, cache_key = "model_v1")]
    fn keyed(x: i64) -> i64 {
        LOG.note("keyed");
        x
    }

    #[func(output = "unkeyed", cache)]
    fn unkeyed(x: i64) -> i64 {
        LOG.note("unkeyed");
        x
    }

    mod second {
        use super::*;

        #[func(output = "keyed", cache, cache_key = "model_v2")]
        pub fn keyed(x: i64) -> i64 {
            LOG.note("keyed");
            x
        }
    }

    #[test]
    fn a_new_cache_key_is_a_miss_and_the_old_one_still_a_hit() {
        let dir = cache();
        let first = Pipeline::new(functions![keyed]).unwrap();
        let second = Pipeline::new(functions![second::keyed]).unwrap();
        for (pipeline, executed) in [
            (&first, vec!["keyed"]),
            (&second, vec!["keyed"]),
            (&first, vec![]),
            (&second, vec![]),
        ] {
            fresh(dir.path(), pipeline, inputs! { x: 1 });
            assert_eq!(LOG.take(), executed);
        }
        // The same function under another environment.
        let both = Pipeline::new(functions![keyed, unkeyed]).unwrap();
        for (env, executed) in [
            (None, vec!["unkeyed"]),
            (Some("gpu"), vec!["unkeyed"]),
            (Some("cpu"), vec!["unkeyed"]),
            (Some("gpu"), vec![]),
            (None, vec![]),
        ] {
            let mut config = CacheConfig::new(dir.path());
            config.env_hash = env.map(str::to_owned);
            let runner = Runner::new(config).unwrap();
            let run = runner.run(&both, inputs! { x: 1 }).unwrap();
            assert_eq!(LOG.take(), executed, "{env:?}");
            let reason = run.report().node("unkeyed").unwrap().reason;
            if env == Some("cpu") {
                assert_eq!(reason.unwrap().kind, ReasonKind::Env);
            }
        }
    }
}

mod forcing {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "above", cache)]
    fn above(x: i64) -> i64 {
        LOG.note("above");
        x
    }

    #[func(output = "below", cache)]
    fn below(above: i64) -> i64 {
        LOG.note("below");
        above
    }

    #[test]
    fn a_forced_node_executes_and_below_it_what_gets_something_else() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![above, below]).unwrap();
        let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
        let run = |runner: &Runner| runner.run(&pipeline, inputs! { x: 1 });
        run(&runner).unwrap();
        assert_eq!(LOG.take(), ["above", "below"]);
        run(&runner.clone().force(["below"])).unwrap();
        assert_eq!(LOG.take(), ["below"]);
        run(&runner.clone().force(["above", "below"])).unwrap();
        assert_eq!(LOG.take(), ["above", "below"]);
        let forcing = runner.clone().force(["above"]);
        let plan = forcing.plan(&pipeline, inputs! { x: 1 }).unwrap();
        assert_eq!(plan.to_run(), ["above", "below"], "perhaps");
        let forced = run(&forcing).unwrap();
        assert_eq!(LOG.take(), ["above"], "it gave the same");
        assert_eq!(forced.report().outcome("below"), Some(Outcome::Cutoff));
        run(&runner).unwrap();
        assert_eq!(LOG.take(), NOTHING, "only the clone forces");
        let unknown = run(&runner.force(["abov"])).unwrap_err();
        assert!(
            unknown.to_string().contains("did you mean \"above\"?"),
            "{unknown}"
        );
    }
}

mod retrieval {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "corpus", cache, cache_key = "corpus_v1")]
    fn load_corpus(corpus_path: &Path) -> std::io::Result<Vec<String>> {
        LOG.note("corpus");
        let text = fs::read_to_string(corpus_path)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    #[func(output = "embeddings", cache, cache_key = "model_v2")]
    fn encode_corpus(corpus: &[String], model_name: &str) -> Vec<Vec<f32>> {
        LOG.note("embeddings");
        let encode = |text: &String| vec![text.len() as f32, model_name.len() as f32];
        corpus.iter().map(encode).collect()
    }

    #[func(output = "index", cache)]
    fn build_index(embeddings: &[Vec<f32>], index_type: &str) -> (String, usize) {
        LOG.note("index");
        (index_type.to_owned(), embeddings.len())
    }

    #[test]
    fn only_the_stage_that_changed_and_those_below_it_execute() {
        let dir = cache();
        let corpus = dir.path().join("corpus.txt");
        fs::write(&corpus, "one\ntwo").unwrap();
        let pipeline =
            || Pipeline::new(functions![load_corpus, encode_corpus, build_index]).unwrap();
        let run = |index_type: &str| {
            let given = inputs! {
                corpus_path: file(&corpus),
                model_name: "mini",
                index_type: index_type.to_owned(),
            };
            let run = fresh(&dir.path().join("cache"), &pipeline(), given);
            let index = run.get::<(String, usize)>("index").unwrap();
            assert_eq!(index.0, index_type);
            (LOG.take(), index.1)
        };
        let all = vec!["corpus", "embeddings", "index"];
        assert_eq!(run("flat"), (all.clone(), 2));
        assert_eq!(run("flat"), (vec![], 2));
        assert_eq!(run("tree"), (vec!["index"], 2));
        assert_eq!(run("flat"), (vec![], 2), "found again");
        fs::write(&corpus, "one\ntwo").unwrap();
        assert_eq!(run("flat"), (vec![], 2), "written again, not changed");
        fs::write(&corpus, "one\ntwo\nthree").unwrap();
        assert_eq!(run("flat"), (all, 3));
        fs::write(&corpus, "one\ntwo\nthree\n").unwrap();
        assert_eq!(run("flat"), (vec!["corpus"], 3), "the same lines");
        fs::write(&corpus, "one\ntwo").unwrap();
        assert_eq!(run("tree"), (vec![], 2));
    }
}

mod sources {
    use std::path::PathBuf;

    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "sizes", cache)]
    fn sizes(folder: &Path, listed: &[PathBuf], named: &str) -> Vec<u64> {
        LOG.note("sizes");
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.extend(listed.iter().cloned());
        paths.push(named.into());
        let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
        paths.iter().map(size).collect()
    }

    #[test]
    fn files_count_by_content_and_a_path_as_a_string_does_not() {
        let dir = cache();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        for (name, content) in [("folder/a", "1"), ("b", "22"), ("c", "333"), ("d", "4444")] {
            fs::write(at(name), content).unwrap();
        }
        let pipeline = Pipeline::new(functions![sizes]).unwrap();
        let executed = |folder: &str, listed: [&str; 2]| {
            let given = inputs! {
                folder: refrain::dir(at(folder)),
                listed: refrain::files(listed.map(at)),
                named: at("d").to_str().unwrap().to_owned(),
            };
            fresh(&at("cache"), &pipeline, given);
            LOG.take().len()
        };
        assert_eq!(executed("folder", ["b", "c"]), 1);
        assert_eq!(executed("folder", ["b", "c"]), 0);
        fs::rename(at("folder"), at("moved")).unwrap();
        assert_eq!(executed("moved", ["b", "c"]), 0, "the same files elsewhere");
        fs::write(at("moved/new"), "").unwrap();
        assert_eq!(executed("moved", ["b", "c"]), 1, "another file in it");
        fs::write(at("c"), "3333").unwrap();
        assert_eq!(executed("moved", ["b", "c"]), 1, "another content");
        assert_eq!(executed("moved", ["c", "b"]), 1, "another order");
        fs::write(at("d"), "another content").unwrap();
        assert_eq!(executed("moved", ["c", "b"]), 0, "not tracked: a string");
    }
}

mod mixed {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "data", cache)]
    fn load_data(path: &str) -> Vec<f64> {
        LOG.note("data");
        path.bytes().map(f64::from).collect()
    }

    #[func(output = "filtered", cache = false)]
    fn filter_data(data: &[f64], threshold: f64) -> Vec<f64> {
        LOG.note("filtered");
        data.iter()
            .copied()
            .filter(|score| *score > threshold)
            .collect()
    }

    #[func(output = "result", cache)]
    fn compute_result(filtered: &[f64]) -> f64 {
        LOG.note("result");
        filtered.iter().sum()
    }

    #[test]
    fn an_uncached_node_executes_only_for_one_below_it_that_executes() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![load_data, filter_data, compute_result]).unwrap();
        let cases = [
            (98.0, vec!["data", "filtered", "result"]),
            (98.0, vec![]),
            (97.0, vec!["filtered", "result"]),
            (98.0, vec![]),
        ];
        for (threshold, executed) in cases {
            let given = inputs! { path: "abc", threshold: threshold };
            let run = fresh(dir.path(), &pipeline, given);
            let expected = if threshold == 98.0 { 99.0 } else { 197.0 };
            assert_eq!(*run.get::<f64>("result").unwrap(), expected);
            assert_eq!(LOG.take(), executed, "threshold {threshold}");
        }
    }

    #[test]
    fn an_uncached_target_executes_in_every_run_and_its_parent_does_not() {
        static LOG: Log = Log::new();
        #[func(output = "kept", cache)]
        fn kept(x: i64) -> i64 {
            LOG.note("kept");
            x
        }
        #[func(output = "shown")]
        fn shown(kept: i64) -> Box<dyn Fn() -> i64 + Send + Sync> {
            LOG.note("shown");
            Box::new(move || kept)
        }
        let dir = cache();
        let pipeline = Pipeline::new(functions![kept, shown]).unwrap();
        for executed in [vec!["kept", "shown"], vec!["shown"], vec!["shown"]] {
            let run = fresh(dir.path(), &pipeline, inputs! { x: 4 });
            let shown = run.get::<Box<dyn Fn() -> i64 + Send + Sync>>("shown");
            assert_eq!(shown.unwrap()(), 4);
            assert_eq!(LOG.take(), executed);
        }
    }
}

mod complex_types {
    use super::*;

    static LOG: Log = Log::new();

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Document {
        id: String,
        text: String,
        metadata: HashMap<String, Option<Kind>>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Draft,
        Published { year: u16 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct ProcessedDoc {
        source: Document,
        embeddings: Vec<f32>,
        tokens: Vec<String>,
    }

    #[func(output = "processed", cache)]
    fn process_document(doc: &Document, config: &HashMap<String, f32>) -> ProcessedDoc {
        LOG.note("processed");
        let tokens: Vec<String> = doc.text.split(' ').map(str::to_owned).collect();
        ProcessedDoc {
            source: doc.clone(),
            embeddings: tokens
                .iter()
                .map(|t| t.len() as f32 * config["scale"])
                .collect(),
            tokens,
        }
    }

    #[test]
    fn equal_values_are_one_input_however_their_maps_were_filled() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![process_document]).unwrap();
        let entries = [
            ("a", Some(Kind::Draft)),
            ("b", None),
            ("c", Some(Kind::Published { year: 1999 })),
        ];
        let document = |order: [usize; 3]| Document {
            id: "1".to_owned(),
            text: "some words".to_owned(),
            metadata: order
                .map(|at| (entries[at].0.to_owned(), entries[at].1.clone()))
                .into(),
        };
        let config = |scale: f32| HashMap::from([("scale".to_owned(), scale)]);
        let first = document([0, 1, 2]);
        for (doc, scale, executed) in [
            (document([0, 1, 2]), 2.0, vec!["processed"]),
            (document([2, 1, 0]), 2.0, vec![]),
            (document([1, 0, 2]), 3.0, vec!["processed"]),
            (document([1, 2, 0]), 2.0, vec![]),
        ] {
            let given = inputs! { doc: doc, config: config(scale) };
            let run = fresh(dir.path(), &pipeline, given);
            let processed = run.get::<ProcessedDoc>("processed").unwrap();
            assert_eq!(processed.source, first);
            assert_eq!(processed.embeddings, [4.0 * scale, 5.0 * scale]);
            assert_eq!(processed.tokens, ["some", "words"]);
            assert_eq!(LOG.take(), executed);
        }
    }
}

mod lazy_loading {
    use super::*;

    static LOG: Log = Log::new();
    static DECODED: AtomicUsize = AtomicUsize::new(0);

    /// Counts how often it is read back.
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(from = "i64", into = "i64")]
    struct Heavy(i64);

    impl From<i64> for Heavy {
        fn from(value: i64) -> Self {
            DECODED.fetch_add(1, Ordering::Relaxed);
            Heavy(value)
        }
    }

    impl From<Heavy> for i64 {
        fn from(heavy: Heavy) -> i64 {
            heavy.0
        }
    }

    impl Clone for Heavy {
        fn clone(&self) -> Self {
            Heavy(self.0)
        }
    }

    #[func(output = "first", cache)]
    fn first(x: i64) -> Heavy {
        LOG.note("first");
        Heavy(x)
    }

    #[func(output = "second", cache)]
    fn second(first: &Heavy, y: i64) -> Heavy {
        LOG.note("second");
        Heavy(first.0 + y)
    }

    #[func(output = "third", cache)]
    fn third(second: &Heavy, z: i64) -> i64 {
        LOG.note("third");
        second.0 + z
    }

    #[test]
    fn a_full_hit_loads_no_parent_and_a_miss_only_what_it_reads() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![first, second, third]).unwrap();
        let cases = [
            ((1, 2, 3), vec!["first", "second", "third"], 0),
            ((1, 2, 3), vec![], 0),
            ((1, 2, 4), vec!["third"], 1),
            ((1, 3, 4), vec!["second", "third"], 1),
            ((1, 2, 3), vec![], 0),
        ];
        for ((x, y, z), executed, decoded) in cases {
            let run = fresh(dir.path(), &pipeline, inputs! { x: x, y: y, z: z });
            assert_eq!(*run.get::<i64>("third").unwrap(), x + y + z);
            assert_eq!(LOG.take(), executed);
            assert_eq!(DECODED.swap(0, Ordering::Relaxed), decoded, "{x} {y} {z}");
        }
        // A target is loaded when it is asked for, and not before.
        let target = pipeline.targets(["second"]).unwrap();
        let run = fresh(dir.path(), &target, inputs! { x: 1, y: 2 });
        assert_eq!(DECODED.load(Ordering::Relaxed), 0);
        assert_eq!(run.get::<Heavy>("second").unwrap().0, 3);
        assert_eq!(DECODED.load(Ordering::Relaxed), 1);
    }
}

mod switched_off {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "result", cache)]
    fn compute(x: i64) -> i64 {
        LOG.note("result");
        x
    }

    #[test]
    fn by_default_nothing_is_cached_and_nothing_written() {
        let dir = cache();
        let at = dir.path().join("never");
        let pipeline = Pipeline::new(functions![compute]).unwrap();
        let runner = Runner::new(CacheConfig::default().cache_dir(&at)).unwrap();
        for _ in 0..2 {
            let run = runner.run(&pipeline, inputs! { x: 1 }).unwrap();
            assert_eq!(*run.get::<i64>("result").unwrap(), 1);
            assert_eq!(LOG.take(), ["result"]);
            let reason = run.report().node("result").unwrap().reason.unwrap();
            assert_eq!(reason.to_string(), "uncached: caching is off");
        }
        assert!(!at.exists());
    }

    #[test]
    fn an_enabled_cache_keeps_nothing_of_a_node_that_does_not_ask_for_it() {
        static LOG: Log = Log::new();
        #[func]
        fn unasked(x: i64) -> String {
            LOG.note("unasked");
            x.to_string().repeat(40)
        }
        let dir = cache();
        let pipeline = Pipeline::new(functions![unasked]).unwrap();
        for _ in 0..2 {
            fresh(dir.path(), &pipeline, inputs! { x: 73 });
            assert_eq!(LOG.take(), ["unasked"]);
        }
        let output = "73".repeat(40);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap_or_default();
            let mut parts = bytes.windows(output.len());
            assert!(!parts.any(|part| part == output.as_bytes()), "{path:?}");
        }
    }
}

mod sharing_a_directory {
    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "result", cache)]
    fn double(x: i64) -> i64 {
        LOG.note("double");
        x * 2
    }

    mod other {
        use super::*;

        #[func(output = "result", cache)]
        pub fn triple(x: i64) -> i64 {
            LOG.note("triple");
            x * 3
        }
    }

    #[test]
    fn pipelines_with_the_same_names_do_not_meet() {
        let dir = cache();
        let doubled = Pipeline::new(functions![double]).unwrap().named("doubled");
        let tripled = Pipeline::new(functions![other::triple])
            .unwrap()
            .named("tripled");
        for executed in [["double", "triple"].as_slice(), &[]] {
            let given = inputs! { x: 7 };
            let two = fresh(dir.path(), &doubled, given.clone());
            let three = fresh(dir.path(), &tripled, given);
            assert_eq!(*two.get::<i64>("result").unwrap(), 14);
            assert_eq!(*three.get::<i64>("result").unwrap(), 21);
            assert_eq!(LOG.take(), executed);
        }
    }
}

mod parameters {
    use std::sync::Arc;

    use super::*;

    static LOG: Log = Log::new();

    #[func(output = "words", cache)]
    fn words(text: &str, #[default(2)] shortest: usize) -> Vec<String> {
        LOG.note("words");
        let long = |word: &&str| word.len() >= shortest;
        text.split(' ').filter(long).map(str::to_owned).collect()
    }

    #[func(output = "joined", cache)]
    fn joined(words: Arc<Vec<String>>, #[default("-")] separator: &str) -> String {
        LOG.note("joined");
        words.join(separator)
    }

    // `&T` for any `T`, a list as well.
    #[allow(clippy::ptr_arg)]
    #[func(output = "count", cache)]
    fn count(words: &Vec<String>, joined: String) -> (usize, usize) {
        LOG.note("count");
        (words.len(), joined.len())
    }

    #[test]
    fn a_default_left_out_is_the_same_as_the_default_given() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![words, joined, count]).unwrap();
        let text = "a tale of two cities";
        let all = vec!["words", "joined", "count"];
        for (given, executed, counts) in [
            (inputs! { text: text }, all.clone(), (4, 18)),
            (inputs! { text: text, shortest: 2 }, vec![], (4, 18)),
            (inputs! { text: text, separator: "-" }, vec![], (4, 18)),
            (inputs! { text: text, shortest: 3 }, all, (3, 15)),
            (
                inputs! { text: text, separator: " " },
                vec!["joined", "count"],
                (4, 18),
            ),
        ] {
            let run = fresh(dir.path(), &pipeline, given);
            assert_eq!(*run.get::<(usize, usize)>("count").unwrap(), counts);
            assert_eq!(LOG.take(), executed);
        }
    }
}

mod troubleshooting {
    use super::*;

    static LOG: Log = Log::new();

    struct Connection;

    #[func(output = "rows", cache)]
    fn rows(connection: &Connection, query: &str) -> usize {
        let _ = connection;
        LOG.note("rows");
        query.len()
    }

    #[test]
    fn what_depends_on_an_input_without_a_hash_executes_and_says_why() {
        let dir = cache();
        let pipeline = Pipeline::new(functions![rows]).unwrap();
        for _ in 0..2 {
            let given = inputs! { connection: opaque(Connection), query: "select 1" };
            let run = fresh(dir.path(), &pipeline, given);
            assert_eq!(LOG.take(), ["rows"]);
            let reason = run.report().node("rows").unwrap().reason.unwrap();
            assert_eq!(reason.kind, ReasonKind::Uncached);
            assert!(
                reason.detail.contains("\"connection\" cannot be hashed"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_failure_is_not_remembered() {
        static LOG: Log = Log::new();
        #[func(output = "parsed", cache)]
        fn parsed(path: &str) -> Result<String, std::io::Error> {
            LOG.note("parsed");
            fs::read_to_string(path)
        }
        let dir = cache();
        let text = dir.path().join("text");
        let path = text.to_str().unwrap().to_owned();
        let pipeline = Pipeline::new(functions![parsed]).unwrap();
        let at = dir.path().join("cache");
        let run = fresh(&at, &pipeline, inputs! { path: path.clone() });
        assert_eq!(run.report().outcome("parsed"), Some(Outcome::Failed));
        let error = run.get::<String>("parsed").unwrap_err();
        assert!(matches!(error, Error::NodeFailed { .. }), "{error}");
        fs::write(&text, "there now").unwrap();
        let run = fresh(&at, &pipeline, inputs! { path: path });
        assert_eq!(*run.get::<String>("parsed").unwrap(), "there now");
        assert_eq!(LOG.take(), ["parsed", "parsed"]);
    }

    #[test]
    fn pickle_files_are_a_backend_for_all_nodes_or_for_one() {
        static LOG: Log = Log::new();
        #[func(output = "pickled", cache, cache_backend = "cachier")]
        fn pickled(x: i64) -> i64 {
            LOG.note("pickled");
            x
        }
        for backend in ["cachier", "diskcache"] {
            let dir = cache();
            let config = CacheConfig::new(dir.path()).backend(backend);
            let pipeline = Pipeline::new(functions![pickled]).unwrap();
            for executions in [vec!["pickled"], vec![]] {
                let runner = Runner::new(config.clone()).unwrap();
                let run = runner.run(&pipeline, inputs! { x: 1 }).unwrap();
                assert_eq!(*run.get::<i64>("pickled").unwrap(), 1);
                assert_eq!(LOG.take(), executions);
            }
            let file = fs::read(dir.path().join("cachier_blobs/pickled.pkl")).unwrap();
            assert_eq!((file[0], file.last()), (0x80, Some(&b'.')));
        }
    }

    #[test]
    fn a_backend_that_is_not_known_is_refused_by_name() {
        let dir = cache();
        let config = CacheConfig::new(dir.path());
        let error = Runner::new(config.backend("mongo")).unwrap_err();
        assert!(error.to_string().contains("\"mongo\""), "{error}");
        assert!(
            error.to_string().contains("known: diskcache, cachier"),
            "{error}"
        );
    }
}
