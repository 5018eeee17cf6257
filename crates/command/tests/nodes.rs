//! Commands of a manifest as nodes of a pipeline, executed for real.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use refrain::{CacheConfig, Inputs, Outcome, OutputPath, Pipeline, Run, Runner, Status};
use refrain_command::{Programs, Surroundings, node};
use refrain_manifest::Manifest;
use tempfile::TempDir;

/// A project in a directory, and what its commands said while they ran.
struct Desk {
    dir: TempDir,
    around: Surroundings,
    said: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let mut around = Surroundings::new(dir.path());
        let note = said.clone();
        around.live = Some(Arc::new(move |node, line| {
            let line = String::from_utf8_lossy(line);
            note.lock().unwrap().push(format!("{node}: {line}"));
        }));
        let desk = Desk { dir, around, said };
        files.iter().for_each(|(name, text)| desk.write(name, text));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn pipeline(&self, manifest: &str) -> Pipeline {
        let manifest = Manifest::parse(manifest, Path::new("refrain.toml")).unwrap();
        let around = Arc::new(self.around.clone());
        let mut programs = Programs::new(self.dir.path(), 2).unwrap();
        let nodes = manifest.nodes.iter();
        let nodes = nodes.map(|each| node(&manifest, each, programs.program(each, &[]), &around));
        Pipeline::new(nodes.collect()).unwrap()
    }

    fn run(&self, manifest: &str, inputs: Inputs) -> Run {
        let runner = Runner::new(CacheConfig::new(self.path(".cache"))).unwrap();
        runner.run(&self.pipeline(manifest), inputs).unwrap()
    }

    /// What the node "a" gives.
    fn gives(&self, manifest: &str, inputs: Inputs) -> String {
        let run = self.run(manifest, inputs);
        let path = run.get::<OutputPath>("a").unwrap();
        String::from_utf8(fs::read(path.path()).unwrap()).unwrap()
    }

    /// Why the node "a" fails.
    fn fails(&self, manifest: &str) -> String {
        let run = self.run(manifest, Inputs::new());
        assert_eq!(run.report().node("a").unwrap().outcome, Outcome::Failed);
        let error = run.get::<OutputPath>("a").unwrap_err();
        error.to_string()
    }
}

fn value(value: impl Into<serde_json::Value>) -> serde_json::Value {
    value.into()
}

#[test]
fn standard_output_or_a_file_is_the_output() {
    let desk = Desk::new(&[]);
    let a = r#"
        [nodes.a]
        run = "cat {b} && cat {c}"
        [nodes.b]
        run = "echo one; echo two >&2"
        [nodes.c]
        run = ["sh", "-c", "echo three > $0; echo four", "{output}"]
    "#;
    assert_eq!(desk.gives(a, Inputs::new()), "one\nthree\n");
    let mut said = desk.said.lock().unwrap().clone();
    said.sort();
    assert_eq!(said, ["b: two", "c: four"]);
    assert!(desk.run(a, Inputs::new()).report().executed().is_empty());
}

#[test]
fn values_and_paths_reach_the_command_as_they_are() {
    let desk = Desk::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"a \"b\"\n\xff'");
    let path = self::Path::new(desk.dir.path()).join(name);
    fs::write(&path, "content").unwrap();
    let a = r#"
        [inputs]
        text = "x"
        list = []
        object = { value = { k = 1 } }
        path = { file = "x" }
        [nodes.a]
        run = "printf '<%s>' {text} {list} {object}; cat {path}; cmp {path} \"$REFRAIN_PATH\"; printf %s \"$REFRAIN_LIST\""
        params = ["list", "path"]
    "#;
    let inputs = Inputs::new()
        .with("text", value("it's $HOME"))
        .with("list", value(vec![value(1), value("a b"), value(1.5)]))
        .with("object", serde_json::json!({ "k": [true] }))
        .with("path", refrain::file(&path));
    assert_eq!(
        desk.gives(a, inputs),
        "<it's $HOME><1><a b><1.5><{\"k\":[true]}>content[1,\"a b\",1.5]"
    );
}

#[test]
fn lists_are_words_or_files_that_list_them() {
    let desk = Desk::new(&[("b c", "1"), ("-d", "2")]);
    let a = r#"
        [inputs]
        docs = { files = "*" }
        [nodes.a]
        run = "cat {docs} {docs:list} {docs:json}"
    "#;
    let docs = || Inputs::new().with("docs", refrain::files([desk.path("b c"), desk.path("-d")]));
    let (one, two) = (desk.path("b c"), desk.path("-d"));
    let (one, two) = (one.display(), two.display());
    assert_eq!(
        desk.gives(a, docs()),
        format!(
            "12{one}\n{two}\n[{{\"key\":\"{one}\",\"path\":\"{one}\"}},{{\"key\":\"{two}\",\"path\":\"{two}\"}}]\n"
        )
    );
    desk.write("new\nline", "3");
    let docs = Inputs::new().with("docs", refrain::files([desk.path("new\nline")]));
    let run = desk.run(a, docs);
    let error = run.get::<OutputPath>("a").unwrap_err().to_string();
    assert!(
        error.contains("has a newline in it") && error.contains(":json"),
        "{error}"
    );
}

#[test]
fn formats_are_checked_and_json_has_one_form() {
    let desk = Desk::new(&[]);
    let a = |run: &str, format: &str| format!("[nodes.a]\nrun = {run}\nformat = '{format}'\n");
    let json = r#"'printf "{{\"b\": 1.0, \"a\": [ ]}}"'"#;
    assert_eq!(
        desk.gives(&a(json, "json"), Inputs::new()),
        "{\"a\":[],\"b\":1.0}\n"
    );
    assert_eq!(desk.gives(&a("'printf é'", "text"), Inputs::new()), "é");
    assert_eq!(desk.gives(&a("'true'", "bytes"), Inputs::new()), "");
    let run = desk.run(
        &a("'mkdir {output}/d && echo x > {output}/d/f'", "dir"),
        Inputs::new(),
    );
    let tree = run.get::<OutputPath>("a").unwrap();
    assert_eq!(fs::read(tree.path().join("d/f")).unwrap(), b"x\n");
    for (run, format, why) in [
        (
            "'echo [1,'",
            "json",
            "{output} is no JSON: line 2, column 0: EOF",
        ),
        (
            r"'printf \\303'",
            "text",
            "byte 0 is not UTF-8; give the node format = \"bytes\"",
        ),
        (
            "'true {output}'",
            "bytes",
            "it ended well and wrote no {output}",
        ),
        (
            "'mkdir {output}'",
            "text",
            "{output} is a directory; give the node format = \"dir\"",
        ),
        ("'rmdir {output}'", "dir", "wrote no {output}"),
        (
            "'ln -s /etc/passwd {output}'",
            "bytes",
            "{output} is no regular file",
        ),
    ] {
        let said = desk.fails(&a(run, format));
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_failure_says_what_happened_and_how_to_repeat_it() {
    let desk = Desk::new(&[]);
    let a = r#"
        inputs.x = "it's"
        [nodes.a]
        run = "echo $REFRAIN_X; seq 99 >&2; exit 3"
        params = ["x"]
    "#;
    let inputs = Inputs::new().with("x", value("it's"));
    let run = desk.run(a, inputs);
    let report = run.report();
    let failed = report.node("a").unwrap();
    let error = run.get::<OutputPath>("a").unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].ends_with("exit code 3"), "{error}");
    let log: String = (1..100).map(|n| format!("{n}\n")).collect();
    assert_eq!(failed.log.as_deref(), Some(&*log));
    assert_eq!(failed.outcome, Outcome::Failed);
    let again = lines[1].strip_prefix("to repeat it: ").unwrap();
    let again = Command::new("sh").args(["-c", again]).output().unwrap();
    assert_eq!(again.status.code(), Some(3));
    assert_eq!(again.stdout, b"it's\n");
    assert_eq!(
        again.stderr.iter().filter(|byte| **byte == b'\n').count(),
        99
    );
}

#[test]
fn a_command_that_lists_and_writes_files_can_be_repeated_as_well() {
    let desk = Desk::new(&[("a 1", "one")]);
    let a = r#"
        inputs.docs = { files = "*" }
        [nodes.failing-node]
        run = "cp {docs:list} {output} && cat {docs:json} && false"
    "#;
    let docs = Inputs::new().with("docs", refrain::files([desk.path("a 1")]));
    let run = desk.run(a, docs);
    let error = run
        .get::<OutputPath>("failing-node")
        .unwrap_err()
        .to_string();
    let (_, again) = error.split_once("to repeat it: ").unwrap();
    let again = Command::new("sh").args(["-c", again]).output().unwrap();
    assert_eq!(again.stderr, b"");
    let json = String::from_utf8(again.stdout).unwrap();
    assert!(
        json.starts_with("[{\"key\":") && json.ends_with("a 1\"}]\n"),
        "{json}"
    );
    let dir = std::env::temp_dir().join("refrain-failing-node");
    assert!(
        fs::read_to_string(dir.join("output"))
            .unwrap()
            .ends_with("a 1\n")
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn every_end_is_told_as_what_it_is() {
    let desk = Desk::new(&[]);
    let fails = |run: &str| desk.fails(&format!("nodes.a.run = {run}"));
    assert!(fails("'kill -SEGV $$'").contains("killed by SIGSEGV\n"));
    assert!(fails("['no-such-program']").contains("program \"no-such-program\" not found on PATH"));
    assert!(fails("['./no-such-file']").contains("there is no file"));
    assert!(fails("'no-such-program'").contains("exit code 127\n"));
}

#[test]
fn what_a_command_says_is_kept_and_what_it_leaves_running_is_killed() {
    let desk = Desk::new(&[]);
    let a = "nodes.a.run = 'echo said >&2; sleep 1000 & echo $!'";
    let pid = desk.gives(a, Inputs::new());
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", pid.trim()])
        .output()
        .unwrap();
    assert!(ps.stdout.is_empty() || ps.stdout.starts_with(b"Z"));
    assert_eq!(*desk.said.lock().unwrap(), ["a: said"]);
}

#[test]
fn a_depfile_tells_what_else_was_read() {
    let desk = Desk::new(&[("main.c", "x"), ("a h", "one"), ("b.h", "two")]);
    let a = r#"
        inputs.source = { file = "main.c" }
        [nodes.a]
        run = '''
            cat {source} a\ h > {output} && echo tmp > {output}.tmp && deps={output}.d
            printf '%s: %s a\\ h missing.h %s.tmp\n' {output} {source} {output} > "$deps"
        '''
        depfile = "{output}.d"
    "#;
    let inputs = || Inputs::new().with("source", refrain::file(desk.path("main.c")));
    let executes = || !desk.run(a, inputs()).report().executed().is_empty();
    assert!(executes());
    assert!(!executes());
    desk.write("a h", "changed");
    assert!(executes());
    desk.write("b.h", "changed");
    assert!(!executes());
    desk.write("main.c", "changed");
    assert!(executes());
    desk.write("a h", "one");
    desk.write("main.c", "x");
    assert!(!executes());
    let said = desk.fails("nodes.a.run = 'true > {output}'\nnodes.a.depfile = '{output}.d'");
    assert!(said.contains("depfile: cannot read "), "{said}");
}

#[test]
fn a_mapped_command_is_executed_for_each_item() {
    let desk = Desk::new(&[("one", "1"), ("two", "22")]);
    let a = r#"
        inputs.docs = { files = "*" }
        [nodes.size]
        map = { doc = "docs" }
        run = "wc -c < {doc} | tr -d ' '"
        [nodes.twice]
        map = { n = "size", doc = "docs" }
        run = "cat {n} {n} {doc}"
        [nodes.all]
        run = "cat {twice}; cat {twice:json} | grep -c key; echo '[10000000000000000000001, \"x y\"]' > {output}.j; mv {output}.j {output}"
        format = "json"
        [nodes.item]
        map = { item = "all" }
        run = "printf %s {item}"
        [nodes.a]
        run = "cat {item}"
    "#;
    let run = || {
        let docs = refrain::files([desk.path("one"), desk.path("two")]);
        desk.run(a, Inputs::new().with("docs", docs))
    };
    let first = run();
    assert_eq!(first.report().status(), Status::Ok);
    let a = first.get::<OutputPath>("a").unwrap();
    assert_eq!(
        fs::read_to_string(a.path()).unwrap(),
        "10000000000000000000001x y"
    );
    assert!(run().report().executed().is_empty());
    desk.write("two", "333");
    let second = run();
    let items = second.report().node("twice").unwrap().items;
    assert_eq!(
        items.map(|items| (items.total, items.executed)),
        Some((2, 1))
    );
}

#[test]
fn an_uncached_command_executes_and_an_environment_variable_counts() {
    let desk = Desk::new(&[]);
    let uncached = "[nodes.a]\nrun = 'echo x'\ncache = false";
    for _ in 0..2 {
        assert_eq!(desk.run(uncached, Inputs::new()).report().executed(), ["a"]);
    }
    let with = |name: &str| format!("[nodes.a]\nrun = 'echo x'\nenv = ['{name}']");
    desk.run(&with("HOME"), Inputs::new());
    assert!(
        desk.run(&with("HOME"), Inputs::new())
            .report()
            .executed()
            .is_empty()
    );
    assert_eq!(
        desk.run(&with("NO_SUCH_VARIABLE"), Inputs::new())
            .report()
            .executed(),
        ["a"]
    );
}

#[test]
fn the_version_of_a_tool_counts() {
    let mut desk = Desk::new(&[]);
    let a = "nodes.a.run = 'echo x'";
    for (version, executes) in [("1", true), ("1", false), ("2", true), ("1", false)] {
        desk.around.tools = vec![("tool --version".to_owned(), version.to_owned())];
        let run = desk.run(a, Inputs::new());
        assert_eq!(!run.report().executed().is_empty(), executes);
    }
}

#[test]
fn a_command_out_of_time_is_stopped_with_its_children() {
    let desk = Desk::new(&[]);
    let a = "[nodes.a]\nrun = 'sleep 1000 & echo $! >&2; wait'\ntimeout = '50ms'\nretries = 3";
    let run = desk.run(a, Inputs::new());
    assert_eq!(run.report().node("a").unwrap().outcome, Outcome::Failed);
    let said = desk.said.lock().unwrap();
    assert_eq!(said.len(), 1);
    let pid = said[0].trim_start_matches("a: ");
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output()
        .unwrap();
    assert!(ps.stdout.is_empty() || ps.stdout.starts_with(b"Z"));
}
