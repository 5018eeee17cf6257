//! The command of a pipeline that is written in Rust: the example `words`,
//! started as a process each time.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/example.rs"]
mod example;

use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use desk::{Desk, Said, with};
use example::example;
use serde_json::Value;

const ALL: [&str; 4] = ["words", "counts", "top", "report"];
const GIVEN: [&str; 4] = ["--set", "text=animals.txt", "--set", "title=Animals"];

fn words() -> Desk {
    static BUILT: OnceLock<std::path::PathBuf> = OnceLock::new();
    let program: &Path = BUILT.get_or_init(|| example("words"));
    let desk = Desk::new(program);
    desk.write("animals.txt", "the cat and the dog and the bird\n");
    desk
}

/// A command with the inputs given.
fn given<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &GIVEN].concat()
}

fn run(desk: &Desk, arguments: &[&str]) -> Value {
    desk.json([&["run", "--json", "-q"], arguments].concat())
}

#[test]
fn a_second_run_executes_nothing_and_data_is_alone_on_standard_output() {
    let desk = words();
    let first = desk.ok(given(&["run"]));
    assert_eq!(first.out, "");
    for node in ALL {
        assert!(
            first.err.contains(&format!("executed {node} in ")),
            "{}",
            first.err
        );
    }
    assert!(first.err.contains("ok 4 executed in "), "{}", first.err);

    let second = desk.ok(given(&["run"]));
    assert!(
        second.err.contains("ok 1 hit, 3 unneeded in "),
        "{}",
        second.err
    );
    assert_eq!(second.err.lines().count(), 1, "{}", second.err);
    let told = desk.ok(given(&["run", "-v"])).err;
    assert!(told.contains("hit report\n"), "{told}");

    let quiet = desk.ok(given(&["run", "--json", "-q"]));
    assert_eq!(quiet.err, "");
    let report: Value = serde_json::from_str(&quiet.out).unwrap();
    assert_eq!(report["format"], 1);
    assert_eq!(report["pipeline"], "words");
    assert_eq!(with(&report, "hit"), ["report"]);
}

#[test]
fn targets_and_values_choose_what_is_executed() {
    let desk = words();
    let report = run(&desk, &["counts", "--set", "text=animals.txt"]);
    assert_eq!(with(&report, "executed"), ["words", "counts"]);
    assert_eq!(with(&report, "unneeded"), ["top", "report"]);

    assert_eq!(with(&run(&desk, &GIVEN), "executed"), ["top", "report"]);
    let two = given(&["--set", "how_many=2"]);
    assert_eq!(with(&run(&desk, &two), "executed"), ["top", "report"]);
    let forced = given(&["--force=words"]);
    assert_eq!(with(&run(&desk, &forced), "executed"), ["words"]);
    assert_eq!(with(&run(&desk, &given(&["--force"])), "executed"), ALL);
    assert_eq!(
        with(&run(&desk, &given(&["-j", "1", "-k"])), "executed"),
        [""; 0]
    );

    // A number where the function takes a text is that text.
    let title = ["--set", "text=animals.txt", "--set", "title=1984"];
    run(&desk, &title);
    let said = desk.ok([&["get", "report"], &title[..]].concat());
    assert_eq!(said.out, "1984\nthe 3\nand 2\nbird 1\n");
}

#[test]
fn a_plan_says_what_a_run_then_executes() {
    let desk = words();
    let planned = |arguments: &[&str]| -> Vec<String> {
        let plan = desk.json([&["plan", "--json"], arguments].concat());
        let nodes = plan["nodes"].as_array().unwrap().iter();
        let run = nodes.filter(|node| node["prospect"] == "run" || node["prospect"] == "perhaps");
        run.map(|node| node["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(planned(&GIVEN), ALL);
    assert_eq!(planned(&GIVEN), ALL, "planning executes nothing");
    run(&desk, &GIVEN);
    assert_eq!(planned(&GIVEN), [""; 0]);
    let said = desk.ok(given(&["plan"]));
    assert_eq!(
        (said.out.as_str(), said.err.as_str()),
        ("", "current: nothing to run\n")
    );

    let other = given(&["--set", "how_many=1"]);
    let said = desk.ok([&["plan"], &other[..]].concat());
    assert!(
        said.out.contains("inputs: how_many: 3 -> 1"),
        "{}",
        said.out
    );
    assert!(
        said.err.starts_with("1 to run, 1 perhaps, "),
        "{}",
        said.err
    );
    let announced = planned(&other);
    assert_eq!(with(&run(&desk, &other), "executed"), announced);
}

#[test]
fn status_tells_what_is_stale_and_checks_it() {
    let desk = words();
    run(&desk, &GIVEN);
    let said = desk.ok(given(&["status", "--check"]));
    assert_eq!(said.out.matches("current").count(), 4, "{}", said.out);
    let other = [
        "status",
        "--check",
        "--set",
        "text=animals.txt",
        "--set",
        "title=Beasts",
    ];
    let said = desk.say(other);
    assert_eq!(said.code, Some(3));
    let line = "stale    report  inputs: title: \"Animals\" -> \"Beasts\"";
    assert!(said.out.lines().any(|told| told == line), "{}", said.out);
    assert_eq!(desk.say([&other[..1], &other[2..]].concat()).code, Some(0));

    desk.write("animals.txt", "the end\n");
    let status = Said::of(
        desk.command(given(&["status", "--json", "--check"]))
            .output()
            .unwrap(),
    );
    assert_eq!(status.code, Some(3));
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let states = status["nodes"].as_array().unwrap().iter();
    let states: Vec<&str> = states.map(|node| node["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["stale", "perhaps", "perhaps", "perhaps"]);
    assert_eq!(status["stale"], true);
}

#[test]
fn get_prints_what_is_current_and_nothing_that_is_stale() {
    let desk = words();
    let report = "Animals\nthe 3\nand 2\nbird 1\n";
    let said = desk.say(given(&["get", "report"]));
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    assert!(said.err.contains("run report"), "{}", said.err);
    assert_eq!(
        desk.say(given(&["get", "report", "--stale"])).code,
        Some(2),
        "never made"
    );

    run(&desk, &GIVEN);
    assert_eq!(desk.ok(given(&["get", "report"])).out, report);
    let top = desk.json(["get", "top", "--set", "text=animals.txt"]);
    assert_eq!(top, serde_json::json!(["the 3", "and 2", "bird 1"]));
    desk.ok(given(&["get", "report", "-o", "report.txt"]));
    assert_eq!(desk.read("report.txt"), report);
    let known = desk.json(given(&["get", "report", "--json"]));
    assert_eq!(known["state"], "current");
    assert_eq!(known["bytes"], report.len());

    desk.write("animals.txt", "the end\n");
    let said = desk.say(given(&["get", "report"]));
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
    assert_eq!(desk.ok(given(&["get", "report", "--stale"])).out, report);
}

#[test]
fn past_runs_are_listed_and_found_by_their_short_ids() {
    let desk = words();
    let first = run(&desk, &GIVEN);
    run(&desk, &["counts", "--set", "text=animals.txt"]);
    let log = desk.ok(["log"]).out;
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains("  1 hit, "), "{log}");
    assert!(lines[1].ends_with("4 executed"), "{log}");
    let short = lines[1].split_whitespace().next().unwrap();
    for id in [short, "@1", first["run"].as_str().unwrap()] {
        let found = desk.json(["log", id, "--json"]);
        assert_eq!(found["runs"][0]["run"], first["run"], "{id}");
    }
    assert_eq!(
        desk.json(["log", "--json", "-n", "1"])["runs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let said = desk.say(["log", "nothing"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("no run \"nothing\""), "{}", said.err);
}

#[test]
fn a_failed_node_is_told_with_its_place() {
    let desk = words();
    desk.write("animals.txt", b"\xff\xfe");
    let said = desk.say(given(&["run"]));
    assert_eq!(said.code, Some(1));
    assert_eq!(said.out, "");
    assert!(
        said.err.contains("error: words failed in split ("),
        "{}",
        said.err
    );
    assert!(said.err.contains("examples/words/main.rs:"), "{}", said.err);
    assert!(said.err.contains("valid UTF-8"), "{}", said.err);
    assert!(
        said.err.contains("failed 1 failed, 3 blocked in "),
        "{}",
        said.err
    );
}

#[test]
fn bad_usage_is_refused_with_the_nearest_name() {
    let desk = words();
    let refused = |arguments: &[&str], told: &[&str]| {
        let said = desk.say(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "");
        for part in told {
            assert!(said.err.contains(part), "{arguments:?}: {}", said.err);
        }
    };
    refused(
        &["run", "--set", "txt=a"],
        &["input \"txt\"", "help: did you mean \"text\"?"],
    );
    refused(
        &given(&["run", "reprt"]),
        &["no node gives \"reprt\"", "did you mean \"report\"?"],
    );
    refused(&given(&["get", "reprt"]), &["did you mean \"report\"?"]);
    refused(
        &["run"],
        &[
            "missing inputs",
            "help: give --set text=VALUE --set title=VALUE",
        ],
    );
    refused(&["run", "--set", "text"], &["it is NAME=VALUE"]);
    refused(
        &["run", "--set", "text=no.txt", "--set", "title=x"],
        &["cannot read no.txt"],
    );
    refused(
        &given(&["run", "--set", "how_many=many"]),
        &["how_many", "usize"],
    );
    refused(&["rnu"], &["unrecognized subcommand 'rnu'"]);
    refused(&["run", "-j", "0"], &["0"]);
    refused(&["-C", "nowhere", "log"], &["enter the directory nowhere"]);
    refused(&[], &["Usage:"]);
}

#[test]
fn help_lists_the_inputs() {
    let said = words().ok(["--help"]);
    for line in [
        "  text      path   required",
        "  how_many  usize  [default: 3]",
    ] {
        assert!(said.out.contains(line), "{}", said.out);
    }
    assert!(
        said.out.contains("Nodes: words, counts, top, report"),
        "{}",
        said.out
    );
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    let desk = words();
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = desk.command(given(&[&["run"], flags].concat()));
        let said = Said::of(command.envs(variables.iter().copied()).output().unwrap());
        said.err.contains('\u{1b}')
    };
    assert!(!run(&[], &[]));
    assert!(run(&["--color", "always"], &[]));
    assert!(run(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(run(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(run(&[], &[("REFRAIN_COLOR", "always")]));
    assert!(!run(&["--color", "never"], &[("REFRAIN_COLOR", "always")]));
    assert!(!run(&[], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    desk.write(".config/refrain/config.toml", "color = \"always\"\n");
    assert!(run(&[], &[]));
    assert!(!run(&[], &[("REFRAIN_COLOR", "never")]));
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let desk = words();
    for _ in 0..3 {
        run(&desk, &GIVEN);
    }
    for arguments in [&["log"][..], &["log", "--json"], &["--help"]] {
        let mut child = desk
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let said = Said::of(child.wait_with_output().unwrap());
        assert_eq!(
            (said.code, said.err.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn the_cache_directory_is_of_the_flag_before_the_environment_before_the_user() {
    let desk = words();
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = desk.command(given(&[&["run"], flags].concat()));
        let said = Said::of(command.envs(variables.iter().copied()).output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.err);
    };
    let made = |name: &str| desk.path(name).join("records.db").exists();
    desk.write(
        ".config/refrain/config.toml",
        "jobs = 1\n[cache]\ncache_dir = \"user\"\n",
    );
    run(
        &["--cache-dir", "flag"],
        &[("REFRAIN_CACHE_DIR", "environment")],
    );
    assert!(made("flag") && !made("environment") && !made("user"));
    run(&[], &[("REFRAIN_CACHE_DIR", "environment")]);
    assert!(made("environment") && !made("user"));
    run(&[], &[]);
    assert!(made("user") && !made(".cache"));

    desk.write(
        ".config/refrain/config.toml",
        "[cache]\ncache_dri = \"user\"\n",
    );
    let said = desk.say(given(&["run"]));
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("config.toml") && said.err.contains("cache_dri"),
        "{}",
        said.err
    );
}

#[test]
fn completions_name_commands_and_nodes() {
    let desk = words();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            desk.ok(["completions", shell]).out.contains("words"),
            "{shell}"
        );
    }
    assert_eq!(desk.say(["completions", "tcsh"]).code, Some(2));
    let complete = |line: &[&str]| {
        let mut command = desk.command(["--", "words"].iter().chain(line));
        command.env("COMPLETE", "bash");
        command.env("_CLAP_COMPLETE_INDEX", line.len().to_string());
        Said::of(command.output().unwrap()).out
    };
    assert!(complete(&["sta"]).contains("status"));
    let nodes = complete(&["run", "re"]);
    assert!(
        nodes.contains("report") && !nodes.contains("counts"),
        "{nodes}"
    );
    assert!(complete(&["why", "wo"]).contains("words"));
}
