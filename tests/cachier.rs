//! The backend `cachier`: what is kept stands in pickles that Python opens, and all that holds for outputs elsewhere
//! holds for these.

#[path = "support/desk.rs"]
mod desk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

use desk::{Desk, with};
use refrain::{
    CacheConfig, Failure, Node, Outcome, Param, Part, Pipeline, Run, Runner, func, functions,
    inputs,
};
use serde::{Deserialize, Serialize};

/// What Python prints of the pickles of a cache.
fn python(cache: &Path, script: &str) -> String {
    const HEAD: &str = "
import os, pickle, sys
def entries(node):
    return pickle.load(open(os.path.join(sys.argv[1], 'cachier_blobs', node + '.pkl'), 'rb'))
def value(node):
    return list(entries(node).values())[-1]['value']
";
    let said = Command::new("python3")
        .args(["-c", &format!("{HEAD}{script}")])
        .arg(cache)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{script}\n{error}");
    String::from_utf8(said.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn fresh(cache: &Path, pipeline: &Pipeline, inputs: refrain::Inputs) -> Run {
    let runner = Runner::new(CacheConfig::new(cache).backend("cachier")).unwrap();
    runner.run(pipeline, inputs).unwrap()
}

fn executed(run: &Run) -> Vec<String> {
    let executed = run.report().nodes();
    let executed = executed.filter(|node| node.outcome == Outcome::Executed);
    executed.map(|node| node.name.to_string()).collect()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Box { width: u16, height: u16 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Metres(f32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    zeta: Option<String>,
    alpha: Vec<(u8, char)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    small: Vec<i64>,
    large: (u64, i128, u128, i128),
    floats: Vec<f64>,
    metres: Metres,
    flags: [bool; 2],
    texts: Vec<String>,
    some: Option<u8>,
    none: Option<u8>,
    nothing: (),
    empty: (Vec<u8>, BTreeMap<u8, u8>, String),
    numbers: HashMap<String, u32>,
    set: BTreeSet<i16>,
    by_pair: BTreeMap<(u8, u8), bool>,
    by_list: BTreeMap<Vec<u8>, String>,
    shapes: Vec<Shape>,
    inner: Box<Inner>,
    loose: Vec<Loose>,
    json: serde_json::Value,
}

fn everything() -> Everything {
    let json = serde_json::json!({"b": [1, -2, 0.5, null, true], "a": {}});
    Everything {
        small: vec![0, 255, 256, 65535, 65536, -1, -129, i64::from(i32::MIN)],
        large: (u64::MAX, i128::MIN, u128::MAX, -(1 << 40)),
        floats: vec![0.1, -0.0, 1e308, f64::INFINITY],
        metres: Metres(0.5),
        flags: [true, false],
        texts: vec!["".into(), "naïve 😀\n'\"".into()],
        some: Some(7),
        none: None,
        nothing: (),
        empty: Default::default(),
        numbers: (0..5).map(|n| (format!("n{n}"), n)).collect(),
        set: [3, -1, 2].into(),
        by_pair: [((1, 2), true)].into(),
        by_list: [(vec![1], "one".to_owned())].into(),
        shapes: vec![
            Shape::Point,
            Shape::Circle(1.5),
            Shape::Line(-1, 1),
            Shape::Box {
                width: 3,
                height: 4,
            },
        ],
        inner: Box::new(Inner {
            zeta: Some("z".into()),
            alpha: vec![(1, 'é')],
        }),
        loose: vec![Loose::Number(-3), Loose::Text("t".into())],
        json,
    }
}

mod values {
    use super::*;

    #[func(output = "everything", cache)]
    fn make(seed: i64) -> Everything {
        assert_eq!(seed, 1);
        everything()
    }

    #[func(output = "bytes", cache)]
    fn bytes() -> Vec<u8> {
        b"\x00\xff.N(".to_vec()
    }

    #[func(output = "text", cache)]
    fn text() -> String {
        "grüße".to_owned()
    }

    #[func(output = "lossy", cache)]
    fn lossy() -> Vec<Option<Option<u8>>> {
        vec![None, Some(None), Some(Some(1))]
    }

    #[test]
    fn python_reads_what_rust_wrote_and_rust_reads_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::new(functions![make, bytes, text, lossy]).unwrap();
        for executions in [4, 0] {
            let run = fresh(dir.path(), &pipeline, inputs! { seed: 1 });
            assert_eq!(executed(&run).len(), executions);
            assert_eq!(*run.get::<Everything>("everything").unwrap(), everything());
            assert_eq!(run.get::<Vec<u8>>("bytes").unwrap()[..], *b"\x00\xff.N(");
            assert_eq!(*run.get::<String>("text").unwrap(), "grüße");
            let lossy = run.get::<Vec<Option<Option<u8>>>>("lossy").unwrap();
            assert_eq!(lossy[..], [None, Some(None), Some(Some(1))]);
        }
        let told = python(
            dir.path(),
            "
for name, part in value('everything').items(): print(name, repr(part))
print(repr(value('bytes')), repr(value('text')))
print(sorted(os.listdir(os.path.join(sys.argv[1], 'cachier_blobs'))))
",
        );
        let expected = "small [0, 255, 256, 65535, 65536, -1, -129, -2147483648]
large (18446744073709551615, -170141183460469231731687303715884105728, \
340282366920938463463374607431768211455, -1099511627776)
floats [0.1, -0.0, 1e+308, inf]
metres 0.5
flags (True, False)
texts ['', 'naïve 😀\\n\\'\"']
some 7
none None
nothing None
empty ([], {}, '')
numbers {'n0': 0, 'n1': 1, 'n2': 2, 'n3': 3, 'n4': 4}
set [-1, 2, 3]
by_pair {(1, 2): True}
by_list [([1], 'one')]
shapes ['Point', {'Circle': 1.5}, {'Line': (-1, 1)}, {'Box': {'width': 3, 'height': 4}}]
inner {'zeta': 'z', 'alpha': [(1, 'é')]}
loose [-3, 't']
json {'a': {}, 'b': [1, -2, 0.5, None, True]}
b'\\x00\\xff.N(' 'grüße'
['bytes.pkl', 'everything.pkl', 'text.pkl']";
        assert_eq!(told, expected);
    }
}

mod many {
    use super::*;

    #[func(output = "square", cache)]
    fn square(x: i64) -> i64 {
        x * x
    }

    #[func(output = "Root", cache, cache_backend = "diskcache")]
    fn root(square: i64) -> Vec<i64> {
        vec![square; 3]
    }

    #[test]
    fn signatures_stand_beside_each_other_and_backends_too() {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::new(functions![square, root]).unwrap();
        let runs = [(5, 2), (-5, 1), (10, 2), (5, 0), (-5, 0)];
        for (x, executions) in runs {
            let run = fresh(dir.path(), &pipeline, inputs! { x: x });
            assert_eq!(executed(&run).len(), executions, "{x}");
            assert_eq!(*run.get::<Vec<i64>>("Root").unwrap(), [x * x; 3]);
        }
        let told = python(
            dir.path(),
            "
print([entry['value'] for entry in entries('square').values()])
print(all(len(key) == 64 and entry['node'] == 'square' and entry['created_ms'] > 1.7e12
          for key, entry in entries('square').items()))
print(os.listdir(os.path.join(sys.argv[1], 'cachier_blobs')))
",
        );
        assert_eq!(told, "[25, 25, 100]\nTrue\n['square.pkl']");
    }

    #[test]
    fn the_snapshot_and_the_pickles_are_a_whole_cache() {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::new(functions![square]).unwrap();
        fresh(dir.path(), &pipeline, inputs! { x: 7 });
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("cachier_blobs")).unwrap();
        for name in ["metadata.json", "cachier_blobs/square.pkl"] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let snapshot = fs::read_to_string(copy.path().join("metadata.json")).unwrap();
        assert!(!snapshot.contains("inline"), "{snapshot}");
        let run = fresh(copy.path(), &pipeline, inputs! { x: 7 });
        assert_eq!(executed(&run), [""; 0]);
        assert_eq!(*run.get::<i64>("square").unwrap(), 49);
    }

    #[test]
    fn what_another_backend_kept_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::new(functions![square]).unwrap();
        for (backend, x, executions) in [
            ("diskcache", 1, 1),
            ("cachier", 1, 0),
            ("cachier", 2, 1),
            ("diskcache", 2, 0),
        ] {
            let config = CacheConfig::new(dir.path()).backend(backend);
            let run = Runner::new(config).unwrap();
            let run = run.run(&pipeline, inputs! { x: x }).unwrap();
            assert_eq!(executed(&run).len(), executions, "{backend} {x}");
            assert_eq!(*run.get::<i64>("square").unwrap(), x * x);
        }
    }

    #[test]
    fn damage_is_a_miss_that_heals_for_python_too() {
        let dir = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::new(functions![square]).unwrap();
        let path = dir.path().join("cachier_blobs/square.pkl");
        for x in [1000, 2000] {
            fresh(dir.path(), &pipeline, inputs! { x: x });
        }
        let whole = fs::read(&path).unwrap();
        let at = whole
            .windows(4)
            .position(|at| *at == 1_000_000_i32.to_le_bytes());
        let mut flipped = whole.clone();
        flipped[at.unwrap() - 1] = b'c';
        let damaged: [&[u8]; 5] = [
            &flipped,
            &whole[..whole.len() / 2],
            b"",
            b"cos\nsystem\n",
            &[0; 99],
        ];
        for bytes in damaged {
            fs::write(&path, bytes).unwrap();
            for x in [1000, 2000, 1000, 2000] {
                let run = fresh(dir.path(), &pipeline, inputs! { x: x });
                assert_eq!(*run.get::<i64>("square").unwrap(), x * x);
            }
            let told = python(
                dir.path(),
                "print(sorted(e['value'] for e in entries('square').values()))",
            );
            assert_eq!(told, "[1000000, 4000000]");
            let run = fresh(dir.path(), &pipeline, inputs! { x: 1000 });
            assert_eq!(executed(&run), [""; 0]);
        }
    }
}

#[test]
fn a_mapped_node_has_one_file_with_its_items_and_their_list() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::named("lengths")
        .version("1")
        .mapped()
        .over_parts(Param::of::<Vec<String>>("words"), |words: &Vec<String>| {
            let part = |(at, word): (usize, &String)| {
                let part = Part::new(word.clone(), word.as_bytes());
                part.keyed(format!("w{at}"))
            };
            Ok(words.iter().enumerate().map(part).collect())
        })
        .cached(|args| {
            Ok::<_, Failure>((args.get::<String>(0).clone(), args.get::<String>(0).len()))
        });
    let pipeline = Pipeline::new(vec![node]).unwrap();
    let words = |words: &[&str]| -> Vec<String> { words.iter().map(|w| w.to_string()).collect() };
    for (given, executions) in [
        (words(&["a", "bb"]), Some(2)),
        (words(&["a", "bb", "ccc"]), Some(1)),
        (words(&["a", "bb"]), None),
    ] {
        let run = fresh(dir.path(), &pipeline, inputs! { words: given.clone() });
        let items = run.report().node("lengths").unwrap().items;
        assert_eq!(items.map(|items| items.executed), executions);
        let lengths = run.get::<Vec<(String, usize)>>("lengths").unwrap();
        let expected = given.iter().map(|word| (word.clone(), word.len()));
        assert_eq!(*lengths, expected.collect::<Vec<_>>());
    }
    let told = python(
        dir.path(),
        "
for entry in entries('lengths').values(): print(entry['node'], entry['value'], entry.get('keys'))
print(os.listdir(os.path.join(sys.argv[1], 'cachier_blobs')))
",
    );
    let expected = "lengths[w0] ('a', 1) None
lengths[w1] ('bb', 2) None
lengths [('a', 1), ('bb', 2)] ['w0', 'w1']
lengths[w2] ('ccc', 3) None
lengths [('a', 1), ('bb', 2), ('ccc', 3)] ['w0', 'w1', 'w2']
['lengths.pkl']";
    assert_eq!(told, expected);
}

#[test]
fn commands_keep_their_outputs_in_pickles() {
    let desk = Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")));
    let manifest = |count: u32| {
        format!(
            r#"
            cache.backend = "cachier"
            [inputs]
            docs = {{ files = "docs/*.txt" }}
            [nodes.Upper]
            map = {{ doc = "docs" }}
            run = "tr a-z A-Z < {{doc}}"
            [nodes.all]
            run = "cat {{Upper}} > {{output}}; head -c {count} /dev/zero >> {{output}}"
            [nodes.tree]
            format = "dir"
            run = "cp {{all}} {{output}}/all"
            "#
        )
    };
    desk.write("refrain.toml", manifest(5000));
    desk.write("docs/a.txt", "one\n");
    desk.write("docs/b.txt", "two\n");
    let run = |executions: &[&str]| {
        let report = desk.json(["run", "--json", "-q"]);
        assert_eq!(with(&report, "executed"), executions);
    };
    run(&["Upper", "all", "tree"]);
    run(&[]);
    desk.write("refrain.toml", manifest(6000));
    run(&["all", "tree"]);
    desk.ok(["verify"]);
    let cache = desk.path(".cache");
    let told = python(
        &cache,
        "
print(value('%55pper'), list(entries('%55pper').values())[-1]['keys'])
print([(len(e['value']), e['value'][:9]) for e in entries('all').values()])
print(sorted(os.listdir(os.path.join(sys.argv[1], 'cachier_blobs'))))
",
    );
    let expected = "[b'ONE\\n', b'TWO\\n'] ['docs/a.txt', 'docs/b.txt']
[(5008, b'ONE\\nTWO\\n\\x00'), (6008, b'ONE\\nTWO\\n\\x00')]
['%55pper.pkl', 'all.pkl']";
    assert_eq!(told, expected);
    desk.ok(["gc", "--max-size", "0", "-q"]);
    assert!(!cache.join("cachier_blobs/all.pkl").exists());
    run(&["Upper", "all", "tree"]);
}
