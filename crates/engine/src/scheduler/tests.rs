use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::{CacheConfig, Node, NodeBuilder, Outcome, Pipeline, RunEvent, Runner, inputs};

/// A pipeline of one node, the same work whatever `declare` adds.
fn pipeline(
    declare: impl FnOnce(NodeBuilder) -> NodeBuilder,
    action: impl Fn() + Send + Sync + 'static,
) -> Pipeline {
    let node = declare(Node::named("slow").version("1"));
    let node = node.cached(move |_| {
        action();
        Ok(1u8)
    });
    Pipeline::new(vec![node]).unwrap()
}

#[test]
fn waiting_for_equal_work_of_another_run_is_no_time_of_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let (started, may_end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let there = {
        let (runner, started, may_end) = (runner.clone(), started.clone(), may_end.clone());
        std::thread::spawn(move || {
            let slow = pipeline(
                |node| node,
                move || {
                    started.wait();
                    may_end.wait();
                },
            );
            runner
                .run(&slow, inputs! {})
                .unwrap()
                .report()
                .outcome("slow")
        })
    };
    started.wait();
    let limit = Duration::from_millis(30);
    let limited = pipeline(|node| node.timeout(limit), || unreachable!("made there"));
    let events = runner.subscribe();
    let here = std::thread::spawn(move || {
        let run = runner.run(&limited, inputs! {}).unwrap();
        run.report().outcome("slow")
    });
    let starts = |event: &RunEvent| matches!(event, RunEvent::NodeStarted { .. });
    assert!(events.iter().any(|event| starts(&event)));
    std::thread::sleep(limit * 4);
    may_end.wait();
    assert_eq!(here.join().unwrap(), Some(Outcome::Hit));
    assert_eq!(there.join().unwrap(), Some(Outcome::Executed));
    assert!(!events.try_iter().any(|event| starts(&event)), "told once");
}
