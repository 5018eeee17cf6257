//! Files that actions find while they run, as a compiler finds headers: they
//! count as inputs from then on, whatever the order in which they are learnt.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use refrain::{
    CacheConfig, Failure, Node, NodeReport, Outcome, Param, Pipeline, ReasonKind, Run, RunEvent,
    Runner, file, inputs,
};

/// A directory with a source, its headers, and a pipeline that "compiles" and "links" them.
struct Desk {
    dir: tempfile::TempDir,
    compiled: Arc<AtomicUsize>,
    cache_object: bool,
}

impl Desk {
    fn new() -> Self {
        let desk = Desk {
            dir: tempfile::tempdir().unwrap(),
            compiled: Arc::default(),
            cache_object: true,
        };
        desk.write("main.c", "include a.h");
        desk.write("a.h", "one");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Every line `include x` of a source, and of what it includes, is a file that it finds. The object is what
    /// remains, without comments.
    fn pipeline(&self) -> Pipeline {
        let (dir, compiled) = (self.dir.path().to_owned(), self.compiled.clone());
        let object = move |args: &refrain::Args| -> Result<String, Failure> {
            compiled.fetch_add(1, Ordering::Relaxed);
            let (mut found, mut object) = (Vec::new(), String::new());
            let mut pending = vec![args.get::<PathBuf>(0).clone()];
            while let Some(path) = pending.pop() {
                let text = fs::read_to_string(&path).map_err(|e| Failure::new(e.to_string()))?;
                for line in text.lines().filter(|line| !line.starts_with("//")) {
                    match line.strip_prefix("include ") {
                        Some(name) => pending.push(dir.join(name)),
                        None => object.push_str(line),
                    }
                }
                found.push(path);
            }
            args.execution().discover(found);
            Ok(object)
        };
        let node = Node::named("object")
            .param(Param::new::<PathBuf>("source"))
            .version("1")
            .discovers();
        let object = match self.cache_object {
            true => node.cached(object),
            false => node.uncached(object),
        };
        let program = Node::named("program")
            .param(Param::new::<String>("object"))
            .version("1")
            .cached(|args| Ok(format!("linked {}", args.get::<String>(0))));
        Pipeline::new(vec![object, program]).unwrap()
    }

    fn runner(&self) -> Runner {
        Runner::new(CacheConfig::new(self.path("cache"))).unwrap()
    }

    fn run_in(&self, runner: &Runner, pipeline: &Pipeline) -> Run {
        let inputs = inputs! { source: file(self.path("main.c")) };
        let run = runner.run(pipeline, inputs).unwrap();
        let text: String = self.expected();
        assert_eq!(*run.get::<String>("program").unwrap(), text);
        run
    }

    /// Runs in a fresh process, as far as the engine can tell; gives what executed.
    fn run(&self) -> Vec<String> {
        let run = self.run_in(&self.runner(), &self.pipeline());
        run.report()
            .executed()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    fn expected(&self) -> String {
        let mut object = String::new();
        let mut pending = vec![self.path("main.c")];
        while let Some(path) = pending.pop() {
            for line in fs::read_to_string(path).unwrap().lines() {
                match line.strip_prefix("include ") {
                    Some(name) => pending.push(self.path(name)),
                    None if line.starts_with("//") => {}
                    None => object.push_str(line),
                }
            }
        }
        format!("linked {object}")
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_edited_header_executes_what_read_it() {
    let desk = Desk::new();
    assert_eq!(desk.run(), ["object", "program"]);
    assert_eq!(desk.run(), NOTHING);
    desk.write("a.h", "two");
    assert_eq!(desk.run(), ["object", "program"]);
    assert_eq!(desk.run(), NOTHING);
    desk.write("a.h", "one");
    assert_eq!(desk.run(), NOTHING, "both versions are remembered");
    desk.write("other.h", "read by nobody");
    assert_eq!(desk.run(), NOTHING);
}

#[test]
fn a_comment_in_a_header_is_cut_off_below_what_read_it() {
    let desk = Desk::new();
    desk.run();
    desk.write("a.h", "// said\none");
    assert_eq!(desk.run(), ["object"]);
    assert_eq!(desk.run(), NOTHING);
}

#[test]
fn a_header_found_by_way_of_an_edited_one_counts_as_well() {
    let desk = Desk::new();
    desk.write("b.h", "deep");
    desk.run();
    desk.write("a.h", "include b.h\none");
    assert_eq!(desk.run(), ["object", "program"]);
    desk.write("b.h", "deeper");
    assert_eq!(desk.run(), ["object", "program"]);
    assert_eq!(desk.run(), NOTHING);
    desk.write("a.h", "one");
    assert_eq!(desk.run(), NOTHING);
}

#[test]
fn what_is_made_of_an_object_is_never_known_without_the_headers() {
    let desk = Desk::new();
    desk.run();
    // Whatever the first run left under signatures without headers must not be found.
    fs::remove_file(desk.path("cache/records.db")).unwrap();
    desk.write("a.h", "two");
    assert_eq!(desk.run(), ["object", "program"]);
}

#[test]
fn the_portable_snapshot_knows_the_headers() {
    let desk = Desk::new();
    desk.run();
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = fs::remove_file(desk.path("cache").join(name));
    }
    assert_eq!(desk.run(), NOTHING);
}

#[test]
fn a_session_looks_at_found_files_again() {
    let desk = Desk::new();
    let (runner, pipeline) = (desk.runner(), desk.pipeline());
    let executed = || desk.run_in(&runner, &pipeline).report().executed().len();
    assert_eq!([executed(), executed()], [2, 0]);
    desk.write("a.h", "two!");
    assert_eq!([executed(), executed()], [2, 0]);
    desk.write("a.h", "one");
    assert_eq!([executed(), executed()], [0, 0]);
}

#[test]
fn an_uncached_node_is_not_taken_for_known_when_its_headers_are_not() {
    let mut desk = Desk::new();
    desk.cache_object = false;
    assert_eq!(desk.run(), ["object", "program"]);
    assert_eq!(desk.run(), NOTHING);
    desk.write("a.h", "two");
    assert_eq!(desk.run(), ["object", "program"]);
    desk.write("a.h", "one");
    assert_eq!(desk.run(), NOTHING);
}

#[test]
fn the_reason_names_the_header_and_the_line() {
    let desk = Desk::new();
    desk.run();
    desk.write("a.h", "two");
    let run = desk.run_in(&desk.runner(), &desk.pipeline());
    let reason = run.report().node("object").unwrap().reason.unwrap();
    assert!(reason.detail.ends_with("a.h:1: `one` -> `two`"), "{reason}");
    let why = run.explain("program").unwrap().to_string();
    assert!(why.ends_with("a.h:1: `one` -> `two`"), "{why}");
}

#[test]
fn whoever_listens_is_told_of_the_file_that_was_found_instead() {
    let desk = Desk::new();
    desk.write("b.h", "two");
    let dir = desk.dir.path().to_owned();
    let choice = Node::named("choice")
        .param(Param::of::<String>("name"))
        .version("1")
        .cached(|args| Ok(args.get::<String>(0).clone()));
    let object = Node::named("object")
        .param(Param::of::<String>("choice"))
        .version("1")
        .discovers()
        .cached(move |args| {
            let header = dir.join(args.get::<String>(0));
            args.execution().discover(vec![header.clone()]);
            fs::read_to_string(header).map_err(|e| Failure::new(e.to_string()))
        });
    let pipeline = Pipeline::new(vec![choice, object]).unwrap();
    let runner = desk.runner();
    runner.run(&pipeline, inputs! { name: "a.h" }).unwrap();
    let heard = runner.subscribe();
    let run = runner.run(&pipeline, inputs! { name: "b.h" }).unwrap();
    let kind = |node: NodeReport| node.reason.map(|reason| reason.kind);
    assert_eq!(
        kind(run.report().node("object").unwrap()),
        Some(ReasonKind::Inputs)
    );
    let told = heard.try_iter().find_map(|event| match event {
        RunEvent::NodeFinished(node) if &*node.name == "object" => Some(*node),
        _ => None,
    });
    assert_eq!(kind(told.unwrap()), Some(ReasonKind::Inputs));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_remembered() {
    let desk = Desk::new();
    let header = desk.path("a.h");
    let racing = Node::named("object")
        .param(Param::new::<PathBuf>("source"))
        .version("1")
        .discovers()
        .cached({
            let header = header.clone();
            move |args| {
                let text = fs::read_to_string(&header).unwrap();
                fs::write(&header, format!("{text}!")).unwrap();
                args.execution().discover(vec![header.clone()]);
                Ok(text)
            }
        });
    let program = Node::named("program")
        .param(Param::new::<String>("object"))
        .version("1")
        .cached(|args| Ok(args.get::<String>(0).clone()));
    let pipeline = Pipeline::new(vec![racing, program]).unwrap();
    let inputs = || inputs! { source: file(desk.path("main.c")) };
    for text in ["one", "one!"] {
        let run = desk.runner().run(&pipeline, inputs()).unwrap();
        assert_eq!(*run.get::<String>("program").unwrap(), text);
        assert_eq!(run.report().outcome("program"), Some(Outcome::Executed));
        let note = run.report().node("object").unwrap().note.unwrap();
        assert!(note.contains("changed while the node ran"), "{note}");
    }
}

#[test]
fn code_that_changes_while_it_runs_is_not_remembered() {
    let desk = Desk::new();
    desk.write("program", "one");
    let program = desk.path("program");
    let pipeline = |edit: bool| {
        let (text, program) = (fs::read(&program).unwrap(), program.clone());
        let node = Node::named("output")
            .version(std::str::from_utf8(&text).unwrap())
            .code_files([(program.clone(), refrain::Digest::of(&text))])
            .cached(move |_| {
                if edit {
                    fs::write(&program, "two").unwrap();
                }
                Ok(fs::read_to_string(&program).unwrap())
            });
        Pipeline::new(vec![node]).unwrap()
    };
    let output = |edit: bool| {
        let run = desk.runner().run(&pipeline(edit), inputs! {}).unwrap();
        run.get::<String>("output").unwrap().to_string()
    };
    assert_eq!(output(true), "two");
    desk.write("program", "one");
    assert_eq!(output(false), "one", "not what the edited code gave");
}
