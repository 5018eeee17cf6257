//! Processes that are stopped, and not dead: their locks stay, and others do their work.

#[path = "support/crowd.rs"]
mod crowd;

use std::time::Duration;

use crowd::{Crowd, NODES, pick, rounds, signal, wait_for_block};

#[test]
#[ignore = "the other process of the tests below"]
fn as_a_child() {
    crowd::as_a_child();
}

#[test]
fn the_work_of_a_stopped_process_is_taken_over_and_its_late_result_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let crowd = Crowd {
        patience: Duration::from_millis(200),
        ..Crowd::new(dir.path())
    };
    let mut stopped = crowd.child(1, Some(0));
    let _said = wait_for_block(&mut stopped);
    signal(&stopped, "STOP");
    crowd.run(1, None);
    assert_eq!(
        crowd.executed().len(),
        NODES,
        "the other one has executed nothing yet"
    );
    std::fs::write(dir.path().join("go"), "").unwrap();
    signal(&stopped, "CONT");
    assert!(stopped.wait().unwrap().success());
    assert_eq!(crowd.executed().len(), NODES + 1, "what it was at");
    crowd.run(1, None);
    assert_eq!(crowd.executed().len(), NODES + 1, "all is there");
    crowd.is_clean();
}

#[test]
fn whenever_one_process_is_stopped_the_others_come_to_their_ends() {
    let all = rounds(4, 100);
    let mut more = 0;
    for round in 0..all {
        let dir = tempfile::tempdir().unwrap();
        let crowd = Crowd {
            patience: Duration::from_millis(200),
            takes: Duration::from_micros(500),
            ..Crowd::new(dir.path())
        };
        let mut stopped = crowd.child(round, None);
        let others: Vec<_> = (0..2).map(|_| crowd.child(round, None)).collect();
        std::thread::sleep(Duration::from_micros(pick(round, 150_000)));
        signal(&stopped, "STOP");
        for mut other in others {
            assert!(other.wait().unwrap().success(), "round {round}");
        }
        signal(&stopped, "CONT");
        assert!(stopped.wait().unwrap().success(), "round {round}");
        crowd.run(round, None);
        crowd.is_clean();
        more += crowd.executed().len() - NODES;
    }
    eprintln!(
        "{all} rounds; {more} executions of {} were done twice",
        all * NODES as u64
    );
}
