//! Outputs that are files, and actions that can be stopped.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use refrain::{
    CacheConfig, Failure, Node, Outcome, OutputPath, Param, PathKind, Pipeline, Runner, Status,
    inputs,
};

fn write(args: &refrain::Args, text: &str) -> Result<OutputPath, Failure> {
    let failure = |e: std::io::Error| Failure::new(e.to_string());
    let scratch = args.execution().scratch().map_err(failure)?;
    let path = scratch.path().join("output");
    fs::write(&path, text).map_err(failure)?;
    Ok(OutputPath::new(path, scratch))
}

fn pipeline(cached: bool) -> Pipeline {
    let long = |args: &refrain::Args| write(args, &args.get::<String>(0).repeat(1000));
    let short = |args: &refrain::Args| {
        let text = fs::read_to_string(args.get::<OutputPath>(0).path()).unwrap();
        write(args, &text[..4])
    };
    let first = Node::named("long")
        .param(Param::of::<String>("word"))
        .version("1");
    let second = Node::named("short")
        .param(Param::new::<OutputPath>("long"))
        .version("1");
    let nodes = match cached {
        true => vec![
            first.cached_path(PathKind::File, long),
            second.cached_path(PathKind::File, short),
        ],
        false => vec![first.uncached_path(long), second.uncached_path(short)],
    };
    Pipeline::new(nodes).unwrap()
}

#[test]
fn files_go_from_node_to_node_and_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let config = || CacheConfig::new(dir.path().join("cache"));
    let both = pipeline(true).targets(["long", "short"]).unwrap();
    for executed in [2, 0] {
        let run = Runner::new(config())
            .unwrap()
            .run(&both, inputs! { word: "words" })
            .unwrap();
        assert_eq!(run.report().executed().len(), executed);
        let text =
            |name: &str| fs::read_to_string(run.get::<OutputPath>(name).unwrap().path()).unwrap();
        assert_eq!(
            (text("long").len(), text("short")),
            (5000, "word".to_owned())
        );
    }
    // The first four letters are the same: nothing below would run.
    let run = Runner::new(config())
        .unwrap()
        .run(&both, inputs! { word: "wordy" })
        .unwrap();
    assert_eq!(run.report().executed(), ["long", "short"]);
    let digest = |run: &refrain::Run| run.report().node("short").unwrap().digest;
    let again = Runner::new(config())
        .unwrap()
        .run(&both, inputs! { word: "words" })
        .unwrap();
    assert_eq!(digest(&run), digest(&again));
}

#[test]
fn files_that_are_not_kept_live_as_long_as_the_run() {
    let dir = tempfile::tempdir().unwrap();
    for config in [
        CacheConfig::new(dir.path().join("cache")),
        CacheConfig::default(),
    ] {
        let run = Runner::new(config)
            .unwrap()
            .run(&pipeline(false), inputs! { word: "words" })
            .unwrap();
        let short = run.get::<OutputPath>("short").unwrap();
        assert_eq!(fs::read_to_string(short.path()).unwrap(), "word");
        let path = short.path().to_owned();
        drop((run, short));
        assert!(!path.exists());
    }
}

/// A node that ends only when it is told to.
fn endless(limit: Option<Duration>, started: mpsc::Sender<()>) -> Pipeline {
    let node = Node::named("endless").version("1");
    let node = match limit {
        Some(limit) => node.timeout(limit),
        None => node,
    };
    let endless = node.cached(move |args| -> Result<u8, Failure> {
        let (ended, end) = mpsc::channel();
        let _hook = args.execution().stop().hook(move || {
            let _ = ended.send(());
        });
        let _ = started.send(());
        let _ = end.recv();
        Err(Failure::new("ended").with_log("so far"))
    });
    Pipeline::new(vec![endless]).unwrap()
}

#[test]
fn an_action_that_listens_is_cancelled_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let (started, start) = mpsc::channel();
    let cancel = runner.cancel();
    let canceller = std::thread::spawn(move || {
        start.recv().unwrap();
        cancel.cancel();
    });
    let run = runner.run(&endless(None, started), inputs! {}).unwrap();
    canceller.join().unwrap();
    assert_eq!(run.status(), Status::Cancelled);
    assert_eq!(run.report().outcome("endless"), Some(Outcome::Cancelled));
}

#[test]
fn an_action_that_listens_ends_when_its_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let runner = Runner::new(CacheConfig::new(dir.path())).unwrap();
    let (started, _start) = mpsc::channel();
    let limit = Duration::from_millis(50);
    let run = runner
        .run(&endless(Some(limit), started), inputs! {})
        .unwrap();
    let node = run.report().node("endless").unwrap();
    assert_eq!(node.outcome, Outcome::Failed);
    assert_eq!(node.note.as_deref(), Some("timed out after 50ms"));
    assert_eq!(node.log.as_deref(), Some("so far"));
}
