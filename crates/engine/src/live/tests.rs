use std::sync::Arc;

use super::Live;
use crate::db::Context;
use crate::edits::Edits;
use crate::{CacheConfig, Node, Param, Pipeline, Runner, inputs, opaque};

fn reads_x(name: &str, param: Param) -> Node {
    Node::named(name)
        .param(param)
        .version("1")
        .cached(|args| Ok(*args.get::<u64>(0)))
}

#[test]
fn an_opaque_value_is_never_taken_for_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let both = vec![
        reads_x("of_x", Param::new::<u64>("x")),
        reads_x("of_y", Param::new::<u64>("y")),
    ];
    let pipeline = Pipeline::new(both).unwrap();
    let (of_x, of_y) = (pipeline.targets(["of_x"]), pipeline.targets(["of_y"]));
    let (of_x, of_y) = (of_x.unwrap(), of_y.unwrap());
    for x in 0..8u64 {
        let run = runner.run(&of_x, inputs! { x: opaque(x) }).unwrap();
        assert_eq!(*run.get::<u64>("of_x").unwrap(), x);
        drop(run);
        // Nothing but the session remembers the value of x now.
        runner.run(&of_y, inputs! { y: 1u64 }).unwrap();
    }
}

#[test]
fn a_default_counts_for_the_targets_that_need_it() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let both = vec![
        reads_x("strict", Param::new::<u64>("x")),
        reads_x("easy", Param::with_default("x", || 5u64)),
    ];
    let pipeline = Pipeline::new(both).unwrap();
    let easy = pipeline.targets(["easy"]).unwrap();
    let run = runner.run(&easy, inputs! {}).unwrap();
    assert_eq!(*run.get::<u64>("easy").unwrap(), 5);
    assert!(runner.run(&pipeline, inputs! {}).is_err());
}

#[test]
fn inputs_that_were_refused_are_refused_again() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let both = vec![
        reads_x("of_x", Param::new::<u64>("x")),
        reads_x("of_y", Param::new::<u64>("y")),
    ];
    let pipeline = Pipeline::new(both).unwrap();
    let of_x = pipeline.targets(["of_x"]).unwrap();
    let inputs = inputs! { x: 1u64 };
    runner.run(&of_x, inputs.clone()).unwrap();
    assert!(runner.run(&pipeline, inputs.clone()).is_err());
    assert!(runner.run(&pipeline, inputs).is_err());
}

#[test]
fn the_places_of_what_is_gone_are_used_again() {
    let context = Arc::new(Context::new(CacheConfig::default(), None));
    let with = |edit: usize| {
        let reads = |name: String, param: String| reads_x(&name, Param::of::<u64>(param));
        let nodes = vec![
            reads(format!("first{edit}"), format!("x{edit}")),
            reads("second".to_owned(), format!("first{edit}")),
            reads(format!("third{edit}"), "second".to_owned()),
        ];
        Pipeline::new(nodes).unwrap()
    };
    let mut live = Live::new(with(0).graph, context);
    let mut keys = std::collections::BTreeSet::new();
    for edit in 1..=30_000 {
        let pipeline = with(edit);
        let inputs = inputs!().with(&format!("x{edit}"), edit as u64);
        live.take_up(&Edits::new(pipeline, inputs).begin()).unwrap();
        if edit % 100 == 0 {
            live.refresh();
            keys.insert(*live.key(2).signature.as_bytes());
        }
    }
    assert_eq!(keys.len(), 300, "each was another");
    let places = live.units.len() + live.spare.units.len();
    assert!(places <= 6, "{places} units");
    let places = live.sources.len() + live.spare.sources.len();
    assert!(places <= 2, "{places} sources");
    assert!(live.finders.is_empty() && live.lowered_units.len() <= 3);
}
