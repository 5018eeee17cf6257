//! Commands that misbehave: they leave processes behind, do not listen, print
//! without end, or are interrupted in the middle of many.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::desk::{Desk, with};
use super::{project, run};

/// Whether a process runs, whose number it wrote into a file.
fn runs(desk: &Desk, file: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", desk.read(file).trim()));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[test]
fn who_outlives_a_command_is_not_part_of_its_output() {
    let desk = project(
        "[nodes.stays]\nrun = \"(trap '' TERM HUP; sleep 600; echo late) & echo $! > stays.id; echo done\"\n\
         [nodes.leaves]\nrun = \"setsid sh -c 'echo $$ > leaves.id; until ls g? >/dev/null 2>&1; do sleep 0.01; done; echo late' & \
         until cat leaves.i? 2>&1 | grep -q '^[0-9]'; do sleep 0.01; done; echo done\"\n",
    );
    desk.ok(["run"]);
    assert!(!runs(&desk, "stays.id"), "killed with the command");
    assert!(runs(&desk, "leaves.id"), "out of reach, and not waited for");
    let said = desk.ok(["log", "@", "stays"]).out;
    assert!(said.contains("left processes running"), "{said}");
    // No file of that name is known to the command, so it is none of its code.
    // Whatever is written from now on changes nothing that was taken.
    desk.write("go", "");
    while runs(&desk, "leaves.id") {
        std::thread::yield_now();
    }
    for node in ["stays", "leaves"] {
        assert_eq!(desk.ok(["get", node]).out, "done\n", "{node}");
    }
    desk.ok(["verify"]);
}

#[test]
fn who_does_not_listen_and_who_prints_without_end_are_stopped() {
    let desk = project(
        "[nodes.deaf]\nrun = \"trap '' TERM; echo $$ > deaf.id; while :; do sleep 600; done\"\ntimeout = \"200ms\"\n\
         [nodes.lines]\nrun = \"yes an endless line; : > {output}\"\ntimeout = \"200ms\"\n\
         [nodes.zeros]\nrun = \"cat /dev/zero >&2\"\ntimeout = \"200ms\"\n",
    );
    let (report, said) = run(&desk, &["-k"]);
    assert_eq!(said.code, Some(1));
    assert_eq!(with(&report, "failed").len(), 3, "{report}");
    assert_eq!(
        said.err.matches("timed out after 200ms").count(),
        3,
        "{}",
        said.err
    );
    assert!(!runs(&desk, "deaf.id"));
    // The end of it is told, and all that was kept can be asked for.
    assert!(said.err.len() < 200 << 10, "{} bytes", said.err.len());
    assert!(said.err.lines().count() < 100, "{}", said.err);
    for node in ["lines", "zeros"] {
        let log = desk.ok(["log", "@", node]).out;
        assert!(log.contains(" bytes left out]"), "{log}");
        assert!(
            (60 << 10..70 << 10).contains(&log.len()),
            "{} bytes",
            log.len()
        );
    }
    // Nothing of it was kept.
    let (report, _) = run(&desk, &["-k", "lines"]);
    assert_eq!(with(&report, "failed"), ["lines"]);
}

#[test]
fn an_interrupt_keeps_the_items_that_were_finished() {
    let desk = project(
        "inputs.items = [\"quick\", \"slow\"]\n\
         [nodes.each]\nmap = { item = \"items\" }\n\
         run = \"echo {item}; [ {item} = quick ] || ls g? || { echo started >&2; sleep 600; }\"\n",
    );
    let text = desk.read("refrain.toml").replace(
        "|| { echo started >&2; sleep 600; }",
        "|| {{ echo started >&2; sleep 600; }}",
    );
    desk.write("refrain.toml", text);
    let mut child = desk
        .command(["run", "-v", "-j", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stderr.take().unwrap());
    let mut told = told.lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("started")));
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<String> = told.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    desk.write("go", "");
    let (report, _) = run(&desk, &[]);
    let items = &report["nodes"][0]["items"];
    let counts = ["total", "executed", "hit"].map(|count| items[count].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(1)], "{report}");
}

#[test]
fn what_commands_print_is_kept_with_their_outputs() {
    let desk = project(
        "inputs.items = [\"a\", \"b\"]\n\
         [nodes.each]\nmap = { item = \"items\" }\nrun = \"echo about {item} >&2; echo {item}\"\n\
         [nodes.all]\nrun = \"echo all >&2; cat {each}\"\n\
         [nodes.quiet]\nrun = \"cat {all}\"\n\
         [nodes.bad]\nrun = \"seq 1 1000 >&2; exit 3\"\n",
    );
    let (_, said) = run(&desk, &["-k"]);
    assert!(
        said.err
            .contains("[950 lines before these are in `log @ bad`]"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("| 951\n") && !said.err.contains("| 950\n"),
        "{}",
        said.err
    );
    let log = |node: &str| desk.ok(["log", "@", node]).out;
    assert_eq!(log("bad").lines().count(), 1000);
    assert_eq!(log("each"), "a: about a\nb: about b\n");
    assert_eq!(log("each[b]"), "about b\n");
    assert_eq!(log("all"), "all\n");
    assert_eq!(log("quiet"), "");
    let told: Value = desk.json(["log", "@", "each", "--json"]);
    assert_eq!(
        told["printed"][1],
        serde_json::json!({"item": "b", "text": "about b\n"})
    );
    let said = desk.say(["log", "@", "nothing"]);
    assert_eq!((said.code, &*said.out), (Some(2), ""), "{}", said.err);
    // Drawn, what failed is told from what never ran.
    let state = |text: &str| {
        desk.write("refrain.toml", text);
        let drawing = desk.json(["graph", "--format", "json"]);
        let nodes = drawing["nodes"].as_array().unwrap().iter();
        let bad = nodes.clone().find(|node| node["name"] == "bad").unwrap();
        bad["state"].as_str().unwrap().to_owned()
    };
    let text = desk.read("refrain.toml");
    assert_eq!(state(&text), "failed");
    assert_eq!(state(&text.replace("exit 3", "exit 4")), "stale");
}
