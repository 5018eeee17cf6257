//! Processes killed at random moments of real runs: what they had finished stays, but for what was on its way to disk.

#[path = "support/crowd.rs"]
mod crowd;

use std::time::{Duration, SystemTime};

use crowd::{Crowd, Executed, NODES, pick, rounds};

/// Rounds on one cache directory.
const TOGETHER: u64 = 20;

#[test]
#[ignore = "the other process of the test below"]
fn as_a_child() {
    crowd::as_a_child();
}

#[test]
fn what_finished_before_a_kill_is_found_but_for_the_last_of_it() {
    let (mut killed, mut again, mut window) = (0, 0, Duration::ZERO);
    let all = rounds(20, 500);
    for first in (0..all).step_by(TOGETHER as usize) {
        let dir = tempfile::tempdir().unwrap();
        let crowd = Crowd {
            takes: Duration::from_micros(500),
            // So that executions end in one order.
            jobs: 1,
            ..Crowd::new(dir.path())
        };
        for round in first..all.min(first + TOGETHER) {
            let lost = killed_once(&crowd, round);
            killed += u64::from(lost.is_some());
            if let Some((lost, since)) = lost {
                again += lost;
                window = window.max(since);
            }
        }
    }
    assert!(killed > 0, "all of them came to their ends");
    eprintln!(
        "{killed} of {all} killed in the middle; {again} executions that had finished were done again, \
         the first of them {window:?} before the kill at most"
    );
}

/// Gives how many executions that had finished were done again, and how old the first of them was; `None` if the
/// process was done before it was killed.
fn killed_once(crowd: &Crowd, round: u64) -> Option<(usize, Duration)> {
    let mut child = crowd.child(round, None);
    std::thread::sleep(Duration::from_micros(pick(round, 150_000)));
    child.kill().unwrap();
    let killed_at = SystemTime::now();
    child.wait().unwrap();
    let of_round = |all: Vec<Executed>| -> Vec<Executed> {
        all.into_iter()
            .filter(|executed| executed.x == round)
            .collect()
    };
    let before = of_round(crowd.executed());
    crowd.is_clean();
    crowd.run(round, None);
    crowd.is_clean();
    let after = of_round(crowd.executed()).split_off(before.len());
    let is_again = |executed: &Executed| after.iter().any(|later| later.node == executed.node);
    let kept = before
        .iter()
        .take_while(|executed| !is_again(executed))
        .count();
    let lost = &before[kept..];
    assert!(
        lost.iter().all(is_again),
        "round {round}: what was committed before something that is there is gone"
    );
    assert_eq!(
        kept + after.len(),
        NODES,
        "round {round}: nothing else is done again"
    );
    let since = lost
        .first()
        .map(|first| killed_at.duration_since(first.at).unwrap_or_default());
    (before.len() < NODES).then(|| (lost.len(), since.unwrap_or_default()))
}
