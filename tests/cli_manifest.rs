//! The command `refrain` on manifests: each test is a project in a directory
//! and the real program.

#[path = "support/desk.rs"]
mod desk;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use desk::{Desk, Said, with};
use serde_json::Value;

fn refrain() -> Desk {
    Desk::new(Path::new(env!("CARGO_BIN_EXE_refrain")))
}

/// A project with this manifest.
fn project(manifest: &str) -> Desk {
    let desk = refrain();
    desk.write("refrain.toml", manifest);
    desk
}

fn run(desk: &Desk, arguments: &[&str]) -> Value {
    desk.json([&["run", "--json", "-q"], arguments].concat())
}

#[test]
fn the_project_of_init_runs_and_runs_only_what_changed() {
    let desk = refrain();
    desk.ok(["init"]);
    let all = ["words", "counts", "report"];
    assert_eq!(with(&run(&desk, &[]), "executed"), all);
    let report = desk.read("report.txt");
    assert!(report.lines().count() == 5, "{report}");
    assert_eq!(desk.ok(["get", "report"]).out, report);
    assert_eq!(with(&run(&desk, &[]), "executed"), [""; 0]);
    desk.ok(["status", "--check"]);

    let rain = desk.read("texts/rain.txt");
    desk.write("texts/rain.txt", format!("{rain}rain\n"));
    let why = desk.ok(["why", "report"]).out;
    let expected = "report  dependency: counts changed\n  \
                    counts  dependency: words changed\n    \
                    words  inputs: texts (texts/rain.txt:";
    assert!(why.starts_with(expected), "{why}");
    assert!(why.ends_with("\n      + rain\n"), "{why}");
    let planned = desk.json(["plan", "--json"]);
    assert_eq!(planned["nodes"][0]["items"]["to_run"], 1);
    let second = run(&desk, &[]);
    let words = &second["nodes"][0]["items"];
    assert_eq!(
        (&words["total"], &words["executed"], &words["hit"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn the_manifest_is_found_from_below_and_paths_are_the_user_s() {
    let desk = project(
        "inputs.text = { file = \"a.txt\" }\n[nodes.copy]\nrun = \"cat {text} > {output}\"\n",
    );
    desk.write("a.txt", "a");
    desk.write("sub/b.txt", "b");
    let run = |arguments: &[&str], at: &str| {
        let mut command = desk.command(arguments);
        let said = Said::of(command.current_dir(desk.path(at)).output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out
    };
    run(&["run"], "sub");
    assert!(desk.path(".cache").exists() && !desk.path("sub/.cache").exists());
    run(&["run", "--set", "text=b.txt"], "sub");
    run(
        &["get", "copy", "-o", "c.txt", "--set", "text=b.txt"],
        "sub",
    );
    assert_eq!(desk.read("sub/c.txt"), "b");
    assert_eq!(
        run(&["-C", "sub", "get", "copy", "--set", "text=b.txt"], "."),
        "b"
    );
    assert_eq!(run(&["-f", "../refrain.toml", "get", "copy"], "sub"), "a");
    // A path is known by where it leads inside the project, however it is typed.
    for (typed, at) in [("../a.txt", "sub"), ("./a.txt", "."), ("sub/../a.txt", ".")] {
        let typed = format!("text={typed}");
        assert_eq!(run(&["get", "copy", "--set", &typed], at), "a", "{typed}");
    }
    run(&["run", "--cache-dir", "own"], "sub");
    assert!(desk.path("sub/own/records.db").exists());
}

#[test]
fn values_typed_are_read_by_what_the_manifest_has() {
    let desk = project(
        "[inputs]\nversion = \"1.0\"\nsize = 5\nhome = { env = \"PLACE\" }\n\
         [nodes.all]\nrun = \"printf '%s,' {version} {size} {home}\"\n",
    );
    let get = |set: &[&str]| {
        let set = [set, &["--set", "home=here"]].concat();
        run(&desk, &set);
        desk.ok([&["get", "all"], &set[..]].concat()).out
    };
    assert_eq!(get(&[]), "1.0,5,here,");
    assert_eq!(
        get(&["--set", "version=1.10", "--set", "size=0x10"]),
        "1.10,16,here,"
    );
    assert_eq!(get(&["--set", "size=[1, \"a b\"]"]), "1.0,1,a b,here,");

    let said = desk.say(["run"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("missing input \"home\""), "{}", said.err);
    let said = Said::of(
        desk.command(["get", "all"])
            .env("PLACE", "here")
            .output()
            .unwrap(),
    );
    assert_eq!(said.out, "1.0,5,here,");
}

#[test]
fn a_failure_is_told_with_what_was_printed_and_the_rest_goes_on_if_asked() {
    let desk = project(
        "[nodes.bad]\nrun = \"echo to the log >&2; exit 7\"\n\
         [nodes.below]\nrun = \"cat {bad}\"\n\
         [nodes.beside]\nrun = \"echo fine\"\n",
    );
    let said = desk.say(["run", "-j", "1"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("error: bad failed"), "{}", said.err);
    assert!(said.err.contains("exit code 7"), "{}", said.err);
    assert!(said.err.contains("to the log"), "{}", said.err);
    let said = desk.say(["run", "-k", "--json", "-q"]);
    assert_eq!(said.code, Some(1));
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(with(&report, "failed"), ["bad"]);
    assert_eq!(with(&report, "blocked"), ["below"]);
    assert_eq!(report["counts"]["failed"], 1);
    assert_eq!(desk.ok(["get", "beside"]).out, "fine\n");
    let mut command = desk.command(["run"]);
    let said_on = Said::of(command.env("REFRAIN_KEEP_GOING", "1").output().unwrap());
    assert!(
        said_on.err.contains("1 hit, 1 failed, 1 blocked"),
        "{}",
        said_on.err
    );
    assert!(
        said.err.contains("error: bad failed"),
        "failures are told even if quiet"
    );
}

#[test]
fn what_a_command_says_is_shown_while_it_runs_if_asked() {
    let desk = project("[nodes.a]\nrun = \"echo half way >&2\"\n");
    let said = desk.ok(["run", "-v", "--force"]);
    assert!(said.err.contains("a: half way\n"), "{}", said.err);
    assert!(!desk.ok(["run", "--force"]).err.contains("half way"));
}

#[test]
fn outputs_are_put_where_the_manifest_wants_them() {
    let desk = project(
        "inputs.texts = { files = \"*.txt\" }\n\
         [nodes.upper]\nmap = { text = \"texts\" }\nrun = \"tr a-z A-Z < {text}\"\nto = \"build/upper\"\n\
         [nodes.all]\nrun = \"cat {upper} > {output}\"\nto = \"build/all\"\n\
         [nodes.tree]\nrun = \"cp {all} {output}/copy; ln -s copy {output}/link\"\nformat = \"dir\"\nto = \"build/tree\"\n\
         [nodes.plain]\nrun = \"echo $$\"\ncache = false\nto = \"build/plain\"\n",
    );
    desk.write("a.txt", "a");
    desk.write("b.txt", "b");
    run(&desk, &[]);
    assert_eq!(desk.read("build/upper/a.txt"), "A");
    assert_eq!(desk.read("build/all"), "AB");
    assert_eq!(desk.read("build/tree/link"), "AB");
    let first = desk.read("build/plain");

    fs::remove_dir_all(desk.path("build")).unwrap();
    let again = run(&desk, &["tree"]);
    assert_eq!(with(&again, "executed"), [""; 0]);
    assert_eq!(desk.read("build/upper/b.txt"), "B", "above a target, too");
    assert_eq!(desk.read("build/tree/copy"), "AB");
    assert!(!desk.path("build/plain").exists(), "nobody asked for it");
    run(&desk, &[]);
    assert_ne!(desk.read("build/plain"), first);

    // Lost outputs are made again, where they are wanted.
    for blob in fs::read_dir(desk.path(".cache/blobs")).unwrap() {
        let blob = blob.unwrap().path();
        fs::remove_file(&blob).unwrap();
        fs::write(blob, "?").unwrap();
    }
    fs::remove_dir_all(desk.path("build")).unwrap();
    run(&desk, &[]);
    assert_eq!(desk.read("build/all"), "AB");

    fs::remove_file(desk.path("b.txt")).unwrap();
    run(&desk, &[]);
    assert!(!desk.path("build/upper/b.txt").exists());

    let said = desk.say(["get", "tree"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("is a directory"), "{}", said.err);
    desk.ok(["get", "tree", "-o", "taken"]);
    assert_eq!(desk.read("taken/copy"), "A");
    assert_eq!(desk.ok(["get", "upper[a.txt]"]).out, "A");
    let said = desk.say(["get", "upper[a.tx]"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("did you mean \"upper[a.txt]\"?"),
        "{}",
        said.err
    );

    // A place that cannot be written to is the disk's fault and not the nodes'.
    fs::remove_dir_all(desk.path("build")).unwrap();
    desk.write("build", "in the way");
    let said = desk.say(["run"]);
    assert_eq!(said.code, Some(5));
    assert!(
        said.err.contains("put \"all\" at build/all"),
        "{}",
        said.err
    );
}

#[test]
fn a_cache_that_cannot_be_used_costs_the_caching_and_fails_what_is_about_it() {
    let desk = project("[nodes.a]\nrun = \"echo a\"\n");
    desk.write("file", "");
    let place = ["--cache-dir", "file"];
    let said = desk.say([&["run"], &place[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.err.contains("warning: nothing is cached: "),
        "{}",
        said.err
    );
    let said = desk.say([&["log"], &place[..]].concat());
    assert_eq!(said.code, Some(5), "{}", said.err);
    assert!(
        said.err.contains("choose another cache directory"),
        "{}",
        said.err
    );
}

/// A process that has printed this on its standard error.
fn await_line(child: &mut Child, part: &str) -> BufReader<std::process::ChildStderr> {
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert_ne!(
            told.read_line(&mut line).unwrap(),
            0,
            "{part} was never told"
        );
    }
    told
}

/// Waits until a process has ended, reaped or not.
fn await_end(id: &str) {
    let begun = Instant::now();
    let runs = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
    };
    while runs() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{id} still runs");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupt_stops_commands_and_keeps_what_was_finished() {
    let desk = project(
        "[nodes.quick]\nrun = \"echo quick\"\n\
         [nodes.slow]\nrun = \"cat {quick}; echo started >&2; sleep 600\"\n",
    );
    let mut child = desk
        .command(["run", "-v"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _told = await_line(&mut child, "slow: started");
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = desk.json(["plan", "--json"]);
    let prospects = report["nodes"].as_array().unwrap().iter();
    let prospects: Vec<&str> = prospects
        .map(|node| node["prospect"].as_str().unwrap())
        .collect();
    assert_eq!(prospects, ["hit", "run"]);
}

#[test]
fn a_graph_is_drawn_with_the_state_of_every_node() {
    let desk = refrain();
    desk.ok(["init"]);
    run(&desk, &[]);
    let texts = desk.read("texts/rain.txt");
    desk.write("texts/rain.txt", format!("{texts}rain\n"));
    let drawing = desk.json(["graph", "--format", "json"]);
    let nodes = drawing["nodes"].as_array().unwrap().iter();
    let told: Vec<(&str, &str)> = nodes
        .map(|node| {
            (
                node["name"].as_str().unwrap(),
                node["state"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("texts", "current"),
        ("lines", "current"),
        ("words", "stale"),
        ("counts", "may-be-stale"),
        ("report", "may-be-stale"),
    ];
    assert_eq!(told, expected);
    assert_eq!(drawing["nodes"][2]["kind"], "mapped");
    assert_eq!(drawing["nodes"][2]["items"], serde_json::json!([1, 2]));
    assert_eq!(
        drawing["edges"],
        serde_json::json!([[0, 2], [2, 3], [3, 4], [1, 4]])
    );
    assert!(desk.ok(["graph"]).out.starts_with("digraph \"words\" {"));
    assert!(
        desk.ok(["graph", "--format", "mermaid"])
            .out
            .contains("flowchart")
    );
    desk.ok(["graph", "--format", "html", "-o", "graph.html"]);
    assert!(desk.read("graph.html").contains("counts changed"));
}

#[test]
fn past_runs_can_be_asked_what_they_did_and_why() {
    let desk = refrain();
    desk.ok(["init"]);
    run(&desk, &[]);
    run(&desk, &[]);
    let text = desk.read("texts/rain.txt");
    desk.write("texts/rain.txt", format!("{text}rain\n"));
    run(&desk, &["counts"]);
    run(&desk, &["--set", "lines=3"]);

    let changes = |id: &str| -> Vec<(String, String)> {
        let run = desk.json(["log", id, "--json"]);
        let nodes = run["nodes"].as_array().unwrap().iter();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        nodes
            .map(|node| (word(&node["name"]), word(&node["outcome"])))
            .collect()
    };
    let executed = |name: &str| (name.to_owned(), "executed".to_owned());
    assert_eq!(changes("@3"), ["words", "counts", "report"].map(executed));
    assert_eq!(changes("@2"), []);
    assert_eq!(changes("@1"), ["words", "counts"].map(executed));
    assert_eq!(changes("@"), [executed("report")]);
    let told = desk.ok(["log", "@1"]).out;
    assert!(told.contains("inputs: texts: texts/rain.txt:"), "{told}");
    let runs = &desk.json(["log", "--json"])["runs"];
    assert!(runs[2]["saved_ms"].as_f64().unwrap() > 0.0, "{runs}");

    let why = desk.ok(["why", "counts", "--run", "@1"]).out;
    let way = "\ncounts  dependency: words changed\n  words  inputs: texts (texts/rain.txt:";
    assert!(
        why.starts_with("executed in run ") && why.contains(way),
        "{why}"
    );
    let why = desk.ok(["why", "counts", "--run", "@2"]).out;
    assert!(
        why.starts_with("counts was what it had been in run "),
        "{why}"
    );
    let why = desk.ok(["why", "counts"]).out;
    assert!(
        why.starts_with("counts is current\nexecuted in run "),
        "{why}"
    );
    assert!(why.contains(way), "{why}");
    assert_eq!(desk.say(["why", "count"]).code, Some(2));

    let diff = desk.json(["diff", "@2", "@1", "--json"]);
    let names: Vec<&str> = diff["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["words", "counts"]);
    let last = desk.ok(["diff"]);
    assert_eq!(last.out, "inputs  report  lines: 5 -> 3\n");
    assert!(
        last.err.starts_with("1 of 3 nodes differ between "),
        "{}",
        last.err
    );
    assert_eq!(desk.ok(["diff", "@", "@"]).out, "");

    let stats = desk.json(["stats", "--json"]);
    assert_eq!(stats["runs"], 4);
    assert_eq!(stats["counts"]["executed"], 6);
    assert!(stats["hit_rate"].as_f64().unwrap() > 0.0, "{stats}");
    assert!(stats["saved_ms"].as_f64().unwrap() > 0.0, "{stats}");
    assert_eq!(stats["nodes"].as_array().unwrap().len(), 3);
    let reasons = stats["reasons"].as_object().unwrap().values();
    assert_eq!(reasons.filter_map(Value::as_u64).sum::<u64>(), 6, "{stats}");
    assert_eq!(stats["damaged"], 0);
    assert_eq!(stats["growth"].as_array().unwrap().len(), 4, "{stats}");
    let codecs = stats["codecs"].as_array().unwrap();
    assert!(
        codecs.iter().any(|codec| codec["codec"] == "file"),
        "{stats}"
    );
    let told = desk.ok(["stats"]).out;
    assert!(
        told.contains("hit rate") && told.contains("misses"),
        "{told}"
    );
}

#[test]
fn a_failure_is_remembered_with_its_log() {
    let desk = project("[nodes.bad]\nrun = \"echo said >&2; exit 7\"\n");
    assert_eq!(desk.say(["run"]).code, Some(1));
    let run = desk.json(["log", "@", "--json"]);
    assert_eq!(run["runs"][0]["status"], "failed");
    assert_eq!(run["nodes"][0]["outcome"], "failed");
    assert_eq!(run["nodes"][0]["log"], "said\n");
}

#[test]
fn a_second_interrupt_ends_everything_at_once() {
    let desk = project(
        "[nodes.deaf]\nrun = \"trap '' TERM INT; echo $$ > leader; echo started >&2; while :; do sleep 600; done\"\n",
    );
    let mut child = desk
        .command(["run", "-v"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = await_line(&mut child, "deaf: started");
    signal(&child, "-INT");
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("interrupt again to stop at once"), "{line}");
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    await_end(&desk.read("leader"));
}

#[test]
fn completions_name_the_nodes_of_the_manifest() {
    let desk = project("[nodes.first]\nrun = \"echo\"\n[nodes.second]\nrun = \"echo\"\n");
    let mut command = desk.command(["--", "refrain", "run", "fi"]);
    command
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2");
    let said = Said::of(command.output().unwrap());
    assert_eq!(said.out.trim(), "first");
}

#[test]
fn verify_finds_damage_and_what_is_no_function_of_its_inputs() {
    let desk = project(
        "[nodes.large]\nrun = \"head -c 10000 /dev/zero\"\n\
         [nodes.same]\nrun = \"cat {large} | wc -c\"\n",
    );
    run(&desk, &[]);
    let sound = desk.ok(["verify"]);
    assert_eq!(sound.out, "");
    assert!(sound.err.contains("2 records, "), "{}", sound.err);
    assert!(sound.err.contains("all sound"), "{}", sound.err);
    let again = desk.json(["verify", "--rerun", "100", "--json"]);
    let verdicts = again["reruns"].as_array().unwrap().iter();
    assert!(verdicts.clone().all(|rerun| rerun["verdict"] == "same") && verdicts.len() == 2);

    let blobs = fs::read_dir(desk.path(".cache/blobs")).unwrap();
    let large = blobs
        .map(|blob| blob.unwrap().path())
        .find(|blob| fs::metadata(blob).unwrap().len() == 10_000);
    let large = large.unwrap();
    fs::remove_file(&large).unwrap();
    fs::write(&large, vec![1; 10_000]).unwrap();
    let said = desk.say(["get", "large"]);
    assert_eq!((said.code, said.out.as_str()), (Some(5), ""));
    assert!(said.err.contains("run --force=large"), "{}", said.err);
    let said = desk.say(["verify"]);
    assert_eq!(said.code, Some(4));
    assert!(said.out.starts_with("damaged  large  "), "{}", said.out);
    assert_eq!(with(&run(&desk, &["large"]), "executed"), ["large"]);
    desk.ok(["verify"]);

    desk.write(
        "refrain.toml",
        "[nodes.random]\nrun = \"head -c 16 /dev/urandom\"\n",
    );
    run(&desk, &[]);
    let before = desk.json(["get", "random", "--json"]);
    let said = desk.say(["verify", "--rerun", "100"]);
    assert_eq!(said.code, Some(4));
    assert!(
        said.out.starts_with("differs  random  byte "),
        "{}",
        said.out
    );
    assert!(said.err.contains("1 gave something else"), "{}", said.err);
    assert_eq!(
        desk.json(["get", "random", "--json"]),
        before,
        "nothing was kept of it"
    );
}

#[test]
fn gc_evicts_and_says_what_that_costs_and_clean_forgets_all() {
    let desk = project(
        "[inputs]\nletter = \"a\"\n\
         [nodes.large]\nrun = \"head -c 10000 /dev/zero | tr '\\\\0' {letter}\"\n",
    );
    run(&desk, &[]);
    run(&desk, &["--set", "letter=b"]);
    let room = ["--max-size", "15kB"];
    let dry = desk.json([&["gc", "--dry-run", "--json"], &room[..]].concat());
    assert_eq!(
        (&dry["dry_run"], &dry["records"]),
        (&true.into(), &1.into())
    );
    assert_eq!(dry["nodes"][0]["name"], "large");
    let said = desk.ok([&["gc"], &room[..]].concat());
    assert!(said.err.starts_with("freed "), "{}", said.err);
    assert!(
        said.err.contains("computing 1 outputs again takes "),
        "{}",
        said.err
    );
    assert_eq!(
        with(&run(&desk, &["--set", "letter=b"]), "hit"),
        ["large"],
        "the last one stays"
    );
    assert_eq!(with(&run(&desk, &[]), "executed"), ["large"]);
    assert!(
        desk.json(["stats", "--json"])["nodes"][0]["bytes"]
            .as_u64()
            .unwrap()
            > 10_000
    );

    let kept = desk.json(["gc", "--max-size", "1kB", "--json"]);
    assert_eq!(kept["records"], 2, "all of it: {kept}");
    for arguments in [["--max-size", "lots"], ["--max-age", "soon"]] {
        assert_eq!(desk.say([&["gc"], &arguments[..]].concat()).code, Some(2));
    }
    run(&desk, &[]);
    desk.write(".cache/mine", "");
    desk.ok(["clean"]);
    let left = fs::read_dir(desk.path(".cache")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine"]);
    assert_eq!(desk.say(["status", "--check"]).code, Some(3));
}

#[test]
fn settings_of_the_manifest_go_before_the_users_own() {
    let desk = project("[cache]\ncache_dir = \"ours\"\n[nodes.a]\nrun = \"echo\"\n");
    desk.write(
        ".config/refrain/config.toml",
        "[cache]\ncache_dir = \"theirs\"\nenv_hash = \"x\"\n",
    );
    run(&desk, &[]);
    assert!(desk.path("ours/records.db").exists() && !desk.path("theirs").exists());
    desk.write(".config/refrain/config.toml", "[cache]\nenv_hash = \"y\"\n");
    let why = desk.ok(["why", "a"]).out;
    assert!(why.starts_with("a  env: "), "{why}");
}

#[test]
fn help_lists_the_inputs_of_the_manifest_that_is_there() {
    let desk = refrain();
    assert!(!desk.ok(["--help"]).out.contains("Inputs"));
    desk.ok(["init"]);
    for arguments in [&["--help"][..], &["run", "--help"]] {
        let help = desk.ok(arguments).out;
        assert!(help.contains("Inputs of "), "{help}");
        assert!(
            help.contains("  texts  files texts/*.txt  the texts to count words in\n"),
            "{help}"
        );
        assert!(help.contains("  lines  5\n"), "{help}");
    }
}
