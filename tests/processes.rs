//! Several processes on one cache directory, and processes that are killed.
//! The other processes are this test program run again as a `child`.

mod support;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use refrain::{CacheConfig, Node, Param, Pipeline, Runner, inputs};
use refrain_store::{Limits, Store};
use support::cache;

const NODES: usize = 200;

/// A chain beside a row of nodes; each execution is a line in `log`.
fn pipeline(log: &Path, blocks_at: Option<usize>) -> Pipeline {
    let node = |n: usize| {
        let parent = match n {
            0 => "x".to_owned(),
            n if n < NODES / 2 => format!("n{}", n - 1),
            _ => "n0".to_owned(),
        };
        let log = log.to_owned();
        Node::named(format!("n{n}"))
            .param(Param::of::<u64>(parent))
            .version("1")
            .cached(move |args| {
                // One write of one line: appended whole, whoever else appends.
                let mut file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(&log)
                    .unwrap();
                file.write_all(format!("n{n}\n").as_bytes()).unwrap();
                if blocks_at == Some(n) {
                    println!("blocked");
                    std::io::stdout().flush().unwrap();
                    loop {
                        std::thread::park();
                    }
                }
                Ok(args.get::<u64>(0) + n as u64)
            })
    };
    Pipeline::new((0..NODES).map(node).collect()).unwrap()
}

fn executed(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn child(dir: &Path, blocks_at: Option<usize>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "as_a_child", "--ignored", "--nocapture"])
        .env("REFRAIN_TEST_DIR", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(node) = blocks_at {
        command.env("REFRAIN_TEST_BLOCKS_AT", node.to_string());
    }
    command.spawn().unwrap()
}

#[test]
#[ignore = "the other process of the tests below"]
fn as_a_child() {
    let Some(dir) = std::env::var_os("REFRAIN_TEST_DIR") else {
        return;
    };
    let dir = Path::new(&dir);
    let blocks_at = std::env::var("REFRAIN_TEST_BLOCKS_AT").ok();
    let blocks_at = blocks_at.map(|node| node.parse().unwrap());
    let runner = Runner::new(CacheConfig::new(dir.join("cache")))
        .unwrap()
        .jobs(2);
    let pipeline = pipeline(&dir.join("log"), blocks_at);
    let run = runner.run(&pipeline, inputs! { x: 1 }).unwrap();
    for n in NODES / 2..NODES {
        assert_eq!(*run.get::<u64>(&format!("n{n}")).unwrap(), 1 + n as u64);
    }
}

#[test]
fn eight_processes_that_do_the_same_do_it_once() {
    all_do_it_once(8);
}

#[test]
fn thirty_two_processes_that_do_the_same_do_it_once() {
    all_do_it_once(32);
}

/// Collecting and verifying go on beside them.
fn all_do_it_once(processes: usize) {
    let dir = cache();
    let children: Vec<Child> = (0..processes).map(|_| child(dir.path(), None)).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let store = Store::open(&dir.path().join("cache")).unwrap();
                let limits = Limits::default();
                store.gc(&limits, SystemTime::now(), false).unwrap();
                let found = store.verify(&mut |_| ()).findings;
                assert!(found.is_empty(), "{found:?}");
            }
        });
        let ended: Vec<bool> = children
            .into_iter()
            .map(|mut child| child.wait().unwrap().success())
            .collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(|success| *success), "{ended:?}");
    });
    let mut executed = executed(&dir.path().join("log"));
    executed.sort();
    let all = executed.len();
    executed.dedup();
    assert_eq!(
        (executed.len(), all),
        (NODES, NODES),
        "every node exactly once"
    );
}

#[test]
fn what_finished_before_a_kill_is_not_executed_again() {
    let dir = cache();
    let log = dir.path().join("log");
    let mut child = child(dir.path(), Some(20));
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("blocked")));
    // While the process still hangs: what it finished is there for others.
    let planned = || {
        let runner = Runner::new(CacheConfig::new(dir.path().join("cache"))).unwrap();
        let plan = runner
            .plan(&pipeline(&log, None), inputs! { x: 1 })
            .unwrap();
        plan.to_run()
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    };
    let finished = |names: &[String]| !names.iter().any(|name| name == "n19");
    while !finished(&planned()) {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = executed(&log);
    let runner = Runner::new(CacheConfig::new(dir.path().join("cache"))).unwrap();
    let run = runner.run(&pipeline(&log, None), inputs! { x: 1 }).unwrap();
    assert_eq!(*run.get::<u64>("n199").unwrap(), 200);
    let after = executed(&log)[before.len()..].to_vec();
    assert!(after.contains(&"n20".to_owned()));
    let again: Vec<&String> = after
        .iter()
        .filter(|name| before.contains(name) && *name != "n20")
        .collect();
    assert!(
        again.len() <= 1,
        "at most the other node that was running: {again:?}"
    );
}

#[test]
fn a_process_that_waits_takes_over_from_one_that_dies() {
    let dir = cache();
    let mut blocked = child(dir.path(), Some(0));
    let mut said = BufReader::new(blocked.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("blocked")));
    let mut waiting = child(dir.path(), None);
    assert!(waiting.try_wait().unwrap().is_none());
    blocked.kill().unwrap();
    blocked.wait().unwrap();
    assert!(waiting.wait().unwrap().success());
    assert_eq!(executed(&dir.path().join("log")).len(), NODES + 1);
}

#[test]
fn a_full_disk_costs_the_caching_and_not_the_run() {
    // A limit on the size of files stands for the full disk; it holds for the
    // whole process, so it is set for a child by the shell.
    let dir = cache();
    let program = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact with_large_outputs --ignored --nocapture"])
        .arg(program)
        .env("REFRAIN_TEST_DIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("warnings: 1"), "{said}");
    let blobs = std::fs::read_dir(dir.path().join("cache/blobs")).map_or(0, Iterator::count);
    assert_eq!(blobs, 0, "nothing half-written is left");
}

#[test]
#[ignore = "the other process of the test above"]
fn with_large_outputs() {
    let Some(dir) = std::env::var_os("REFRAIN_TEST_DIR") else {
        return;
    };
    let node = Node::named("large")
        .param(Param::of::<u8>("x"))
        .cached(|args| Ok(vec![*args.get::<u8>(0); 1 << 20]));
    let size = Node::named("size")
        .param(Param::new::<Vec<u8>>("large"))
        .cached(|args| Ok(args.get::<Vec<u8>>(0).len()));
    let pipeline = Pipeline::new(vec![node, size]).unwrap();
    let runner = Runner::new(CacheConfig::new(Path::new(&dir).join("cache"))).unwrap();
    let run = runner.run(&pipeline, inputs! { x: 1 }).unwrap();
    assert_eq!(*run.get::<usize>("size").unwrap(), 1 << 20);
    println!("warnings: {}", run.report().warnings().count());
}
