use super::lock;
use crate::{CacheConfig, Node, Pipeline, Runner, inputs};

#[test]
fn a_pipeline_that_nobody_holds_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let pipeline = || Pipeline::new(vec![Node::named("one").cached(|_| Ok(1u8))]).unwrap();
    let held = pipeline();
    for _ in 0..3 {
        runner.run(&held, inputs! {}).unwrap();
        runner.run(&pipeline(), inputs! {}).unwrap();
    }
    runner.run(&held, inputs! {}).unwrap();
    assert_eq!(runner.shared.sessions.count(), 1);
}

#[test]
fn a_subscriber_that_has_gone_is_forgotten() {
    let runner = Runner::new(CacheConfig::default()).unwrap();
    let pipeline = Pipeline::new(vec![Node::named("one").cached(|_| Ok(1u8))]).unwrap();
    drop(runner.subscribe());
    let events = runner.subscribe();
    runner.run(&pipeline, inputs! {}).unwrap();
    assert_eq!(lock(&runner.shared.subscribers).len(), 1);
    // Started, one to make, that one started and finished, finished.
    assert_eq!(events.try_iter().count(), 5);
}
